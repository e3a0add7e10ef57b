"""How many threads to compute with: all cores when the machine is ours, fewer while others need some of them.

Threads that spin at a barrier beside a busy neighbour made decoding 2 to 30 times slower in measurements, so one thread
too many costs far more than one too few. The choice follows what the system says others use, never a trial.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Final, Literal

import psutil

MOST_THREADS: Final = 64
"""More never helped decoding and very many crash llama.cpp."""
LOOK_EVERY: Final = 1.0
"""Seconds between two looks at the machine's load."""
SHORTEST_LOOK: Final = 0.25
"""Seconds over which the load can be told; the system counts in hundredths."""
TOLERATED: Final = 0.5
"""Cores that others may use before a thread is given up for them."""
QUIET: Final = 0.2
"""Others use less than this when the machine counts as quiet."""
QUIET_FOR: Final = 3.0
"""Seconds of quiet before threads are added again."""
STALL: Final = 3.0
"""A step this many times longer than usual was held up by somebody."""
STALLED_FOR: Final = 0.06
"""Seconds lost to such steps, within one look, that give up a thread at once."""


class LoadMeter:
    """CPU that other processes use, in cores."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._before = self._read()

    def others(self) -> float:
        """Cores that others used on average since the last call."""
        before, self._before = self._before, self._read()
        elapsed = self._before[0] - before[0]
        if elapsed <= 0:
            return 0.0
        busy, own = self._before[1] - before[1], self._before[2] - before[2]
        return max(0.0, (busy - own) / elapsed)

    def _read(self) -> tuple[float, float, float]:
        """Clock, busy CPU seconds of the machine, CPU seconds of this process."""
        machine = psutil.cpu_times()
        # Guest time is already part of user time; waiting for a disk takes no core.
        busy = (
            sum(machine) - machine.idle - sum(getattr(machine, name, 0.0) for name in ("iowait", "guest", "guest_nice"))
        )
        own = self._process.cpu_times()
        return time.monotonic(), busy, own.user + own.system


def usable_cores() -> int:
    """Physical cores that this process may use: affinity and the container's quota count."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    physical = psutil.cpu_count(logical=False) or allowed
    return max(1, min(physical, allowed, _quota(), MOST_THREADS))


def _quota() -> int:
    """Whole cores of a Linux control group's limit; very many when there is none."""
    try:
        limit, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return 1 << 16
    return max(1, int(limit) // int(period)) if limit.isdigit() and period.isdigit() else 1 << 16


def threads_for(asked: Literal["auto"] | int) -> int:
    """Threads at the start: what was asked for within what the machine can run, or all usable cores."""
    if asked == "auto":
        return usable_cores()
    return max(1, min(asked, 2 * (os.cpu_count() or 1), MOST_THREADS))


class Governor:
    """Decides the threads of the next step from the load of the machine and the time that steps take."""

    def __init__(self, most: int, others: Callable[[], float], now: float) -> None:
        """Begin with `most` threads.

        Args:
            most: threads when the machine is quiet.
            others: cores that others used since it was last called.
            now: seconds of the clock whose readings `step` will get.
        """
        self.threads = most
        self._most = most
        self._others = others
        self._looked = now
        self._quiet_since = now
        self._lost = 0.0
        self._steps: deque[float] = deque(maxlen=64)
        self._usual = 0.0
        self._noted = 0

    def step(self, now: float, seconds: float) -> int:
        """Threads for the next step, after a decoding step of `seconds`; 0 seconds is a step that says nothing."""
        if seconds > 0:
            self._note(seconds)
        if self._lost > STALLED_FOR and self.threads > 1:
            self._lose_one(now)
        elif now - self._looked >= LOOK_EVERY:
            self._look(now)
        return self.threads

    def rest(self, now: float) -> None:
        """Nothing is computed from now on."""
        self._others()
        self._looked = now
        self._lost = 0.0

    def wake(self, now: float) -> int:
        """Threads for the first step after a rest, by what others did meanwhile."""
        if now - self._looked >= SHORTEST_LOOK:
            self._look(now)
        return self.threads

    def _note(self, seconds: float) -> None:
        if self._usual and seconds > STALL * self._usual:
            self._lost += seconds - self._usual
            return
        self._steps.append(seconds)
        self._noted += 1
        if self._noted % 8 == 0:
            self._usual = median(self._steps)

    def _lose_one(self, now: float) -> None:
        self._set(self.threads - 1)
        self._quiet_since = now
        self._lost = 0.0

    def _look(self, now: float) -> None:
        others = self._others()
        self._looked = now
        self._lost = 0.0
        wanted = max(1, self._most - int(others + 1 - TOLERATED))
        if others >= QUIET:
            self._quiet_since = now
        if wanted < self.threads or now - self._quiet_since >= QUIET_FOR:
            self._set(min(wanted, self._most))

    def _set(self, threads: int) -> None:
        if threads != self.threads:
            self.threads = max(1, threads)
            # Steps with other threads take another time.
            self._steps.clear()
            self._usual = 0.0
