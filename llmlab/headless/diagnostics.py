"""Standard error and exit codes: progress, thinking and failures, told to a person. The one module that writes it."""

from __future__ import annotations

import io
import os
import sys
import traceback
from datetime import datetime, timezone
from enum import IntEnum
from pathlib import Path
from typing import TextIO

from llmlab.domain.terminal import visible, visible_line
from llmlab.errors import ConfigError, LlmlabError, Stopped, UsageError
from llmlab.headless.output import drop, no_stream, understands_escapes
from llmlab.words import say


class Exit(IntEnum):
    """What the process tells its caller."""

    ANSWERED = 0
    """Done; also when the reader of the output left before its end."""
    FAILED = 1
    """A model, the engine, the store or llmlab itself failed; `doctor` or `check` found something broken."""
    USAGE = 2
    """The command line, or a file that a person edits, asks for something that cannot be."""
    MISSED = 3
    """A threshold that an experiment's file states was missed."""
    INTERRUPTED = 130
    """ctrl+c; what was said so far was written."""


def exit_code(error: LlmlabError) -> Exit:
    """The exit code of a failure."""
    match error:
        case UsageError() | ConfigError():
            return Exit.USAGE
        case Stopped():
            return Exit.INTERRUPTED
        case _:
            return Exit.FAILED


class Diagnostics:
    """Standard error. A stream that is closed or full is never a reason to fail."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr or no_stream()
        self.is_terminal = self._stream.isatty()
        self._lively = understands_escapes(self._stream)
        self._progress_shown = False
        self._thinking_open = False
        if isinstance(self._stream, io.TextIOWrapper):
            self._stream.reconfigure(encoding=self._stream.encoding if self.is_terminal else "utf-8", errors="replace")

    def problem(self, error: LlmlabError) -> None:
        """What happened, where, and what to do next."""
        self._line("llmlab: " + self._safe(str(error)))

    def note(self, text: str) -> None:
        """One line that a person may want to know."""
        self._line("llmlab: " + self._safe(text))

    def usage(self, text: str) -> None:
        """What is wrong with the command line."""
        self._line(self._safe(text))

    def progress(self, text: str) -> None:
        """A line that the next one replaces; terminals alone get it."""
        if self._lively:
            self._close_thinking()
            self._put(f"\r\x1b[K{visible_line(text)}")
            self._progress_shown = True

    def thinking(self, text: str) -> None:
        """Thinking as it comes, dim; terminals alone get it."""
        if self.is_terminal and text:
            self.clear()
            self._put(f"\x1b[2m{visible(text)}\x1b[22m" if self._lively else visible(text))
            self._thinking_open = True

    def clear(self) -> None:
        """Take the progress line away, and end thinking, before something else is written."""
        if self._progress_shown:
            self._put("\r\x1b[K")
            self._progress_shown = False

    def end_thinking(self) -> None:
        """The answer follows."""
        self.clear()
        self._close_thinking()

    def crash(self, log: Path) -> None:
        """An error that nobody foresaw, being handled now: say so, keep its traceback in `log`."""
        kind, error, _ = sys.exc_info()
        name = kind.__name__ if kind else "?"
        place = say("Its details are in {log}.", log=log) if _append(log, traceback.format_exc()) else ""
        self._line(
            "llmlab: "
            + self._safe(say("An error that llmlab did not foresee: {name}: {reason}", name=name, reason=error))
            + (f"\n  {self._safe(place)}" if place else "")
        )

    def _close_thinking(self) -> None:
        if self._thinking_open:
            self._put("\n\n")
            self._thinking_open = False

    def _line(self, text: str) -> None:
        self.end_thinking()
        self._put(text + "\n")

    def _safe(self, text: str) -> str:
        return visible(text)

    def _put(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):
            drop(self._stream)


def _append(log: Path, text: str) -> bool:
    """Add `text` to the log; whether that worked."""
    stamp = datetime.now(timezone.utc).isoformat(timespec="seconds")
    try:
        log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(handle, "a", encoding="utf-8", errors="replace") as file:
            file.write(f"{stamp}\n{text}\n")
    except OSError:
        return False
    return True
