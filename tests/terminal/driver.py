"""Drives a program in a real pseudo-terminal: keys in, the screen read back, nothing by the clock."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType

import pyte
from ptyprocess import PtyProcess
from wcwidth import wcwidth

PATIENCE = 20.0
"""Seconds until something that does not show up fails a test; a busy machine starts slowly."""
KEYS: Mapping[str, str] = {
    "enter": "\r", "escape": "\x1b", "up": "\x1b[A", "down": "\x1b[B", "left": "\x1b[D", "right": "\x1b[C",
    "alt+up": "\x1b[1;3A", "alt+down": "\x1b[1;3B", "f1": "\x1bOP", "f5": "\x1b[15~", "f6": "\x1b[17~",
    "f12": "\x1b[24~", "tab": "\t", "backspace": "\x7f",
}  # fmt: skip


class Terminal:
    """A program and the screen it draws on."""

    def __init__(
        self, command: Sequence[str], *, environment: Mapping[str, str], columns: int = 100, rows: int = 30
    ) -> None:
        self.screen = pyte.Screen(columns, rows)
        self.stream = pyte.ByteStream(self.screen)
        self.raw = bytearray()
        """Every byte the program wrote."""
        self.process = PtyProcess.spawn(
            list(command),
            env={**os.environ, "TERM": "xterm-256color", **environment},
            dimensions=(rows, columns),
        )

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.isalive():
            self.process.kill(signal.SIGKILL)
        self.process.close(force=True)

    @property
    def text(self) -> str:
        """What is on the screen."""
        return "\n".join(self._row(row).rstrip() for row in range(self.screen.lines))

    def _row(self, row: int) -> str:
        """One row; pyte's own `display` fails where a wide character was half painted over."""
        cells, shown, column = self.screen.buffer[row], "", 0
        while column < self.screen.columns:
            character = cells[column].data or " "
            shown += character
            column += 2 if wcwidth(character[0]) == 2 else 1
        return shown

    def press(self, *keys: str) -> None:
        """Press keys: a name of `KEYS`, `ctrl+` and a letter, or text to type."""
        for key in keys:
            if key in KEYS:
                self.write(KEYS[key])
            elif key.startswith("ctrl+") and len(key) == 6:
                self.write(chr(ord(key[-1]) - ord("a") + 1))
            else:
                self.write(key)

    def paste(self, text: str) -> None:
        """Paste as a terminal does, bracketed."""
        self.write(f"\x1b[200~{text}\x1b[201~")

    def write(self, text: str) -> None:
        """Send bytes to the program, reading what it draws meanwhile so that neither waits for the other."""
        waiting = memoryview(text.encode())
        deadline = time.monotonic() + PATIENCE
        while waiting:
            assert time.monotonic() < deadline, "the program reads no input"
            readable, writable, _ = select.select([self.process.fd], [self.process.fd], [], 1.0)
            if readable:
                self._read()
            if writable:
                waiting = waiting[os.write(self.process.fd, waiting[:1024]) :]

    def until(self, condition: Callable[[str], object], what: str = "") -> str:
        """Read until the screen fulfils `condition`; the screen then.

        Raises:
            AssertionError: it did not in time; the message shows the screen.
        """
        deadline = time.monotonic() + PATIENCE
        while not condition(self.text):
            left = deadline - time.monotonic()
            assert left > 0, f"waited in vain for {what or condition}:\n{self.text}"
            if select.select([self.process.fd], [], [], min(left, 1.0))[0] and not self._read():
                assert condition(self.text), f"the program ended before {what or condition}:\n{self.text}"
        return self.text

    def until_shows(self, *words: str) -> str:
        """Read until all of `words` are on the screen."""
        return self.until(lambda text: all(word in text for word in words), repr(words))

    def until_gone(self, word: str) -> str:
        """Read until `word` is not on the screen."""
        return self.until(lambda text: word not in text, f"the end of {word!r}")

    def until_ended(self) -> int:
        """Read until the program has ended; its exit status."""
        deadline = time.monotonic() + PATIENCE
        while self._read():
            assert time.monotonic() < deadline, f"the program does not end:\n{self.text}"
        self.process.wait()
        return int(self.process.exitstatus if self.process.exitstatus is not None else -1)

    def hang_up(self) -> None:
        """Close the terminal while the program runs, as closing a window does, and wait for its end."""
        self.process.fileobj.close()
        deadline = time.monotonic() + PATIENCE
        while self.process.isalive():
            assert time.monotonic() < deadline, "the program outlives its terminal"
            select.select([], [], [], 0.05)

    def _read(self) -> bool:
        """Take what the program drew; False when it has closed the terminal."""
        try:
            drawn = os.read(self.process.fd, 65536)
        except OSError:
            return False
        self.raw += drawn
        self.stream.feed(drawn)
        return bool(drawn)
