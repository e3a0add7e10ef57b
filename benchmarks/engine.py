"""The engine against a bare loop and the usual binding: `python -m benchmarks.engine [--quick]` prints ratios.

All contenders run the same generated model with the same threads, one after another within each round, so that what
else the machine does meets all of them; a ratio is the median over the rounds. Absolute speeds belong to the machine.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final

import psutil
from platformdirs import user_cache_dir

from benchmarks.contenders import Answerer, Run, contender, lab
from benchmarks.models import FIRST_CONTROL, Quantisation, half_billion

QUANTISATIONS: Final[tuple[Quantisation, ...]] = ("q4_0", "q8_0")
LONG: Final = 2048
"""Tokens of a long answer."""
STRAY_AT: Final = 10
"""Where the stray byte comes in the answer."""

Opener = Callable[[], AbstractContextManager[Answerer]]
"""Starts a contender; leaving the context ends it."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    name: str
    ratio: float
    """Median over the rounds."""
    lowest: float
    highest: float
    bar: float | None = None
    """What the ratio must reach; `None` where it is only reported."""
    detail: str = ""

    def __str__(self) -> str:
        verdict = "" if self.bar is None else f"{'ok ' if self.ratio >= self.bar else 'LOW'} bar {self.bar:.2f}"
        spread = f"[{self.lowest:.2f} .. {self.highest:.2f}]"
        return f"{self.name:<58}{self.ratio:>7.2f}  {spread}  {verdict:<13}  {self.detail}"


class Field:
    """The contenders on one model, and the rounds in which they take turns.

    Each turn is a process of its own: where its pages happen to lie makes one a few percent quicker than the next for
    as long as it lives, so that many rounds of one process measure its luck.
    """

    def __init__(self, contenders: dict[str, Opener], rounds: int, seed: int = 1) -> None:
        self._contenders = contenders
        self._rounds = rounds
        self._random = random.Random(seed)

    def prompt(self, length: int) -> list[int]:
        """A prompt that was never used before."""
        return [self._random.randrange(256, FIRST_CONTROL) for _ in range(length)]

    def race(self, names: list[str], length: int, count: int) -> dict[str, list[Run]]:
        """The runs of each contender: prompts of `length` tokens, the same within a round, answers of `count`."""
        runs: dict[str, list[Run]] = {name: [] for name in names}
        for turn in range(self._rounds):
            warm, prompt = self.prompt(length), self.prompt(length)
            # Nobody is always the first, who finds the machine as the round before left it.
            for name in names[turn % len(names) :] + names[: turn % len(names)]:
                with self._contenders[name]() as answer:
                    answer(warm, 8)
                    runs[name].append(answer(prompt, count))
        return runs


def compare(
    name: str, runs: dict[str, list[Run]], measure: Callable[[Run], float], ours: str, theirs: str, bar: float | None
) -> Row:
    """How `ours` stands to `theirs`, round by round; `measure` is better the higher it is."""
    ratios = [measure(a) / measure(b) for a, b in zip(runs[ours], runs[theirs], strict=True)]
    detail = f"{median(map(measure, runs[ours])):.1f} : {median(map(measure, runs[theirs])):.1f} tokens/s"
    return Row(name, median(ratios), min(ratios), max(ratios), bar, detail)


def speed(run: Run) -> float:
    """Tokens written a second."""
    return run.speed


def against_binding(name: str, runs: dict[str, list[Run]], bar: float) -> Iterator[Row]:
    """The engine against the usual binding, and how far a loop that does nothing else comes ahead of it."""
    yield compare(f"{name}, llmlab : Llama streaming", runs, speed, "llmlab", "Llama", bar)
    yield compare(f"{name}, bare loop : Llama streaming", runs, speed, "bare", "Llama", None)


def sampled(name: str, runs: dict[str, list[Run]], bar: float) -> Row:
    """The same race with the default samplers of both, which are the same."""
    title = f"{name}, default sampling, llmlab : Llama streaming"
    return compare(title, runs, speed, "llmlab, sampled", "Llama, sampled", bar)


def reading(length: int) -> Callable[[Run], float]:
    """Prompt tokens read a second."""
    return lambda run: length / run.first_s


