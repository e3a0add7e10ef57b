"""Figures as SVG: no network, no script, dark and light by what the reader prefers, told in words to who cannot see."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from llmlab.domain.plots.cells import cells
from llmlab.domain.plots.figure import (
    Bars,
    Estimate,
    Figure,
    Graph,
    Heat,
    Point,
    Scale,
    Series,
    caption,
    described,
    short,
    told,
)
from llmlab.domain.plots.span import Span, from_zero, span_of
from llmlab.domain.terminal import visible
from llmlab.words import say

WIDTH: Final = 720
"""Units of the picture; it scales to the room there is."""
_TEXT: Final = 6.6
"""Units that a cell of text takes, about, at 12 units a line."""
COLOURS: Final = (
    ("#0b63a8", "#6db8f2"), ("#c24e00", "#ff9d5c"), ("#00755a", "#3fd0a4"), ("#a63d84", "#f08fcd"),
    ("#7a5b00", "#e3bd3f"), ("#3d4ba8", "#a4aef8"), ("#9c2b2b", "#ff8f8f"), ("#4b5563", "#c0c7d2"),
)  # fmt: skip
"""Of the series, on light and on dark ground; shapes and dashes tell them apart as well."""
_DASHES: Final = ("none", "7 4", "2 3", "9 3 2 3", "none", "7 4", "2 3", "9 3 2 3")


def _rules(place: int) -> str:
    return "".join(f".figure .s{number}{{--c:{pair[place]}}}" for number, pair in enumerate(COLOURS))


STYLE: Final = (
    ".figure{--ink:#1c2530;--dim:#566270;--line:#c3cbd4;--paper:#ffffff;--low:#eef3f8;--high:#0b4f8a;"
    "font:12px system-ui,'Noto Sans CJK SC','Microsoft YaHei',sans-serif;background:var(--paper)}"
    + _rules(0)
    + ".figure text{fill:var(--ink)}.figure .dim{fill:var(--dim)}.figure .title{font-weight:600;font-size:14px}"
    ".figure .rule{stroke:var(--line);stroke-width:1;fill:none}"
    ".figure .curve{stroke:var(--c);stroke-width:2;fill:none}.figure .band{fill:var(--c);opacity:.16}"
    ".figure .mark{fill:var(--c);stroke:var(--paper);stroke-width:1}"
    ".figure .whisker{stroke:var(--c);stroke-width:1.5;fill:none}.figure .bar{fill:var(--c);opacity:.45}"
    ".figure .heat{stroke:var(--paper);stroke-width:2}"
    "@media (prefers-color-scheme:dark){.figure{--ink:#e6eaf0;--dim:#9aa7b5;--line:#3a4552;--paper:#12171d;"
    "--low:#1d2833;--high:#7cc4ff}" + _rules(1) + "}"
)
"""Rules for every figure; a page that holds several needs them once."""

_ILLEGAL: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def clean(text: str) -> str:
    """`text` as XML may hold it between tags or in an attribute: markup escaped, what steers or hides made visible."""
    return escape(_ILLEGAL.sub("\ufffd", visible(text)))


def svg(figure: Figure, name: str, *, alone: bool = True) -> str:
    """A figure as one `svg` element.

    Args:
        figure: what is drawn.
        name: unique on its page: letters, digits and hyphens; titles are referred to by it.
        alone: with its rules and name space, as a file of its own.
    """
    match figure:
        case Graph():
            height, parts = _graph(figure)
        case Bars():
            height, parts = _bars(figure)
        case Heat():
            height, parts = _heat(figure)
    for line, kind in ((caption(figure), "dim"), (figure.note, "")):
        if line:
            parts = [*parts, _text(0, height + 8, line, kind)]
            height += 16
    told_in_words = clean(". ".join(described(figure)))
    style = f"<style>{STYLE}</style>" if alone else ""
    space = 'xmlns="http://www.w3.org/2000/svg" ' if alone else ""
    return (
        f'<svg {space}class="figure" viewBox="0 0 {WIDTH} {height:g}" role="img" '
        f'aria-labelledby="{name}-title {name}-desc">'
        f'<title id="{name}-title">{clean(figure.title)}</title><desc id="{name}-desc">{told_in_words}</desc>'
        f"{style}{_text(0, 16, figure.title, 'title')}{''.join(parts)}</svg>"
    )


def _text(x: float, y: float, text: str, kind: str = "", anchor: str = "start", room: float = 0) -> str:
    """A line of text; cut with an ellipsis where it takes more than `room`, and whole on hovering."""
    shown = text
    while room and cells(shown) * _TEXT > room and len(shown) > 1:
        shown = shown[:-2] + "…" if shown.endswith("…") else shown[:-1] + "…"
    whole = f"<title>{clean(text)}</title>" if shown != text else ""
    attributes = (f' class="{kind}"' if kind else "") + (f' text-anchor="{anchor}"' if anchor != "start" else "")
    return f'<text x="{x:.1f}" y="{y:.1f}"{attributes}>{clean(shown)}{whole}</text>'


def _line(x0: float, y0: float, x1: float, y1: float, kind: str = "rule") -> str:
    return f'<path class="{kind}" d="M{x0:.1f} {y0:.1f}L{x1:.1f} {y1:.1f}"/>'


def _series(rank: int) -> str:
    return f"s{rank % len(COLOURS)}"


def _mark(x: float, y: float, rank: int, tip: str = "") -> str:
    """The shape of a series, with its figure on hovering."""
    shapes = (
        "m0-5a5 5 0 1 0 .01 0z", "m0-6 5.5 10h-11z", "m-5-5h10v10h-10z", "m0-6.5 6.5 6.5-6.5 6.5-6.5-6.5z",
        "m0 6 5.5-10h-11z", "m-6-2h4v-4h4v4h4v4h-4v4h-4v-4h-4z", "m-5-3 5-3 5 3v6l-5 3-5-3z", "m-6-3h12v6h-12z",
        "m0-6.5 1.6 4.4h4.7l-3.8 2.9 1.4 4.6-3.9-2.7-3.9 2.7 1.4-4.6-3.8-2.9h4.7z", "m-3-6h6v12h-6z",
        "m-6-4 2-2 4 4 4-4 2 2-4 4 4 4-2 2-4-4-4 4-2-2 4-4z", "m-5-6h10l-4 6 4 6h-10l4-6z",
    )  # fmt: skip
    inside = f"<title>{clean(tip)}</title>" if tip else ""
    return f'<path class="mark" d="M{x:.1f} {y:.1f}{shapes[rank % len(shapes)]}">{inside}</path>'


def _whisker(x: float, low: float, high: float) -> str:
    return f'<path class="whisker" d="M{x:.1f} {low:.1f}V{high:.1f}M{x - 4:.1f} {low:.1f}h8M{x - 4:.1f} {high:.1f}h8"/>'


# Graphs

_HEIGHT: Final = 260
"""Units of a graph's plot."""


