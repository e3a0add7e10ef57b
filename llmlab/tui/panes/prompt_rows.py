"""A prompt as rows of a view: cut where its parts meet, at line ends and at the edge, never at words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from textual.content import Content

from llmlab.domain.assembly import OriginSpan, SpanOrigin
from llmlab.domain.terminal import visible_line
from llmlab.services.preview import Prepared, left_out_in_words, way_in_words
from llmlab.tui.widgets.text_rows import cells_of, shown
from llmlab.words import say

MARKS: dict[SpanOrigin, str] = {
    "scaffold": "·", "system": "S", "template": "T", "example": "E", "document": "D", "history": "H", "question": "Q",
    "cue": "C", "answer": "A",
}  # fmt: skip
"""What stands at the left of a row, so that nothing depends on colour alone."""


def label_of(span: OriginSpan) -> str:
    """The letter of a part, with its number where there are several of its kind: `E3` is of the third example."""
    return f"{MARKS[span.origin]}{span.index or ''}"


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the view, all of one part of the prompt."""

    start: int
    """Offset of its first character."""
    end: int
    ended: bool
    """A line end of the prompt follows."""
    span: OriginSpan

    @property
    def first(self) -> bool:
        """Its part begins with it."""
        return self.start == self.span.start


def rows_of(text: str, spans: Sequence[OriginSpan], width: int) -> list[Row]:
    """The rows of `text` in `width` cells, since every space is sent; control characters as wide as their pictures.

    Args:
        text: the prompt.
        spans: its parts, in order, without gap or overlap.
        width: cells of a row.
    """
    rows: list[Row] = []
    for span in spans:
        start = span.start
        lines = text[start : span.end].split("\n")
        for line in lines[:-1]:
            rows += _cut(line, start, width, span, ended=True)
            start += len(line) + 1
        if lines[-1]:
            rows += _cut(lines[-1], start, width, span, ended=False)
    return rows


def _cut(line: str, start: int, width: int, span: OriginSpan, *, ended: bool) -> Iterator[Row]:
    left = 0
    for at in _edges(line, width):
        yield Row(start + left, start + at, False, span)
        left = at
    yield Row(start + left, start + len(line), ended, span)


def _edges(line: str, width: int) -> Iterator[int]:
    """Where a line is cut so that no row is wider than `width`."""
    if line.isascii() and line.isprintable():
        yield from range(width, len(line), width)
        return
    left, cells = 0, 0
    for index, character in enumerate(line):
        size = cells_of(character)
        if cells + size > width and index > left:
            yield index
            left, cells = index, 0
        cells += size


def part_of(text: str, left: int, right: int) -> str:
    """The characters of a row's text of which something is between two places of it as it is shown; -1 is its end."""
    if len(shown(text)) == len(text):
        return text[left : None if right < 0 else right]
    at, kept = 0, ""
    for character in text:
        end = at + len(shown(character))
        if end > left and (right < 0 or at < right):
            kept += character
        at = end
    return kept


def below(prepared: Prepared, width: int) -> list[tuple[str, bool]]:
    """What stands below a prompt, in rows of `width` cells: its size; what was left out of it, or is too much.

    Each row comes with whether it is something to take note of.
    """
    budget, material = prepared.budget, prepared.material
    notes: list[str] = []
    if left_out := left_out_in_words(prepared.left_out):
        notes.append(left_out)
    if material is not None:
        for ref, held in zip(material.told.documents, material.told.coverage, strict=True):
            if held.share < 1:
                share, name = _percent(1 - held.share), visible_line(ref.name)
                notes.append(say("left out: {share} of {name}", share=share, name=name))
    if budget.over:
        notes.append(say("too much by {over:,} tokens", over=budget.over))
        notes += [f"→ {way_in_words(way)}" for way in prepared.ways]
    size = say("{used:,} tokens of {window:,}", used=budget.used, window=budget.window)
    rows = [("", False), *((line, False) for line in _wrapped(size, width))]
    return rows + [(line, True) for note in notes for line in _wrapped(note, width)]


def _wrapped(text: str, width: int) -> list[str]:
    return [line.plain.rstrip() for line in Content(text).wrap(width)]


def _percent(share: float) -> str:
    """A share in percent; neither a little nor nearly all is rounded away."""
    return f"{share:.0%}" if share == 1 or 0.01 <= share <= 0.99 else f"{share:.2%}"
