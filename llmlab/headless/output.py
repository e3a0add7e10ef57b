"""Standard output: data and nothing else. The one module that writes it."""

from __future__ import annotations

import errno
import io
import json
import os
import re
import sys
from collections.abc import Collection, Mapping, Sequence
from typing import Final, Literal, TextIO

from llmlab.domain.terminal import encodable, visible, visible_line
from llmlab.errors import LlmlabError
from llmlab.words import say

Json = Mapping[str, object] | Sequence[object]

Colour = Literal["plain", "green", "yellow", "red"]
"""A colour of the terminal's own palette."""

_CODES: Final[dict[Colour, str]] = {"plain": "39", "green": "32", "yellow": "33", "red": "31"}


class ReaderGone(Exception):
    """Nobody reads the output any more (`llmlab ask ... | head -1`)."""


class Output:
    """Standard output, safe on a terminal, faithful in a pipe, UTF-8 in a pipe everywhere.

    On a terminal, control characters of what is written become visible; in a pipe they are data and stay. Every
    method raises `ReaderGone` when the other end of the pipe was closed.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout or no_stream()
        self.is_terminal = self._stream.isatty()
        self._at_line_start = True
        if isinstance(self._stream, io.TextIOWrapper):
            # A terminal keeps its encoding and shows `?` for what it lacks; files and pipes get the same bytes
            # on every platform.
            encoding = self._stream.encoding if self.is_terminal else "utf-8"
            self._stream.reconfigure(encoding=encoding, errors="replace", newline=None if self.is_terminal else "\n")

    def write(self, text: str) -> None:
        """Text of a model or a user, at once."""
        if text:
            self._put(visible(text) if self.is_terminal else encodable(text))
            self._at_line_start = text.endswith("\n")

    def end_line(self) -> None:
        """End the line that is open, if one is."""
        if not self._at_line_start:
            self.write("\n")

    def line(self, text: str = "") -> None:
        """One line of a listing."""
        self.write(text.replace("\n", " ") + "\n")

    def paragraph(self, text: str) -> None:
        """A text of several lines, ended by one."""
        self.write(text)
        self.end_line()

    def matches(self, text: str) -> None:
        """One line with matches between U+0002 and U+0003: bold on a terminal, plain in a pipe."""
        bold, plain = ("\x1b[1m", "\x1b[22m") if understands_escapes(self._stream) else ("", "")
        safe = visible if self.is_terminal else encodable
        parts = [plain.join(map(safe, part.split("\x03"))) for part in " ".join(text.split()).split("\x02")]
        self._put(bold.join(parts) + plain + "\n")

    def coloured(self, text: str, colour: Colour) -> None:
        """One line in a colour, where the terminal has colours and `NO_COLOR` is not set."""
        if colour == "plain" or os.environ.get("NO_COLOR") or not understands_escapes(self._stream):
            self.line(text)
        else:
            self._put(f"\x1b[{_CODES[colour]}m{visible_line(text)}\x1b[39m\n")

    def json(self, value: Json) -> None:
        """One JSON text, indented, ending in a newline."""
        self._put(json_text(value) + "\n")

    def _put(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError as error:
            drop(self._stream)
            # Windows says EINVAL for a pipe without a reader.
            if isinstance(error, BrokenPipeError) or (os.name == "nt" and error.errno == errno.EINVAL):
                raise ReaderGone from None
            raise LlmlabError(
                say("Standard output cannot be written: {reason}", reason=error.strerror or str(error)),
                hint=say("Make room where it goes, or send it elsewhere."),
            ) from None


def no_stream() -> TextIO:
    """What stands in for a standard stream that was closed before the program began."""
    return io.StringIO()


def drop(stream: TextIO) -> None:
    """Let nothing more come of `stream`, which failed: what is left in its buffer would fail again at exit."""
    try:
        sink = os.open(os.devnull, os.O_WRONLY)
        os.dup2(sink, stream.fileno())
        os.close(sink)
    except (OSError, ValueError):  # no file behind the stream, as in a test
        return


def understands_escapes(stream: TextIO) -> bool:
    """Whether `stream` is a terminal that obeys escape sequences; an old Windows console prints them."""
    if not stream.isatty() or os.environ.get("TERM") == "dumb":
        return False
    return os.name != "nt" or "WT_SESSION" in os.environ or "TERM" in os.environ


_UNUSUAL: Final = re.compile(r"[^\n -~]")
_NUMBERS: Final = re.compile(r"\[\n[-+.e0-9,\n ]+\]")
_LONGEST_TITLE: Final = 60
"""Characters of a text that stand for it in a listing."""


def json_text(value: Json) -> str:
    """`value` as indented JSON; letters of every script stand as they are, whatever steers a terminal is escaped."""
    # A line break stands in no string of JSON, so these are lists of numbers: one line is enough for each.
    written = _NUMBERS.sub(
        lambda match: " ".join(match[0].split()).replace("[ ", "[").replace(" ]", "]"),
        json.dumps(value, ensure_ascii=False, indent=2),
    )
    return _UNUSUAL.sub(
        lambda match: match[0] if visible(match[0]) == match[0] else json.dumps(match[0])[1:-1], written
    )


def table(rows: Sequence[Sequence[str]], gap: str = "  ", right: Collection[int] = ()) -> list[str]:
    """`rows` as lines with their columns aligned, those of numbers to the `right`."""
    shown = [[visible_line(cell) for cell in row] for row in rows]
    widths = [max(map(display_width, column)) for column in zip(*shown, strict=True)]

    def fitted(cell: str, column: int) -> str:
        space = " " * (widths[column] - display_width(cell))
        return space + cell if column in right else cell + space

    return [gap.join(fitted(cell, column) for column, cell in enumerate(row)).rstrip() for row in shown]


def quoted(text: str, longest: int = _LONGEST_TITLE) -> str:
    """The beginning of `text` in quotation marks, line breaks and the like written out."""
    return json.dumps(text if len(text) <= longest else text[: longest - 1] + "…", ensure_ascii=False)


def display_width(text: str) -> int:
    """Cells that `text` takes in a terminal: East Asian wide characters take two, combining ones none."""
    # The import costs a millisecond that only listings need to pay.
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)
