"""The stretch of values that an axis shows, and where its marks stand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil, floor, log10

from llmlab.domain.plots.figure import Scale


@dataclass(frozen=True, slots=True)
class Span:
    """From `low` to `high`, `low` below `high`; both above 0 where it is logarithmic."""

    low: float
    high: float
    log: bool = False

    def part(self, value: float) -> float:
        """Where `value` stands, 0 at `low`, 1 at `high`; values beyond an end are at it."""
        if self.log:
            value = max(value, self.low)
            whole = log10(self.high / self.low)
            return min(1.0, log10(value / self.low) / whole)
        return min(1.0, max(0.0, (value - self.low) / (self.high - self.low)))

    def marks(self, most: int) -> tuple[float, ...]:
        """Round values, at least one, at most `most`; powers of ten, their 2 and 5 where it is logarithmic."""
        most = max(1, most)
        return self._powers(most) if self.log else self._steps(most)

    def _steps(self, most: int) -> tuple[float, ...]:
        rough = (self.high - self.low) / max(1, most - 1)
        power = 10.0 ** floor(log10(rough))
        for factor in (1, 2, 5, 10, 20, 50):
            step = factor * power
            first, last = ceil(self.low / step - 1e-9), floor(self.high / step + 1e-9)
            if last - first + 1 <= most:
                found = tuple(float(f"{number * step:.12g}") for number in range(first, last + 1))
                return found or (self.low,)
        return (self.low,)

    def _powers(self, most: int) -> tuple[float, ...]:
        first, last = floor(log10(self.low)), ceil(log10(self.high))
        for factors in ((1, 2, 5), (1, 3), (1,)):
            found = [f * 10.0**p for p in range(first, last + 1) for f in factors]
            found = [one for one in found if self.low * (1 - 1e-9) <= one <= self.high * (1 + 1e-9)]
            if 0 < len(found) <= most:
                return tuple(found)
        step = max(1, ceil((last - first + 1) / most))
        found = [10.0**p for p in range(first, last + 1, step) if self.low <= 10.0**p <= self.high]
        return tuple(found) or (self.low,)


def span_of(scale: Scale, values: Iterable[float]) -> Span:
    """The stretch that shows all of `values`; a share shows all that it can be."""
    found = list(values)
    if scale.unit == "share":
        return Span(0.0, 1.0)
    if not found:
        return Span(0.0, 1.0)
    low, high = min(found), max(found)
    if scale.log and low > 0:
        return Span(low, high, log=True) if high > low * 1.0001 else Span(low / 2, high * 2, log=True)
    if high - low <= max(1e-9 * abs(high), 1e-9 * abs(low), 1e-12):
        pad = abs(high) / 2 if abs(high) > 1e-9 else 0.5
        return Span(low - pad, high + pad)
    return Span(low, high)


def from_zero(scale: Scale, values: Iterable[float]) -> Span:
    """As `span_of`, with 0 on it: lengths of bars start there."""
    return span_of(scale, [*values, 0.0])
