"""What log-probabilities and grammars cost: decode speed with and without them, on one engine, in turns.

    python -m benchmarks.sampling [--rounds 7] [--tokens 128] [--cache DIR] [--quick]

The model has the shape of a 0.5B model and a vocabulary of 152k tokens, which is what both must walk over. Its answers
are words, so that it agrees with a JSON schema of a text from the second token on, as a real model mostly does. The
speed is that of the engine's own clock.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import psutil
from platformdirs import user_cache_dir

from benchmarks.contenders import N_CTX, Run
from benchmarks.engine import Row, compare
from benchmarks.models import half_billion
from llmlab.domain.generation import Failed, Finished, Piece
from llmlab.domain.model import ModelSpec
from llmlab.domain.sampling import DEFAULTS, Sampling
from llmlab.engine.child import ChildEngine
from llmlab.engine.protocol import GenerationRequest

PROMPT: Final = tuple(range(1000, 1064))
WARM: Final = Sampling(seed=1).over(DEFAULTS)
GREEDY: Final = Sampling(seed=1, temperature=0.0).over(DEFAULTS)

CONTENDERS: Final[dict[str, dict[str, Any]]] = {
    "plain": {"sampling": WARM},
    "top 20": {"sampling": WARM, "logprobs": 20},
    "schema": {"sampling": WARM, "schema": '{"type": "string"}'},
    "greedy": {"sampling": GREEDY},
    "greedy, top 20": {"sampling": GREEDY, "logprobs": 20},
}
"""What is asked for."""

BARS: Final = (
    ("top-20 log-probabilities / none", "top 20", "plain", 0.95),
    ("JSON schema that the model agrees with / none", "schema", "plain", 0.95),
    ("greedy: top-20 log-probabilities / none", "greedy, top 20", "greedy", 0.95),
)


async def answer(engine: ChildEngine, request: GenerationRequest) -> Run:
    """One answer, by the engine's clock.

    Raises:
        RuntimeError: it failed, or not every token was told about.
    """
    info = 0
    async for event in engine.generate(request):
        match event:
            case Piece(info=told):
                info += len(told)
            case Failed(what=what):
                raise RuntimeError(what)
            case Finished(usage=usage, timing=timing):
                if request.logprobs is not None and info < usage.generated:
                    raise RuntimeError(f"{info} of {usage.generated} tokens were told about")
                return Run(timing.first_token_s, timing.decode_s, usage.generated)
    raise RuntimeError("the answer did not end")


async def race(model: Path, rounds: int, tokens: int) -> dict[str, list[Run]]:
    """The runs of each contender; who is first changes from round to round."""
    runs: dict[str, list[Run]] = {name: [] for name in CONTENDERS}
    threads = psutil.cpu_count(logical=False) or 1
    with tempfile.TemporaryDirectory() as folder:
        engine = ChildEngine(log=Path(folder) / "engine.log")
        try:
            await engine.load(ModelSpec(name="half", path=str(model), n_ctx=N_CTX, n_threads=threads), lambda _: None)
            names = list(CONTENDERS)
            for turn in range(-1, rounds):
                for name in names[turn % len(names) :] + names[: turn % len(names)]:
                    wish = CONTENDERS[name]
                    sampling = Sampling(max_tokens=tokens).over(wish["sampling"])
                    run = await answer(engine, GenerationRequest(PROMPT, **{**wish, "sampling": sampling}))
                    if turn >= 0:  # the first round warms up
                        runs[name].append(run)
        finally:
            await engine.close()
    return runs


def main() -> int:
    """Measure and print; 1 when a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--tokens", type=int, default=128, help="length of an answer")
    parser.add_argument("--cache", type=Path, default=Path(user_cache_dir("llmlab-benchmarks", appauthor=False)))
    parser.add_argument("--quick", action="store_true", help="three rounds, only to see that it works")
    options = parser.parse_args()
    rounds = 3 if options.quick else options.rounds
    runs = asyncio.run(race(half_billion(options.cache, "q4_0"), rounds, options.tokens))
    rows: list[Row] = [
        compare(name, runs, lambda run: run.speed, ours, theirs, bar) for name, ours, theirs, bar in BARS
    ]
    for row in rows:
        print(row)
    return 0 if all(row.bar is None or row.ratio >= row.bar for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
