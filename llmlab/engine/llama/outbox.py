"""What the process says: control events at once, text gathered for a moment, so that a fast model costs few writes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from llmlab.engine.llama.answer import AnswerKey
from llmlab.engine.wire import AnyReport, Wrote, encode

GATHER: Final = 0.025
"""Seconds for which text is gathered."""


class Outbox:
    """Writes reports in order. One thread computes and owns the text that is gathered; others may `send_aside`."""

    def __init__(self, write: Callable[[bytes], object], clock: Callable[[], float]) -> None:
        self._write, self._clock = write, clock
        self._lock = threading.Lock()
        self._text: dict[AnswerKey, tuple[list[str], int]] = {}
        self._flushed = 0.0

    def send(self, *reports: AnyReport) -> None:
        """Write the text gathered so far, then `reports`, now."""
        data = self._gathered() + b"".join(map(encode, reports))
        if data:
            with self._lock:
                self._write(data)

    def send_aside(self, report: AnyReport) -> None:
        """Write `report` now, from a thread that does not compute."""
        with self._lock:
            self._write(encode(report))

    def write(self, key: AnswerKey, text: str, tokens: int) -> None:
        """Add `text`, which took `tokens`, to the answer `key`; it is written when its moment has passed."""
        parts, count = self._text.get(key, ([], 0))
        parts.append(text)
        self._text[key] = (parts, count + tokens)

    def flush(self) -> None:
        """Write the gathered text if its moment has passed."""
        if self._text and self._clock() - self._flushed >= GATHER:
            self.send()

    def _gathered(self) -> bytes:
        if not self._text:
            return b""
        self._flushed = self._clock()
        gathered, self._text = self._text, {}
        return b"".join(
            encode(Wrote(id=key.command, text="".join(parts), tokens=tokens, sample=key.sample))
            for key, (parts, tokens) in gathered.items()
        )
