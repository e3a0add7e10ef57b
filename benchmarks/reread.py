"""Asking about a document again: in the same process, and after a restart, against the first time.

    python -m benchmarks.reread [--tokens 4000] [--rounds N] [--cache DIR]

A 0.5B-shaped model reads a document whole and answers a question; then another one; then the engine ends, a new one
starts, and answers a third. Times run from the question to the first token of its answer, with everything but loading
the model: finding the passages, rendering, counting, restoring the state from disk.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from platformdirs import user_cache_dir

from benchmarks.models import half_billion
from llmlab.domain.document import Document, digest_of
from llmlab.domain.model import ModelSpec
from llmlab.domain.reading import ReadingUse
from llmlab.domain.recipe import Recipe
from llmlab.domain.sampling import Sampling
from llmlab.engine.child import ChildEngine
from llmlab.library.rendering import render_template
from llmlab.services.ask import ask
from llmlab.services.host import EngineHost
from llmlab.services.preview import Preparing
from llmlab.services.reading import Reader, ref_of
from llmlab.services.ready import ready_engine

RESTARTED: Final = 0.08
"""What the first token after a restart may take of the cold time, at the most."""
QUESTION: Final = 64
"""Tokens that a further question may read, at the most."""


@dataclass(frozen=True)
class Asked:
    """One question."""

    seconds: float
    """Until the first token of the answer."""
    read: int
    """Tokens that were evaluated."""
    prompt: int


class Desk:
    """An engine and a reader that know nothing but what lies in the folder."""

    def __init__(self, folder: Path, model: Path, document: Document, tokens: int) -> None:
        self.host = EngineHost(lambda: ChildEngine(log=folder / "engine.log", snapshots=folder / "snapshots"))
        self.reader = Reader(lambda _path: document, lambda _digest: document, lambda _spec, wanted: wanted)
        self.recipe = Recipe(
            model=ModelSpec(name="half", path=str(model), n_ctx=tokens + 1024),
            reading=ReadingUse(documents=(ref_of(document),), way="whole"),
            sampling=Sampling(temperature=0.0, seed=1, max_tokens=8),
        )

    async def ask(self, question: str) -> Asked:
        """One question, the model loaded before."""
        await ready_engine(self.host, self.recipe)
        began, first = time.perf_counter(), 0.0
        answers = ask(self.host, Preparing(render_template, self.reader), self.recipe, question, asyncio.Event())
        async with aclosing(answers):
            async for said in answers:
                if not first and said.turn.generated:
                    first = time.perf_counter() - began
        usage = said.turn.usage
        assert usage is not None
        return Asked(first, usage.prompt - usage.reused, usage.prompt)

    async def close(self) -> None:
        """End the engine: what it read is saved."""
        await self.reader.close()
        await self.host.close()


async def document_of(model: Path, folder: Path, tokens: int, seed: int) -> Document:
    """A text of random letters with `tokens` tokens."""
    draw = random.Random(seed)
    host = EngineHost(lambda: ChildEngine(log=folder / "engine.log"))
    engine, _ = await host.engine_for(ModelSpec(name="half", path=str(model), n_ctx=512))
    try:
        words: list[str] = []
        while sum(await engine.count([" ".join(words)])) < tokens:
            words += ["".join(draw.choices("etaoinshrdlu", k=6)) + draw.choice((".", ",", "")) for _ in range(50)]
    finally:
        await host.close()
    text = " ".join(words)
    return Document(name="letters.txt", path="", kind="text", text=text, digest=digest_of(text))


async def measure(model: Path, tokens: int, seed: int) -> tuple[Asked, Asked, Asked]:
    """The cold question, a further one, and one after a restart."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        document = await document_of(model, folder, tokens, seed)
        desk = Desk(folder, model, document, tokens)
        try:
            cold, warm = await desk.ask("What is the first word?"), await desk.ask("And what is the last one?")
        finally:
            await desk.close()
        desk = Desk(folder, model, document, tokens)
        try:
            return cold, warm, await desk.ask("How many words begin with e?")
        finally:
            await desk.close()


def main() -> int:
    """Measure and judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--cache", type=Path, default=Path(user_cache_dir("llmlab-benchmarks")))
    options = parser.parse_args()
    model = half_billion(options.cache, "q4_0")
    shares: dict[str, list[float]] = {"again": [], "restarted": []}
    most = 0
    for seed in range(options.rounds):
        cold, warm, restarted = asyncio.run(measure(model, options.tokens, seed))
        for name, asked in (("cold", cold), ("again", warm), ("restarted", restarted)):
            share = asked.seconds / cold.seconds
            if name != "cold":
                shares[name].append(share)
                most = max(most, asked.read)
            print(
                f"{name:10} first token {asked.seconds:8.3f} s  {share:7.2%}   {asked.read:,} of {asked.prompt:,} read",
                flush=True,
            )
    verdicts = {
        f"a further question reads {most} tokens at the most (goal {QUESTION})": most <= QUESTION,
        f"after a restart {median(shares['restarted']):.2%} of the cold time (goal {RESTARTED:.0%})": median(
            shares["restarted"]
        )
        <= RESTARTED,
    }
    for text, good in verdicts.items():
        print(("ok   " if good else "MISS ") + text)
    return 0 if all(verdicts.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
