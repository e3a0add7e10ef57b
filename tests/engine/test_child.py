"""The parent keeps its promises whatever the process does; the process here is a fake that misbehaves on demand."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import psutil
import pytest

from llmlab.domain.generation import Failed, Finished, Piece, Reading, StreamEvent
from llmlab.domain.model import ModelSpec
from llmlab.domain.prompting import ChatMessage, PromptOptions
from llmlab.domain.sampling import Sampling
from llmlab.engine.child import ChildEngine
from llmlab.engine.process import Patience, child_environment, describe_exit
from llmlab.engine.protocol import GenerationRequest, ScoreRequest
from llmlab.errors import EngineDied, EngineError, LlmlabError, ModelError
from tests.support.fake_worker import FLOOD
from tests.support.gguf_fixtures import write_random_model

CALM = Patience(start=60.0, prompt=60.0, cancel=60.0, goodbye=20.0, terminate=20.0)
"""So long that only a process that hangs meets its end, however busy the machine is."""
SHORT_OF_PROMPTS = Patience(prompt=0.3, cancel=5.0, terminate=20.0)
OPEN_ENDED = Sampling(stop=("never",))
"""What makes the good fake wait for a cancel."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_random_model(tmp_path_factory.mktemp("model") / "bytes.gguf")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "engine.log"


def new_engine(log: Path, mode: str, patience: Patience = CALM) -> ChildEngine:
    return ChildEngine(log=log, command=(sys.executable, "-m", "tests.support.fake_worker", mode), patience=patience)


@asynccontextmanager
async def loaded(log: Path, model: Path, mode: str = "good", patience: Patience = CALM) -> AsyncIterator[ChildEngine]:
    engine = new_engine(log, mode, patience)
    await engine.load(ModelSpec(name="fake", path=str(model)), lambda share: None)
    try:
        yield engine
    finally:
        await engine.close()
        assert children() == []


def children() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)


async def events_of(engine: ChildEngine, **fields: object) -> list[StreamEvent]:
    request = GenerationRequest(**{"tokens": (1, 2), **fields})  # type: ignore[arg-type]
    return [event async for event in engine.generate(request)]


@pytest.mark.parametrize(
    ("own", "given"),
    [
        ({}, "glibc.malloc.hugetlb=1"),
        ({"GLIBC_TUNABLES": ""}, "glibc.malloc.hugetlb=1"),
        ({"GLIBC_TUNABLES": "glibc.malloc.arena_max=4"}, "glibc.malloc.arena_max=4:glibc.malloc.hugetlb=1"),
        ({"GLIBC_TUNABLES": "glibc.malloc.hugetlb=0"}, "glibc.malloc.hugetlb=0"),
    ],
)
def test_the_engine_asks_for_large_pages_unless_the_user_said_otherwise(own: dict[str, str], given: str) -> None:
    made = child_environment({"PATH": "/bin", **own})
    assert (made["PATH"], made["GLIBC_TUNABLES"]) == ("/bin", given)


async def test_load_prompt_count_generate_close(log: Path, model: Path) -> None:
    shares: list[float] = []
    engine = new_engine(log, "good")
    card = await engine.load(ModelSpec(name="fake", path=str(model)), shares.append)
    assert engine.alive
    assert card.build == "GGML_NO_BACKTRACE LLMLAB_LANG PYTHONFAULTHANDLER"
    assert shares == [0.0, 0.0, 0.5, 1.0]
    prompt = await engine.prompt([ChatMessage("user", "é\ud800")], PromptOptions())
    assert prompt.text == "é?"
    assert await engine.count(["ab", "", "\udfff"]) == [2, 0, 1]
    assert await events_of(engine, samples=2) == [
        *(event for sample in (0, 1) for event in (Reading(2, 2, 0, sample), Piece("a", 1, sample))),
        *(Finished("stop", usage=end.usage, timing=end.timing, sample=end.sample) for end in await ends(engine)),
    ]
    await engine.close()
    await engine.close()
    assert not engine.alive
    assert children() == []


