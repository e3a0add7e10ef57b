"""Stretches of a text that are marked, each for a reason."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Final, Literal

from llmlab.domain.coverage import Span, merged

Mark = Literal["used", "quote", "found", "here"]
"""Why a stretch is marked: it is in the prompt, an answer quotes it, a search found it, the search stands here."""
MARKS: Final[tuple[Mark, ...]] = ("used", "quote", "found", "here")
"""A later one is painted over an earlier one."""


class Marks:
    """For each reason stretches that do not overlap, in order; what is asked of a row takes no time."""

    def __init__(self) -> None:
        self._spans: dict[Mark, tuple[Span, ...]] = dict.fromkeys(MARKS, ())

    def __getitem__(self, mark: Mark) -> tuple[Span, ...]:
        return self._spans[mark]

    def put(self, mark: Mark, spans: Iterable[Span]) -> None:
        """Mark these stretches, and no others, for one reason."""
        self._spans[mark] = merged(spans)

    def touching(self, mark: Mark, start: int, end: int) -> Iterator[Span]:
        """What is marked for a reason between two characters."""
        spans = self._spans[mark]
        for index in range(max(0, bisect_right(spans, (start, start)) - 1), len(spans)):
            if spans[index][0] >= end:
                return
            if spans[index][1] > start:
                yield spans[index]

    def pieces(self, start: int, end: int) -> Iterator[tuple[int, int, tuple[Mark, ...]]]:
        """A row cut where marks begin and end: start, end and the reasons that hold in between."""
        near = [(mark, span) for mark in MARKS for span in self.touching(mark, start, end)]
        edges = {start, end, *(min(max(edge, start), end) for _, span in near for edge in span)}
        for left, right in pairwise(sorted(edges)):
            yield left, right, tuple(mark for mark, span in near if span[0] <= left < span[1])
