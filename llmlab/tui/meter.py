"""What the status bar tells, put together from the desk, the engine and the clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from llmlab.domain.generation import Turn
from llmlab.domain.pace import Pace
from llmlab.services.host import HostState
from llmlab.services.preview import Gauge
from llmlab.tui.desk import Desk
from llmlab.tui.widgets.status import Status

SPEED_WINDOW: Final = 0.5
"""Seconds between two values of the speed; more often would only cost repaints."""


class Speed:
    """Tokens a second of an answer that is being written, as it comes in, and the pace of reading its prompt."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._message_id = ""
        self._began = self._shown_at = 0.0
        self._first = 0
        self.value = 0.0
        self.pace = Pace()

    def note(self, message_id: str, turn: Turn) -> None:
        """The answer has come as far as `turn`."""
        now = self._clock()
        if turn.state == "reading":
            self.pace = (self.pace if message_id == self._message_id else Pace()).after(now, turn.read)
        if message_id != self._message_id or turn.state != "writing":
            self._message_id, self._began, self._shown_at, self._first = message_id, now, now, turn.generated
            self.value = 0.0
        elif now - self._shown_at >= SPEED_WINDOW:
            self._shown_at = now
            self.value = (turn.generated - self._first) / (now - self._began)


class Meter:
    """Remembers the last gauge and speed, so that the bar can be put together at any time."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.gauge: Gauge | None = None
        self.speed = Speed(clock)

    def status(self, desk: Desk | None, host: HostState) -> Status:
        """All that the bar tells now."""
        if desk is None:
            return Status(host=host)
        answer = desk.answer
        turn = answer.turn if answer else None
        others = sum(1 for chat_id, other in desk.answers.items() if other.running and chat_id != desk.chat.id)
        return Status(
            title=desk.chat.title,
            host=host,
            gauge=self._gauge(desk, host, turn),
            turn=turn,
            waiting=desk.answering,
            speed=self.speed.value,
            pace=self.speed.pace,
            elsewhere=others,
        )

    def _gauge(self, desk: Desk, host: HostState, turn: Turn | None) -> Gauge | None:
        """While an answer comes its own figures count; asking the engine again would only slow it down."""
        if desk.answering and turn is not None and turn.prompt and host.card is not None:
            return Gauge(turn.prompt + turn.generated, host.card.n_ctx)
        return self.gauge if host.phase == "ready" else None