def measure_model(quantisation: str, model: Path, threads: int, rounds: int, *, quick: bool) -> Iterator[Row]:
    """Decode at both lengths, prefill, and the second turn."""
    ways: dict[str, Opener] = {
        "bare": partial(contender, "bare", model, threads),
        "llmlab": partial(lab, model, threads),
        "Llama": partial(contender, "binding", model, threads),
        # What a user gets who sets nothing: both draw with the same samplers at temperature 0.8.
        "llmlab, sampled": partial(lab, model, threads, 0.8),
        "Llama, sampled": partial(contender, "binding, default sampling", model, threads),
    }
    field = Field(ways, rounds)
    short = field.race(list(ways), 32, 128)
    yield compare(f"{quantisation}: decode 128, llmlab : bare loop", short, speed, "llmlab", "bare", 0.95)
    yield from against_binding(f"{quantisation}: decode 128", short, 1.1)
    yield sampled(f"{quantisation}: decode 128", short, 1.1)
    read = field.race(["bare", "llmlab"], 512, 2)
    yield compare(f"{quantisation}: prefill 512, llmlab : bare loop", read, reading(512), "llmlab", "bare", 0.97)
    if not quick:
        long = field.race(list(ways), 32, LONG)
        name = f"{quantisation}: decode {LONG:,}"
        yield compare(f"{name}, llmlab : bare loop", long, speed, "llmlab", "bare", 0.95)
        yield from against_binding(name, long, 1.2)
        yield sampled(name, long, 1.2)
    with lab(model, threads) as answer:
        yield second_turn(quantisation, field, answer)


def second_turn(quantisation: str, field: Field, answer: Answerer) -> Row:
    """A prompt of 2,000 tokens, then the same with 40 more: what the second turn reads again."""
    prompt, new = field.prompt(2000), field.prompt(40)
    first = answer(prompt, 2)
    second = answer(prompt + new, 2)
    detail = (
        f"{second.reused:,} of {len(prompt + new):,} tokens reused; {first.first_s:.2f} s, then {second.first_s:.2f} s"
    )
    share = second.reused / len(prompt)
    return Row(f"{quantisation}: second turn, share of the first reused", share, share, share, 1.0, detail)


def measure_stray(folder: Path, threads: int, rounds: int, *, quick: bool) -> list[Row]:
    """The same answer with and without an invalid byte as its tenth token: same weights, another name for it."""
    count = 128 if quick else 512
    model = half_billion(folder, "q4_0")
    prompt, stray = find_stray(model, threads, count)
    damaged = half_billion(folder, "q4_0", stray_for=stray)
    ways: dict[str, Opener] = {
        "llmlab": partial(lab, model, threads),
        "llmlab, stray": partial(lab, damaged, threads),
        "Llama, stray": partial(contender, "binding", damaged, threads),
    }
    runs: dict[str, list[Run]] = {name: [] for name in ways}
    for turn in range(rounds):
        for name in list(ways) if turn % 2 else list(ways)[::-1]:
            with ways[name]() as answer:
                answer(prompt[::-1], 8)
                runs[name].append(answer(prompt, count))
    if runs["llmlab"][0].text_of_stray or not runs["llmlab, stray"][0].text_of_stray:
        raise RuntimeError("the stray byte did not come")
    name = f"q4_0: decode {count} with a stray byte, llmlab :"
    return [
        compare(f"{name} the same without", runs, speed, "llmlab, stray", "llmlab", 0.95),
        compare(f"{name} Llama streaming", runs, speed, "llmlab, stray", "Llama, stray", None),
    ]


def find_stray(model: Path, threads: int, count: int) -> tuple[list[int], int]:
    """A prompt whose answer says its tenth token only there, and that token."""
    field = Field({}, 1, seed=5)
    with contender("bare", model, threads) as bare:
        for _ in range(20):
            prompt = field.prompt(32)
            ids = bare(prompt, STRAY_AT * 3).ids
            if ids.count(ids[STRAY_AT - 1]) == 1 and ids[STRAY_AT - 1] not in bare(prompt, count).ids[STRAY_AT:]:
                return prompt, ids[STRAY_AT - 1]
    raise RuntimeError("the model repeats itself from the beginning on")


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description="llmlab's engine against a bare loop and the usual binding")
    parser.add_argument("--quick", action="store_true", help="Q4_0 and short answers only, two rounds")
    parser.add_argument("--rounds", type=int, help="rounds of each race (5; 2 when quick)")
    parser.add_argument("--only", choices=[*QUANTISATIONS, "stray"], action="append", help="a part; may be repeated")
    parser.add_argument("--threads", type=int, default=psutil.cpu_count(logical=False) or 1)
    parser.add_argument("--cache", type=Path, default=Path(user_cache_dir("llmlab", appauthor=False)) / "benchmarks")
    options = parser.parse_args()
    rounds = options.rounds or (2 if options.quick else 5)
    load = psutil.getloadavg()[0]
    print(f"{options.threads} threads, {rounds} rounds, load of the machine before: {load:.1f}", flush=True)
    parts = options.only or (["q4_0", "stray"] if options.quick else [*QUANTISATIONS, "stray"])
    for quantisation in QUANTISATIONS:
        if quantisation in parts:
            model = half_billion(options.cache, quantisation)
            for row in measure_model(quantisation, model, options.threads, rounds, quick=options.quick):
                print(row, flush=True)
    if "stray" in parts:
        for row in measure_stray(options.cache, options.threads, rounds, quick=options.quick):
            print(row, flush=True)


if __name__ == "__main__":
    main()
