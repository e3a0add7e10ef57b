"""Real engines for the fault tests: started, and watched so that none stays behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import psutil

from llmlab.domain.generation import Failed, Finished, StreamEvent
from llmlab.domain.model import ModelSpec
from llmlab.domain.prompting import ChatMessage, PromptOptions
from llmlab.domain.sampling import DEFAULTS, Sampling
from llmlab.engine.child import ChildEngine
from llmlab.engine.process import Patience
from llmlab.engine.protocol import Engine, GenerationRequest

PATIENCE = Patience(prompt=30.0, cancel=5.0, goodbye=10.0, terminate=10.0)
"""Generous where a busy machine might be slow."""
DEADLINE = 60.0
"""Seconds after which a verb hangs."""


def spec_of(path: Path, **settings: object) -> ModelSpec:
    return ModelSpec(**{"name": "fault", "path": str(path), "n_threads": 1, **settings})  # type: ignore[arg-type]


@asynccontextmanager
async def new_engine(log: Path, patience: Patience = PATIENCE) -> AsyncIterator[ChildEngine]:
    """An engine that is not loaded; afterwards it is closed and its process gone."""
    engine = ChildEngine(log=log, patience=patience)
    try:
        yield engine
    finally:
        await asyncio.wait_for(engine.close(), DEADLINE)
        assert processes() == []


async def load(engine: Engine, spec: ModelSpec, progress: Callable[[float], None] = lambda share: None) -> None:
    await asyncio.wait_for(engine.load(spec, progress), DEADLINE)


async def answer(engine: Engine, text: str = "hello", max_tokens: int | None = 4) -> list[StreamEvent]:
    """All events of an answer to `text`."""
    prompt = await asyncio.wait_for(engine.prompt([ChatMessage("user", text)], PromptOptions()), DEADLINE)
    sampling = Sampling(seed=1, max_tokens=max_tokens).over(DEFAULTS)
    events: list[StreamEvent] = []

    async def read() -> None:
        events.extend([event async for event in engine.generate(GenerationRequest(prompt.tokens, sampling))])

    await asyncio.wait_for(read(), DEADLINE)
    assert [isinstance(event, Finished | Failed) for event in events].count(True) == 1
    return events


def processes() -> list[psutil.Process]:
    """The engine processes of this test."""
    return psutil.Process().children(recursive=True)
