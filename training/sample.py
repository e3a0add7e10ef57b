"""What every generator makes: one sample, and the rule that keeps test items out of training."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

HELD_OUT_SHARE = 12
"""One instance in this many is held out for scoring."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a conversation."""

    role: str
    text: str
    answers: tuple[tuple[int, int], ...] = ()
    """Spans of a user's text that are answers to learn from, such as those of worked examples; (start, end)."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A conversation (or running text) to learn from; the last assistant turn is the gold answer."""

    key: str
    """The canonical instance; it alone decides between training and held-out."""
    turns: tuple[Turn, ...] = ()
    gold: str = ""
    """What a scorer looks for in the answer; empty when the sample is not scored."""
    thinking: str | None = None
    """Native thinking before the last answer; None means that thinking is off."""
    text: str = ""
    """Running text, for samples without turns."""


Generator = Callable[[Random], Sample]


def held_out(key: str) -> bool:
    """Say whether the instance belongs to the test side; keys that begin with `core:` never do."""
    if key.startswith("core:"):
        return False
    return hashlib.sha256(key.encode()).digest()[0] % HELD_OUT_SHARE == 0


def sum_key(kind: str, a: int, b: int) -> str:
    """Name a sum (`add`, `sub`, `mul`, ...) of two numbers in either order; written steps avoid the held-out ones."""
    return f"number|{kind}|{min(a, b)}|{max(a, b)}"


def draw(generator: Generator, rng: Random, *, test: bool) -> Sample:
    """Draw until the sample lies on the wanted side of the split."""
    while True:
        sample = generator(rng)
        if held_out(sample.key) == test:
            return sample


def chat(key: str, question: str, answer: str, *, system: str = "", gold: str = "") -> Sample:
    """Make a one-question conversation."""
    opening = (Turn("system", system),) if system else ()
    turns = (*opening, Turn("user", question), Turn("assistant", answer))
    return Sample(key, turns, gold or answer)
