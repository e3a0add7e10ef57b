"""All trials on one loaded model: many in flight, and what an engine that dies does not take down with it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar

from llmlab.domain.experiment import Trial
from llmlab.domain.model import ModelCard, ModelSpec
from llmlab.domain.run import RunPhase
from llmlab.errors import LlmlabError, Stopped
from llmlab.services.host import EngineHost
from llmlab.services.job import Source, votes_of
from llmlab.services.keeping import Keeper
from llmlab.services.stopping import rests, unless
from llmlab.services.trials import Asked, Trials, failed_trial

T = TypeVar("T")

TOGETHER: Final = 40
"""Answers in flight: more than an engine writes at a time, so that none of its places waits for a prompt."""
DEATHS: Final = 3
"""Times in a row that the engine may die of a trial before its model is given up."""
SOON: Final = 1.0
"""Seconds after which an answer is kept without its scores, which may never come."""
GRACE: Final = 2.0
"""Seconds that scores may take once the run is stopped."""


class OneLoad:
    """The trials of one model."""

    def __init__(
        self,
        host: EngineHost,
        trials: Trials,
        keeper: Keeper,
        stop: asyncio.Event,
        source: Source,
        show: Callable[[RunPhase, str], object],
        skipped: Callable[[int], object],
    ) -> None:
        """Prepare.

        Args:
            host: loads the model.
            trials: asks.
            keeper: keeps what was measured.
            stop: set it to end at once; one that rests is set here once nothing is in flight, if trials are left.
            source: what is to be measured.
            show: called with the phase and the model's name.
            skipped: called with how many trials were measured before, in this very run.
        """
        self._host, self._trials, self._keeper, self._stop = host, trials, keeper, stop
        self._source, self._show, self._skipped = source, show, skipped
        self._waiting: deque[Trial] = deque()
        self._ended = False
        self._running: dict[asyncio.Task[Asked], Trial] = {}
        self._suspects: list[Trial] = []
        """Trials that ran when the engine died: one of them may be why."""
        self._deaths = 0
        self.card: ModelCard | None = None
        """The model as it was loaded; `None` when it was not."""

    async def run(self, spec: ModelSpec) -> None:
        """Measure all of them, or put down why not.

        Raises:
            StoreError: results could not be written for too long.
        """
        try:
            await self._fill()
            if not self._waiting or await self._at_rest():
                return
            self._show("loading", spec.name)
            try:
                _, self.card = await unless(self._stop, self._host.engine_for(spec))
            except Stopped:
                return
            except LlmlabError as error:
                await self._give_up(error)
                return
            self._show("measuring", spec.name)
            # One more than makes sense at a time: its prompt is made meanwhile.
            most = TOGETHER if spec.together is None else spec.together + 1
            while not self._stop.is_set():
                await self._start(most)
                if await self._at_rest() or not (self._running or self._suspects):
                    return
                await self._wait()
                if self._suspects and not self._running:
                    await self._try_alone()
        finally:
            await self._drop()

    async def _fill(self) -> None:
        """Look up what comes next."""
        while not self._waiting and not self._ended and not self._stop.is_set():
            ahead = await self._ended_or_given_up(asyncio.ensure_future(asyncio.to_thread(self._source.next)))
            if ahead is None:
                self._ended = True
                return
            self._waiting.extend(ahead.waiting)
            self._skipped(ahead.skipped)
            self._keeper.put([*ahead.copied, *ahead.again])

    async def _at_rest(self) -> bool:
        """Whether nothing more is asked, and nothing in flight would be lost by that."""
        if rests(self._stop) and not self._running and (self._waiting or self._suspects):
            if not self._stop.is_set():
                await self._keeper.written()
            self._stop.set()
        return self._stop.is_set()

    async def _start(self, most: int) -> None:
        """Ask as many as may be in flight; none while the engine is found dead, or nothing more is to be begun."""
        while not self._suspects and not self._stop.is_set():
            await self._fill()
            await self._keeper.ready()
            if not self._waiting or rests(self._stop):
                return
            used = sum(votes_of(trial.recipe) for trial in self._running.values())
            if self._running and used + votes_of(self._waiting[0].recipe) > most:
                return
            trial = self._waiting.popleft()
            self._running[asyncio.create_task(self._trials.ask(trial))] = trial

    async def _wait(self) -> None:
        """Until one has ended; keep what has."""
        if self._running:
            done, _ = await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
            await self._take(done)

    async def _take(self, done: Iterable[asyncio.Task[Asked]]) -> None:
        """Keep what has ended; what the engine died of or beside is asked again."""
        answered: list[tuple[Trial, Asked]] = []
        for task in done:
            trial = self._running.pop(task)
            try:
                asked = task.result()
            except (Stopped, asyncio.CancelledError):
                continue
            if asked.fatal is not None:
                self._suspects.append(trial)
                continue
            self._deaths = 0
            answered.append((trial, asked))
        if answered:
            await self._keep(answered)

    async def _try_alone(self) -> None:
        """Ask the trials again that ran when the engine died, one by one, to find the one of which it dies."""
        while self._suspects and not rests(self._stop):
            trial = self._suspects[0]
            try:
                asked = await self._trials.ask(trial)
            except Stopped:
                return
            self._suspects.pop(0)
            self._deaths = self._deaths + 1 if asked.fatal is not None else 0
            await self._keep([(trial, asked)])
            if asked.fatal is not None and self._deaths >= DEATHS:
                await self._give_up(asked.fatal)

    async def _give_up(self, error: LlmlabError) -> None:
        """Put down for every trial that is left why it has no answer."""
        self._waiting.extendleft(reversed(self._suspects))
        self._suspects.clear()
        while self._waiting and not self._stop.is_set():
            trials = list(self._waiting)
            self._waiting.clear()
            await self._keeper.ready()
            await self._keep([(trial, failed_trial(trial, error)) for trial in trials])
            await self._fill()

    async def _keep(self, asked: Sequence[tuple[Trial, Asked]]) -> None:
        """Score answers, away from the event loop since a scorer is anybody's code, and keep them.

        Where that takes its time, they are kept before they are scored: what was answered is not lost to a scorer.
        """
        source = self._source
        early = [source.unscored(trial, each) for trial, each in asked]
        scoring = asyncio.ensure_future(
            asyncio.to_thread(lambda: [source.measured(trial, each) for trial, each in asked])
        )
        done, _ = await asyncio.wait({scoring}, timeout=SOON)
        if not done:
            self._keeper.put(early)
        rows = await self._ended_or_given_up(scoring)
        self._keeper.put(rows if done else [replace(row, counted=True) for row in rows])

    async def _ended_or_given_up(self, scoring: asyncio.Future[T]) -> T:
        """What comes of work that scores; once the run is stopped, scorers are not waited for much longer."""
        stopped = asyncio.ensure_future(self._stop.wait())
        try:
            waiting: set[asyncio.Future[Any]] = {scoring, stopped}
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
        if not scoring.done():
            await asyncio.wait({scoring}, timeout=GRACE)
        if not scoring.done():
            self._source.give_up()
        return await scoring

    async def _drop(self) -> None:
        """Let go of what runs, and keep what has ended meanwhile."""
        for task in self._running:
            task.cancel()
        if self._running:
            done, _ = await asyncio.wait(self._running)
            await self._take(done)
