"""Server-sent events: bytes in, the data of each event out."""

from __future__ import annotations

import re
from typing import Final

LONGEST: Final = 8 << 20
"""Bytes of one event; what is longer is no token of an answer."""

_LINE: Final = re.compile(rb"([^\r\n]*)(\r\n|\n|\r(?!\Z))")
"""A line and its end; a CR at the very end may be half of one."""


class TooLong(Exception):
    """An event does not end."""


class EventReader:
    """Takes a stream apart, as the HTML standard has it (section 9.2); fields other than `data` are passed over."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> list[bytes]:
        """The data of every event that is complete with `data`.

        Raises:
            TooLong: one is longer than `LONGEST`.
        """
        text, at = self._rest + data, 0
        events: list[bytes] = []
        while line := _LINE.match(text, at):
            at = line.end()
            self._take(line[1], events)
        self._rest = text[at:]
        if len(self._rest) + self._size > LONGEST:
            raise TooLong
        return events

    def _take(self, line: bytes, events: list[bytes]) -> None:
        if not line:
            if self._data:
                events.append(b"\n".join(self._data))
            self._data, self._size = [], 0
            return
        name, _, value = line.removeprefix(b"\xef\xbb\xbf").partition(b":")
        if name == b"data":
            self._data.append(value.removeprefix(b" "))
            self._size += len(value)
            if self._size > LONGEST:
                raise TooLong

    def end(self) -> list[bytes]:
        """What the stream ended in the middle of, where that is an event all the same."""
        events: list[bytes] = []
        self._take(self._rest.rstrip(b"\r"), events)
        self._take(b"", events)
        self._rest = b""
        return events
