"""An experiment of word problems against the same work sent one by one, and to `llama-server` by a concurrent client.

    python -m benchmarks.throughput [--quick] [--items N] [--rounds N] [--threads N] [--cache DIR] [--programs DIR]

The work: word problems, each asked directly, with steps, with five votes and with four examples, on a model of the
shape of a 0.5B one. llmlab runs it as `llmlab run` does: runner, engine process, store and scorer. The others are given
the very same prompts as tokens, and write as many tokens for each: `Llama.create_completion` of llama-cpp-python call
after call with its prefix cache, arm by arm, which is what suits that cache best; and `llama-server` with eight slots
and eight requests at a time, the votes of a question as one request. Every model is loaded before its time begins.

200 problems are the whole work; a few of them give the same ratio, so the default is a sample, whose size is printed.
Where llama.cpp's programs are not built, the ratio to `llama-server` is not measured, and the last lines say so.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from statistics import median
from typing import Final

from platformdirs import user_cache_dir

from benchmarks.contenders import contender
from benchmarks.models import half_billion
from benchmarks.programs import Programs, built, complete
from llmlab.domain.experiment import Arm, Experiment, Item, ScorerUse
from llmlab.domain.model import ModelSpec
from llmlab.domain.modes import ReasoningUse
from llmlab.domain.recipe import Recipe
from llmlab.domain.run import RunInfo
from llmlab.domain.sampling import Sampling
from llmlab.domain.scorers.texts import Number
from llmlab.domain.shots import ShotUse
from llmlab.engine.child import ChildEngine
from llmlab.library.reasoning_files import ReasoningShelf
from llmlab.library.rendering import render_template
from llmlab.library.shipped import shipped_prompts_folder
from llmlab.library.shot_files import ShotShelf
from llmlab.services.ask import prepare_alone
from llmlab.services.host import EngineHost
from llmlab.services.job import Job, digest_of, votes_of
from llmlab.services.preview import Preparing
from llmlab.services.runner import Runner
from llmlab.services.scorers import Scoring
from llmlab.store.runs import RunStore

WHOLE: Final = 200
"""Problems of the whole work."""
SLOTS: Final = 8
SHORT: Final = 16
"""Tokens of a direct answer."""
LONG: Final = 32
"""Tokens of an answer with steps."""
WANTED: Final = {"Llama, one by one": 1.5, "llama-server, 8 slots": 1.2}
"""How many times faster llmlab is to be, at the least."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One trial as anybody could send it."""

    prompt: tuple[int, ...]
    tokens: int
    """Of each answer."""
    votes: int


def problems(count: int, seed: int) -> tuple[Item, ...]:
    """Word problems."""
    draw = Random(seed)
    items = []
    for place in range(count):
        first, more, less = draw.randint(5, 60), draw.randint(2, 30), draw.randint(1, 5)
        name, thing = draw.choice(("Ann", "Tom", "Mary", "Ben")), draw.choice(("apples", "books", "coins", "pens"))
        question = f"{name} has {first} {thing}. {name} buys {more} more. {name} gives away {less}. "
        question += f"How many {thing} does {name} have now?"
        items.append(Item(id=f"{seed}-{place}", question=question, gold=(str(first + more - less),)))
    return tuple(items)


def experiment(model: Path, threads: int, items: tuple[Item, ...]) -> Experiment:
    """Direct, steps, five votes and four examples."""
    spec = ModelSpec(name="half", path=str(model), n_ctx=8192, n_threads=threads)
    modes, sets = ReasoningShelf([shipped_prompts_folder()]), ShotShelf([shipped_prompts_folder()])
    short, long = Sampling(max_tokens=SHORT), Sampling(max_tokens=LONG, temperature=0.8)
    recipes = {
        "direct": Recipe(model=spec, sampling=short),
        "steps": Recipe(model=spec, sampling=long, reasoning=ReasoningUse(modes.find("steps", "en"))),
        "votes": Recipe(model=spec, sampling=long, reasoning=ReasoningUse(modes.find("votes", "en"), 5)),
        "examples": Recipe(model=spec, sampling=short, shots=ShotUse(sets.find("arithmetic", "en"), k=4)),
    }
    arms = tuple(Arm(name=name, settings={"arm": name}, recipe=recipe, items=items) for name, recipe in recipes.items())
    scorers = (ScorerUse(kind="number", name="number", counts="flexible"),)
    return Experiment(name="throughput", arms=arms, scorers=scorers)


def job_of(work: Experiment) -> Job:
    """The job of one round."""
    info = RunInfo(
        id=digest_of(work, {}, ""), name="throughput", title="", digest="", created=0, updated=0, state="stopped",
        planned=work.size,
    )  # fmt: skip
    return Job(run=info, experiment=work, scoring=Scoring((Number(),)), marks={}, build="")