async def ends(engine: ChildEngine) -> list[Finished]:
    return [event for event in await events_of(engine, samples=2) if isinstance(event, Finished)]


async def test_after_close_every_verb_says_so(log: Path, model: Path) -> None:
    async with loaded(log, model) as engine:
        await engine.close()
        assert [type(event) for event in await events_of(engine, samples=2)] == [Failed, Failed]
        for verb in (engine.count(["x"]), engine.prompt([], PromptOptions())):
            with pytest.raises(EngineError):
                await verb
        with pytest.raises(EngineError):
            await engine.load(ModelSpec(name="fake", path=str(model)), lambda share: None)


@pytest.mark.parametrize(
    ("mode", "error", "words"),
    [
        ("silent", EngineDied, "said nothing for 0.2 s"),
        ("dies at start", EngineDied, "exit code 3"),
        ("garbage", EngineDied, "no report"),
        ("complains", EngineError, "No library."),
        ("other version", EngineError, "another version"),
        ("dies in load", EngineDied, "while loading the model: killed by signal 9 (out of memory?)"),
        ("refuses", ModelError, "A wrong model."),
    ],
)
async def test_a_load_that_fails_says_why_and_leaves_no_process(
    log: Path, model: Path, mode: str, error: type[LlmlabError], words: str
) -> None:
    engine = new_engine(log, mode, Patience(start=0.2 if mode == "silent" else 60.0, terminate=20.0))
    with pytest.raises(error) as caught:
        await engine.load(ModelSpec(name="fake", path=str(model)), lambda share: None)
    assert words in caught.value.what
    assert caught.value.hint
    assert type(caught.value) is error
    assert not engine.alive
    assert children() == []
    await engine.close()


async def test_a_program_that_is_not_there(log: Path, model: Path) -> None:
    engine = ChildEngine(log=log, command=("/nowhere/python",))
    with pytest.raises(EngineError) as caught:
        await engine.load(ModelSpec(name="fake", path=str(model)), lambda share: None)
    assert "/nowhere/python" in caught.value.where


async def test_cancelling_a_load_ends_the_process(log: Path, model: Path) -> None:
    engine = new_engine(log, "loads for ever")
    under_way = asyncio.Event()
    task = asyncio.create_task(
        engine.load(ModelSpec(name="fake", path=str(model)), lambda share: under_way.set() if share == 0.5 else None)
    )
    await under_way.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert children() == []


async def test_closing_during_a_load_ends_both(log: Path, model: Path) -> None:
    engine = new_engine(log, "loads for ever")
    task = asyncio.create_task(engine.load(ModelSpec(name="fake", path=str(model)), lambda share: None))
    # Wherever the load has come to, closing wins.
    await asyncio.wait({task}, timeout=0.05)
    await engine.close()
    with pytest.raises(EngineError):
        await task
    assert children() == []


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("dies in decode", "while answering: killed by signal 6 (SIGABRT)"),
        ("closes its pipe", "closed its pipe"),
        ("babbles", "no report"),
        ("loses a command", "while answering: What was that?"),
    ],
)
async def test_death_while_answering_fails_each_sample_once(log: Path, model: Path, mode: str, words: str) -> None:
    async with loaded(log, model, mode, Patience(terminate=0.5)) as engine:
        events = await events_of(engine, samples=3)
        failures = [event for event in events if isinstance(event, Failed)]
        assert [failure.sample for failure in failures] == [0, 1, 2]
        assert words in failures[0].what
        assert failures[0].where == str(log)
        assert "fake worker: last words on stderr" in failures[0].hint
        assert Piece("a", 1, 2) in events
        assert not engine.alive
        with pytest.raises(EngineDied) as caught:
            await engine.count(["x"])
        assert words in caught.value.what


