"""How the thread that reads commands stops the thread that computes."""

from __future__ import annotations

from collections import deque
from typing import Final

REMEMBERED: Final = 64
"""Cancelled commands that are remembered, for those that come after their cancellation."""


class Interrupt:
    """Cancelled commands, and the flag that a running computation looks at; one reader, one writer, no lock needed."""

    def __init__(self) -> None:
        self.raised = False
        """A computation that is running should give up."""
        self.shutdown = False
        """The process should end."""
        self._cancelled: deque[int] = deque()
        self._taken: deque[int] = deque(maxlen=REMEMBERED)

    def cancel(self, command: int) -> None:
        """Stop the command with this id."""
        self._cancelled.append(command)
        # Last, so that whoever sees the flag finds the id.
        self.raised = True

    def end(self) -> None:
        """Stop everything and end the process."""
        self.shutdown = True
        self.raised = True

    def take(self) -> tuple[int, ...]:
        """The ids cancelled since the last call; lowers the flag."""
        if not self.raised:
            return ()
        # First, so that an id that comes meanwhile raises it again.
        self.raised = self.shutdown
        taken = []
        while self._cancelled:
            taken.append(self._cancelled.popleft())
        self._taken.extend(taken)
        return tuple(taken)

    def overtook(self, command: int) -> bool:
        """Whether the cancellation of `command`, which comes now, was taken already: they come by different ways."""
        return command in self._taken
