"""Few-shot examples: which of a set are shown, in which order, and in which form."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal

ShotChoice = Literal["first", "random", "nearest"]
"""Which rows are taken: in the order of the file, drawn by the seed, or those most like the question."""
ShotStyle = Literal["turns", "inline"]
"""As turns of a chat, or written into the question."""
LabelControl = Literal["gold", "shuffled", "random", "flipped"]
"""Outputs as they are, exchanged among the rows shown, drawn from all labels, or each label replaced by another."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
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

    @property
    def key(self) -> str:
        """Name and language, as files are called."""
        return f"{self.name}.{self.language}"


@dataclass(frozen=True, slots=True)
class ShotUse:
    """A set and how it is used."""

    set: ShotSet
    k: int = 0
    """Rows shown, at most."""
    choice: ShotChoice = "first"
    seed: int = 0
    style: ShotStyle = "turns"
    labels: LabelControl = "gold"

    def chosen(self, question: str) -> tuple[Shot, ...]:
        """The rows that are shown with `question`, in the order in which they are shown."""
        rows = [row for row in self.set.rows if row.on]
        if self.choice == "random":
            rows = random.Random(self.seed).sample(rows, len(rows))
        return tuple(rows[: max(0, self.k)])
