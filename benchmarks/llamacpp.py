"""The engine against llama.cpp's own programs: `python -m benchmarks.llamacpp [--quick]` prints ratios.

The programs are built from the sources of the installed llama-cpp-python, once, when `--build` is given; `--programs`
takes them from a folder that has them. All contenders run the same generated model with the same threads, in turns.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final

import psutil
from platformdirs import user_cache_dir

from benchmarks.contenders import Answerer, contender
from benchmarks.engine import Row
from benchmarks.models import FIRST_CONTROL, half_billion
from benchmarks.programs import Programs, build, built, complete
from llmlab.domain.generation import Failed, Finished, Piece
from llmlab.domain.model import ModelSpec
from llmlab.domain.sampling import DEFAULTS
from llmlab.engine.child import ChildEngine
from llmlab.engine.protocol import GenerationRequest

PARTS: Final = ("decode", "long", "prefill", "eight", "crowd")
"""One stream: 128 tokens, 2,048 tokens, prompts; eight samples of a prompt; 64 requests at once."""
PREFIX, WRITE, SAMPLES = 512, 128, 8
"""Eight samples of 128 tokens on a prefix of 512."""
CROWD, SHARED, OWN, SHORT = 64, 1024, 32, 32
"""64 requests of 1,024 tokens that all share and 32 of their own, 32 written."""


@dataclass(frozen=True, slots=True)
class Timed:
    """What a run took, in seconds."""

    total: float
    """From the request to the last token."""
    first: float
    """To the first token of all."""
    written: int

    @property
    def speed(self) -> float:
        """Tokens a second after the first of each answer."""
        return self.written / (self.total - self.first)


class Lab:
    """llmlab's engine as its services use it; one engine a measurement, with nothing in its cache."""

    def __init__(self, model: Path, threads: int, n_ctx: int) -> None:
        self._spec = ModelSpec(name="benchmark", path=str(model), n_ctx=n_ctx, n_threads=threads, n_gpu_layers=0)

    def run(self, work: Callable[[ChildEngine], Awaitable[list[Timed]]]) -> list[Timed]:
        """What `work`, a coroutine function, measures on a fresh engine."""

        async def on_engine() -> list[Timed]:
            with tempfile.TemporaryDirectory() as folder:
                engine = ChildEngine(log=Path(folder) / "engine.log")
                await engine.load(self._spec, lambda _share: None)
                try:
                    await answer(engine, range(300, 332), 4)  # nobody is measured cold
                    return await work(engine)
                finally:
                    await engine.close()

        return asyncio.run(on_engine())


async def answer(engine: ChildEngine, prompt: Sequence[int], count: int, samples: int = 1, seed: int = 1) -> Timed:
    """Answers of `count` tokens each to one prompt."""
    sampling = replace(DEFAULTS, max_tokens=count, seed=seed)
    first, written = 0.0, 0
    begun = time.perf_counter()
    async for event in engine.generate(GenerationRequest(tuple(prompt), sampling, samples)):
        match event:
            case Piece():
                first = first or time.perf_counter() - begun
            case Finished():
                written += event.usage.generated
            case Failed():
                raise RuntimeError(event.what)
            case _:
                continue
    if written != count * samples:
        raise RuntimeError(f"llmlab wrote {written} tokens")
    return Timed(time.perf_counter() - begun, first, written - samples)


class Race:
    """Rounds in which contenders take turns, and the rows that come of them."""

    def __init__(self, programs: Programs, rounds: int) -> None:
        self.programs, self.rounds = programs, rounds
        self._random = random.Random(1)

    def prompt(self, length: int) -> list[int]:
        """A prompt that was never used before."""
        return [self._random.randrange(256, FIRST_CONTROL) for _ in range(length)]

    def take_turns(self, contenders: dict[str, Callable[[], float]]) -> dict[str, list[float]]:
        """What each contender measured, round by round; nobody is always the first."""
        names = list(contenders)
        measured: dict[str, list[float]] = {name: [] for name in names}
        for turn in range(self.rounds):
            for name in names[turn % len(names) :] + names[: turn % len(names)]:
                measured[name].append(contenders[name]())
        return measured


