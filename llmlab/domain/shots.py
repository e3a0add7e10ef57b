"""Few-shot examples: which of a set are shown, in which order, and in which form."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from typing import Literal

from llmlab.domain.bm25 import Bm25

ShotChoice = Literal["first", "random", "nearest"]
"""Which rows are taken: in the order of the file, drawn by the seed, or those most like the question."""
ShotOrder = Literal["chosen", "reversed", "shuffled"]
"""How the rows taken follow each other: as they were chosen, the other way round, or shuffled by the seed."""
ShotStyle = Literal["turns", "inline"]
"""As turns of a chat, or written into the question."""
LabelControl = Literal["gold", "shuffled", "random", "flipped"]
"""Outputs as they are, exchanged among the rows shown, drawn from all labels, or each label replaced by another."""

Fits = Callable[[int], bool]
"""Whether the row at a place may be shown."""


@dataclass(frozen=True, slots=True)
class Shot:
    """One example."""

    input: str
    output: str
    reasoning: str = ""
    """The steps from input to output, for modes that show them."""
    on: bool = True
    """May be chosen."""

    def answer(self, shows_steps: bool) -> str:
        """What the model is shown as answer: the output, after its steps if they are shown."""
        return f"{self.reasoning}\n{self.output}" if shows_steps and self.reasoning else self.output


@dataclass(frozen=True, kw_only=True)
class ShotSet:
    """One file of prompts/shots, validated."""

    name: str
    language: str
    title: str
    description: str = ""
    tags: tuple[str, ...] = ()
    rows: tuple[Shot, ...] = ()
    input_label: str = "Input: "
    """Stands before an input that is written into the question."""
    output_label: str = "Output: "
    source: str = ""
    """The file it was read from; empty for one made in memory."""
    problems: tuple[str, ...] = ()
    """What is wrong with rows of the file that were left out, a sentence each."""

    @property
    def key(self) -> str:
        """Name and language, as files are called."""
        return f"{self.name}.{self.language}"

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The different outputs, in the order in which they first come."""
        return tuple(dict.fromkeys(row.output for row in self.rows))

    @cached_property
    def inputs_mark(self) -> str:
        """SHA-256 of the inputs, as hexadecimal digits: what vectors of them belong to."""
        digest = hashlib.sha256()
        for row in self.rows:
            digest.update(hashlib.sha256(row.input.encode("utf-8", "replace")).digest())
        return digest.hexdigest()

    @cached_property
    def index(self) -> Bm25:
        """What finds the rows nearest to a question; made when it is first asked for."""
        return Bm25(row.input for row in self.rows)

    @property
    def indexed(self) -> bool:
        """The index is there: asking for the nearest costs next to nothing."""
        return "index" in self.__dict__

    def with_rows(self, rows: tuple[Shot, ...]) -> ShotSet:
        """With other rows; the index is kept when the inputs are the same."""
        changed = replace(self, rows=rows)
        if self.indexed and [row.input for row in rows] == [row.input for row in self.rows]:
            changed.__dict__["index"] = self.index
        return changed


@dataclass(frozen=True, slots=True)
class ShotUse:
    """A set and how it is used."""

    set: ShotSet
    k: int = 0
    """Rows shown, at most."""
    choice: ShotChoice = "first"
    seed: int = 0
    """Of everything that is drawn: the rows, their order, their labels."""
    style: ShotStyle = "turns"
    labels: LabelControl = "gold"
    order: ShotOrder = "chosen"
    ranked: tuple[int, ...] = ()
    """Places of the rows nearest to the question at hand, the nearest first, as an embedding model tells; empty: their
    words tell."""
    ranked_by: str = ""
    """Name of that model."""

    @property
    def most(self) -> int:
        """Rows that may be chosen."""
        return sum(row.on for row in self.set.rows)

    @property
    def draws(self) -> bool:
        """The seed decides something."""
        return self.choice == "random" or self.order == "shuffled" or self.labels in ("shuffled", "random")

    @property
    def unready(self) -> bool:
        """The index that finds the nearest is still to be made, which takes seconds for 100,000 rows."""
        return self.choice == "nearest" and self.k > 0 and not self.ranked and not self.set.indexed

    def make_ready(self) -> None:
        """Make the index; may be called in another thread."""
        _ = self.set.index

    def chosen(self, question: str) -> tuple[Shot, ...]:
        """The rows that are shown with `question`, in the order in which they are shown, under their labels."""
        places = self.places(question)
        rows = [self.set.rows[place] for place in places]
        outputs = self._outputs(places)
        return tuple(
            row if output == row.output else replace(row, output=output)
            for row, output in zip(rows, outputs, strict=True)
        )

    def places(self, question: str) -> tuple[int, ...]:
        """Where in the set the rows stand that `chosen` shows, from 0, in the order in which they are shown.

        The question itself is never shown as an example: the next row takes its place.
        """
        if self.k <= 0:
            return ()
        rows, asked = self.set.rows, _plain(question)

        def fits(place: int) -> bool:
            return rows[place].on and _plain(rows[place].input) != asked

        taken = list(islice((place for place in self._candidates(question, fits) if fits(place)), self.k))
        match self.order:
            case "reversed":
                taken.reverse()
            case "shuffled":
                random.Random(f"order {self.seed}").shuffle(taken)
        return tuple(taken)

    def _candidates(self, question: str, fits: Fits) -> Iterator[int]:
        """Every place of the set, the first choice first."""
        match self.choice:
            case "first":
                yield from range(len(self.set.rows))
            case "random":
                yield from _drawn(len(self.set.rows), self.seed)
            case "nearest":
                yield from self.ranked
                near = [hit.row for hit in self.set.index.search(question, self.k, fits)] if not self.ranked else []
                yield from near
                known = frozenset((*self.ranked, *near))
                yield from (place for place in range(len(self.set.rows)) if place not in known)

    def _outputs(self, places: tuple[int, ...]) -> list[str]:
        """The output that each of the rows shown gets."""
        gold = [self.set.rows[place].output for place in places]
        match self.labels:
            case "gold":
                return gold
            case "shuffled":
                return _exchanged(gold, self.seed)
            case "random":
                # By its place, so that a row keeps its label when more are shown.
                return [random.Random(f"label {self.seed} {place}").choice(self.set.labels) for place in places]
            case "flipped":
                labels = self.set.labels
                other = dict(zip(labels, (*labels[1:], *labels[:1]), strict=True))
                return [other[output] for output in gold]


def _plain(text: str) -> str:
    """`text` as it is compared: blanks and letter case make no other question."""
    return " ".join(text.split()).casefold()


def _drawn(count: int, seed: int) -> Iterator[int]:
    """The numbers below `count` in an order drawn by `seed`, one after another: a longer draw begins as a shorter."""
    draw = random.Random(f"choice {seed}")
    moved: dict[int, int] = {}
    for place in range(count):
        other = draw.randrange(place, count)
        yield moved.get(other, other)
        moved[other] = moved.get(place, place)


def _exchanged(gold: list[str], seed: int) -> list[str]:
    """The outputs in another order, unless they are all the same."""
    changed = list(gold)
    random.Random(f"labels {seed}").shuffle(changed)
    return changed if changed != gold else [*gold[1:], *gold[:1]]
