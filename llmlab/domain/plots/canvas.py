"""A grid of terminal cells to draw on: text and marks over lines of braille dots over bands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Final, Literal, NamedTuple

from llmlab.domain.plots.cells import cells

Role = Literal["plain", "title", "axis", "series", "band", "heat"]


class Ink(NamedTuple):
    """What a text stands for; who draws it picks the colour, and may pick none."""

    role: Role = "plain"
    number: int = 0
    """Which series, or which of the `HEATS` levels."""


HEATS: Final = 11
"""Levels of a heatmap's colour, from 0 for the lowest."""

PLAIN: Final = Ink()
AXIS: Final = Ink("axis")
TITLE: Final = Ink("title")


class Piece(NamedTuple):
    """Text of one ink."""

    text: str
    ink: Ink = PLAIN


Row = tuple[Piece, ...]


def plain(row: Row) -> str:
    """A row without colour."""
    return "".join(piece.text for piece in row).rstrip()


_DOTS: Final = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
"""Bits of a braille cell by column, then row."""
_CONTINUED: Final = ""
"""Stands in the second cell of a wide character."""


@dataclass(frozen=True, slots=True)
class Dots:
    """The fine grid of a canvas: two by four dots a cell."""

    width: int
    height: int

    @classmethod
    def of(cls, width: int, height: int) -> Dots:
        """Of so many cells."""
        return cls(2 * width, 4 * height)


class Canvas:
    """Draws in any order; what is written stands over lines, lines over bands."""

    def __init__(self, width: int, height: int) -> None:
        """Blank, in cells."""
        self.width, self.height = width, height
        self.dots = Dots.of(width, height)
        self._written: dict[tuple[int, int], Piece] = {}
        self._lines: dict[tuple[int, int], tuple[int, Ink]] = {}
        self._bands: dict[tuple[int, int], tuple[int, Ink]] = {}

    def write(self, x: int, y: int, text: str, ink: Ink = PLAIN) -> None:
        """Write `text` from a cell on; what reaches beyond an edge is left out."""
        for character in text:
            size = cells(character)
            if 0 <= y < self.height and x >= 0 and x + size <= self.width:
                self._written[x, y] = Piece(character, ink)
                if size == 2:
                    self._written[x + 1, y] = Piece(_CONTINUED, ink)
            x += size

    def at(self, x: int, y: int) -> str:
        """What is written in a cell; empty where nothing is."""
        piece = self._written.get((x, y))
        return piece.text if piece else ""

    def line(self, x0: float, y0: float, x1: float, y1: float, ink: Ink) -> None:
        """A line between two dots, both drawn."""
        steps = max(1, round(max(abs(x1 - x0), abs(y1 - y0))))
        for step in range(steps + 1):
            part = step / steps
            self._dot(self._lines, round(x0 + (x1 - x0) * part), round(y0 + (y1 - y0) * part), ink)

    def band(self, x0: int, x1: int, low: tuple[float, float], high: tuple[float, float], ink: Ink) -> None:
        """Every other dot between two edges.

        Args:
            x0: the dot where it begins.
            x1: the dot where it ends.
            low: where the lower edge is at `x0` and at `x1`, in dots from the top.
            high: where the upper edge is.
            ink: of the dots.
        """
        for x in range(x0, x1 + 1):
            part = (x - x0) / max(1, x1 - x0)
            top, bottom = high[0] + (high[1] - high[0]) * part, low[0] + (low[1] - low[0]) * part
            for y in range(round(top), round(bottom) + 1):
                if x % 2 == 0 and (y + x // 2) % 2 == 0:
                    self._dot(self._bands, x, y, ink)

    def _dot(self, layer: dict[tuple[int, int], tuple[int, Ink]], x: int, y: int, ink: Ink) -> None:
        if 0 <= x < self.dots.width and 0 <= y < self.dots.height:
            cell = x // 2, y // 4
            bits, _ = layer.get(cell, (0, ink))
            layer[cell] = bits | _DOTS[x % 2][y % 4], ink

    def rows(self) -> Iterator[Row]:
        """The picture, each row as wide as the canvas."""
        for y in range(self.height):
            pieces = [self._piece(x, y) for x in range(self.width)]
            yield tuple(
                Piece("".join(piece.text for piece in group), ink)
                for ink, group in groupby(pieces, key=lambda piece: piece.ink)
            )

    def _piece(self, x: int, y: int) -> Piece:
        if (written := self._written.get((x, y))) is not None:
            return written
        for layer in (self._lines, self._bands):
            if (x, y) in layer:
                bits, ink = layer[x, y]
                return Piece(chr(0x2800 + bits), ink)
        return Piece(" ", PLAIN)