@dataclass(frozen=True, slots=True)
class _Plot:
    """Where values stand."""

    left: float
    right: float
    top: float
    bottom: float
    x: Span
    y: Span

    def at_x(self, value: float) -> float:
        return self.left + self.x.part(value) * (self.right - self.left)

    def at_y(self, value: float) -> float:
        return self.bottom - self.y.part(value) * (self.bottom - self.top)


def _graph(graph: Graph) -> tuple[float, list[str]]:
    points = [point for series in graph.series for point in series.points if point.y.finite]
    if not points:
        return 60.0, [_text(0, 44, say("nothing to draw yet"), "dim")]
    y = span_of(graph.y, [end for point in points for end in (point.y.low, point.y.high, point.y.value)])
    x = (span_of if graph.joined or graph.x.log else from_zero)(graph.x, [point.x for point in points])
    labels = {value: short(value, graph.y) for value in y.marks(6)}
    left = max(cells(label) for label in labels.values()) * _TEXT + 14
    plot = _Plot(left + 14, WIDTH - 24, 48, 48 + _HEIGHT, x, y)
    parts = [_text(0, 36, graph.y.title, "dim")]
    for value, label in labels.items():
        at = plot.at_y(value)
        parts += [_line(left, at, WIDTH - 10, at), _text(left - 6, at + 4, label, "dim", "end")]
    parts += _x_axis(graph, plot)
    for rank, series in enumerate(graph.series):
        parts += _one_series(graph, plot, rank, series)
    legend, bottom = _legend([series.name for series in graph.series], plot.bottom + 52)
    return bottom, [*parts, *legend]


