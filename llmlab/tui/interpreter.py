"""Keeps Python's own business out of the way of whoever types: collecting garbage, and threads that compute."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable
from typing import Final

TURN: Final = 0.001
"""Seconds after which a thread that computes (colours, the journal) lets the screen go on; Python's own are 5 ms."""
QUIET: Final = 1.0
"""Seconds without a key or a pointer's move after which nobody is taken to be waiting for the screen."""
LOOK_INTERVAL: Final = 0.5
"""Seconds between two looks at whether it is quiet."""
DUE: Final = 10
"""Collections of the middle generation after which a full one is worth it: Python's own measure."""
OVERDUE: Final = 150
"""After as many it comes in any case, however much is typed: cyclic garbage must not pile up."""


class Interpreter:
    """With a long chat open, a full collection takes a tenth of a second: it waits until nobody types."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._touched = clock()
        self._before: tuple[tuple[int, int, int], float] | None = None

    def begin(self) -> None:
        """Take over; what lives now lives until the end and need not be looked at again by every collection."""
        gc.collect()
        gc.freeze()
        thresholds = gc.get_threshold()
        self._before = thresholds, sys.getswitchinterval()
        gc.set_threshold(thresholds[0], thresholds[1], OVERDUE)
        sys.setswitchinterval(TURN)

    def end(self) -> None:
        """Leave everything to Python again; may be called without a beginning."""
        if self._before is not None:
            thresholds, interval = self._before
            self._before = None
            gc.unfreeze()
            gc.set_threshold(*thresholds)
            sys.setswitchinterval(interval)

    def touch(self) -> None:
        """Somebody uses the screen."""
        self._touched = self._clock()

    def look(self) -> bool:
        """Collect all garbage if it is due and nobody waits; returns whether that was so."""
        if gc.get_count()[2] < DUE or self._clock() - self._touched < QUIET:
            return False
        gc.collect()
        return True
