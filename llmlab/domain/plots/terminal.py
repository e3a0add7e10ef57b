"""Figures in the cells of a terminal, as wide as there is room, readable without colour."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from llmlab.domain.plots.canvas import AXIS, HEATS, PLAIN, TITLE, Canvas, Ink, Piece, Row
from llmlab.domain.plots.cells import cells, fitted, padded
from llmlab.domain.plots.figure import Bars, Estimate, Figure, Graph, Heat, Scale, caption, described, short, told
from llmlab.domain.plots.span import Span, from_zero, span_of
from llmlab.domain.terminal import visible_line
from llmlab.words import say

MARKS: Final = "●▲■◆○△□◇▼▽★☆"
"""One a series; after the last the first comes again, in another colour."""
SEVERAL: Final = "✶"
"""Marks of several series in one cell."""
LEAST_WIDTH: Final = 36
"""Below so many cells a figure is told in sentences."""
GRAPH_ROWS: Final = 14
"""Rows of a graph's plot where nothing else is asked for."""
_EIGHTHS: Final = " ▏▎▍▌▋▊▉█"
_SHADES: Final = " ░▒▓█"


def draw(figure: Figure, width: int, height: int = GRAPH_ROWS) -> list[Row]:
    """A figure as rows of at most `width` cells.

    Args:
        figure: what is drawn.
        width: cells there are; in fewer than `LEAST_WIDTH` the figure is told in sentences.
        height: rows of the plot of a graph, its axis and legend left out; at least 4.
    """
    title: Row = (Piece(fitted(figure.title, width), TITLE),)
    if width < LEAST_WIDTH:
        return [title, *((Piece(line),) for text in described(figure) for line in _wrapped(text, width))]
    notes: list[Row] = [(Piece(line),) for line in _wrapped(figure.note, width)]
    notes += [(Piece(line, AXIS),) for line in _wrapped(caption(figure), width)]
    match figure:
        case Graph():
            return [title, *notes, *_graph(figure, width, max(4, height))]
        case Bars():
            return [title, *notes, *_bars(figure, width)]
        case Heat():
            return [title, *notes, *_heat(figure, width)]


def _wrapped(text: str, width: int) -> Iterator[str]:
    """`text` in lines of at most `width` cells, broken at blanks where there are any."""
    line = ""
    for word in visible_line(text).split():
        while cells(word) > width:
            head = fitted(word, width + 1).removesuffix("…")[: max(1, width)]
            while cells(head) > width:
                head = head[:-1]
            if line:
                yield line
                line = ""
            if not head:
                return
            yield head
            word = word[len(head) :]
        if line and cells(line) + 1 + cells(word) > width:
            yield line
            line = word
        else:
            line = f"{line} {word}" if line else word
    if line:
        yield line


# Graphs


@dataclass(frozen=True, slots=True)
class _Plot:
    """The inner part of a graph."""

    left: int
    width: int
    height: int
    x: Span
    y: Span

    def column(self, value: float) -> int:
        """The cell of an x."""
        return self.left + round(self.x.part(value) * (self.width - 1))

    def row(self, value: float) -> int:
        """The cell of a y."""
        return round((1 - self.y.part(value)) * (self.height - 1))

    def dot(self, x: float, y: float) -> tuple[float, float]:
        """The dot of a place, in the middle of its cell as far as marks go."""
        return 2 * (self.left + self.x.part(x) * (self.width - 1)) + 0.5, self.height_of(y)

    def height_of(self, y: float) -> float:
        """The dot of a y, from the top."""
        return 4 * (1 - self.y.part(y)) * (self.height - 1) + 1.5


