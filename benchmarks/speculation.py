"""What guessing ahead gains and costs: decode speed with prompt lookup and with a draft model, against neither.

    python -m benchmarks.speculation [--rounds 5] [--tokens 256] [--threads N] [--cache DIR] [--quick]

The model has the shape of a 0.5B model and computes as much, but is built to say one token after another in a known
order, so that it really copies: a random one repeats nothing, and no small one copies well. What it is asked to copy
decides how good the guesses are. All answers are greedy and must be the same, token by token, as without guesses.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import psutil
from platformdirs import user_cache_dir

from benchmarks.contenders import Run
from benchmarks.engine import Row, compare
from benchmarks.models import FIRST_CONTROL, FIRST_WORD, SMALL, following, successor
from llmlab.domain.generation import Failed, Finished
from llmlab.domain.model import ModelSpec
from llmlab.domain.sampling import DEFAULTS, Sampling
from llmlab.engine.child import ChildEngine
from llmlab.engine.protocol import GenerationRequest

PASSAGE: Final = 400
"""Tokens of the passage that a prompt holds; an answer is shorter."""


def chain(start: int, count: int) -> list[int]:
    """What the model says after the token before `start`."""
    said = [start]
    while len(said) < count:
        said.append(following(said[-1]))
    return said


def copied(start: int, _draw: random.Random) -> list[int]:
    """The answer word for word, and its beginning once more."""
    passage = chain(start, PASSAGE)
    return [*passage, FIRST_WORD, *passage[:2]]


def corrected(start: int, draw: random.Random) -> list[int]:
    """The same with every twentieth token another one: the answer corrects it."""
    passage = copied(start, draw)
    return [draw.randrange(FIRST_WORD, FIRST_CONTROL) if place % 20 == 10 else t for place, t in enumerate(passage)]


def misleading(start: int, draw: random.Random) -> list[int]:
    """Each two tokens of the answer, followed by another one than in the answer."""
    passage = chain(start, PASSAGE)
    places = list(range(PASSAGE - 1))
    draw.shuffle(places)
    pairs = ((*passage[place : place + 2], draw.randrange(FIRST_WORD, FIRST_CONTROL)) for place in places)
    return [*(token for pair in pairs for token in pair), FIRST_WORD, *passage[:2]]


def unknown(start: int, draw: random.Random) -> list[int]:
    """Nothing of the answer but its first tokens."""
    passage = [draw.randrange(FIRST_WORD, FIRST_CONTROL) for _ in range(PASSAGE)]
    return [*passage, *chain(start, 2)]


TEXTS: Final[dict[str, Callable[[int, random.Random], list[int]]]] = {
    "copies a passage": copied,
    "corrects a passage": corrected,
    "says what the prompt misleads about": misleading,
    "says something new": unknown,
}
"""What an answer is, by the prompt that leads to it."""

BARS: Final = (
    ("lookup", "copies a passage", 1.2),
    ("lookup", "corrects a passage", 0.95),
    ("lookup", "says what the prompt misleads about", 0.95),
    ("lookup", "says something new", 0.95),
    ("draft, right 7 of 8 times", "says something new", 0.95),
    ("draft, never right", "says something new", 0.95),
    ("lookup and draft", "copies a passage", 1.2),
    ("lookup and draft", "corrects a passage", 0.95),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, and what was guessed for it."""

    ids: tuple[int, ...]
    run: Run
    drafted: int
    accepted: int


async def ask(engine: ChildEngine, prompt: list[int], tokens: int) -> Answer:
    """One greedy answer, by the engine's clock.

    Raises:
        RuntimeError: it failed.
    """
    sampling = Sampling(seed=1, temperature=0.0, max_tokens=tokens).over(DEFAULTS)
    async for event in engine.generate(GenerationRequest(tuple(prompt), sampling)):
        match event:
            case Failed(what=what):
                raise RuntimeError(what)
            case Finished(usage=usage, timing=timing, ids=ids):
                run = Run(timing.first_token_s, timing.decode_s, usage.generated)
                return Answer(ids, run, timing.drafted, timing.accepted)
    raise RuntimeError("the answer did not end")