def _x_axis(graph: Graph, plot: _Plot) -> Iterator[str]:
    named = {point.x: point.name or short(point.x, graph.x) for series in graph.series for point in series.points}
    at_points = graph.joined and (len(named) <= 12 or any(p.name for s in graph.series for p in s.points))
    places = sorted(named.items()) if at_points else [(one, short(one, graph.x)) for one in plot.x.marks(8)]
    free = 0.0
    for value, label in places:
        at, half = plot.at_x(value), cells(label) * _TEXT / 2
        yield _line(at, plot.bottom, at, plot.bottom + 5)
        start = min(max(at - half, free), WIDTH - 2 * half)
        if start >= free and start <= at <= start + 2 * half:
            yield _text(start + half, plot.bottom + 18, label, "dim", "middle")
            free = start + 2 * half + 6
    yield _text(plot.right + 14, plot.bottom + 36, graph.x.title, "dim", "end")


def _one_series(graph: Graph, plot: _Plot, rank: int, series: Series) -> Iterator[str]:
    drawn = [point for point in series.points if point.y.finite]
    yield f'<g class="{_series(rank)}">'
    if graph.joined and len(drawn) > 1:
        edge = [f"{plot.at_x(p.x):.1f} {plot.at_y(p.y.high):.1f}" for p in drawn]
        edge += [f"{plot.at_x(p.x):.1f} {plot.at_y(p.y.low):.1f}" for p in reversed(drawn)]
        yield f'<path class="band" d="M{"L".join(edge)}z"/>'
        line = "L".join(f"{plot.at_x(p.x):.1f} {plot.at_y(p.y.value):.1f}" for p in drawn)
        yield f'<path class="curve" stroke-dasharray="{_DASHES[rank % len(_DASHES)]}" d="M{line}"/>'
    for point in drawn:
        yield from _point(graph, plot, rank, series, point)
    yield "</g>"


def _point(graph: Graph, plot: _Plot, rank: int, series: Series, point: Point) -> Iterator[str]:
    # Whiskers of several series stand a little beside each other, so that each can be seen.
    count = len(graph.series) if graph.joined else 1
    aside = (rank - (count - 1) / 2) * min(5.0, 24 / count)
    at = plot.at_x(point.x) + aside
    yield _whisker(at, plot.at_y(point.y.low), plot.at_y(point.y.high))
    place = point.name or short(point.x, graph.x)
    yield _mark(at, plot.at_y(point.y.value), rank, f"{series.name}, {place}: {told(point.y, graph.y)}")


def _legend(names: Sequence[str], top: float) -> tuple[list[str], float]:
    """Marks with their names, in rows; and where they end."""
    parts: list[str] = []
    x, y = 8.0, top
    for rank, name in enumerate(names):
        size = min(cells(name) * _TEXT, WIDTH - 40) + 36
        if x > 8 and x + size > WIDTH:
            x, y = 8.0, y + 20
        parts += [f'<g class="{_series(rank)}">', _mark(x, y - 4, rank), "</g>"]
        parts.append(_text(x + 12, y, name, room=WIDTH - 40))
        x += size
    return parts, y + 12


# Bars


