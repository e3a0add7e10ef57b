"""A prompt as rows of a view: cut at line ends and at the edge, never at words, since every space is sent."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, get_character_cell_size

from llmlab.domain.assembly import OriginSpan, SpanOrigin
from llmlab.domain.terminal import visible_line

MARKS: dict[SpanOrigin, str] = {
    "scaffold": "·", "system": "S", "template": "T", "example": "E", "document": "D", "history": "H", "question": "Q",
    "cue": "C", "answer": "A",
}  # fmt: skip
"""What stands at the left of a row, so that nothing depends on colour alone."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the view."""

    start: int
    """Offset of its first character."""
    end: int
    ended: bool
    """A line end of the prompt follows."""


def rows_of(text: str, width: int) -> list[Row]:
    """The rows of `text` in `width` cells; a control character is as wide as what stands for it."""
    rows: list[Row] = []
    start = 0
    for line in text.split("\n"):
        end = start + len(line)
        if line.isascii() and line.isprintable():
            for left in range(start, end, width):
                rows.append(Row(left, min(left + width, end), left + width >= end))
            if not line:
                rows.append(Row(start, end, True))
        else:
            rows += _wide_rows(line, start, width)
        start = end + 1
    if rows:
        rows[-1] = Row(rows[-1].start, rows[-1].end, False)
    return rows


def _wide_rows(line: str, start: int, width: int) -> Iterator[Row]:
    left, cells = 0, 0
    for index, character in enumerate(line):
        size = get_character_cell_size(character) if character.isprintable() else cell_len(visible_line(character))
        if cells + size > width and index > left:
            yield Row(start + left, start + index, False)
            left, cells = index, 0
        cells += size
    yield Row(start + left, start + len(line), True)


@dataclass(frozen=True, slots=True)
class Piece:
    """Part of a row in one look."""

    text: str
    origin: SpanOrigin
    odd: bool = False
    """Every second token, where tokens are told apart."""


class PromptText:
    """Finds what stands where in a prompt."""

    def __init__(self, text: str, spans: Sequence[OriginSpan]) -> None:
        self.text = text
        self._spans = spans
        self._starts = [span.start for span in spans]

    def span_at(self, offset: int) -> OriginSpan:
        """The span that holds a character."""
        return self._spans[max(0, bisect_right(self._starts, offset) - 1)]

    def pieces(self, row: Row) -> list[Piece]:
        """A row cut where origins meet."""
        found: list[Piece] = []
        at = row.start
        while at < row.end:
            span = self.span_at(at)
            end = min(row.end, max(span.end, at + 1))
            found.append(Piece(visible_line(self.text[at:end]), span.origin))
            at = end
        if row.ended:
            found.append(Piece("↵", "scaffold"))
        return found