async def turn(spec: ModelSpec, prompts: dict[str, list[int]], tokens: int) -> dict[str, Answer]:
    """The answers of a new engine to all prompts, after a short one that warms it up."""
    with tempfile.TemporaryDirectory() as folder:
        engine = ChildEngine(log=Path(folder) / "engine.log")
        try:
            await engine.load(spec, lambda _: None)
            await ask(engine, unknown(FIRST_WORD, random.Random(0)), 16)
            return {text: await ask(engine, prompt, tokens) for text, prompt in prompts.items()}
        finally:
            await engine.close()


def contenders(folder: Path, threads: int) -> dict[str, ModelSpec]:
    """The ways to write, each with the model it needs."""
    plain = ModelSpec(name="plain", path=str(successor(folder)), n_ctx=4096, n_threads=threads)
    good, bad = str(successor(folder, SMALL, slips=8)), str(successor(folder, SMALL, slips=1))
    return {
        "plain": plain,
        "lookup": replace(plain, speculate="lookup"),
        "draft, right 7 of 8 times": replace(plain, draft=good),
        "draft, never right": replace(plain, draft=bad),
        "lookup and draft": replace(plain, speculate="lookup", draft=good),
    }


def race(folder: Path, threads: int, rounds: int, tokens: int) -> list[Row]:
    """A row for each bar.

    Raises:
        RuntimeError: an answer with guesses is another one than without.
    """
    draw = random.Random(3)
    ways = contenders(folder, threads)
    measured = {(way, text) for way, text, _ in BARS}
    answers: dict[tuple[str, str], list[Answer]] = {
        (way, text): [] for way in ways for text in TEXTS if way == "plain" or (way, text) in measured
    }
    for number in range(rounds):
        prompts = {text: make(draw.randrange(1000, 100_000), draw) for text, make in TEXTS.items()}
        names, texts = list(ways), list(prompts)
        order = {text: prompts[text] for text in texts[number % len(texts) :] + texts[: number % len(texts)]}
        # A process of its own for each turn: where its pages happen to lie makes one quicker than the next.
        for way in names[number % len(names) :] + names[: number % len(names)]:
            asked = {text: prompt for text, prompt in order.items() if way == "plain" or (way, text) in measured}
            for text, answer in asyncio.run(turn(ways[way], asked, tokens)).items():
                answers[way, text].append(answer)
    for (way, text), each in answers.items():
        if [answer.ids for answer in each] != [answer.ids for answer in answers["plain", text]]:
            raise RuntimeError(f"with {way} the model says something else: {text}")
    return [row(answers, way, text, bar) for way, text, bar in BARS]


def row(answers: dict[tuple[str, str], list[Answer]], way: str, text: str, bar: float) -> Row:
    """How a way to write stands to none."""
    runs = {each: [answer.run for answer in answers[each, text]] for each in (way, "plain")}
    made = compare(f"{way}: {text}", runs, lambda run: run.speed, way, "plain", bar)
    drafted, accepted = (sum(getattr(each, name) for each in answers[way, text]) for name in ("drafted", "accepted"))
    return replace(made, detail=f"{made.detail}, {accepted:,} of {drafted:,} guesses right")


def main() -> int:
    """Measure and print; 1 when a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=256, help="length of an answer")
    parser.add_argument("--threads", type=int, default=psutil.cpu_count(logical=False) or 1)
    parser.add_argument("--cache", type=Path, default=Path(user_cache_dir("llmlab", appauthor=False)) / "benchmarks")
    parser.add_argument("--quick", action="store_true", help="two rounds, only to see that it works")
    options = parser.parse_args()
    rows = race(options.cache, options.threads, 2 if options.quick else options.rounds, options.tokens)
    for each in rows:
        print(each)
    return 0 if all(each.bar is None or each.ratio >= each.bar for each in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
