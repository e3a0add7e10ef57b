"""Who wrote which part of an answer's text: the model, in one go or several, or a person."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import accumulate
from typing import Final

from llmlab.domain.diff import MOST_WORDS, words

HAND: Final = 0
"""The `go` of what a person wrote."""
UNKNOWN: Final = -1
"""The `go` of what a model wrote that did not say what it came from."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Neighbouring characters of one author."""

    length: int
    """In characters."""
    go: int
    """In which generation they were written, from 1; `HAND` and `UNKNOWN` are none."""


Authors = tuple[Stretch, ...]
"""The authors of a text, from its first character to its last."""


def joined(stretches: Iterable[Stretch]) -> Authors:
    """`stretches` without empty ones, neighbours of one author as one."""
    found: list[Stretch] = []
    for one in stretches:
        if found and found[-1].go == one.go:
            found[-1] = Stretch(found[-1].length + one.length, one.go)
        elif one.length > 0:
            found.append(one)
    return tuple(found)


def part(authors: Authors, start: int, end: int) -> Iterator[Stretch]:
    """The authors of the characters from `start` to before `end`."""
    at = 0
    for one in authors:
        if (length := min(at + one.length, end) - max(at, start)) > 0:
            yield Stretch(length, one.go)
        at += one.length


def after_edit(authors: Authors, before: str, now: str) -> Authors:
    """The authors of `now`, which a person made of `before`.

    What is new is the person's. A word that stands where it stood keeps its author; blanks and marks alone, which are
    alike in all texts, do not, unless the words around them do.

    Args:
        authors: those of `before`.
        before: the text as it was.
        now: the text as it is. Of a change of more than `MOST_WORDS` words, all that follows counts as the person's.
    """
    old, new = words(before), words(now)
    old_at = list(accumulate(map(len, old), initial=0))
    new_at = list(accumulate(map(len, new), initial=0))
    found: list[Stretch] = []
    written = 0
    for old_start, new_start, count in _kept(old, new):
        found.append(Stretch(new_at[new_start] - written, HAND))
        found += part(authors, old_at[old_start], old_at[old_start + count])
        written = new_at[new_start + count]
    return joined([*found, Stretch(len(now) - written, HAND)])


def generated(authors: Authors) -> int:
    """Characters that a model wrote."""
    return sum(one.length for one in authors if one.go != HAND)


def _kept(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[int, int, int]]:
    """Runs of words that stand in both: where in each, and how many."""
    shorter = min(len(old), len(new))
    start = next((at for at in range(shorter) if old[at] != new[at]), shorter)
    rest = shorter - start
    end = next((at for at in range(rest) if old[-1 - at] != new[-1 - at]), rest)
    yield 0, 0, start
    # Only what lies between is compared in full, which takes the square of its size.
    middle = old[start : len(old) - end][:MOST_WORDS], new[start : len(new) - end][:MOST_WORDS]
    for block in SequenceMatcher(None, *middle, autojunk=False).get_matching_blocks():
        if any(word[0].isalnum() for word in middle[1][block.b : block.b + block.size]):
            yield start + block.a, start + block.b, block.size
    yield len(old) - end, len(new) - end, end
