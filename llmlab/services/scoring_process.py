"""Scorers that may never end, as a run holds them: in a process that is killed when one takes too long."""

from __future__ import annotations

import os
import pickle
import queue
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Final, Protocol

import llmlab
from llmlab.domain.experiment import Item
from llmlab.domain.outcomes import Answer, Scored
from llmlab.domain.scorers.base import Scorer, failure, judged
from llmlab.domain.scorers.own import Own
from llmlab.services.scoring_worker import packed
from llmlab.words import current_language, say

COMMAND: Final = (sys.executable, "-m", "llmlab.services.scoring_worker")
START: Final = 120.0
"""Seconds for the process to start: what a scorer imports may be large."""
OWN: Final = 60.0
"""Seconds for an answer under somebody's code."""
PATTERN: Final = 10.0
"""Seconds for an answer under a pattern or a schema."""
MOST: Final = 3
"""Answers in a row at which a scorer gives no verdict before it is asked no more."""
_SAFE_FOLDER: Final = Path(llmlab.__file__).parent.parent
"""Where the process starts: modules in the user's working folder must not shadow its own."""

Question = tuple[int, Item, Answer, float]
"""Place of the scorer, what was asked and answered, seconds that it may take."""


class _Silent(Exception):
    """There is no verdict, for this reason."""


class _Worker(Protocol):
    """Who scores."""

    said: queue.SimpleQueue[Any]
    """What it says, in order; `None` says that nothing more comes."""

    def ask(self, question: Question) -> None:
        """Send a question."""

    def end(self) -> None:
        """Nobody waits for it any more."""


class ScoringProcess:
    """Asks scorers that may never end. Any thread may use it; one answer is scored at a time.

    Args:
        scorers: all of an experiment.
        places: file and line of a scorer's table, by its name.
    """

    def __init__(self, scorers: Sequence[Scorer], places: Mapping[str, str]) -> None:
        self._uses = tuple((scorer, places.get(scorer.name, "")) for scorer in scorers)
        self._worker: _Worker | None = None
        self._silences: Counter[str] = Counter()
        """By scorer, how often in a row it gave no verdict."""
        self.given_up = False
        """Nothing is scored until `close`."""
        self._lock = threading.Lock()

    def score(self, scorer: Scorer, item: Item, answer: Answer) -> tuple[Scored, ...]:
        """What one of the scorers says; an `error` with its reason where it says nothing in time.

        It is asked about no more answers once it said nothing to a few in a row.
        """
        at = next(at for at, (one, _) in enumerate(self._uses) if one is scorer)
        with self._lock:
            try:
                said: tuple[Scored, ...] = self._asked(at, item, answer)
            except _Silent as silent:
                return (failure(scorer.name, str(silent), self._uses[at][1]),)
            self._silences[scorer.name] = 0
            return said

    def give_up(self) -> None:
        """End whatever is being scored, and score no more until `close`."""
        self.given_up = True
        worker = self._worker
        if worker is not None:
            worker.said.put(None)

    def close(self) -> None:
        """End the process; it is started anew when it is needed."""
        self.give_up()
        with self._lock:
            self._drop()
            self._silences.clear()
            self.given_up = False

    def _asked(self, at: int, item: Item, answer: Answer) -> Any:
        """A verdict.

        Raises:
            _Silent: there is none.
        """
        scorer = self._uses[at][0]
        if self._silences[scorer.name] >= MOST:
            raise _Silent(say("it gave no verdict {count} times in a row, and is asked no more", count=MOST))
        limit = OWN if isinstance(scorer, Own) else PATTERN
        try:
            worker = self._started()
            worker.ask((at, item, answer, limit))
            return self._said(worker, limit)
        except _Silent:
            self._drop()
            if not self.given_up:
                self._silences[scorer.name] += 1
            raise

    def _started(self) -> _Worker:
        if self._worker is None:
            try:
                scorers = packed(self._uses)
            except Exception:  # noqa: BLE001 - anybody's object says in its own way that it cannot leave its process
                self._worker = _Thread(self._uses)
                return self._worker
            self._worker = worker = _Process(scorers)
            if self._said(worker, START):
                self._drop()
                self._worker = _Thread(self._uses)
        return self._worker

    def _said(self, worker: _Worker, seconds: float) -> Any:
        until = time.monotonic() + seconds
        # Giving up before this worker was known has told it nothing.
        while not self.given_up:
            try:
                said = worker.said.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                raise _Silent(say("it gave no verdict within {seconds:g} s", seconds=seconds)) from None
            if said is not None:
                return said
            if not self.given_up:
                raise _Silent(say("its process ended"))
        raise _Silent(say("the run was stopped before it gave a verdict"))

    def _drop(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.end()


class _Process:
    """Scores in a process of its own."""

    def __init__(self, scorers: bytes) -> None:
        self.said: queue.SimpleQueue[Any] = queue.SimpleQueue()
        environment = {**os.environ, "PYTHONUTF8": "1", "LLMLAB_LANG": current_language()}
        try:
            self._process = subprocess.Popen(
                COMMAND,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd=_SAFE_FOLDER,
                env=environment,
                **_detached(),
            )
        except OSError as error:
            raise _Silent(say("its process cannot be started: {reason}", reason=error.strerror or error)) from None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._asks, self._says = self._process.stdin, self._process.stdout
        threading.Thread(target=_listen, args=(self._says, self.said), daemon=True).start()
        # The working folder counts for modules of a person's own, as it does here.
        self._send(packed((sys.path, str(Path.cwd()))) + packed(scorers))

    def ask(self, question: Question) -> None:
        """See `_Worker`."""
        self._send(packed(question))

    def end(self) -> None:
        """See `_Worker`; kills it."""
        self._process.kill()
        with suppress(OSError):
            self._asks.close()
        self._process.wait()

    def _send(self, data: bytes) -> None:
        # A process that ended says so on its other pipe.
        with suppress(OSError):
            self._asks.write(data)
            self._asks.flush()


class _Thread:
    """Scores in a thread, where scorers cannot leave this process; one that never ends is left behind."""

    def __init__(self, uses: Sequence[tuple[Scorer, str]]) -> None:
        self.said: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._uses = uses
        self._questions: queue.SimpleQueue[Question | None] = queue.SimpleQueue()
        threading.Thread(target=self._work, daemon=True).start()

    def ask(self, question: Question) -> None:
        """See `_Worker`."""
        self._questions.put(question)

    def end(self) -> None:
        """See `_Worker`."""
        self._questions.put(None)

    def _work(self) -> None:
        while question := self._questions.get():
            at, item, answer, _ = question
            scorer, place = self._uses[at]
            self.said.put(judged(scorer, item, answer, place))


def _listen(stream: IO[bytes], said: queue.SimpleQueue[Any]) -> None:
    """Put what comes out of a process on the queue, in a thread; its end last."""
    try:
        with stream:
            while True:
                said.put(pickle.load(stream))
    except (OSError, EOFError, ValueError, pickle.UnpicklingError):
        pass  # a process that was killed, perhaps in the middle of a word
    finally:
        said.put(None)


def _detached() -> Mapping[str, Any]:
    """What keeps the terminal's Ctrl+C from the process, and its window from the screen."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
    return {"start_new_session": True}
