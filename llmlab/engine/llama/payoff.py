"""Whether it pays to check guessed tokens: what steps cost, how often guesses come true, and what may be lost.

The unit is the plain step: one token for each answer that writes. Nothing is ever run only to be measured. What wider
steps cost is learned from those that are taken, and an account bounds what may be lost while learning.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from statistics import median
from typing import Final

WIDTHS: Final = (2, 4, 8, 16, 32)
"""Rows of a batch that are tried: kernels compute tiles, so that widths in between cost as much as the next one."""
WORTH: Final = 1.1
"""Gain from which on guesses are checked: less is within what measuring gets wrong."""


class Odds:
    """How often guesses come true, by how good they look; what was seen lately counts most."""

    WEIGHT: Final = 4.0
    """Guesses that a prior stands for."""
    MEMORY: Final = 64.0
    """Guesses of a grade after which older ones count half."""

    def __init__(self, priors: Sequence[float]) -> None:
        """Begin with the share that comes true for each grade, from 0 to 1."""
        self._right = [share * self.WEIGHT for share in priors]
        self._all = [self.WEIGHT] * len(priors)

    def of(self, grade: int) -> float:
        """The chance that a guess of `grade` comes true."""
        return self._right[grade] / self._all[grade]

    def note(self, grade: int, *, right: bool) -> None:
        """A guess of `grade` came true, or not."""
        self._right[grade] += right
        self._all[grade] += 1
        if self._all[grade] > self.MEMORY:
            self._right[grade] /= 2
            self._all[grade] /= 2


class Costs:
    """What steps of so many rows cost, as multiples of the plain step of the same answers."""

    PLAIN: Final = 5
    """Plain steps that are remembered; their median is the unit."""
    KNOWN: Final = 3
    """Plain steps of the same answers after which the unit is known."""
    FRESH: Final = 16
    """Wide steps after which the plain step is measured again: it grows with the text."""
    SAMPLES: Final = 5
    """Steps of a width that are remembered; their median counts."""
    FORGET: Final = 1024
    """Plain steps after which a width that was not used is as if never tried: the machine may have changed."""
    SLOPE: Final = 0.4
    """Plain steps that each further row is thought to cost, per answer, before it was tried."""

    def __init__(self) -> None:
        self._plain: deque[float] = deque(maxlen=self.PLAIN)
        self._since_plain = 0
        self._wide: dict[tuple[int, int], deque[float]] = {}
        """Costs of steps, by answers and width."""
        self._known: dict[int, dict[int, float]] = {}
        """Their medians: for a number of answers, by width."""
        self._used: dict[tuple[int, int], int] = {}
        self._steps = 0

    @property
    def unit(self) -> float:
        """Seconds of a plain step; 0 while it is not known well enough, or has to be measured again."""
        fresh = len(self._plain) >= self.KNOWN and self._since_plain < self.FRESH
        return median(self._plain) if fresh else 0.0

    def begin(self) -> None:
        """Other answers write from now on: their plain step takes another time."""
        self._plain.clear()

    def forget(self) -> None:
        """Nothing that was measured holds any longer, as when the number of threads changed."""
        self._plain.clear()
        self._wide.clear()
        self._known.clear()
        self._used.clear()

    def note_plain(self, seconds: float) -> None:
        """A plain step took `seconds`."""
        self._steps += 1
        self._since_plain = 0
        self._plain.append(seconds)
        if self._steps % self.FORGET == 0:
            self._forget_unused()

    def note_wide(self, answers: int, rows: int, ratio: float) -> None:
        """A step of `rows` for so many answers cost `ratio` plain steps."""
        self._since_plain += 1
        width = width_of(rows)
        samples = self._wide.setdefault((answers, width), deque(maxlen=self.SAMPLES))
        samples.append(ratio)
        self._known.setdefault(answers, {})[width] = median(samples)
        self._used[answers, width] = self._steps

    def of(self, answers: int, rows: int) -> float:
        """Plain steps that a step of `rows` for so many answers costs; a guess where it was never tried."""
        width, known = width_of(rows), self._known.get(answers)
        if not known:
            return self._guess(answers, width)
        if width in known:
            return known[width]
        nearest = min(known, key=lambda each: abs(each.bit_length() - width.bit_length()))
        usual = self._guess(answers, width)
        likely = known[nearest] * usual / self._guess(answers, nearest)
        # Kernels favour some widths, so what was dear at one may be less so at another, and wants to be tried.
        return max(1.0, min(likely, (likely + usual) / 2))

    def _forget_unused(self) -> None:
        for answers, width in [key for key, used in self._used.items() if self._steps - used >= self.FORGET]:
            del self._wide[answers, width], self._known[answers][width], self._used[answers, width]

    def _guess(self, answers: int, rows: int) -> float:
        return 1.0 + self.SLOPE * (rows / answers - 1.0)


class Account:
    """Plain steps that guesses may still lose: a small share of those that were taken, and part of what they won."""

    START: Final = 3.0
    MOST: Final = 10.0
    SHARE: Final = 0.02
    """Of plain steps; so the engine never gets slower by more than this, and `START` steps once."""

    def __init__(self) -> None:
        self.balance = self.START

    def note_plain(self) -> None:
        """A plain step was taken."""
        self.settle(self.SHARE)

    def settle(self, won: float) -> None:
        """So many plain steps were won, or lost when it is below 0."""
        self.balance = min(self.MOST, self.balance + won)


def width_of(rows: int) -> int:
    """The smallest of `WIDTHS` that holds `rows`, the largest when none does."""
    return next((width for width in WIDTHS if width >= rows), WIDTHS[-1])


def best_count(answers: int, chances: Sequence[float], cost: Callable[[int], float], afford: float) -> int:
    """How many guessed tokens to check in the next step; 0 where none pays.

    Args:
        answers: how many write.
        chances: that each guessed token comes true, those of all answers together, falling.
        cost: of a step of so many rows, in plain steps.
        afford: plain steps that may be lost should nothing come true.
    """
    best, count = WORTH, 0
    for width in WIDTHS:
        checked = min(width - answers, len(chances))
        if checked <= 0:
            continue
        price = cost(answers + checked)
        gain = (answers + sum(chances[:checked])) / answers / price
        if gain > best and price - 1.0 <= afford:
            best, count = gain, checked
    return count
