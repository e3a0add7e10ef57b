"""The engine's log: bounded in size, for its owner's eyes, and never a reason to fail."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from subprocess import DEVNULL
from typing import Final

MAX_BYTES: Final = 1 << 20
"""A log that is longer when an engine starts becomes `NAME.1`."""
TAIL_BYTES: Final = 16 << 10
"""How much of the end is looked at for the last lines."""

CRASH: Final = "Fatal Python error"
"""What the stack of a crash begins with; llama.cpp's own reason stands before it."""


class LogFile:
    """The log of one engine process; the file may hold those of earlier ones before it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._begin = 0
        """Where this process's part begins."""

    @contextmanager
    def opened(self) -> Iterator[int]:
        """A descriptor to give to a process as its stderr; `DEVNULL` when no log can be written."""
        descriptor = self._open()
        try:
            yield descriptor
        finally:
            if descriptor != DEVNULL:
                os.close(descriptor)

    def last_lines(self, count: int = 6) -> list[str]:
        """The last lines that this process wrote, without blank ones and without Python's stack of a crash."""
        try:
            with self.path.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - TAIL_BYTES, min(self._begin, size)))
                text = file.read(TAIL_BYTES).decode("utf-8", "replace")
        except OSError:
            return []
        said, crash, _ = text.partition(CRASH)
        return list(deque(filter(None, map(_shown, (said + crash).splitlines())), maxlen=count))

    def _open(self) -> int:
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with suppress(FileNotFoundError):
                if self.path.stat().st_size > MAX_BYTES:
                    # On Windows another llmlab may hold it open; then it grows on.
                    with suppress(OSError):
                        self.path.replace(self.path.with_name(self.path.name + ".1"))
            descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        except OSError:
            return DEVNULL
        with suppress(OSError):
            os.write(descriptor, f"--- {datetime.now().astimezone().isoformat(timespec='seconds')}\n".encode())
            self._begin = os.fstat(descriptor).st_size
        return descriptor


def _shown(line: str) -> str:
    """`line` without what a terminal would obey."""
    return "".join(character if character.isprintable() else " " for character in line).strip()[:400]
