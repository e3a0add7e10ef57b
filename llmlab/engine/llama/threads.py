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
from typing import Any, Final, Literal

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
"""Others use less than this of the cores that are wanted here when the machine counts as quiet."""
QUIET_FOR: Final = 3.0
"""Seconds of quiet before threads are added again."""
STALL: Final = 3.0
"""A step this many times longer than usual was held up by somebody."""
STALLED_FOR: Final = 0.06
"""Seconds lost to such steps, within one look, that give up a thread at once."""


class LoadMeter:
    """CPU that other processes use on the cores that this one may run on, in cores."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._allowed = _allowed()
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
        every = psutil.cpu_times(percpu=True)
        # Where a processor is switched off, their places are not their numbers.
        whole = len(every) != os.cpu_count() or not self._allowed
        busy = sum(_busy(each) for number, each in enumerate(every) if whole or number in self._allowed)
        own = self._process.cpu_times()
        return time.monotonic(), busy, own.user + own.system


def _busy(times: Any) -> float:
    """Seconds that a processor worked."""
    # Guest time is already part of user time; waiting for a disk takes no core.
    idle = sum(getattr(times, name, 0.0) for name in ("idle", "iowait", "guest", "guest_nice"))
    return float(sum(times) - idle)


def _allowed() -> frozenset[int]:
    """The logical processors that this process may run on; empty where the system does not tell."""
    return frozenset(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else frozenset()


def shared_cores() -> int:
    """Physical cores that this process may run on, beside others."""
    allowed = len(_allowed()) or os.cpu_count() or 1
    return max(1, min(psutil.cpu_count(logical=False) or allowed, allowed))


def usable_cores() -> int:
    """Physical cores that this process may use: affinity and the container's quota count."""
    return max(1, min(shared_cores(), quota(), MOST_THREADS))


def quota(root: Path = Path("/sys/fs/cgroup"), membership: Path = Path("/proc/self/cgroup")) -> int:
    """Whole cores that Linux's control groups allow this process; very many where none limits it.

    Args:
        root: where the groups are.
        membership: the file that says which group this process is in.
    """
    # The second version: one file a group, and the groups above it limit as well.
    groups = [root / "cpu.max"]
    for line in _words_of(membership):
        if line.startswith("0::/"):
            below = Path(line[len("0::/") :])
            groups += [root / group / "cpu.max" for group in (below, *below.parents)]
    limits = [_words_of(group) for group in groups]
    # The first version: two files, as containers see them.
    limits.append([*_words_of(root / "cpu" / "cpu.cfs_quota_us"), *_words_of(root / "cpu" / "cpu.cfs_period_us")])
    pairs = [tuple(map(int, limit)) for limit in limits if len(limit) == 2 and all(map(str.isdecimal, limit))]
    return max(1, min((allowed // period for allowed, period in pairs if period), default=1 << 16))


def _words_of(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8", errors="replace").split()
    except OSError:
        return []


def threads_for(asked: Literal["auto"] | int) -> int:
    """Threads at the start: what was asked for within what the machine can run, or all usable cores."""
    if asked == "auto":
        return usable_cores()
    return max(1, min(asked, 2 * (os.cpu_count() or 1), MOST_THREADS))


class Governor:
    """Decides the threads of the next step from the load of the machine and the time that steps take."""

    def __init__(self, most: int, others: Callable[[], float], now: float, *, cores: int = 0) -> None:
        """Begin with `most` threads.

        Args:
            most: threads when the machine is quiet.
            others: cores that others used since it was last called.
            now: seconds of the clock whose readings `step` will get.
            cores: that others may use as well, where these are more than `most`.
        """
        self.threads = most
        self._most = most
        self._cores = max(most, cores)
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
        wanted = max(1, min(self._most, self._cores - int(others + 1 - TOLERATED)))
        if others >= QUIET + self._cores - self._most:
            self._quiet_since = now
        if wanted < self.threads or now - self._quiet_since >= QUIET_FOR:
            self._set(wanted)

    def _set(self, threads: int) -> None:
        if threads != self.threads:
            self.threads = max(1, threads)
            # Steps with other threads take another time.
            self._steps.clear()
            self._usual = 0.0
