"""Which part of a text is in use: spans merged, and drawn as one line of block characters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

Span = tuple[int, int]
"""Offsets into a text, in characters: the first, and the one after the last."""

BLOCKS: Final = "▁▂▃▄▅▆▇█"
NOTHING: Final = "·"
"""A stretch of which nothing is in use."""


def merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    """`spans` in order, those that touch or overlap as one; empty ones are left out."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if end <= start:
            continue
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return tuple(found)


def covered(spans: Iterable[Span]) -> int:
    """Characters that lie in at least one span."""
    return sum(end - start for start, end in merged(spans))


def shares(length: int, spans: Iterable[Span], cells: int) -> list[float]:
    """The share of each of `cells` equal stretches of a text that lies in `spans`, each from 0 to 1.

    Args:
        length: characters of the text.
        spans: what is in use; what lies outside the text does not count.
        cells: stretches to tell of.
    """
    found = [0.0] * max(0, cells)
    if length < 1 or cells < 1:
        return found
    size = length / cells
    for start, end in merged(spans):
        start, end = max(0, start), min(length, end)
        if start >= end:
            continue
        first, last = min(int(start / size), cells - 1), min(int(-(-end // size)), cells) - 1
        for cell in range(first, last + 1):
            inside = min(end, (cell + 1) * size) - max(start, cell * size)
            found[cell] = min(1.0, found[cell] + max(0.0, inside) / size)
    return found


def strip(length: int, spans: Iterable[Span], cells: int) -> str:
    """One character a stretch: the more of it is in use, the higher the block; anything at all is seen."""
    return "".join(_block(share) for share in shares(length, spans, cells))


def _block(share: float) -> str:
    if share <= 0:
        return NOTHING
    return BLOCKS[min(len(BLOCKS) - 1, int(share * len(BLOCKS)))]
