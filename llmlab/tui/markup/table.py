"""Tables that fit the pane: columns are measured in cells and their text is wrapped; a narrow pane gets records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

from rich.cells import cell_len

from llmlab.tui.markup.lines import Line, Look, Span
from llmlab.tui.markup.wrapping import flow, units

Cell = list[Span]
Align = Literal["left", "center", "right"]

_RULE: Final = Look("rule")
_NARROWEST: Final = 4
_LONG_WORD: Final = 16
"""A word longer than this may be cut for the sake of the other columns."""
_BETWEEN: Final = " │ "


def table_lines(
    header: Sequence[Cell], rows: Sequence[Sequence[Cell]], aligns: Sequence[Align], room: int
) -> list[Line]:
    """A table in `room` cells."""
    count = len(header)
    spare = room - len(_BETWEEN) * (count - 1)
    natural = [min(max(2, *(_width(row[column]) for row in [header, *rows])), room) for column in range(count)]
    floors = [_floor([row[column] for row in [header, *rows]]) for column in range(count)]
    if sum(map(min, floors, natural)) > spare:
        return _records(header, rows, room)
    widths = _shrunk(natural, floors, spare)
    lines = _row([[(text, look._replace(bold=True)) for text, look in cell] for cell in header], aligns, widths)
    lines.append(Line((("─┼─".join("─" * width for width in widths), _RULE),)))
    for row in rows:
        lines += _row(row, aligns, widths)
    return lines


def _width(cell: Cell) -> int:
    return cell_len("".join(text for text, _ in cell))


def _floor(cells: Sequence[Cell]) -> int:
    """The cells a column needs so that its words stay whole, unless they are long."""
    words = (part for cell in cells for text, _ in cell for line in text.split("\n") for part in units(line))
    return max(_NARROWEST, min(max((cell_len(word) for word in words), default=0), _LONG_WORD))


def _shrunk(natural: Sequence[int], floors: Sequence[int], spare: int) -> list[int]:
    """Widths that sum up to at most `spare`: the widest columns give way first, none below its floor."""
    widths = list(natural)
    for _ in range(sum(widths) - spare):
        widest = max((width, index) for index, width in enumerate(widths) if width > min(floors[index], natural[index]))
        widths[widest[1]] -= 1
    return widths


def _row(cells: Sequence[Cell], aligns: Sequence[Align], widths: Sequence[int]) -> list[Line]:
    """One row of the table: as many lines as its tallest cell."""
    wrapped = [flow(cell, width) for cell, width in zip(cells, widths, strict=True)]
    lines: list[Line] = []
    for index in range(max(len(each) for each in wrapped)):
        spans: list[Span] = []
        for column, (each, align, width) in enumerate(zip(wrapped, aligns, widths, strict=True)):
            if column:
                spans.append((_BETWEEN, _RULE))
            line = each[index] if index < len(each) else Line()
            blanks = max(width - cell_len(line.text), 0)
            left = {"left": 0, "center": blanks // 2, "right": blanks}[align]
            spans += _padding(left)
            spans += line.spans
            spans += _padding(blanks - left)
        lines.append(Line(tuple(spans)))
    return lines


def _padding(cells: int) -> list[Span]:
    return [(" " * cells, Look())] if cells else []


def _records(header: Sequence[Cell], rows: Sequence[Sequence[Cell]], room: int) -> list[Line]:
    """The table as one record a row, a line a cell: where columns find no room."""
    lines: list[Line] = []
    for row in rows:
        lines.append(Line((("─" * room, _RULE),)))
        for title, cell in zip(header, row, strict=True):
            label = [(text, look._replace(bold=True)) for text, look in title]
            lines += flow([*label, (": ", _RULE), *cell], room)
    return lines or flow([span for title in header for span in (*title, (" ", Look()))], room)
