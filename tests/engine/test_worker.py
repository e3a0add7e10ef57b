from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import pytest

from llmlab.domain.model import ModelSpec
from llmlab.domain.prompting import ChatMessage, PromptOptions
from llmlab.domain.sampling import Sampling
from llmlab.engine.wire import (
    PROTOCOL,
    AnyReport,
    Cancel,
    Command,
    Count,
    Counted,
    Embed,
    Embedded,
    Ended,
    Generate,
    Hello,
    Load,
    Loaded,
    Problem,
    Prompt,
    Prompted,
    Read,
    Score,
    Scored,
    Shutdown,
    Wrote,
    decode_report,
    encode,
)
from tests.support.gguf_fixtures import Shape, write_encoder, write_random_model

PATIENCE = 30.0
GREEDY = Sampling(temperature=0.0, seed=1)


class Parent:
    """The other end of an engine process."""

    def __init__(self, log: Path) -> None:
        self._log = log.open("wb")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "llmlab.engine.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.stdin: IO[bytes] = self.process.stdin
        self._stdout: IO[bytes] = self.process.stdout
        self._reports: queue.Queue[AnyReport | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self._stdout:
            self._reports.put(decode_report(line))
        self._reports.put(None)

    def send(self, *commands: Command) -> None:
        self.stdin.write(b"".join(map(encode, commands)))
        self.stdin.flush()

    def next(self) -> AnyReport | None:
        """The next report; `None` when the process said its last."""
        return self._reports.get(timeout=PATIENCE)

    def until(self, *kinds: type) -> AnyReport:
        """The next report of one of these kinds."""
        while (report := self.next()) is not None:
            if isinstance(report, kinds):
                return report
        raise AssertionError("the process ended")

    def load(self, path: Path, **settings: object) -> AnyReport:
        spec = ModelSpec(**{"name": "test", "path": str(path), "n_threads": 1, **settings})  # type: ignore[arg-type]
        self.send(Load(id=1, spec=spec))
        return self.until(Loaded, Problem)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.stdin.close()
        self._stdout.close()
        self._log.close()


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_random_model(tmp_path_factory.mktemp("models") / "small.gguf")


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that takes long enough to be interrupted: seconds for the prompt of `LONG`."""
    shape = Shape(layers=8, width=512, heads=8, kv_heads=8, feed_forward=2048, context=32_768)
    return write_random_model(tmp_path_factory.mktemp("models") / "slow.gguf", shape)


LONG = tuple(b"a long text " * 2000)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], Parent]]:
    parents: list[Parent] = []

    def make() -> Parent:
        parents.append(Parent(tmp_path / f"engine{len(parents)}.log"))
        return parents[-1]

    yield make
    for parent in parents:
        parent.close()


def test_a_conversation_from_hello_to_goodbye(start: Callable[[], Parent], small: Path) -> None:
    parent = start()
    hello = parent.next()
    assert isinstance(hello, Hello)
    assert hello.protocol == PROTOCOL
    loaded = parent.load(small)
    assert isinstance(loaded, Loaded)
    messages = (ChatMessage("user", "say <|im_end|> something"),)
    parent.send(Prompt(id=2, messages=messages, options=PromptOptions()), Count(id=3, texts=("abc", "")))
    prompted, counted = parent.until(Prompted), parent.until(Counted)
    assert isinstance(prompted, Prompted)
    assert isinstance(counted, Counted)
    assert counted.counts == (3, 0)
    tokens = prompted.prompt.tokens
    parent.send(Generate(id=4, tokens=tokens, sampling=Sampling(temperature=0.0, seed=1, max_tokens=20), samples=2))
    ended = [parent.until(Ended), parent.until(Ended)]
    assert {report.sample for report in ended if isinstance(report, Ended)} == {0, 1}
    parent.send(Shutdown(id=5))
    assert parent.next() is None
    assert parent.process.wait(PATIENCE) == 0


def test_what_comes_too_early_or_twice_or_unreadable_is_told(start: Callable[[], Parent], small: Path) -> None:
    parent = start()
    parent.send(Generate(id=7, tokens=(1,), sampling=GREEDY), Count(id=8, texts=("x",)))
    assert {report.id for report in (parent.until(Problem), parent.until(Problem))} == {7, 8}
    parent.stdin.write(b'{"type": "nonsense"}\nnot json\n')
    parent.send(Cancel(id=99))
    assert [parent.until(Problem).id, parent.until(Problem).id] == [0, 0]
    assert isinstance(parent.load(small), Loaded)
    assert isinstance(parent.load(small), Problem)


def test_a_file_that_is_no_model_is_refused_and_another_can_be_loaded(
    start: Callable[[], Parent], small: Path, tmp_path: Path
) -> None:
    parent = start()
    wrong = tmp_path / "wrong.gguf"
    wrong.write_bytes(b"GGUF" + bytes(100))
    problem = parent.load(wrong)
    assert isinstance(problem, Problem)
    assert problem.kind == "model"
    assert problem.where == str(wrong)
    assert isinstance(parent.load(small), Loaded)


def test_cancelling_a_long_prompt_is_quick_and_leaves_the_engine_usable(
    start: Callable[[], Parent], slow: Path
) -> None:
    parent = start()
    assert isinstance(parent.load(slow, n_ctx=32_768), Loaded)
    parent.send(Generate(id=2, tokens=LONG, sampling=GREEDY))
    parent.until(Read)
    parent.send(Cancel(id=2))
    ended = parent.until(Ended)
    assert isinstance(ended, Ended)
    assert (ended.reason, ended.usage.generated) == ("cancelled", 0)
    parent.send(Generate(id=3, tokens=LONG[:20], sampling=Sampling(temperature=0.0, seed=1, max_tokens=3)))
    again = parent.until(Ended)
    assert isinstance(again, Ended)
    assert again.reason == "length"


def test_the_end_of_the_pipe_ends_the_process_in_the_middle_of_anything(
    start: Callable[[], Parent], slow: Path
) -> None:
    idle, reading, writing, loading = start(), start(), start(), start()
    assert isinstance(reading.load(slow, n_ctx=32_768), Loaded)
    reading.send(Generate(id=2, tokens=LONG, sampling=GREEDY))
    reading.until(Read)
    assert isinstance(writing.load(slow), Loaded)
    writing.send(Generate(id=2, tokens=LONG[:5], sampling=GREEDY))
    writing.until(Wrote)
    loading.send(Load(id=1, spec=ModelSpec(name="test", path=str(slow))))
    for parent in (idle, reading, writing, loading):
        parent.stdin.close()
    for parent in (idle, reading, writing, loading):
        assert parent.process.wait(PATIENCE) == 0


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_ctrl_c_in_the_terminal_is_the_parents_and_terminate_ends(start: Callable[[], Parent], small: Path) -> None:
    parent = start()
    assert isinstance(parent.load(small), Loaded)
    os.kill(parent.process.pid, signal.SIGINT)
    parent.send(Count(id=2, texts=("still here",)))
    parent.until(Counted)
    parent.process.terminate()
    assert parent.process.wait(PATIENCE) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="prctl")
def test_the_process_ends_when_its_parent_is_killed_although_the_pipe_stays_open(tmp_path: Path) -> None:
    script = (
        "import subprocess, sys, os\n"
        "engine = subprocess.Popen([sys.executable, '-m', 'llmlab.engine.worker'], stdin=subprocess.PIPE,"
        " stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, pass_fds=(int(sys.argv[1]),))\n"
        "engine.stdout.readline()\n"
        "holder = os.fork()\n"
        "if holder == 0:\n"
        "    os.close(int(sys.argv[1]))\n"
        "    sys.stdin.read()\n"
        "    os._exit(0)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    alive, kept_open = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(kept_open)], stdin=subprocess.PIPE, pass_fds=(kept_open,)
    )
    os.close(kept_open)
    process.wait(PATIENCE)
    # Only the engine and the forked holder of its stdin are left; the holder lives until our end of its stdin closes.
    assert process.stdin is not None
    reader = threading.Thread(target=os.read, args=(alive, 1), daemon=True)
    reader.start()
    try:
        reader.join(PATIENCE)
        engine_ended = not reader.is_alive()
    finally:
        process.stdin.close()
        os.close(alive)
    assert engine_ended


BAD = (
    {"grammar": "root ::= ("},
    {"grammar": 'root ::= root "a"'},
    {"grammar": 'other ::= "a"'},
    {"grammar": ""},
    {"grammar": "root ::= " + "(" * 100_000},
    {"schema": "not json"},
    {"schema": '{"type": "nothing"}'},
    {"schema": '{"$ref": "https://example.org"}'},
    {"logprobs": 1000},
)
"""Wishes that cannot be; some of them kill llama.cpp when it is given them."""


def test_bad_grammars_cost_an_error_each_and_no_process(start: Callable[[], Parent], small: Path) -> None:
    parent = start()
    assert isinstance(parent.load(small), Loaded)
    for number, wishes in enumerate(BAD, 10):
        parent.send(Generate(id=number, tokens=(65,), sampling=GREEDY, samples=2, **wishes))  # type: ignore[arg-type]
        problems = [parent.until(Problem, Ended), parent.until(Problem, Ended)]
        assert [(report.id, type(report)) for report in problems] == [(number, Problem)] * 2
    parent.send(Generate(id=99, tokens=(65,), sampling=GREEDY, grammar='root ::= "yes" | "no"', logprobs=1))
    wrote = parent.until(Wrote)
    assert isinstance(wrote, Wrote)
    assert len(wrote.info) == 1
    assert parent.until(Ended).id == 99


def test_texts_are_scored_and_a_scoring_can_be_cancelled(start: Callable[[], Parent], slow: Path) -> None:
    parent = start()
    parent.send(Score(id=1, texts=("early",)))
    assert parent.until(Problem).id == 1
    assert isinstance(parent.load(slow, n_ctx=32_768), Loaded)
    parent.send(Score(id=2, texts=("short", "words"), prompt=(65,), top=2), Score(id=3, texts=(LONG,)))
    scored = [parent.until(Scored), parent.until(Scored)]
    assert {(report.id, report.sample) for report in scored if isinstance(report, Scored)} == {(2, 0), (2, 1)}
    parent.send(Cancel(id=3))
    ended = parent.until(Ended)
    assert isinstance(ended, Ended)
    assert (ended.id, ended.reason) == (3, "cancelled")


def test_vectors_are_made_beside_answers_and_can_be_cancelled(start: Callable[[], Parent], slow: Path) -> None:
    parent = start()
    parent.send(Embed(id=1, texts=("early",)))
    assert parent.until(Problem).id == 1
    assert isinstance(parent.load(slow, n_ctx=32_768), Loaded)
    endless = Generate(id=2, tokens=tuple(b"a text"), sampling=GREEDY)
    parent.send(endless, Embed(id=3, texts=tuple(f"text {number}" for number in range(80))))
    told = parent.until(Embedded)
    assert isinstance(told, Embedded)
    assert (told.id, told.done) == (3, False)
    assert isinstance(parent.until(Wrote), Wrote)
    # While one is being read that takes long.
    parent.send(Cancel(id=2), Embed(id=4, texts=("x" * 8_000,)), Embed(id=5, texts=("short",)))
    assert [(report.id, report.reason) for report in [parent.until(Ended)] if isinstance(report, Ended)] == [
        (2, "cancelled")
    ]
    parent.send(Cancel(id=4))
    ended = parent.until(Ended)
    assert isinstance(ended, Ended)
    assert (ended.id, ended.reason) == (4, "cancelled")
    finished: set[int] = set()
    while 5 not in finished:
        report = parent.until(Embedded)
        assert isinstance(report, Embedded)
        finished |= {report.id} if report.done else set()
    assert 4 not in finished


def test_a_model_for_vectors_alone_says_so(start: Callable[[], Parent], tmp_path: Path) -> None:
    parent = start()
    path = write_encoder(tmp_path / "encoder.gguf")
    refused = parent.load(path)
    assert isinstance(refused, Problem)
    assert "cannot write answers" in refused.what
    loaded = parent.load(path, purpose="vectors")
    assert isinstance(loaded, Loaded)
    assert (loaded.card.n_ctx, loaded.card.template_name) == (512, "")
    parent.send(
        Generate(id=2, tokens=(1,), sampling=GREEDY),
        Score(id=3, texts=("abc",)),
        Count(id=4, texts=("abc",)),
        Embed(id=5, texts=("abc", "def")),
    )
    problems = [parent.until(Problem) for _ in range(3)]
    assert {problem.id for problem in problems if isinstance(problem, Problem)} == {2, 3, 4}
    assert all("for vectors alone" in problem.what for problem in problems if isinstance(problem, Problem))
    done = parent.until(Embedded)
    assert isinstance(done, Embedded)
    assert (done.tokens, done.pooling, done.done) == ((5, 5), "cls", True)
