"""Which process is writing an answer, and whether it still lives."""

from __future__ import annotations

import os
from dataclasses import dataclass

import psutil

_SLACK_S = 2.0
"""The system derives the start of a process from its boot time, which moves a little when the clock is set."""


@dataclass(frozen=True, slots=True)
class Writer:
    """A process: its id, and its start, since ids are given out again."""

    pid: int
    started: float
    """Seconds since the epoch."""

    @property
    def alive(self) -> bool:
        """The process still runs, and its id was not given to another."""
        try:
            process = psutil.Process(self.pid)
            return abs(process.create_time() - self.started) <= _SLACK_S and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False
        except psutil.AccessDenied:
            # It runs, but as somebody else; leave its answer alone.
            return True


def this_process() -> Writer:
    """The process that asks."""
    pid = os.getpid()
    return Writer(pid, psutil.Process(pid).create_time())