def ratio(name: str, ours: Sequence[float], theirs: Sequence[float], bar: float | None, unit: str) -> Row:
    """How many times better we are, round by round; `unit` is tokens/s, or s, of which less is better."""
    better = [b / a if unit == "s" else a / b for a, b in zip(ours, theirs, strict=True)]
    detail = f"{median(ours):.1f} : {median(theirs):.1f} {unit}"
    return Row(name, median(better), min(better), max(better), bar, detail)


def decode(race: Race, count: int) -> list[Row]:
    """One answer of `count` tokens against llama-bench."""
    lab = Lab(race.programs.model, race.programs.threads, 4096)

    async def write(engine: ChildEngine) -> list[Timed]:
        return [await answer(engine, race.prompt(2), count)]

    speeds = race.take_turns(
        {"lab": lambda: lab.run(write)[0].speed, "bench": lambda: race.programs.bench(write=count)}
    )
    return [ratio(f"decode {count:,}, llmlab : llama-bench", speeds["lab"], speeds["bench"], 0.97, "tokens/s")]


def prefill(race: Race, *lengths: int) -> list[Row]:
    """Prompts of these lengths against llama-bench."""
    lab = Lab(race.programs.model, race.programs.threads, 4096)
    return [_prefill(race, lab, length) for length in lengths]


def _prefill(race: Race, lab: Lab, length: int) -> Row:
    async def read(engine: ChildEngine) -> list[Timed]:
        return [await answer(engine, race.prompt(length), 1)]

    speeds = race.take_turns(
        {"lab": lambda: length / lab.run(read)[0].total, "bench": lambda: race.programs.bench(read=length)}
    )
    return ratio(f"prefill {length:,}, llmlab : llama-bench", speeds["lab"], speeds["bench"], 0.97, "tokens/s")


def eight_samples(race: Race) -> list[Row]:
    """Eight samples of one prompt, together, against every other way to get them."""
    programs = race.programs
    lab = Lab(programs.model, programs.threads, 4096)
    decode: dict[str, list[float]] = {"lab": [], "batched": []}

    async def together(engine: ChildEngine) -> list[Timed]:
        return [await answer(engine, race.prompt(PREFIX), WRITE, SAMPLES)]

    async def one_by_one(engine: ChildEngine) -> list[Timed]:
        prompt = race.prompt(PREFIX)
        return [await answer(engine, prompt, WRITE, seed=seed) for seed in range(1, SAMPLES + 1)]

    def at_once() -> float:
        timed = lab.run(together)[0]
        decode["lab"].append(timed.speed)
        return timed.total

    def batched() -> float:
        total, speed = programs.batched(prefix=PREFIX, write=WRITE, sequences=SAMPLES)
        decode["batched"].append(speed)
        return total

    def served() -> float:
        with programs.server(slots=SAMPLES, window=4096, unified=True) as server:
            server.complete(race.prompt(32), 4)
            begun = time.perf_counter()
            server.complete(race.prompt(PREFIX), WRITE, answers=SAMPLES)
            return time.perf_counter() - begun

    with ExitStack() as stack:
        cached, uncached = (
            stack.enter_context(contender(kind, programs.model, programs.threads))
            for kind in ("calls", "calls, nothing cached")
        )

        def calls(llama: Answerer) -> float:
            prompt = race.prompt(PREFIX)
            begun = time.perf_counter()
            for _ in range(SAMPLES):
                llama(prompt, WRITE)
            return time.perf_counter() - begun

        seconds = race.take_turns(
            {
                "lab": at_once,
                "batched": batched,
                "in turn": lambda: sum(timed.total for timed in lab.run(one_by_one)),
                "calls": partial(calls, cached),
                "uncached": partial(calls, uncached),
                "server": served,
            }
        )
    return _rows_of_eight(seconds, decode)