async def test_one_sample_may_fail_alone_and_nothing_comes_after_its_end(log: Path, model: Path) -> None:
    async with loaded(log, model, "fails one") as engine:
        events = await events_of(engine, samples=2)
        assert [(type(event), event.sample) for event in events[-2:]] == [(Failed, 0), (Finished, 1)]
        assert not [event for event in events if isinstance(event, Piece) and event.text == "late"]
        assert engine.alive


async def test_what_cannot_be_sent_is_an_error_like_any_other(log: Path, model: Path) -> None:
    with pytest.raises(ModelError, match="no valid text"):
        await new_engine(log, "good").load(ModelSpec(name="x", path="/tmp/\udcff.gguf"), lambda share: None)
    with pytest.raises(EngineError, match="cannot be asked"):
        await new_engine(log, "good").load(ModelSpec(name="\ud800", path=str(model)), lambda share: None)
    async with loaded(log, model) as engine:
        stream = engine.generate(GenerationRequest((1,), Sampling(stop=("\ud800",))))
        assert isinstance(await anext(stream), Reading)
        await stream.aclose()


async def test_closing_the_stream_cancels_and_the_engine_lives_on(log: Path, model: Path) -> None:
    async with loaded(log, model) as engine:
        stream = engine.generate(GenerationRequest((1,), OPEN_ENDED))
        assert isinstance(await anext(stream), Reading)
        await stream.aclose()
        assert engine.alive
        assert await engine.count(["abc"]) == [3]


