"""Answers, scores and vectors asked of one process at once, many of them given up: each ends, and nothing is left."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from llmlab.domain.model import ModelSpec
from llmlab.domain.sampling import Sampling
from llmlab.engine.child import ChildEngine
from llmlab.engine.protocol import GenerationRequest, ScoreRequest
from tests.support.gguf_fixtures import write_random_model

WORDS = ["sea", "bird", "coast", "rock", "wave"]
AT_ONCE = 20


async def ask(engine: ChildEngine, dice: random.Random, number: int) -> None:
    """One request of any kind."""
    text = " ".join(dice.choices(WORDS, k=dice.randint(1, 40)))
    match number % 3:
        case 0:
            assert len((await engine.embed([text] * dice.randint(1, 90))).vectors) >= 1
        case 1:
            assert await engine.score(ScoreRequest((text,) * dice.randint(1, 4), prompt="before "))
        case _:
            sampling = Sampling(temperature=1.0, seed=number, max_tokens=dice.randint(1, 40))
            async for _event in engine.generate(GenerationRequest(tuple(text.encode()), sampling)):
                pass


@pytest.mark.parametrize("seed", [1, 2])
async def test_everything_at_once_and_half_of_it_given_up(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    path = write_random_model(tmp_path / "bytes.gguf")
    engine = ChildEngine(log=tmp_path / "log")
    await engine.load(ModelSpec(name="m", path=str(path), n_threads=1, n_ctx=1024), lambda _share: None)
    try:
        score = ScoreRequest(("one text",), prompt="before ")
        before = await engine.embed(["one text"]), await engine.score(score)
        for block in range(3):
            tasks = [
                asyncio.ensure_future(ask(engine, random.Random(dice.random()), block * AT_ONCE + number))
                for number in range(AT_ONCE)
            ]
            for task in dice.sample(tasks, AT_ONCE // 2):
                await asyncio.wait({task}, timeout=dice.random() * 0.05)
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
            assert [each for each in ended if each is not None and not isinstance(each, asyncio.CancelledError)] == []
        assert engine.alive
        vectors, (text,) = await engine.embed(["one text"]), await engine.score(score)
        assert list(vectors.vectors[0]) == pytest.approx(list(before[0].vectors[0]), abs=1e-4)
        assert text.logprob == pytest.approx(before[1][0].logprob, abs=1e-2)
    finally:
        await engine.close()
