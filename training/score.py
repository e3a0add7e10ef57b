"""Measures a GGUF on held-out items through llmlab's own engine, with Wilson intervals."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from llmlab.domain.model import Rope
from training.cells import Cell, cells
from training.judge import spoken, vote
from training.player import Ask, Player, Said
from training.sample import Sample, draw
from training.vocabulary import counter_of

MAX_TOKENS = 200
BASE_SUFFIX = "-base"
"""How the name of a model before instruction tuning ends."""

Setting = tuple[int, Rope | None]
"""How the model is loaded: window and scaling of positions."""
Answerer = Callable[[Setting, Sequence[Ask]], Sequence[Sequence[Said]]]
"""Answers prompts under a setting."""


@dataclass(frozen=True, slots=True)
class Result:
    """How the answers of one cell came out."""

    name: str
    verdicts: tuple[bool, ...]
    """Whether each item's answer counted, in the order of the items."""
    unfinished: int = 0
    """Answers that did not end by themselves."""

    @property
    def right(self) -> int:
        """Items whose answer counted."""
        return sum(self.verdicts)

    @property
    def items(self) -> int:
        """Items that were asked."""
        return len(self.verdicts)

    @property
    def share(self) -> float:
        """The share of right answers."""
        return self.right / self.items


def wilson(right: int, items: int, z: float = 1.959964) -> tuple[float, float]:
    """Give Wilson's 95 % interval of a share (Wilson 1927)."""
    share = right / items
    middle = (share + z * z / (2 * items)) / (1 + z * z / items)
    half = z / (1 + z * z / items) * math.sqrt(share * (1 - share) / items + z * z / (4 * items * items))
    return max(0.0, middle - half), min(1.0, middle + half)


def gain(better: Result, base: Result, z: float = 1.959964) -> tuple[float, float, float]:
    """Give the difference of two shares on the same items, and its 95 % interval.

    The interval is Bonett and Price's (2012) for paired shares.
    """
    items = better.items
    won = sum(now and not before for now, before in zip(better.verdicts, base.verdicts, strict=True))
    lost = sum(before and not now for now, before in zip(better.verdicts, base.verdicts, strict=True))
    up, down = (won + 1) / (items + 2), (lost + 1) / (items + 2)
    half = z * math.sqrt((up + down - (up - down) ** 2) / (items + 2))
    return (won - lost) / items, up - down - half, up - down + half


def held_out_items(cell: Cell, items: int, seed: int) -> list[Sample]:
    """Draw a cell's items; the same for a given seed."""
    rng = Random(f"{seed}/{cell.items or cell.name}")
    return [draw(cell.make, rng, test=True) for _ in range(items)]


def asks_of(cell: Cell, samples: Sequence[Sample]) -> list[Ask]:
    """Turn items into what the model is asked."""
    return [
        Ask(sample.turns[:-1], cell.native, cell.temperature, cell.samples, seed=1000 * index, max_tokens=MAX_TOKENS)
        for index, sample in enumerate(samples)
    ]


def judge(cell: Cell, samples: Sequence[Sample], answers: Sequence[Sequence[Said]]) -> Result:
    """Say of each item whether its answer counts; several answers vote."""
    verdicts = tuple(
        vote([spoken(said.text) for said in answer]) == sample.gold
        if len(answer) > 1
        else cell.right(spoken(answer[0].text), sample)
        for sample, answer in zip(samples, answers, strict=True)
    )
    return Result(cell.name, verdicts, sum(not said.ended for answer in answers for said in answer))


def score_cells(answer: Answerer, chosen: Sequence[Cell], items: int, seed: int) -> list[Result]:
    """Measure cells; those that load the model alike are asked together."""
    groups: defaultdict[Setting, list[Cell]] = defaultdict(list)
    for cell in chosen:
        groups[(cell.window, cell.rope)].append(cell)
    results: dict[str, Result] = {}
    for setting, group in groups.items():
        drawn = [held_out_items(cell, items, seed) for cell in group]
        said = iter(
            answer(setting, [ask for cell, samples in zip(group, drawn, strict=True) for ask in asks_of(cell, samples)])
        )
        for cell, samples in zip(group, drawn, strict=True):
            results[cell.name] = judge(cell, samples, [next(said) for _ in samples])
    return [results[cell.name] for cell in chosen]


BASE_CELLS = ("examples", "instructions")
"""What is asked of a model that never saw a turn: how little it follows, and what examples alone do."""


def score_model(path: Path, threads: int, items: int, seed: int, only: str = "") -> list[Result]:
    """Measure the cells whose names begin with `only` on one GGUF; of a base model those that it can be asked."""

    def answer(setting: Setting, asks: Sequence[Ask]) -> Sequence[Sequence[Said]]:
        window, rope = setting
        return Player(path, threads=threads, window=window, rope=rope).answer(asks)

    chosen = [cell for cell in cells(counter_of(path)) if cell.name.startswith(only)]
    if path.stem.endswith(BASE_SUFFIX):
        chosen = [cell for cell in chosen if cell.name.startswith(BASE_CELLS)]
    return score_cells(answer, chosen, items, seed)


def line(result: Result) -> str:
    """Write one row of the table."""
    low, high = wilson(result.right, result.items)
    return (
        f"| {result.name} | {100 * result.share:.1f} % | {100 * low:.1f} - {100 * high:.1f} | "
        f"{result.items} | {result.unfinished} |"
    )


def print_table(model: str, results: Sequence[Result], seed: int) -> None:
    """Print all rows as Markdown."""
    print(f"{model}, seed {seed}, 95 % intervals\n")
    print("| held-out task | right | 95 % interval | items | unfinished |\n|---|---|---|---|---|")
    for result in results:
        print(line(result))
