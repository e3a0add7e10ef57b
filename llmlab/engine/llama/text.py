"""From token bytes to text: characters whole, stop texts cut off, both at a cost that does not grow with the answer."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from typing import Final

_new_decoder: Final = codecs.getincrementaldecoder("utf-8")


class StopFilter:
    """Lets text through until a stop text appears, however it is split; holds back only what could begin one."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = tuple(stop for stop in stops if stop)
        self._longest = max(map(len, self._stops), default=0)
        self._held = ""

    def feed(self, text: str) -> tuple[str, bool]:
        """What may be shown now, and whether a stop text ended the answer."""
        if not self._stops:
            return text, False
        text = self._held + text
        found = [place for stop in self._stops if (place := text.find(stop)) >= 0]
        if found:
            self._held = ""
            return text[: min(found)], True
        keep = self._held_length(text)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep], False

    @property
    def holds(self) -> bool:
        """It holds back what could begin a stop text."""
        return bool(self._held)

    def rest(self) -> str:
        """What was held back, when the answer ended otherwise."""
        held, self._held = self._held, ""
        return held

    def _held_length(self, text: str) -> int:
        """Length of the longest end of `text` that begins a stop text."""
        for length in range(min(len(text), self._longest - 1), 0, -1):
            end = text[-length:]
            if any(stop.startswith(end) for stop in self._stops):
                return length
        return 0


class AnswerText:
    """The text of one answer as its tokens come."""

    def __init__(self, stops: Sequence[str] = ()) -> None:
        self._decoder = _new_decoder("replace")
        self._filter = StopFilter(stops)
        self.stopped = False
        """A stop text appeared; nothing more is shown."""

    @property
    def whole(self) -> bool:
        """Nothing is held back: the text shown is that of all its tokens."""
        return not self.stopped and not self._decoder.getstate()[0] and not self._filter.holds

    def feed(self, piece: bytes) -> str:
        """The text that `piece` completes; invalid bytes become U+FFFD."""
        if self.stopped:
            return ""
        shown, self.stopped = self._filter.feed(self._decoder.decode(piece))
        return shown

    def finish(self) -> str:
        """The text that was still held back, an unfinished character as U+FFFD."""
        if self.stopped:
            return ""
        shown, self.stopped = self._filter.feed(self._decoder.decode(b"", final=True))
        return shown if self.stopped else shown + self._filter.rest()
