"""What the process says: control events at once, text gathered for a moment, so that a fast model costs few writes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from llmlab.domain.tokens import TokenInfo
from llmlab.engine.llama.answer import AnswerKey
from llmlab.engine.wire import AnyReport, Wrote, encode

GATHER: Final = 0.025
"""Seconds for which text is gathered."""


@dataclass(slots=True)
class _Gathering:
    """What one answer said in this moment."""

    parts: list[str] = field(default_factory=list)
    tokens: int = 0
    info: list[TokenInfo] = field(default_factory=list)
    ids: list[int] = field(default_factory=list)
    loose: bool = False


class Outbox:
    """Writes reports in order. One thread computes and owns the text that is gathered; others may `send_aside`."""

    def __init__(self, write: Callable[[bytes], object], clock: Callable[[], float]) -> None:
        self._write, self._clock = write, clock
        self._lock = threading.Lock()
        self._text: dict[AnswerKey, _Gathering] = {}
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

    def write(
        self, key: AnswerKey, text: str, tokens: int, info: TokenInfo | None = None, ids: Sequence[int] = ()
    ) -> None:
        """Add text to an answer; it is written when its moment has passed.

        Args:
            key: the answer.
            text: what follows.
            tokens: how many it took.
            info: how likely the token was, where that was asked.
            ids: the tokens that the text has come to the end of.
        """
        gathering = self._text.get(key)
        if gathering is None:
            gathering = self._text[key] = _Gathering()
        gathering.parts.append(text)
        gathering.tokens += tokens
        if info is not None:
            gathering.info.append(info)
        gathering.ids += ids
        gathering.loose = not ids and (gathering.loose or bool(text))

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
            encode(
                Wrote(
                    id=key.command,
                    text="".join(each.parts),
                    tokens=each.tokens,
                    sample=key.sample,
                    info=tuple(each.info),
                    ids=tuple(each.ids),
                    loose=each.loose,
                )
            )
            for key, each in gathered.items()
        )
