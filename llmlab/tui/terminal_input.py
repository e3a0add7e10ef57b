"""What comes from the terminal: pastes are taken whole, whatever they hold, and alt with a digit is that key.

Textual's parser reads a paste letter by letter (a megabyte takes seconds) and, when there is an escape sequence inside,
turns the letters after it into key presses: a pasted log could send messages and run commands.
"""

from __future__ import annotations

import os
import selectors
from codecs import getincrementaldecoder
from collections.abc import Generator, Iterable
from typing import Final

from textual import events
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

PASTE_START: Final = "\x1b[200~"
PASTE_END: Final = "\x1b[201~"
CHUNK: Final = 1 << 16


class PasteParser(XTermParser):
    """Textual's parser, which sees the frame of a bracketed paste but not its content."""

    def __init__(self, debug: bool = False) -> None:
        super().__init__(debug)
        self._recent = ""
        """The end of what came last, for a frame that arrives in two pieces."""
        self._pasted: list[str] | None = None
        """What was pasted so far, while a paste is coming."""

    def feed(self, data: str) -> Iterable[Message]:
        """The events of `data`."""
        if not data:
            yield from super().feed(data)
        while data:
            if self._pasted is None:
                data = yield from self._keys(data)
            else:
                data = yield from self._paste(data, self._pasted)

    def _keys(self, data: str) -> Generator[Message, None, str]:
        """Pass everything up to the beginning of a paste on; what is left."""
        known = len(self._recent)
        start = (self._recent + data).find(PASTE_START)
        end = start + len(PASTE_START) - known if start >= 0 else len(data)
        if start >= 0:
            self._pasted, self._recent = [], ""
        else:
            self._recent = (self._recent + data)[-len(PASTE_START) + 1 :]
        yield from super().feed(data[:end])
        return data[end:]

    def _sequence_to_key_events(self, sequence: str, alt: bool = False) -> Iterable[events.Key]:
        """The keys of one sequence.

        Terminals without kitty's protocol send alt and a digit as an escape and the digit. Textual types the character
        that Option and the digit make on a Mac, where nearly every terminal sends that character itself.
        """
        if len(sequence) == 2 and sequence[0] == "\x1b" and sequence[1] in "0123456789":
            yield events.Key(f"alt+{sequence[1]}", None)
        else:
            yield from super()._sequence_to_key_events(sequence, alt)

    def _paste(self, data: str, pasted: list[str]) -> Generator[Message, None, str]:
        """Keep everything up to the end of the paste; what is left."""
        text = self._recent + data
        end = text.find(PASTE_END)
        if end < 0:
            keep = len(text) - len(PASTE_END) + 1
            pasted.append(text[: max(keep, 0)])
            self._recent = text[max(keep, 0) :]
            return ""
        pasted.append(text[:end])
        self._pasted, self._recent = None, ""
        for event in super().feed(PASTE_END):
            # Textual's own view of the paste is empty, for it was shown nothing but the frame.
            if not isinstance(event, events.Paste):
                yield event
        yield events.Paste("".join(pasted).replace("\x00", ""))
        return text[end + len(PASTE_END) :]


class LabDriver(LinuxDriver):
    """Textual's driver for Linux and macOS with that parser; bytes that are no UTF-8 do not end it."""

    def run_input_thread(self) -> None:
        """Read the terminal until the app ends."""
        parser = PasteParser(self._debug)
        decode = getincrementaldecoder("utf-8")("replace").decode
        with selectors.DefaultSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                if selector.select(0.1):
                    data = self._read()
                    if not data:
                        # The terminal is gone, and with it everybody who could read an error.
                        self._app.call_later(self._app.exit)
                        return
                    text = decode(data)
                    for event in parser.feed(text) if text else ():
                        self.process_message(event)
                for event in parser.tick():
                    self.process_message(event)

    def _read(self) -> bytes:
        """What waits to be read; nothing when the terminal was closed."""
        try:
            return os.read(self.fileno, CHUNK)
        except OSError:
            return b""
