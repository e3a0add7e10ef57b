"""Streams that stand in for terminals and pipes."""

from __future__ import annotations

import io

from llmlab.headless.console import Console
from llmlab.headless.diagnostics import Diagnostics
from llmlab.headless.output import Output


class Stream(io.TextIOWrapper):
    """A text stream over bytes in memory; a terminal or a pipe."""

    def __init__(self, *, terminal: bool, encoding: str = "utf-8") -> None:
        self.bytes = io.BytesIO()
        super().__init__(self.bytes, encoding=encoding, write_through=True)
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal

    @property
    def text(self) -> str:
        """What was written so far."""
        return self.bytes.getvalue().decode(self.encoding)


class Closed(io.RawIOBase):
    """A pipe that nobody reads."""

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        raise BrokenPipeError


class Screen:
    """A console whose streams can be read back."""

    def __init__(self, *, terminal: bool = False) -> None:
        self.stdout = Stream(terminal=terminal)
        self.stderr = Stream(terminal=terminal)
        self.console = Console(Output(self.stdout), Diagnostics(self.stderr))

    @property
    def out(self) -> str:
        """Standard output so far."""
        return self.stdout.text

    @property
    def err(self) -> str:
        """Standard error so far."""
        return self.stderr.text