async def test_cancelling_the_reader_of_a_stream_cancels_it(log: Path, model: Path) -> None:
    async with loaded(log, model) as engine:
        stream = engine.generate(GenerationRequest((1,), OPEN_ENDED))
        await anext(stream)
        await anext(stream)
        task = asyncio.ensure_future(anext(stream))
        await asyncio.wait({task}, timeout=0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await stream.aclose()
        assert engine.alive
        assert isinstance((await events_of(engine))[-1], Finished)


async def test_a_stream_that_was_never_begun_asks_for_nothing(log: Path, model: Path) -> None:
    async with loaded(log, model) as engine:
        await engine.generate(GenerationRequest((1,), OPEN_ENDED)).aclose()
        assert await engine.count(["abc"]) == [3]


@pytest.mark.parametrize("mode", ["deaf", "stubborn"])
async def test_a_process_that_does_not_stop_is_ended(log: Path, model: Path, mode: str) -> None:
    async with loaded(log, model, mode, Patience(cancel=0.2, goodbye=0.2, terminate=0.2)) as engine:
        stream = engine.generate(GenerationRequest((1,)))
        await anext(stream)
        other = asyncio.create_task(events_of(engine))
        await asyncio.wait({other}, timeout=0.05)
        await stream.aclose()
        assert not engine.alive
        assert children() == []
        assert "did not stop" in next(event for event in await other if isinstance(event, Failed)).what


async def test_close_kills_what_ignores_every_word(log: Path, model: Path) -> None:
    async with loaded(log, model, "stubborn", Patience(goodbye=0.1, terminate=0.1)) as engine:
        await engine.close()
        assert children() == []


async def test_a_template_that_does_not_finish_costs_the_process(log: Path, model: Path) -> None:
    async with loaded(log, model, "hangs", SHORT_OF_PROMPTS) as engine:
        with pytest.raises(EngineError) as caught:
            await engine.prompt([ChatMessage("user", "x")], PromptOptions())
        assert "chat template does not seem to end" in caught.value.what
        assert "chatml" in caught.value.hint
        assert not engine.alive
        assert children() == []
    async with loaded(log, model, "hangs", SHORT_OF_PROMPTS) as engine:
        with pytest.raises(EngineError) as caught:
            await engine.count(["x"])
        assert "did not answer" in caught.value.what


async def test_an_answer_that_is_being_written_excuses_a_late_prompt(log: Path, model: Path) -> None:
    async with loaded(log, model, "hangs", SHORT_OF_PROMPTS) as engine:
        stream = engine.generate(GenerationRequest((1,)))
        await anext(stream)
        late = asyncio.create_task(engine.prompt([ChatMessage("user", "x")], PromptOptions()))
        done, _ = await asyncio.wait({late}, timeout=3 * SHORT_OF_PROMPTS.prompt)
        assert not done
        assert engine.alive
        await stream.aclose()
        with pytest.raises(EngineError):
            await late


async def test_a_slow_reader_loses_nothing_and_blocks_nobody(log: Path, model: Path) -> None:
    async with loaded(log, model, "flood") as engine:
        stream = engine.generate(GenerationRequest((1,)))
        await anext(stream)
        # The fake answers this only after it has written the whole flood into the pipe.
        assert await engine.count(["abc"]) == [3]
        rest = [event async for event in stream]
        assert sum(isinstance(event, Piece) for event in rest) == FLOOD + 1
        assert isinstance(rest[-1], Finished)


async def test_two_answers_at_once_do_not_mix(log: Path, model: Path) -> None:
    async with loaded(log, model) as engine:
        both = await asyncio.gather(events_of(engine, samples=2), events_of(engine), engine.count(["abcd"]))
        assert [len(both[0]), len(both[1])] == [6, 3]
        assert both[2] == [4]


async def test_kill_from_outside_then_a_new_engine(log: Path, model: Path) -> None:
    async with loaded(log, model) as engine:
        stream = engine.generate(GenerationRequest((1,), OPEN_ENDED))
        await anext(stream)
        children()[0].send_signal(signal.SIGKILL)
        last = [event async for event in stream][-1]
        assert isinstance(last, Failed)
        assert "killed by signal 9" in last.what
    async with loaded(log, model) as engine:
        assert isinstance((await events_of(engine))[-1], Finished)


@pytest.mark.parametrize(
    "ending", ["return", "raise RuntimeError", "os.kill(os.getpid(), signal.SIGINT); await asyncio.Event().wait()"]
)
def test_a_loop_that_ends_without_close_leaves_no_process_and_no_warning(log: Path, model: Path, ending: str) -> None:
    program = f"""
import asyncio, os, signal
from pathlib import Path
from llmlab.domain.model import ModelSpec
from tests.engine.test_child import new_engine, GenerationRequest, OPEN_ENDED
import psutil

# A shell's background job is started with ctrl+c ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)

async def main():
    engine = new_engine(Path({str(log)!r}), "good")
    await engine.load(ModelSpec(name="fake", path={str(model)!r}), lambda share: None)
    stream = engine.generate(GenerationRequest((1,), OPEN_ENDED))
    await anext(stream)
    print(psutil.Process().children()[0].pid, flush=True)
    {ending}

asyncio.run(main())
"""
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert not psutil.pid_exists(int(done.stdout))
    for word in ("Warning", "never retrieved", "pending", "closed"):
        assert word not in done.stderr


def test_when_the_parent_is_killed_the_process_goes(log: Path, model: Path) -> None:
    program = f"""
import asyncio, os, signal
from pathlib import Path
from llmlab.domain.model import ModelSpec
from tests.engine.test_child import new_engine
import psutil

async def main():
    engine = new_engine(Path({str(log)!r}), "good")
    await engine.load(ModelSpec(name="fake", path={str(model)!r}), lambda share: None)
    print(psutil.Process().children()[0].pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    with suppress(psutil.NoSuchProcess):
        psutil.Process(int(done.stdout)).wait(timeout=20)


def test_exit_codes_in_words() -> None:
    assert describe_exit(0, "linux") == "it ended by itself"
    assert describe_exit(7, "linux") == "it ended with exit code 7"
    assert describe_exit(-9, "linux") == "killed by signal 9 (out of memory?)"
    assert describe_exit(-11, "linux") == "killed by signal 11 (SIGSEGV)"
    assert describe_exit(-200, "linux") == "killed by signal 200 (?)"
    assert "access violation" in describe_exit(-1073741819, "win32")
    assert describe_exit(0xC0000409, "win32") == "it ended with exit code 0xc0000409"


async def test_the_log_is_private_and_turned_over_when_long(log: Path, model: Path) -> None:
    old = log.with_name("engine.log.1")
    fill(log)
    async with loaded(log, model):
        pass
    assert b"last words" in log.read_bytes()  # noqa: ASYNC240 - a few bytes
    assert os.path.getsize(old) == 2 << 20  # noqa: PTH202, ASYNC240
    if os.name == "posix":
        assert os.stat(log).st_mode & 0o777 == 0o600  # noqa: PTH116


def fill(log: Path) -> None:
    log.parent.mkdir()
    log.write_bytes(b"x" * (2 << 20))


async def test_a_log_that_cannot_be_written_stops_nothing(tmp_path: Path, model: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("not a folder")
    async with loaded(blocker / "engine.log", model) as engine:
        assert isinstance((await events_of(engine))[-1], Finished)


async def test_texts_are_scored_in_parts_and_come_whole(log: Path, model: Path) -> None:
    async with loaded(log, model) as engine:
        shares: list[float] = []
        texts = await engine.score(ScoreRequest(("abc", (7, 8), "\ud800"), prompt=(1, 2)), shares.append)
        assert shares == [pytest.approx(done / 6) for done in (1, 2, 3)]
        assert [[token.text for token in text.tokens] for text in texts] == [["a", "b", "c"], ["7", "8"], ["?"]]
        assert [text.context for text in texts] == [2, 2, 2]


async def test_one_text_that_cannot_be_scored_is_an_error(log: Path, model: Path) -> None:
    async with loaded(log, model, "fails one") as engine:
        with pytest.raises(EngineError, match="No room"):
            await engine.score(ScoreRequest(("abc", "def")))
        assert engine.alive


async def test_scoring_that_is_left_is_cancelled(log: Path, model: Path) -> None:
    async with loaded(log, model, "deaf", Patience(cancel=0.2, terminate=20.0)) as engine:
        task = asyncio.ensure_future(engine.score(ScoreRequest(("abc",))))
        await engine.count(["x"])
        assert not task.done()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not engine.alive


async def test_a_process_that_dies_while_it_scores(log: Path, model: Path) -> None:
    async with loaded(log, model, "dies in decode") as engine:
        with pytest.raises(EngineDied):
            await engine.score(ScoreRequest(("abc",)))


async def test_vectors_come_in_parts_and_progress_is_told(log: Path, model: Path) -> None:
    async with loaded(log, model) as engine:
        done: list[int] = []
        found = await engine.embed(["abc", "\ud800", "four"], done.append)
        assert [list(vector) for vector in found.vectors] == [[3.0, 0.5], [1.0, 0.5], [4.0, 0.5]]
        assert (found.tokens, found.pooling, found.declared) == ((3, 1, 4), "cls", True)
        assert done == [1, 2, 3]


async def test_a_model_that_gives_no_vectors_is_a_model_error(log: Path, model: Path) -> None:
    async with loaded(log, model, "fails one") as engine:
        with pytest.raises(ModelError, match="No vectors"):
            await engine.embed(["abc"])
        assert engine.alive


async def test_embedding_that_is_left_is_cancelled(log: Path, model: Path) -> None:
    async with loaded(log, model, "deaf", Patience(cancel=0.2, terminate=20.0)) as engine:
        task = asyncio.ensure_future(engine.embed(["abc"]))
        await engine.count(["x"])
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not engine.alive


async def test_a_process_that_dies_while_it_embeds(log: Path, model: Path) -> None:
    async with loaded(log, model, "dies in decode") as engine:
        with pytest.raises(EngineDied):
            await engine.embed(["abc"])