def _rows_of_eight(seconds: dict[str, list[float]], decode: dict[str, list[float]]) -> list[Row]:
    """The rows of `eight_samples`, from seconds in all and tokens written a second by contender."""
    name = "8 x 128 on 512 shared, llmlab :"
    ours = seconds["lab"]
    return [
        ratio(f"{name} llama-batched-bench -pps, decode", decode["lab"], decode["batched"], 0.97, "tokens/s"),
        ratio(f"{name} llama-batched-bench -pps, all", ours, seconds["batched"], None, "s"),
        ratio(f"{name} llmlab one after another, cached", ours, seconds["in turn"], None, "s"),
        ratio(f"{name} 8 Llama calls", ours, seconds["calls"], 2.0, "s"),
        # How far llama.cpp's own program comes ahead of them: steps of eight rows cost what they cost.
        ratio("8 x 128 on 512 shared, batched-bench : 8 Llama calls", seconds["batched"], seconds["calls"], None, "s"),
        ratio(f"{name} 8 Llama calls that each read the prompt", ours, seconds["uncached"], None, "s"),
        ratio(f"{name} llama-server, n_cmpl 8", ours, seconds["server"], 1.0, "s"),
    ]


def crowd(race: Race) -> list[Row]:
    """64 short requests that share a long beginning, all at once, both sides cold."""
    programs = race.programs
    # llama-server's best: one memory for all slots, with room for each slot to hold the prefix for itself.
    window = SAMPLES * (SHARED + OWN + SHORT)
    lab = Lab(programs.model, programs.threads, window)

    def prompts() -> list[list[int]]:
        shared = race.prompt(SHARED)
        return [shared + race.prompt(OWN) for _ in range(CROWD)]

    async def ask_all(engine: ChildEngine) -> list[Timed]:
        begun = time.perf_counter()
        done = await asyncio.gather(*(answer(engine, prompt, SHORT) for prompt in prompts()))
        return [Timed(time.perf_counter() - begun, min(timed.first for timed in done), CROWD * SHORT)]

    def served() -> float:
        with programs.server(slots=SAMPLES, window=window, unified=True) as server:
            server.complete(race.prompt(32), 4)
            return server.together(prompts(), SHORT)

    seconds = race.take_turns({"lab": lambda: lab.run(ask_all)[0].total, "server": served})
    name = f"{CROWD} requests, {SHARED:,} + {OWN} read, {SHORT} written, llmlab : llama-server"
    return [ratio(name, seconds["lab"], seconds["server"], 2.0, "s")]


def main() -> int:
    """Measure and print the table; 1 when a goal is missed."""
    parser = argparse.ArgumentParser(description="llmlab's engine against llama.cpp's own programs")
    parser.add_argument("--quick", action="store_true", help="short answers only, one round")
    parser.add_argument("--rounds", type=int, help="rounds of each race (3; 1 when quick)")
    parser.add_argument("--threads", type=int, default=psutil.cpu_count(logical=False) or 1)
    parser.add_argument("--only", choices=PARTS, action="append", help="a part; may be repeated")
    parser.add_argument("--programs", type=Path, help="folder that holds llama.cpp's programs")
    parser.add_argument("--build", action="store_true", help="build them if need be; needs cmake and the network, once")
    parser.add_argument("--cache", type=Path, default=Path(user_cache_dir("llmlab", appauthor=False)) / "benchmarks")
    options = parser.parse_args()
    folder = options.programs or (build(options.cache) if options.build else built(options.cache))
    if not complete(folder):
        print(f"llama.cpp's programs are not in {folder}: skipped.")
        print("Build them once, about 15 minutes: python -m benchmarks.llamacpp --build")
        return 2 if options.programs else 0
    rounds = options.rounds or (1 if options.quick else 3)
    print(f"{options.threads} threads, {rounds} rounds, load of the machine before: {psutil.getloadavg()[0]:.1f}")
    race = Race(Programs(folder, half_billion(options.cache, "q4_0"), options.threads), rounds)
    parts: dict[str, Callable[[], list[Row]]] = {
        "decode": lambda: decode(race, 128),
        "long": lambda: decode(race, 2048),
        "prefill": lambda: prefill(race, *((512,) if options.quick else (512, 2048))),
        "eight": lambda: eight_samples(race),
        "crowd": lambda: crowd(race),
    }
    missed = False
    for part in options.only or [part for part in PARTS if not (options.quick and part == "long")]:
        for row in parts[part]():
            print(row, flush=True)
            missed |= row.bar is not None and row.ratio < row.bar
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