def _bars(bars: Bars) -> tuple[float, list[str]]:
    drawn = [bar for bar in bars.bars if bar.estimate.finite]
    if not drawn:
        return 60.0, [_text(0, 44, say("nothing to draw yet"), "dim")]
    names = min(max(cells(bar.name) for bar in drawn) * _TEXT + 10, 260.0)
    figures = max(cells(told(bar.estimate, bars.scale)) for bar in drawn) * _TEXT + 12
    left, right = names, WIDTH - figures
    span = from_zero(bars.scale, [end for bar in drawn for end in (bar.estimate.low, bar.estimate.high)])
    bottom = 50 + 28 * len(drawn)
    parts = [_text(0, 36, bars.scale.title, "dim")]

    def at(value: float) -> float:
        return left + span.part(value) * (right - left)

    for value in span.marks(6):
        parts += [_line(at(value), 46, at(value), bottom)]
        parts += [_text(at(value), bottom + 14, short(value, bars.scale), "dim", "middle")]
    for rank, bar in enumerate(drawn):
        y, one = 62 + 28 * rank, bar.estimate
        start, end = sorted((at(0.0), at(one.value)))
        words = told(one, bars.scale)
        parts += [_text(names - 8, y + 4, bar.name, anchor="end", room=names - 10)]
        parts += [f'<g class="s0"><title>{clean(f"{bar.name}: {words}")}</title>']
        parts += [f'<rect class="bar" x="{start:.1f}" y="{y - 9}" width="{max(0.5, end - start):.1f}" height="18"/>']
        parts += [
            f'<path class="whisker" d="M{at(one.low):.1f} {y}H{at(one.high):.1f}'
            f'M{at(one.low):.1f} {y - 5}v10M{at(one.high):.1f} {y - 5}v10"/>',
            _mark(at(one.value), y, 0),
            "</g>",
            _text(right + 12, y + 4, words, "dim"),
        ]
    return bottom + 24.0, parts


# Heatmaps


def _heat(heat: Heat) -> tuple[float, list[str]]:
    names = min(max([cells(row) for row in heat.rows] or [1]) * _TEXT + 14, 200.0)
    columns = max(1, len(heat.columns))
    cell = min((WIDTH - names) / columns, 120.0)
    values = [one.value for row in heat.cells for one in row if one is not None and one.finite]
    span = span_of(heat.scale, values)
    parts = [_text(0, 36, f"{heat.scale.title}: {heat.y_title} ↓ {heat.x_title} →", "dim", room=WIDTH)]
    for number, column in enumerate(heat.columns):
        parts.append(_text(names + (number + 0.5) * cell, 58, column, "dim", "middle", room=cell - 4))
    for line, (row, found) in enumerate(zip(heat.rows, heat.cells, strict=True)):
        y = 66 + 34 * line
        parts.append(_text(names - 8, y + 21, row, "dim", "end", room=names - 10))
        for number, one in enumerate(found):
            parts += _heat_cell(heat, one, span, (names + number * cell, y, cell), f"{row}, {heat.columns[number]}")
    bottom = 66.0 + 34 * len(heat.rows)
    return bottom + 34, [*parts, *_heat_legend(heat.scale, span, names, bottom + 10)]


def _heat_cell(
    heat: Heat, one: Estimate | None, span: Span, box: tuple[float, float, float], place: str
) -> Iterator[str]:
    x, y, width = box
    if one is None or not one.finite:
        yield _text(x + width / 2, y + 21, "·", "dim", "middle")
        return
    part = span.part(one.value)
    tip = f"<title>{clean(f'{place}: {told(one, heat.scale)}')}</title>"
    yield f'<rect class="heat" x="{x:.1f}" y="{y}" width="{width:.1f}" height="34" {_mixed(part)}>{tip}</rect>'
    # On the strong half of the scale the ground is dark where the page is light, and light where it is dark.
    ink = ' style="fill:var(--paper)"' if part > 0.55 else ""
    yield f'<text x="{x + width / 2:.1f}" y="{y + 21}" text-anchor="middle"{ink}>{short(one.value, heat.scale)}</text>'


def _mixed(part: float) -> str:
    return f'style="fill:color-mix(in srgb,var(--high) {100 * part:.0f}%,var(--low))"'


def _heat_legend(scale: Scale, span: Span, left: float, y: float) -> Iterable[str]:
    yield _text(left - 8, y + 11, short(span.low, scale), "dim", "end")
    for step in range(11):
        yield f'<rect x="{left + step * 14:.1f}" y="{y}" width="14" height="12" {_mixed(step / 10)}/>'
    yield _text(left + 162, y + 11, short(span.high, scale), "dim")
