"""What the engine remembers: a second turn, and a chat after a restart: `python -m benchmarks.memory [--quick]`.

Each round has a prefix of 4,000 tokens that was never used before. A second turn is compared with a bare loop on the
same bindings that evaluates the same new tokens after the same prefix; a restart with reading the prefix in this round.
What attention to the prefix costs, which nobody can save, is told apart: the same tokens by the bare loop from empty.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np
import psutil
from platformdirs import user_cache_dir

from benchmarks.engine import Row
from benchmarks.models import FIRST_CONTROL, half_billion
from llmlab.domain.generation import Failed, Finished, Piece
from llmlab.domain.model import ModelSpec
from llmlab.domain.sampling import DEFAULTS
from llmlab.engine.child import ChildEngine
from llmlab.engine.protocol import GenerationRequest

PREFIX: Final = 4000
NEW: Final = 64
"""Tokens of a turn."""
TURNS: Final = 5
N_CTX: Final = 5120
SECOND_TURN: Final = 1.1
"""A second turn may take this many times the evaluation of its new tokens."""
RESTART: Final = 0.02
"""After a restart the first token may take this share of reading the prefix."""
CHUNK: Final = 512
PARTS: Final = ("turns", "restart", "deterministic")
"""A second turn, a restart with what the disk holds, the cost of the deterministic mode."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One request, timed where it is received."""

    first_s: float
    """From the request to the first token."""
    whole_s: float
    """From the request to the end of the last answer."""
    inside_s: float
    """Of `first_s`, what the engine's process spent computing."""
    reused: int
    ids: tuple[int, ...]


async def ask(engine: ChildEngine, tokens: tuple[int, ...], count: int = 2, samples: int = 1) -> Turn:
    """Answers of `count` tokens; the greedy one where there is but one sample."""
    sampling = replace(DEFAULTS, temperature=0.0 if samples == 1 else 1.0, max_tokens=count, seed=1)
    begun, first, turn = time.perf_counter(), 0.0, None
    async for event in engine.generate(GenerationRequest(tokens, sampling, samples)):
        if isinstance(event, Piece):
            first = first or time.perf_counter() - begun
        elif isinstance(event, Finished):
            whole = time.perf_counter() - begun
            turn = Turn(first, whole, event.timing.prefill_s, event.usage.reused, event.ids)
        elif isinstance(event, Failed):
            raise RuntimeError(event.what)
    if turn is None:
        raise RuntimeError("the stream ended without a word")
    return turn


class Bare:
    """The shortest loop: evaluates tokens after those that it has, and draws the likeliest next one."""

    def __init__(self, model: Path, threads: int) -> None:
        from llama_cpp import llama_cpp as api

        self._silence = api.llama_log_callback(lambda *_: None)
        api.llama_log_set(self._silence, ctypes.c_void_p(0))
        self._api: Any = api
        self._model = api.llama_model_load_from_file(str(model).encode(), api.llama_model_default_params())
        params = api.llama_context_default_params()
        params.n_ctx, params.n_threads, params.n_threads_batch = N_CTX, threads, threads
        self._context = api.llama_init_from_model(self._model, params)
        self._sampler = api.llama_sampler_init_greedy()
        self._batch = api.llama_batch_init(CHUNK, 0, 1)
        fields = (self._batch.token, self._batch.pos, self._batch.logits)
        self._token, self._position, self._wanted = (np.ctypeslib.as_array(field, (CHUNK,)) for field in fields)
        for index in range(CHUNK):
            self._batch.n_seq_id[index] = 1
            self._batch.seq_id[index][0] = 0
        self._length = 0

    def close(self) -> None:
        """Free everything."""
        self._api.llama_batch_free(self._batch)
        self._api.llama_sampler_free(self._sampler)
        self._api.llama_free(self._context)
        self._api.llama_model_free(self._model)

    def clear(self) -> None:
        """Begin anew."""
        self._api.llama_memory_clear(self._api.llama_get_memory(self._context), False)
        self._length = 0

    def evaluate(self, tokens: tuple[int, ...]) -> float:
        """Seconds until the token after `tokens` is drawn."""
        begun = time.perf_counter()
        for start in range(0, len(tokens), CHUNK):
            part = tokens[start : start + CHUNK]
            self._token[: len(part)] = part
            self._position[: len(part)] = range(self._length, self._length + len(part))
            self._wanted[: len(part)] = 0
            self._wanted[len(part) - 1] = 1
            self._batch.n_tokens = len(part)
            if self._api.llama_decode(self._context, self._batch):
                raise RuntimeError("llama.cpp could not decode")
            self._length += len(part)
        self._api.llama_sampler_sample(self._sampler, self._context, -1)
        return time.perf_counter() - begun


