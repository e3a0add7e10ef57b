"""How fast a prompt is being read, and how long it will still take."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

SPAN: Final = 5.0
"""Seconds that the speed is taken over: later tokens of a long prompt take longer than the first ones."""
LEAST: Final = 0.5
"""Seconds below which nothing is said of the speed."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Where the reading of a prompt was, and when; a value for each moment."""

    marks: tuple[tuple[float, int], ...] = ()
    """Seconds of any clock and tokens read by then, in order."""

    def after(self, now: float, tokens: int) -> Pace:
        """The pace once `tokens` are read at `now`; what is older than `SPAN` counts no more."""
        if self.marks and self.marks[-1][1] == tokens:
            return self
        recent = [mark for mark in self.marks if now - mark[0] <= SPAN]
        # The one before the span stays: two marks far apart are better than one.
        kept = recent if len(recent) > 1 else list(self.marks[-1:])
        return replace(self, marks=(*kept, (now, tokens)))

    @property
    def speed(self) -> float:
        """Tokens a second; 0 while it is too early to tell."""
        if len(self.marks) < 2:
            return 0.0
        (began, first), (ended, last) = self.marks[0], self.marks[-1]
        return (last - first) / (ended - began) if ended - began >= LEAST else 0.0

    def left(self, total: int) -> float | None:
        """Seconds until `total` tokens are read; `None` while it is too early to tell."""
        speed = self.speed
        return max(0, total - self.marks[-1][1]) / speed if speed > 0 else None


def time_left(seconds: float) -> str:
    """`0:07`, `12:30`, `1:02:03`."""
    whole = round(seconds)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"
