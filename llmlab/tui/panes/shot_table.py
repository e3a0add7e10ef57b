"""The rows of an example set, painted one by one, however many there are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, Final

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from llmlab.domain.shots import Shot
from llmlab.domain.terminal import visible_line
from llmlab.words import say

LEAD: Final = 8
"""Cells before the input: where the row is shown, whether it is on."""
COST: Final = 7
"""Cells of the tokens at the end."""

Cost = Callable[[Shot], int | None]


class ShotTable(ScrollView, can_focus=True):
    """One line a row: its place among those shown, on or off, input, output, tokens."""

    class Moved(Message):
        """Another row is highlighted, or others are in sight."""

    class Chosen(Message):
        """The highlighted row was clicked again."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "go(-1)", show=False),
        Binding("down", "go(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("home", "go(-10000000)", show=False),
        Binding("end", "go(10000000)", show=False),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {"shots--shown", "shots--on", "shots--off", "shots--cursor", "shots--dim"}
    DEFAULT_CSS = """
    ShotTable {
        height: 1fr; overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1; scrollbar-gutter: stable;
        background: $surface;
        & > .shots--shown { color: $text-success; }
        & > .shots--on { color: $foreground; }
        & > .shots--off { color: $foreground 45%; }
        & > .shots--dim { color: $foreground 60%; }
        & > .shots--cursor { background: $foreground 12%; }
        &:focus > .shots--cursor { background: $primary 40%; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._rows: Sequence[Shot] = ()
        self._order: dict[int, int] = {}
        self._cost: Cost = lambda _row: None
        self.cursor = 0
        """Which row is highlighted."""

    def show(self, rows: Sequence[Shot], places: Sequence[int], cost: Cost) -> None:
        """Show the rows of a set.

        Args:
            rows: all of them.
            places: those that are shown to the model, in order.
            cost: tokens of a row; `None` while they are not counted.
        """
        self._rows, self._cost = rows, cost
        self._order = {place: number for number, place in enumerate(places, 1)}
        self.virtual_size = Size(self.scrollable_content_region.width, max(1, len(rows)))
        self.cursor = max(0, min(self.cursor, len(rows) - 1))
        self.refresh()

    @property
    def in_sight(self) -> range:
        """The rows that can be seen."""
        top = self.scroll_offset.y
        return range(max(0, top), min(len(self._rows), top + max(1, self.scrollable_content_region.height)))

    def go_to(self, row: int) -> None:
        """Highlight a row and bring it into sight."""
        self.cursor = max(0, min(row, len(self._rows) - 1))
        self.scroll_to_region(Region(0, self.cursor, 1, 1), animate=False, force=True)
        self.refresh()
        self.post_message(self.Moved())

    def action_go(self, step: int) -> None:
        """Highlight another row."""
        self.go_to(self.cursor + step)

    def action_page(self, direction: int) -> None:
        """Go a page on or back."""
        self.go_to(self.cursor + direction * max(1, self.scrollable_content_region.height - 1))

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Others are in sight."""
        super().watch_scroll_y(old_value, new_value)
        self.post_message(self.Moved())

    def on_resize(self, event: events.Resize) -> None:
        """Others are in sight."""
        self.virtual_size = Size(self.scrollable_content_region.width, max(1, len(self._rows)))
        self.post_message(self.Moved())

    def on_click(self, event: events.Click) -> None:
        """Highlight what is clicked; a second click opens it."""
        row = self.scroll_offset.y + event.y
        if row >= len(self._rows):
            return
        again = row == self.cursor
        self.go_to(row)
        if again:
            self.post_message(self.Chosen())

    def render_line(self, y: int) -> Strip:
        """One row."""
        number, width = self.scroll_offset.y + y, self.scrollable_content_region.width
        if number >= len(self._rows):
            words = say("No examples yet; a adds one.") if number == 0 else ""
            return _strip([(words, self._style("dim"))], width, self.rich_style)
        row = self._rows[number]
        strip = _strip(self._parts(number, row, width), width, self.rich_style)
        return strip.apply_style(self._style("cursor")) if number == self.cursor else strip

    def _parts(self, number: int, row: Shot, width: int) -> list[tuple[str, Style]]:
        place, cost = self._order.get(number), self._cost(row)
        text = self._style("on" if row.on else "off")
        room = max(8, width - LEAD - COST - 2)
        left = room * 3 // 5
        return [
            (f"{place or '':>4} " if place else "     ", self._style("shown")),
            ("● " if row.on else "○ ", self._style("shown" if place else "dim")),
            ("≡" if row.reasoning else " ", self._style("dim")),
            (fitted(row.input, left), text),
            ("  ", text),
            (fitted(row.output, room - left), text),
            (f"{cost:>{COST},}" if cost is not None else f"{'…':>{COST}}", self._style("dim")),
        ]

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"shots--{name}", partial=name == "cursor")


def fitted(text: str, width: int) -> str:
    """The beginning of `text` as one line of exactly `width` cells."""
    line = visible_line(text[: 4 * width])
    if cell_len(line) <= width and len(text) <= 4 * width:
        return set_cell_size(line, width)
    return set_cell_size(line, max(0, width - 1)) + "…"


def _strip(parts: list[tuple[str, Style]], width: int, rest: Style) -> Strip:
    segments = [Segment(text, style) for text, style in parts if text]
    return Strip(segments, sum(cell_len(text) for text, _ in parts)).adjust_cell_length(width, rest)
