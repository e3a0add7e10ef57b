"""How a measured figure is told, wherever that is: a share in percent, its differences in points, a value as it is."""

from __future__ import annotations

import math
from typing import Final

from llmlab.domain.statistics import Interval, Unit
from llmlab.words import say

_WHOLE: Final = 99.95
"""From here on three digits leave nothing behind the point, and a number is written out in full."""


def number_text(value: float, *, signed: bool = False) -> str:
    """A number with three digits, or all of those before its point: `0.0123`, `2.5`, `1,234`, `∞`."""
    sign = "+" if signed else ""
    if math.isinf(value):
        return "-∞" if value < 0 else f"{sign}∞"
    return format(value, f"{sign},.0f" if _WHOLE <= abs(value) < 1e12 else f"{sign}.3g")


def value_text(value: float, unit: Unit) -> str:
    """One figure: `82 %` of a share, `2.49` of a value."""
    return f"{100 * value:.0f} %" if unit == "share" else number_text(value)


def interval_text(interval: Interval, unit: Unit) -> str:
    """A figure with its interval: `82 % [74, 88]` of a share, `2.49 [2.46, 2.52]` of a value."""
    low, high = (value_text(end, unit).removesuffix(" %") for end in (interval.low, interval.high))
    return f"{value_text(interval.value, unit)} [{low}, {high}]"


def difference_text(difference: Interval, unit: Unit) -> str:
    """A difference with its interval: of shares `+1.1 points [+0.8, +1.5]`, of values `+0.011 [+0.008, +0.015]`."""
    times = 100.0 if unit == "share" else 1.0
    low, high = (number_text(times * end, signed=True) for end in (difference.low, difference.high))
    return f"{size_text(difference.value, unit, signed=True)} [{low}, {high}]"


def size_text(size: float, unit: Unit, *, signed: bool = False) -> str:
    """How large a difference or a spread is: of shares in points."""
    if unit == "share":
        return number_text(100 * size, signed=signed) + " " + say("points")
    return number_text(size, signed=signed)


def level_text(level: float) -> str:
    """How sure an interval is: `95 %` of 0.95."""
    return f"{100 * level:.6g} %"
