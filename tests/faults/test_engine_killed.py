"""kill -9 of the engine in every phase: one clear failure, and the next engine works."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from llmlab.domain.generation import Failed, Finished, Piece, Reading
from llmlab.domain.prompting import ChatMessage, PromptOptions
from llmlab.domain.sampling import DEFAULTS, Sampling
from llmlab.engine.child import ChildEngine
from llmlab.engine.process import Patience
from llmlab.engine.protocol import GenerationRequest
from llmlab.errors import EngineDied, EngineError
from tests.faults.engines import DEADLINE, answer, load, new_engine, processes, spec_of

LONG = "the thing in an inner on " * 450
"""Some 6,800 tokens: seconds of prefill on the slow model."""


def kill() -> None:
    for process in processes():
        process.send_signal(signal.SIGKILL)


async def at_start(engine: ChildEngine, model: Path) -> str:
    loading = asyncio.create_task(load(engine, spec_of(model)))
    while not processes():
        await asyncio.wait({loading}, timeout=0.005)
    kill()
    with pytest.raises(EngineDied) as caught:
        await loading
    return caught.value.what


async def in_load(engine: ChildEngine, model: Path) -> str:
    kills: list[float] = []

    def kill_once(share: float) -> None:
        if share > 0 and not kills:
            kills.append(share)
            kill()

    with pytest.raises(EngineDied) as caught:
        await load(engine, spec_of(model), kill_once)
    return caught.value.what


async def in_prefill(engine: ChildEngine, model: Path) -> str:
    return await killed_at(engine, model, Reading)


async def in_decode(engine: ChildEngine, model: Path) -> str:
    return await killed_at(engine, model, Piece)


async def killed_at(engine: ChildEngine, model: Path, moment: type[Reading | Piece]) -> str:
    await load(engine, spec_of(model))
    text = LONG if moment is Reading else "hello"
    prompt = await engine.prompt([ChatMessage("user", text)], PromptOptions())
    killed = False
    events = []
    async for event in engine.generate(GenerationRequest(prompt.tokens, Sampling(seed=1).over(DEFAULTS))):
        events.append(event)
        if isinstance(event, moment) and not killed:
            kill()
            killed = True
    last = events[-1]
    assert isinstance(last, Failed)
    assert sum(isinstance(event, Finished | Failed) for event in events) == 1
    assert (moment is Piece) == any(isinstance(event, Piece) for event in events)
    return last.what


@pytest.mark.skipif(sys.platform == "win32", reason="there is no kill -9")
@pytest.mark.parametrize(
    ("phase", "words"),
    [
        (at_start, "while starting"),
        (in_load, "while loading the model"),
        (in_prefill, "while answering"),
        (in_decode, "while answering"),
    ],
)
async def test_killed_then_restarted(
    log: Path, slow: Path, phase: Callable[[ChildEngine, Path], Awaitable[str]], words: str
) -> None:
    async with new_engine(log) as engine:
        what = await asyncio.wait_for(phase(engine, slow), DEADLINE)
        assert words in what
        assert "killed by signal 9 (out of memory?)" in what
        assert not engine.alive
    async with new_engine(log) as engine:
        await load(engine, spec_of(slow))
        assert isinstance((await answer(engine))[-1], Finished)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no kill -9")
async def test_killed_while_idle_is_told_without_being_asked(log: Path, small: Path) -> None:
    async with new_engine(log) as engine:
        await load(engine, spec_of(small))
        kill()
        died = await asyncio.wait_for(engine.ended(), DEADLINE)
        assert isinstance(died, EngineDied)
        assert "while idle: killed by signal 9" in died.what
        assert not engine.alive


async def test_a_prefill_stops_when_the_stream_is_closed(log: Path, slow: Path) -> None:
    async with new_engine(log) as engine:
        await load(engine, spec_of(slow))
        prompt = await engine.prompt([ChatMessage("user", LONG)], PromptOptions())
        stream = engine.generate(GenerationRequest(prompt.tokens, Sampling(seed=1).over(DEFAULTS)))
        first = await anext(stream)
        assert isinstance(first, Reading)
        assert first.done < first.total
        await stream.aclose()
        assert engine.alive
        assert isinstance((await answer(engine))[-1], Finished)


async def test_a_load_stops_when_it_is_cancelled(log: Path, slow: Path) -> None:
    async with new_engine(log) as engine:
        begun = asyncio.Event()
        task = asyncio.create_task(load(engine, spec_of(slow), lambda share: begun.set() if share > 0 else None))
        await asyncio.wait_for(begun.wait(), DEADLINE)
        task.cancel()
        await asyncio.wait({task})
        # It may have been done in the same instant.
        assert task.cancelled() or engine.alive


async def test_an_endless_template_costs_the_process_not_the_app(log: Path, small: Path, tmp_path: Path) -> None:
    endless = tmp_path / "endless.jinja"
    write(endless, "{% for i in range(90000) %}{% for j in range(90000) %}{% endfor %}{% endfor %}")
    async with new_engine(log, Patience(prompt=0.5)) as engine:
        await load(engine, spec_of(small, chat_template=str(endless)))
        with pytest.raises(EngineError) as caught:
            await asyncio.wait_for(engine.prompt([ChatMessage("user", "x")], PromptOptions()), DEADLINE)
        assert "does not seem to end" in caught.value.what
        assert "chatml" in caught.value.hint
        assert processes() == []


def write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


PARENT = """
import asyncio, os, signal
from pathlib import Path
from llmlab.domain.prompting import ChatMessage, PromptOptions
from llmlab.domain.sampling import DEFAULTS, Sampling
from llmlab.engine.child import ChildEngine
from llmlab.engine.protocol import GenerationRequest
from tests.faults.engines import processes, spec_of
from tests.faults.test_engine_killed import LONG

async def main(model, log, text):
    engine = ChildEngine(log=Path(log))
    await engine.load(spec_of(Path(model)), lambda share: None)
    prompt = await engine.prompt([ChatMessage("user", text)], PromptOptions())
    async for event in engine.generate(GenerationRequest(prompt.tokens, Sampling(seed=1).over(DEFAULTS))):
        if text is LONG or hasattr(event, "text"):
            print(processes()[0].pid, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)

"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no kill -9")
@pytest.mark.parametrize("text", ["LONG", "'hi'"])
def test_the_engine_goes_with_its_parent(log: Path, slow: Path, text: str) -> None:
    program = f"{PARENT}\nasyncio.run(main({str(slow)!r}, {str(log)!r}, {text}))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    with suppress(psutil.NoSuchProcess):
        psutil.Process(int(done.stdout)).wait(timeout=20)


FULL_DISK = """
import asyncio, resource, signal, sys
from pathlib import Path
from llmlab.domain.generation import Finished
from tests.faults.engines import answer, load, new_engine, spec_of

async def main():
    async with new_engine(Path(sys.argv[2])) as engine:
        await load(engine, spec_of(Path(sys.argv[1])))
        assert isinstance((await answer(engine))[-1], Finished)
    print("answered")

if sys.argv[3] != "0":
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), int(sys.argv[3])))
asyncio.run(main())
"""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs Linux")  # noqa: PTH110
@pytest.mark.parametrize("limit", [0, 10, 3000])
def test_a_full_disk_stops_the_log_alone(log: Path, small: Path, limit: int) -> None:
    target = str(log) if limit else "/dev/full"
    command = [sys.executable, "-c", FULL_DISK, str(small), target, str(limit)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "answered\n", done.stderr
