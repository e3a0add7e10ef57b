"""What a figure shows, whatever it is drawn with: curves and points, bars, a heatmap; every value with its interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from llmlab.domain.statistics import Interval, Unit
from llmlab.domain.unit_words import interval_text, level_text, size_text, value_text
from llmlab.words import say


@dataclass(frozen=True, slots=True)
class Estimate:
    """A measured figure."""

    value: float
    low: float
    high: float
    """The ends of its interval."""
    n: int = 0
    """Trials behind it."""

    @property
    def finite(self) -> bool:
        """It can be drawn: neither it nor its interval is endless."""
        return all(abs(one) < float("inf") for one in (self.value, self.low, self.high))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """What an axis measures."""

    title: str
    unit: Unit = "value"
    """A share is told in percent, and all that it can be is shown."""
    log: bool = False
    """Equal steps are equal factors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One measured place."""

    x: float
    y: Estimate
    name: str = ""
    """What stands on the axis for `x`; empty is the number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Points that belong together, from left to right."""

    name: str
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """Points over a numeric axis; joined it is one curve a series, with a band."""

    title: str
    x: Scale
    y: Scale
    series: tuple[Series, ...]
    joined: bool = True
    level: float = 0.95
    """Of the intervals."""
    note: str = ""
    """What a reader must know of the trials behind it; empty where that is nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One arm."""

    name: str
    estimate: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """A bar an arm, one below the other."""

    title: str
    scale: Scale
    bars: tuple[Bar, ...]
    level: float = 0.95
    """Of the intervals."""
    note: str = ""
    """What a reader must know of the trials behind it; empty where that is nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heat:
    """One measured figure for each pair of two axes."""

    title: str
    scale: Scale
    x_title: str
    y_title: str
    columns: tuple[str, ...]
    rows: tuple[str, ...]
    cells: tuple[tuple[Estimate | None, ...], ...]
    """By row, then column; `None` where nothing was measured."""
    level: float = 0.95
    """Of the intervals."""
    note: str = ""
    """What a reader must know of the trials behind it; empty where that is nothing."""


Figure = Graph | Bars | Heat


def told(estimate: Estimate, scale: Scale) -> str:
    """A figure in words: value, interval, trials."""
    words = interval_text(Interval(estimate.value, estimate.low, estimate.high), scale.unit)
    return f"{words} n={estimate.n:,}" if estimate.n else words


def caption(figure: Figure) -> str:
    """How many trials are behind the values of a figure, and what its intervals are; empty where it has no value."""
    found = [one for one in _estimates(figure) if one.finite]
    if not found:
        return ""
    counts = [one.n for one in found]
    fewest, most = f"{min(counts):,}", f"{max(counts):,}"
    told = {"n": fewest if fewest == most else f"{fewest}…{most}", "level": level_text(figure.level)}
    match figure:
        case Graph():
            return say("{n} trials a point, with {level} intervals", **told)
        case Bars():
            return say("{n} trials a bar, with {level} intervals", **told)
        case Heat():
            # A cell has no room for its interval: the widest one stands for all.
            reach = max(max(one.high - one.value, one.value - one.low) for one in found)
            size = size_text(reach, figure.scale.unit)
            return say("{n} trials a cell; {level} intervals reach up to {reach} from the figure", reach=size, **told)


def _estimates(figure: Figure) -> list[Estimate]:
    match figure:
        case Graph():
            return [point.y for series in figure.series for point in series.points]
        case Bars():
            return [bar.estimate for bar in figure.bars]
        case Heat():
            return [cell for row in figure.cells for cell in row if cell is not None]


def described(figure: Figure) -> list[str]:
    """A figure as sentences, for who cannot see it or has no room for it."""
    return [*filter(None, (figure.note, caption(figure))), *_values(figure)]


def _values(figure: Figure) -> list[str]:
    match figure:
        case Graph():
            lines = [say("{y} over {x}", y=figure.y.title, x=figure.x.title)]
            for series in figure.series:
                words = (
                    f"{point.name or short(point.x, figure.x)}: {told(point.y, figure.y)}" for point in series.points
                )
                lines.append(f"{series.name}: " + "; ".join(words))
            return lines
        case Bars():
            return [figure.scale.title, *(f"{bar.name}: {told(bar.estimate, figure.scale)}" for bar in figure.bars)]
        case Heat():
            lines = [say("{value} by {y} and {x}", value=figure.scale.title, y=figure.y_title, x=figure.x_title)]
            for row, cells in zip(figure.rows, figure.cells, strict=True):
                words = (
                    f"{column}: {told(cell, figure.scale) if cell else '-'}"
                    for column, cell in zip(figure.columns, cells, strict=True)
                )
                lines.append(f"{row}: " + "; ".join(words))
            return lines


_UNITS: Final = ((1e9, "G"), (1e6, "M"), (1e4, "k"))
"""From which size a number is cut short, and how; 9,999 stands in full."""


def short(value: float, scale: Scale | None = None) -> str:
    """A number as axes and tables show it: 25 %, 12, 1,024, 1.5M."""
    if scale is not None and scale.unit == "share":
        return value_text(value, "share")
    size = abs(value)
    if size == float("inf"):
        return "∞" if value > 0 else "-∞"
    if size >= 1e12:
        return f"{value:.1e}"
    for unit, letter in _UNITS:
        if size >= unit:
            in_units = value / (1e3 if letter == "k" else unit)
            return f"{in_units:.1f}".removesuffix(".0") + letter
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:.3g}" if size < 100 else f"{value:,.0f}"