class Course:
    """The rounds on one model."""

    def __init__(self, model: Path, threads: int, folder: Path) -> None:
        self._model, self._threads = model, threads
        self._spec = ModelSpec(name="benchmark", path=str(model), n_ctx=N_CTX, n_threads=threads)
        self._folder = folder
        self._random = random.Random(3)
        self.turns: list[float] = []
        self.depths: list[float] = []
        self.outsides: list[float] = []
        self.details: list[str] = []
        self.restarts: list[float] = []
        self.costs: list[tuple[float, ...]] = []

    def _new(self, count: int) -> tuple[int, ...]:
        return tuple(self._random.randrange(256, FIRST_CONTROL) for _ in range(count))

    async def _with_engine(self, work: Callable[[ChildEngine], Any], **settings: Any) -> Any:
        engine = ChildEngine(log=self._folder / "engine.log", snapshots=self._folder / "snapshots")
        await engine.load(replace(self._spec, **settings), lambda _share: None)
        try:
            # The first computation of a process is slower than all others.
            await ask(engine, self._new(NEW))
            return await work(engine)
        finally:
            await engine.close()

    async def turns_after_a_prefix(self) -> None:
        """Read a prefix, then take turns with a bare loop; who goes first alternates."""
        prefix = self._new(PREFIX)
        # A process or context may be lucky with its pages for as long as it lives: each round has its own.
        with closing(Bare(self._model, self._threads)) as bare:

            async def talk(engine: ChildEngine) -> None:
                read = await ask(engine, prefix)
                empty = bare.evaluate(self._new(NEW + 1))
                bare.clear()
                bare.evaluate((*prefix, *read.ids[:-1]))
                said = (*prefix, *read.ids)
                for number in range(TURNS):
                    new = self._new(NEW)
                    # The last token of the answer before was drawn and not evaluated yet, on both sides.
                    early = bare.evaluate((said[-1], *new)) if number % 2 else 0.0
                    turn = await ask(engine, (*said, *new))
                    alone = early or bare.evaluate((said[-1], *new))
                    bare.evaluate(turn.ids[:-1])
                    if turn.reused != len(said) - 1:
                        raise RuntimeError(f"{turn.reused} of {len(said) - 1} tokens were reused")
                    self.turns.append(turn.first_s / alone)
                    self.depths.append(alone / empty)
                    self.outsides.append((turn.first_s - turn.inside_s) / alone)
                    said = (*said, *new, *turn.ids)

            await self._with_engine(talk)

    async def restart(self) -> None:
        """Read a prefix, end, start again and go on."""
        prefix = self._new(PREFIX)

        async def read_it(engine: ChildEngine) -> tuple[Turn, Turn]:
            return await ask(engine, prefix), await ask(engine, prefix)

        read, cached = await self._with_engine(read_it)
        again, _ = await self._with_engine(read_it)
        if again.reused != PREFIX - 1:
            raise RuntimeError(f"after the restart {again.reused} of {PREFIX - 1} tokens were reused")
        # Not that of `read`: it computed the last token of the prompt together with others, which may round otherwise.
        if again.ids != cached.ids:
            raise RuntimeError("after the restart the answer was another one than from the cache before it")
        self.restarts.append(again.first_s / read.first_s)
        self.details.append(f"{read.first_s:.2f} s, then {again.first_s * 1000:.0f} ms")

    async def deterministic(self) -> None:
        """What the deterministic mode costs: reading, writing one answer, writing eight."""
        prompt, other = self._new(1000), self._new(200)

        async def work(engine: ChildEngine) -> tuple[float, float, float]:
            one = await ask(engine, prompt, 64)
            eight = await ask(engine, other, 64, samples=8)
            return one.first_s, one.whole_s - one.first_s, eight.whole_s

        fast = await self._with_engine(work)
        exact = await self._with_engine(work, deterministic=True)
        self.costs.append(tuple(theirs / ours for ours, theirs in zip(fast, exact, strict=True)))


def main() -> int:
    """Measure and print the table; 1 when a goal is missed."""
    parser = argparse.ArgumentParser(description="what the engine remembers, within one process and after a restart")
    parser.add_argument("--quick", action="store_true", help="one round")
    parser.add_argument("--rounds", type=int, help="prefixes that are read (3; 1 when quick)")
    parser.add_argument("--only", choices=PARTS, action="append", help="a part; may be repeated")
    parser.add_argument("--threads", type=int, default=psutil.cpu_count(logical=False) or 1)
    parser.add_argument("--cache", type=Path, default=Path(user_cache_dir("llmlab", appauthor=False)) / "benchmarks")
    options = parser.parse_args()
    model = half_billion(options.cache, "q4_0")
    parts = options.only or PARTS
    with tempfile.TemporaryDirectory() as folder:
        course = Course(model, options.threads, Path(folder))
        work = {"turns": course.turns_after_a_prefix, "restart": course.restart, "deterministic": course.deterministic}
        for _ in range(options.rounds or (1 if options.quick else 3)):
            for part in parts:
                asyncio.run(work[part]())
    missed = [report(course, part) for part in parts]
    return int(any(missed))


def report(course: Course, part: str) -> bool:
    """Print the rows of `part`; whether its goal was missed."""
    if part == "turns":
        name = f"{NEW} tokens after {PREFIX:,}"
        print(row(f"{name}, the bare loop : the same from empty", course.depths))
        print(row(f"{name}, spent outside of computing : the bare loop", course.outsides))
        return limited(row(f"{name}, second turn : the bare loop", course.turns), SECOND_TURN)
    if part == "restart":
        found = row("first token after a restart : reading it", course.restarts, "; ".join(course.details))
        return limited(found, RESTART)
    for name, costs in zip(
        ("reading 1,000 tokens", "writing one answer", "eight samples"), zip(*course.costs, strict=True), strict=True
    ):
        print(row(f"deterministic : fast, seconds, {name}", costs))
    return False


def row(name: str, found: Sequence[float], detail: str = "") -> Row:
    """The median of what was found."""
    return Row(name, median(found), min(found), max(found), None, detail)


def limited(found: Row, most: float) -> bool:
    """Print a row whose ratio should be `most` at most; whether it is more."""
    print(f"{found}  {'ok ' if found.ratio <= most else 'HIGH'} at most {most:g}", flush=True)
    return found.ratio > most


if __name__ == "__main__":
    sys.exit(main())
