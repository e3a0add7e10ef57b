"""What votes cost: nine samples of one prompt, drawn together, against nine requests one after another.

    python -m benchmarks.votes [--quick] [--rounds N] [--threads N] [--cache DIR]

A 0.5B-shaped model reads a prompt of 1,000 tokens and writes 64 tokens a sample. All three ways include the reading
of the prompt, which is new in every round: drawn together it is read once; one after another it is read once as well
where the prefix stays in the cache, and nine times where each request comes to an engine that knows nothing. A ratio is
the median over the rounds. The reasoning service is measured as a user meets it, over the engine process.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Final

from platformdirs import user_cache_dir

from benchmarks.models import FIRST_CONTROL, half_billion
from llmlab.domain.generation import Turn
from llmlab.domain.model import ModelSpec
from llmlab.domain.sampling import DEFAULTS
from llmlab.engine.child import ChildEngine
from llmlab.engine.protocol import GenerationRequest
from llmlab.services.generate import stream_samples

SAMPLES: Final = 9
PROMPT: Final = 1_000
TOKENS: Final = 64
WANTED: Final = {"cached": 0.8, "uncached": 0.3}
"""What the votes may cost of the other way, at the most."""


async def drawn(engine: ChildEngine, prompt: Sequence[int], samples: int, seed: int) -> tuple[int, float]:
    """Prompt tokens that were read, and the seconds until every sample of one request has ended.

    Raises:
        ValueError: a sample has another length, so that times would say nothing.
    """
    sampling = replace(DEFAULTS, temperature=1.0, max_tokens=TOKENS, seed=seed)
    request = GenerationRequest(tuple(prompt), sampling, samples)
    turns: tuple[Turn, ...] = ()
    began = time.perf_counter()
    async for turns in stream_samples(engine, (request,), stop=asyncio.Event(), interval=1 / 15):  # noqa: B007
        pass
    seconds = time.perf_counter() - began
    if [turn.generated for turn in turns] != [TOKENS] * samples:
        raise ValueError(f"answers of {[turn.generated for turn in turns]} tokens")
    return sum(turn.usage.prompt - turn.usage.reused for turn in turns if turn.usage), seconds


async def one_after_another(
    engine: ChildEngine, draw: random.Random, prompt: Sequence[int], *, cached: bool
) -> tuple[int, float]:
    """The same as nine requests; without the cache each has a prompt that the engine never saw."""
    read, seconds = 0, 0.0
    for sample in range(SAMPLES):
        tokens = prompt if cached else unseen(draw)
        once, took = await drawn(engine, tokens, 1, seed=1 + sample)
        read, seconds = read + once, seconds + took
    return read, seconds


def unseen(draw: random.Random) -> list[int]:
    """A prompt that was never used before."""
    return [draw.randrange(256, FIRST_CONTROL) for _ in range(PROMPT)]


async def measure(model: Path, threads: int, rounds: int) -> bool:
    """Print what each way takes; False when a goal is missed."""
    draw = random.Random(1)
    ratios: dict[str, list[float]] = {name: [] for name in WANTED}
    with tempfile.TemporaryDirectory() as folder:
        engine = ChildEngine(log=Path(folder) / "engine.log")
        try:
            await engine.load(ModelSpec(name="half", path=str(model), n_ctx=8192, n_threads=threads), lambda _: None)
            await drawn(engine, unseen(draw), 2, seed=1)
            for number in range(rounds):
                together = await drawn(engine, unseen(draw), SAMPLES, seed=1)
                ways = {
                    "cached": await one_after_another(engine, draw, unseen(draw), cached=True),
                    "uncached": await one_after_another(engine, draw, [], cached=False),
                }
                for name, (_, seconds) in ways.items():
                    ratios[name].append(together[1] / seconds)
                told = "   ".join(f"{name}: read {read:,}, {s:.2f} s" for name, (read, s) in ways.items())
                print(f"round {number + 1}: together: read {together[0]:,}, {together[1]:.2f} s   {told}", flush=True)
        finally:
            await engine.close()
    met = True
    for name, wanted in WANTED.items():
        ratio = median(ratios[name])
        met &= ratio <= wanted
        spread = f"[{min(ratios[name]):.2f} .. {max(ratios[name]):.2f}]"
        verdict = "ok" if ratio <= wanted else "HIGH"
        print(f"{SAMPLES} votes together : one after another, {name:<9}{ratio:>6.2f}  {spread}  {verdict} bar {wanted}")
    return met


def main() -> int:
    """Measure and print; 1 when a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--quick", action="store_true", help="one round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--cache", type=Path, default=Path(user_cache_dir("llmlab-benchmarks", appauthor=False)))
    options = parser.parse_args()
    model = half_billion(options.cache, "q4_0")
    return 0 if asyncio.run(measure(model, options.threads, 1 if options.quick else options.rounds)) else 1


if __name__ == "__main__":
    raise SystemExit(main())