def _graph(graph: Graph, width: int, height: int) -> list[Row]:
    points = [point for series in graph.series for point in series.points if point.y.finite]
    if not points:
        return [(Piece(say("nothing to draw yet"), AXIS),)]
    y = span_of(graph.y, [end for point in points for end in (point.y.low, point.y.high, point.y.value)])
    labels = {value: short(value, graph.y) for value in y.marks(max(2, height // 2))}
    left = max(map(cells, labels.values())) + 2
    # Marks of several series stand beside each other, so that no interval hides another; they need room at the ends.
    room = min(len(graph.series) // 2, 3) if graph.joined else 0
    x = (span_of if graph.joined or graph.x.log else from_zero)(graph.x, [point.x for point in points])
    plot = _Plot(left + room, max(8, width - left - 2 * room - 2), height, x, y)
    canvas = Canvas(width, height + 2)
    _axes(canvas, graph, plot, left, labels)
    ranks = range(len(graph.series))
    spread = [_offset(rank, len(graph.series), room) for rank in ranks]
    for rank, series in enumerate(graph.series):
        drawn = [point for point in series.points if point.y.finite]
        if graph.joined:
            _curve(canvas, plot, [(p.x, p.y) for p in drawn], rank, band=len(graph.series) == 1)
    for rank, series in enumerate(graph.series):
        for point in series.points:
            if point.y.finite:
                _whisker(canvas, plot, plot.column(point.x) + spread[rank], point.y, Ink("series", rank))
    for rank, series in enumerate(graph.series):
        for point in series.points:
            if point.y.finite:
                column, row = plot.column(point.x) + spread[rank], plot.row(point.y.value)
                taken = canvas.at(column, row) in {*MARKS, SEVERAL}
                canvas.write(column, row, SEVERAL if taken else MARKS[rank % len(MARKS)], Ink("series", rank))
    several = any(piece.text.count(SEVERAL) for row in canvas.rows() for piece in row)
    above: Row = (Piece(fitted(graph.y.title, width), AXIS),)
    return [above, *canvas.rows(), _right(graph.x.title, width), *_legend(graph, width, several=several)]


def _offset(rank: int, count: int, room: int) -> int:
    """How many cells a series stands beside its place."""
    return 0 if count < 2 or not room else round((rank / (count - 1) * 2 - 1) * room)


def _axes(canvas: Canvas, graph: Graph, plot: _Plot, left: int, labels: dict[float, str]) -> None:
    for row in range(plot.height):
        canvas.write(left - 1, row, "│", AXIS)
    for value, label in labels.items():
        row = plot.row(value)
        canvas.write(left - 2 - cells(label), row, label, AXIS)
        canvas.write(left - 1, row, "┤", AXIS)
    canvas.write(left - 1, plot.height, "└" + "─" * (canvas.width - left), AXIS)
    free = 0
    for value, label in _x_labels(graph, plot):
        column = plot.column(value)
        start = min(max(column - cells(label) // 2, free), canvas.width - cells(label))
        if start >= free and start <= column <= start + cells(label):
            canvas.write(column, plot.height, "┬", AXIS)
            canvas.write(start, plot.height + 1, label, AXIS)
            free = start + cells(label) + 1


def _x_labels(graph: Graph, plot: _Plot) -> list[tuple[float, str]]:
    """What stands below the axis: the measured places, or round numbers between them where they are many."""
    points = [point for series in graph.series for point in series.points]
    named = {point.x: fitted(point.name or short(point.x, graph.x), plot.width) for point in points}
    needed = sum(cells(label) + 1 for label in named.values())
    if graph.joined and (needed <= plot.width or any(point.name for point in points)):
        return sorted(named.items())
    return [(value, short(value, graph.x)) for value in plot.x.marks(max(2, plot.width // 9))]


def _curve(canvas: Canvas, plot: _Plot, points: Sequence[tuple[float, Estimate]], rank: int, *, band: bool) -> None:
    for (x0, before), (x1, after) in pairwise(points):
        start, end = plot.dot(x0, before.value), plot.dot(x1, after.value)
        canvas.line(*start, *end, Ink("series", rank))
        if band:
            low = plot.height_of(before.low), plot.height_of(after.low)
            high = plot.height_of(before.high), plot.height_of(after.high)
            canvas.band(round(start[0]), round(end[0]), low, high, Ink("band", rank))


def _whisker(canvas: Canvas, plot: _Plot, x: int, y: Estimate, ink: Ink) -> None:
    top, bottom = plot.row(y.high), plot.row(y.low)
    for row in range(top, bottom + 1):
        if top == bottom or canvas.at(x, row) in {*MARKS}:
            continue
        canvas.write(x, row, "┬" if row == top else "┴" if row == bottom else "│", ink)


def _right(text: str, width: int) -> Row:
    return (Piece(padded(text, width, right=True), AXIS),)


def _legend(graph: Graph, width: int, *, several: bool) -> Iterator[Row]:
    """Which mark is which series, as many a row as fit."""
    entries = [(MARKS[rank % len(MARKS)], Ink("series", rank), series.name) for rank, series in enumerate(graph.series)]
    if several:
        entries.append((SEVERAL, PLAIN, say("several at one place")))
    row: list[Piece] = []
    used = 0
    for mark, ink, name in entries:
        label = fitted(name, width - 2)
        size = cells(label) + 2
        if row and used + 3 + size > width:
            yield tuple(row)
            row, used = [], 0
        gap = "   " if row else ""
        row += [Piece(gap), Piece(mark, ink), Piece(f" {label}")]
        used += len(gap) + size
    yield tuple(row)


# Bars


def _bars(bars: Bars, width: int) -> list[Row]:
    drawn = [bar for bar in bars.bars if bar.estimate.finite]
    if not drawn:
        return [(Piece(say("nothing to draw yet"), AXIS),)]
    figures = [told(bar.estimate, bars.scale) for bar in drawn]
    figure_room = max(map(cells, figures))
    name_room = min(max(cells(bar.name) for bar in drawn), max(8, (width - figure_room - 4) // 2))
    length = width - name_room - figure_room - 3
    beside = length >= 10
    if not beside:
        name_room, length = min(name_room, width // 3), width - min(name_room, width // 3) - 2
    span = from_zero(bars.scale, [end for bar in drawn for end in (bar.estimate.low, bar.estimate.high)])
    rows: list[Row] = [(Piece(fitted(bars.scale.title, width), AXIS),)]
    for bar, figure in zip(drawn, figures, strict=True):
        name = Piece(padded(bar.name, name_room) + " ")
        strip = _bar(bar.estimate, span, length)
        rows.append((name, *strip, Piece(f" {figure}")) if beside else (name, *strip))
        if not beside:
            rows.append((Piece(" " * (name_room + 1) + fitted(figure, width - name_room - 1), AXIS),))
    rows.append((Piece(" " * (name_room + 1)), *_ruler(span, bars.scale, length)))
    rows.append((Piece(fitted(say("█ up to the interval, ▓ within it, ┃ the figure, ░ above it"), width), AXIS),))
    return rows


def _bar(estimate: Estimate, span: Span, length: int) -> Row:
    """Full up to the interval, dotted within it, a stroke at the figure."""
    low, value, high, zero = (
        round(span.part(one) * (length - 1)) for one in (estimate.low, estimate.value, estimate.high, 0.0)
    )

    # Below zero the bar grows to the left: what lies between zero and the interval's near end is full.
    def fill(cell: int) -> str:
        if cell == value:
            return "┃"
        if low <= cell <= high:
            return "▓" if min(zero, value) <= cell <= max(zero, value) else "░"
        return "█" if min(zero, value) <= cell <= max(zero, value) else " "

    return (Piece("".join(map(fill, range(length))), Ink("series")),)


def _ruler(span: Span, scale: Scale, length: int) -> Row:
    """Numbers below the bars."""
    canvas, free = Canvas(length, 1), 0
    for value in span.marks(max(2, length // 6)):
        label, column = short(value, scale), round(span.part(value) * (length - 1))
        start = min(max(column - cells(label) // 2, 0), length - cells(label))
        if start >= free:
            canvas.write(start, 0, label, AXIS)
            free = start + cells(label) + 1
    return next(canvas.rows())


# Heatmaps


def _heat(heat: Heat, width: int) -> list[Row]:
    name_room = min(max([1, *map(cells, heat.rows)]), max(6, width // 4))
    values = [one.value for row in heat.cells for one in row if one is not None and one.finite]
    columns = max(1, len(heat.columns))
    least = max([4, *(cells(short(value, heat.scale)) + 1 for value in values)])
    cell = max([6, *(cells(column) + 2 for column in heat.columns)])
    room = width - name_room - 1
    cell = min(max(least, min(cell, 14, room // columns)), room)
    span = span_of(heat.scale, values)
    # Where not all columns fit, they follow in blocks below: a column that is left out would be a result kept back.
    block = max(1, room // cell)
    rows: list[Row] = [
        (Piece(fitted(heat.scale.title, width), AXIS),),
        (Piece(fitted(f"{heat.y_title} ↓   {heat.x_title} →", width), AXIS),),
    ]
    for first in range(0, columns, block):
        chosen = slice(first, first + block)
        head = "".join(padded(name, cell - 1, right=True) + " " for name in heat.columns[chosen])
        rows.append((Piece(" " * (name_room + 1) + head, AXIS),))
        for name, line in zip(heat.rows, heat.cells, strict=True):
            rows.append(
                (
                    Piece(padded(name, name_room, right=True) + " ", AXIS),
                    *(_heat_cell(one, span, heat.scale, cell) for one in line[chosen]),
                )
            )
    return [*rows, _heat_legend(span, heat.scale)]


def _level(value: float, span: Span) -> int:
    return round(span.part(value) * (HEATS - 1))


def _heat_cell(one: Estimate | None, span: Span, scale: Scale, width: int) -> Piece:
    if one is None or not one.finite:
        return Piece(padded("·", width - 1, right=True) + " ", AXIS)
    level = _level(one.value, span)
    shade = _SHADES[level * (len(_SHADES) - 1) // (HEATS - 1)]
    number = fitted(short(one.value, scale), width - 1)
    return Piece(shade * max(0, width - cells(number) - 1) + number + " ", Ink("heat", level))


def _heat_legend(span: Span, scale: Scale) -> Row:
    steps: list[Piece] = []
    for part in range(len(_SHADES)):
        level = part * (HEATS - 1) // (len(_SHADES) - 1)
        steps.append(Piece(_SHADES[part] * 3, Ink("heat", level)))
    return (Piece(short(span.low, scale) + " ", AXIS), *steps, Piece(" " + short(span.high, scale), AXIS))


Painter = Callable[[Piece], str]


def as_text(figure: Figure, width: int, height: int = GRAPH_ROWS, paint: Painter | None = None) -> str:
    """A figure as lines of text; `paint` may put colour around each piece."""
    rows = draw(figure, width, height)
    if paint is None:
        return "\n".join("".join(piece.text for piece in row).rstrip() for row in rows)
    return "\n".join("".join(map(paint, row)) for row in rows)
