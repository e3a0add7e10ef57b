"""A screen that paints what a key has changed before anything else that waits to be painted."""

from __future__ import annotations

from time import monotonic
from typing import Final

from textual import events
from textual.screen import Screen

PACE: Final = 1 / 60
"""Seconds between two paints for keys, at least: a burst of keys is painted as one."""


class KeyFirstScreen(Screen[None]):
    """Textual paints when its clock of 60 frames a second ticks, and after a frame leaves out the next tick.

    A key pressed while an answer grows would wait up to 33 ms with nothing to do, on top of the frame that ran. Here
    its change is painted as soon as the screen learns of it.
    """

    _keys_wait = False
    _painted = 0.0

    def key_pressed(self) -> None:
        """A key was pressed: what it changes is painted at once."""
        self._keys_wait = True

    def on_idle(self, event: events.Idle) -> None:
        """Paint what waits, if a key does; else Textual's clock decides."""
        if not self._keys_wait or not self._dirty_widgets or monotonic() - self._painted < PACE:
            return
        self._keys_wait = False
        # Textual has no public way to paint now; this is what its clock calls.
        self._on_timer_update()
        self._painted = monotonic()
