"""The status bar: engine, model, window and answer on one line, drawn only when its text changes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from rich.cells import cell_len
from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget

from llmlab.domain.generation import Turn
from llmlab.domain.model import ModelCard
from llmlab.domain.pace import Pace, time_left
from llmlab.domain.terminal import visible_line
from llmlab.services.host import HostState
from llmlab.services.preview import Gauge
from llmlab.words import say

BAR_CELLS: Final = 10
SEPARATOR: Final = "  "


@dataclass(frozen=True, slots=True)
class Status:
    """All that the bar tells."""

    title: str = ""
    """Of the open chat."""
    host: HostState = field(default_factory=HostState)
    gauge: Gauge | None = None
    turn: Turn | None = None
    """Of the last answer in the open chat."""
    waiting: bool = False
    """An answer was asked for and has not begun."""
    speed: float = 0.0
    """Tokens a second while the answer is written, as seen from here."""
    pace: Pace = field(default_factory=Pace)
    """Of reading the prompt, as seen from here."""
    elsewhere: int = 0
    """Answers that run in other chats."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of the bar."""

    text: str
    style: str
    rank: int
    """The highest rank gives way first when the line is too narrow."""


def status_line(status: Status, width: int) -> Content:
    """The bar for `width` cells: what matters least gives way first, the engine's state never does."""
    left = [
        Segment("llmlab", "bold $text-primary", 6),
        Segment(visible_line(status.title) or say("new chat"), "$text-muted", 5),
    ]
    right = [*_engine(status.host), *_window(status), *_answer(status)]
    while len(left) + len(right) > 1 and _cells(left) + _cells(right) > width:
        last = max([*left, *right], key=lambda segment: segment.rank)
        (left if last in left else right).remove(last)
    gap = " " * max(0, width - _cells(left) - _cells(right))
    return Content.assemble(_joined(left), gap, _joined(right)).truncate(width, ellipsis=True)


def _cells(segments: list[Segment]) -> int:
    """Width of one side, a blank at either end."""
    return sum(cell_len(segment.text) + len(SEPARATOR) for segment in segments)


def _joined(segments: list[Segment]) -> Content:
    if not segments:
        return Content("")
    line = Content.styled(SEPARATOR, "$text-disabled")
    texts = [Content.styled(segment.text, segment.style) for segment in segments]
    return Content.assemble(" ", line.join(texts), " ")


def _engine(host: HostState) -> list[Segment]:
    """The model and whether it is there."""
    name = visible_line(host.model)
    match host.phase:
        case "off":
            return [Segment(say("no model yet"), "$text-muted", 0)]
        case "loading":
            return [Segment(say("loading {model} {share:.0%}", model=name, share=host.fraction), "$text-warning", 0)]
        case "dead":
            if host.card is None:
                return [Segment(say("{model} cannot be loaded, F5 picks another", model=name), "$text-error", 0)]
            return [Segment(say("{model} stopped: the next message starts it anew", model=name), "$text-error", 0)]
        case "ready" if host.card is not None and host.card.host:
            # Where the words go is worth more room than anything but the state of the answer.
            place = say("ready at {host}", host=visible_line(host.card.host))
            return [Segment(name, "$text", 2), Segment(place, "$text-warning", 1)]
        case "ready":
            form = f" {_short_form(host.card)}" if host.card else ""
            return [Segment(name, "$text", 2), Segment(f"{say('ready')}{form}", "$text-success", 1)]


def _short_form(card: ModelCard) -> str:
    """The number format as people write it: `Q4_K - Medium` is `Q4_K_M`."""
    head, _, tail = card.quantisation.removeprefix("(guessed) ").partition(" - ")
    return visible_line(f"{head}_{tail[0]}" if tail else head)


def _window(status: Status) -> list[Segment]:
    """How full the window is, in the tokens of the model."""
    gauge = status.gauge
    if gauge is None or gauge.window <= 0:
        return []
    share = min(1.0, gauge.used / gauge.window)
    full = round(share * BAR_CELLS)
    style = "$text-error" if share >= 0.95 else "$text-warning" if share >= 0.8 else "$text-muted"
    numbers = Segment(f"{gauge.used:,}/{gauge.window:,}", style, 3)
    return [numbers, Segment("█" * full + "░" * (BAR_CELLS - full), style, 7)]


def _answer(status: Status) -> list[Segment]:
    """How the answer is coming along, or how the last one went."""
    turn = status.turn
    elsewhere = Segment(say("{count} more running", count=status.elsewhere), "$text-warning", 4)
    return [*_progress(turn, status), *([elsewhere] if status.elsewhere else [])]


def _progress(turn: Turn | None, status: Status) -> list[Segment]:
    if turn is None or turn.state == "waiting":
        return [Segment(say("waiting"), "$text-warning", 0)] if status.waiting else []
    if turn.state == "reading":
        share = turn.read / turn.prompt if turn.prompt else 0.0
        text = say("reading {read:,}/{prompt:,} {share:.0%}", read=turn.read, prompt=turn.prompt, share=share)
        return [Segment(text, "$text-warning", 0), *_pace(status.pace, turn.prompt)]
    if turn.state == "writing":
        return [Segment(say("writing {speed:,.0f} tok/s", speed=status.speed), "$text-accent", 0)]
    if turn.state == "failed":
        return [Segment(say("the answer failed"), "$text-error", 0)]
    if turn.timing is None:
        return []
    segments = []
    if turn.timing.tokens_per_s:
        segments.append(Segment(say("{speed:,.0f} tok/s", speed=turn.timing.tokens_per_s), "$text-muted", 3))
    if turn.timing.first_token_s:
        segments.append(
            Segment(say("first token {seconds:.2f} s", seconds=turn.timing.first_token_s), "$text-muted", 4)
        )
    return segments


def _pace(pace: Pace, total: int) -> list[Segment]:
    """Speed and time left, once they can be told."""
    left = pace.left(total)
    if left is None:
        return []
    return [
        Segment(say("{speed:,.0f} tok/s", speed=pace.speed), "$text-muted", 3),
        Segment(say("{time} left", time=time_left(left)), "$text-warning", 1),
    ]


class StatusBar(Widget):
    """One line that repaints only when what it says has changed."""

    DEFAULT_CSS = """
    StatusBar { height: 1; background: $panel; }
    """
    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._status = Status()
        self._drawn = Content("")

    @property
    def status(self) -> Status:
        """What it tells now."""
        return self._status

    def show(self, status: Status) -> None:
        """Tell `status` from now on."""
        self._status = status
        line = status_line(status, self.size.width)
        if line.plain != self._drawn.plain:
            self.refresh()

    def render(self) -> Content:
        """The line for the width there is."""
        self._drawn = status_line(self._status, self.size.width)
        return self._drawn

    def get_content_width(self, container: Size, viewport: Size) -> int:
        """All of it."""
        return container.width
