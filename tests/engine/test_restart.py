"""A chat that is opened again in another process goes on at once."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from llmlab.domain.generation import Finished
from llmlab.domain.model import ModelSpec
from llmlab.domain.sampling import DEFAULTS
from llmlab.engine.child import ChildEngine
from llmlab.engine.process import Patience
from llmlab.engine.protocol import GenerationRequest
from tests.support.gguf_fixtures import write_random_model

CALM = Patience(start=60.0, prompt=60.0, cancel=60.0, goodbye=20.0, terminate=20.0)
PROMPT = tuple(b"a document that somebody reads on two days. " * 10)
SAMPLING = replace(DEFAULTS, temperature=0.0, seed=1, max_tokens=20)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_random_model(tmp_path_factory.mktemp("model") / "bytes.gguf")


@asynccontextmanager
async def opened(model: Path, folder: Path, **settings: object) -> AsyncIterator[ChildEngine]:
    engine = ChildEngine(log=folder / "engine.log", patience=CALM, snapshots=folder / "snapshots")
    spec = ModelSpec(**{"name": "a", "path": str(model), "n_threads": 1, **settings})  # type: ignore[arg-type]
    await engine.load(spec, lambda _share: None)
    try:
        yield engine
    finally:
        await engine.close()


async def ask(engine: ChildEngine, tokens: tuple[int, ...] = PROMPT) -> Finished:
    events = [event async for event in engine.generate(GenerationRequest(tokens, SAMPLING))]
    assert isinstance(events[-1], Finished), events[-1]
    return events[-1]


async def test_the_state_is_saved_when_the_engine_is_closed(model: Path, tmp_path: Path) -> None:
    async with opened(model, tmp_path) as engine:
        first = await ask(engine)
    assert first.usage.reused == 0
    async with opened(model, tmp_path) as engine:
        again = await ask(engine)
        longer = await ask(engine, (*PROMPT, *first.ids, *b" and then?"))
    assert again.ids == first.ids
    assert again.usage.reused == len(PROMPT) - 1
    assert longer.usage.reused == len(PROMPT) + len(first.ids) - 1
    async with opened(model, tmp_path, cache_type_k="q8_0") as engine:
        assert (await ask(engine)).usage.reused == 0


async def test_the_state_is_saved_while_nothing_is_asked_and_survives_a_kill(model: Path, tmp_path: Path) -> None:
    async with opened(model, tmp_path) as engine:
        first = await ask(engine)
        deadline = asyncio.get_running_loop().time() + 30.0
        while not list((tmp_path / "snapshots").glob("*.kv")):
            assert asyncio.get_running_loop().time() < deadline
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(asyncio.Event().wait(), 0.05)
        for process in psutil.Process().children():
            os.kill(process.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
    async with opened(model, tmp_path) as engine:
        again = await ask(engine)
    assert (again.ids, again.usage.reused) == (first.ids, len(PROMPT) - 1)


async def test_a_folder_that_cannot_be_made_costs_nothing_but_time(model: Path, tmp_path: Path) -> None:
    (tmp_path / "snapshots").write_bytes(b"a file")
    for _ in range(2):
        async with opened(model, tmp_path) as engine:
            assert (await ask(engine)).usage.reused == 0