async def asks_of(host: EngineHost, preparing: Preparing, job: Job) -> list[Ask]:
    """Every trial as tokens, arm by arm."""
    asks: dict[str, list[Ask]] = {}
    for spec in job.loads:
        await host.engine_for(spec)
        for trial in job.trials(spec):
            ready = await preparing.ready(host, trial.recipe, (), trial.question)
            prepared = await prepare_alone(ready, preparing, trial.recipe, trial.question)
            tokens = trial.recipe.sampling.max_tokens or 0
            asks.setdefault(trial.arm.name, []).append(Ask(prepared.prompt.tokens, tokens, votes_of(trial.recipe)))
    return [ask for each in asks.values() for ask in each]


async def run(host: EngineHost, preparing: Preparing, job: Job, folder: Path, wanted: int) -> float:
    """Seconds that the experiment takes.

    Raises:
        ValueError: it wrote another number of tokens than the others will.
    """
    for spec in job.loads:
        await host.engine_for(spec)
    store = RunStore(folder / f"{job.run.id[:8]}.db")
    begun = time.perf_counter()
    async for _ in Runner(host, preparing, store).run(job, asyncio.Event()):
        pass
    seconds = time.perf_counter() - begun
    written = sum(result.generated_tokens for result in store.results(job.run.id))
    store.close()
    if written != wanted:
        raise ValueError(f"llmlab wrote {written} tokens instead of {wanted}")
    return seconds


def one_by_one(model: Path, threads: int, asks: Sequence[Ask]) -> float:
    """Seconds of the same work, call after call."""
    with contender("calls", model, threads) as answer:
        answer(list(asks[0].prompt), 1)
        begun = time.perf_counter()
        for ask in asks:
            for _ in range(ask.votes):
                answer(list(ask.prompt), ask.tokens)
        return time.perf_counter() - begun


def served(programs: Programs, asks: Sequence[Ask]) -> float:
    """Seconds of the same work, eight requests at a time."""
    with programs.server(slots=SLOTS, window=8192, unified=True) as server:
        server.complete(asks[0].prompt, 1)
        begun = time.perf_counter()
        with ThreadPoolExecutor(SLOTS) as crowd:
            wrote = sum(crowd.map(lambda ask: server.complete(ask.prompt, ask.tokens, answers=ask.votes), asks))
        seconds = time.perf_counter() - begun
    if wrote != sum(ask.tokens * ask.votes for ask in asks):
        raise ValueError(f"llama-server wrote {wrote} tokens")
    return seconds


def measure(model: Path, threads: int, count: int, rounds: int, folder: Path | None) -> bool:
    """Print what each way takes; False when a goal is missed."""
    ratios: dict[str, list[float]] = {}
    preparing = Preparing(render_template)
    programs = Programs(folder, model, threads) if folder else None
    print(f"a sample of {count} of {WHOLE} problems x 4 arms, {threads} threads")
    for number in range(rounds):
        job = job_of(experiment(model, threads, problems(count, seed=number + 1)))
        with tempfile.TemporaryDirectory() as work, closing(asyncio.new_event_loop()) as loop:
            host = EngineHost(lambda: ChildEngine(log=Path(work) / "engine.log"))
            asks = loop.run_until_complete(asks_of(host, preparing, job))
            wanted = sum(ask.tokens * ask.votes for ask in asks)
            loop.run_until_complete(host.close())
            ours = loop.run_until_complete(run(host, preparing, job, Path(work), wanted))
            loop.run_until_complete(host.close())
        print(f"round {number + 1}: {wanted:,} tokens   llmlab {ours:.1f} s", end="", flush=True)
        ways: dict[str, Callable[[], float]] = {"Llama, one by one": partial(one_by_one, model, threads, asks)}
        if programs is not None:
            ways["llama-server, 8 slots"] = partial(served, programs, asks)
        for name, way in ways.items():
            seconds = way()
            ratios.setdefault(name, []).append(seconds / ours)
            print(f"   {name} {seconds:.1f} s", end="", flush=True)
        print()
    met = True
    for name in WANTED:
        found = ratios.get(name)
        if found is None:
            print(f"{name:<22} : not measured, since the program is not built")
            continue
        ratio = median(found)
        met &= ratio >= WANTED[name]
        spread = f"[{min(found):.2f} .. {max(found):.2f}]"
        verdict = "ok" if ratio >= WANTED[name] else "LOW"
        print(f"{name:<22} : llmlab {ratio:>6.2f}  {spread}  {verdict} bar {WANTED[name]}")
    return met


def main() -> int:
    """Measure and print; 1 when a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--quick", action="store_true", help="one round of four problems")
    parser.add_argument("--items", type=int, default=16, help=f"problems of a round; {WHOLE} are the whole work")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--cache", type=Path, default=Path(user_cache_dir("llmlab-benchmarks", appauthor=False)))
    parser.add_argument("--programs", type=Path, help="folder of llama.cpp's programs")
    options = parser.parse_args()
    folder = options.programs or (built(options.cache) if complete(built(options.cache)) else None)
    model = half_billion(options.cache, "q4_0")
    items, rounds = (4, 1) if options.quick else (options.items, options.rounds)
    met = measure(model, options.threads, items, rounds, folder)
    if folder is None:
        print(f"Build llama.cpp's programs once with: python -m benchmarks.llamacpp --build --cache {options.cache}")
    return 0 if met else 1


if __name__ == "__main__":
    raise SystemExit(main())
