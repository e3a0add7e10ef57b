"""Breaking text into rows of cells: no double-width character is cut, closing punctuation does not begin a row."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from rich.cells import cell_len, chop_cells

from llmlab.tui.markup.lines import Ground, Line, Look, Span

TAB: Final = 4

_WIDE: Final = (
    "\u1100-\u115f\u2e80-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6"
    "\U0001f300-\U0001faff\U00020000-\U0003fffd"
)
_ATTACHED: Final = "\u0300-\u036f\u0e31-\u0e4e\u3099\u309a\ufe00-\ufe0f\U0001f3fb-\U0001f3ff"
_OPENING: Final = re.escape("（【「『《〈〔［｛“‘([{")
_CLOSING: Final = re.escape("）】」』》〉〕］｝”’。，、；：？！…—～·％)]},.!?;:%'\"")

_UNIT: Final = re.compile(
    f" +|[{_OPENING}]*(?:[{_WIDE}](?:[{_ATTACHED}]|\u200d.)*|[^ {_WIDE}]+)?[{_CLOSING}]*",
)
"""What a row may not break within: blanks, or a word or wide character with the punctuation that clings to it."""


class Slice(NamedTuple):
    """One row of a wrapped text."""

    start: int
    end: int
    glue: str | None
    """What was between the row above and this one; `None` for the first."""


def wrap(text: str, width: int) -> list[Slice]:
    """`text` (one line, no tabs) as rows of at most `width` cells, broken between words where that is possible."""
    if cell_len(text) <= width:
        return [Slice(0, len(text), None)]
    rows: list[Slice] = []
    start = end = column = 0
    glue: str | None = None
    narrow = text.isascii()
    for match in _UNIT.finditer(text):
        first, last = match.span()
        if first == last or text[first] == " ":
            continue
        gap = first - end
        cells = last - first if narrow else cell_len(match.group())
        if column + gap + cells <= width:
            column += gap + cells
            end = last
            continue
        if end > start:
            rows.append(Slice(start, end, glue))
            glue = text[end:first]
        start = first
        if cells > width:
            *full, rest = _chop(text[first:last], width)
            for part in full:
                rows.append(Slice(start, start + len(part), glue))
                start += len(part)
                glue = ""
            cells = cell_len(rest)
        column, end = cells, last
    if end > start or not rows:
        rows.append(Slice(start, end, glue))
    return rows


def units(text: str) -> list[str]:
    """What a row does not break within, in order."""
    return [unit for match in _UNIT.finditer(text) if (unit := match.group().strip(" "))]


def _chop(text: str, width: int) -> list[str]:
    """`text` cut to rows wherever they are full; a character wider than the row gets one of its own."""
    return [part for part in chop_cells(text, max(width, 2)) if part] or [text]


def chop(text: str, width: int) -> list[Slice]:
    """`text` as rows of at most `width` cells, cut wherever a row is full: for code, whose blanks matter."""
    if cell_len(text) <= width:
        return [Slice(0, len(text), None)]
    rows: list[Slice] = []
    start = 0
    for part in _chop(text, width):
        rows.append(Slice(start, start + len(part), "" if rows else None))
        start += len(part)
    return rows


def estimated_rows(text: str, width: int) -> int:
    """About how many rows `text` takes: cheap, and close enough for a scrollbar."""
    width = max(width, 1)
    ascii_only = text.isascii()
    rows = 0
    for line in text.split("\n"):
        # A wide character takes three bytes and two cells.
        cells = len(line) if ascii_only else len(line) + (len(line.encode("utf-8", "replace")) - len(line)) // 2
        rows += 1 + max(cells - 1, 0) // width
    return rows


def split_lines(spans: Iterable[Span]) -> Iterator[list[Span]]:
    """`spans` cut at their line breaks."""
    line: list[Span] = []
    for text, look in spans:
        head, *others = text.split("\n")
        if head:
            line.append((head, look))
        for other in others:
            yield line
            line = [(other, look)] if other else []
    yield line


def cut(spans: Sequence[Span], slices: Iterable[Slice]) -> Iterator[tuple[Span, ...]]:
    """The part of `spans` in each of `slices`, which are in order."""
    index = 0
    begin = 0
    for start, end, _ in slices:
        while index < len(spans) and begin + len(spans[index][0]) <= start:
            begin += len(spans[index][0])
            index += 1
        row: list[Span] = []
        position, at = begin, index
        while at < len(spans) and position < end:
            text, look = spans[at]
            row.append((text[max(start - position, 0) : end - position], look))
            position += len(text)
            at += 1
        yield tuple(row)


def flow(
    spans: Sequence[Span],
    width: int,
    *,
    first: tuple[Span, ...] = (),
    rest: tuple[Span, ...] = (),
    lead: int = 0,
    ground: Ground = "plain",
    hard: bool = False,
) -> list[Line]:
    """`spans` as rows of at most `width` cells.

    Args:
        spans: text; its line breaks are kept.
        width: cells of a row, its prefix included.
        first: prefix of the first row.
        rest: prefix of the other rows, as wide as `first`.
        lead: how many characters of the prefixes are decoration in rows that begin a line.
        ground: what the rows stand on.
        hard: cut rows wherever they are full, as code wants it.
    """
    room = max(width - sum(cell_len(text) for text, _ in rest), 2)
    deep = sum(len(text) for text, _ in rest)
    breaking = chop if hard else wrap
    rows: list[Line] = []
    for line in split_lines(spans):
        text = "".join(part for part, _ in line)
        slices = breaking(text, room)
        for piece, row in zip(slices, cut(line, slices), strict=True):
            glued = piece.glue is not None
            rows.append(
                Line((rest if rows else first) + row, glue=piece.glue, lead=deep if glued else lead, ground=ground)
            )
    return rows


def untabbed(text: str) -> str:
    """`text` with its tabs as blanks up to the next tab stop, and every line break a newline."""
    return text.replace("\r\n", "\n").expandtabs(TAB)


def flow_plain(
    text: str,
    width: int,
    look: Look,
    rest: tuple[Span, ...] = (),
    lift: Callable[[Sequence[Span]], list[Span]] = list,
) -> list[Line]:
    """Plain text as rows; `lift` is given its spans before they are wrapped."""
    spans = lift([(untabbed(text), look)])
    return flow(spans, width, first=rest, rest=rest, lead=sum(len(part) for part, _ in rest))
