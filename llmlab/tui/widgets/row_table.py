"""Rows of any number, one line each, of which only those in sight are ever made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, Final, Literal

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from llmlab.domain.terminal import visible_line

Tone = Literal["", "strong", "dim", "good", "bad", "warn"]
"""How a text stands out."""
Row = Sequence[tuple[str, Tone]]
"""Texts from left to right; each is part of one line and steers nothing."""
Maker = Callable[[int, int], Row]
"""Makes a row: its number, and the cells there are."""

_FARTHEST: Final = 10_000_000


class RowTable(ScrollView, can_focus=True):
    """A head that stays, and rows with one of them highlighted."""

    class Moved(Message):
        """Another row is highlighted."""

        def __init__(self, table: RowTable) -> None:
            super().__init__()
            self.table = table

        @property
        def control(self) -> Widget:
            """The table."""
            return self.table

    class Chosen(Moved):
        """The highlighted row was clicked again, or enter was pressed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "go(-1)", show=False),
        Binding("down,j", "go(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("home", f"go(-{_FARTHEST})", show=False),
        Binding("end", f"go({_FARTHEST})", show=False),
        Binding("enter", "choose", show=False),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "rows--cursor", "rows--head", "rows--strong", "rows--dim", "rows--good", "rows--bad", "rows--warn",
    }  # fmt: skip
    DEFAULT_CSS = """
    RowTable {
        height: 1fr; overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1; scrollbar-gutter: stable;
        background: $background;
        & > .rows--head, & > .rows--dim { color: $foreground 60%; }
        & > .rows--strong { text-style: bold; }
        & > .rows--good { color: $text-success; }
        & > .rows--bad { color: $text-error; }
        & > .rows--warn { color: $text-warning; }
        & > .rows--cursor { background: $boost; }
        &:focus > .rows--cursor { background: $primary-muted; }
    }
    """
    ALLOW_SELECT = False

    def __init__(self, empty: str = "", *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        """A table that shows `empty` while it has no rows."""
        super().__init__(id=id)
        self.empty = empty
        self._count = 0
        self._make: Maker = lambda _number, _width: ()
        self._head: Callable[[int], Row] | None = None
        self.cursor = 0
        """Which row is highlighted."""

    def show(self, count: int, make: Maker, head: Callable[[int], Row] | None = None) -> None:
        """Show other rows; the cursor stays where it is as far as there are rows.

        Args:
            count: rows there are.
            make: makes one of them.
            head: makes the line above them, which does not scroll.
        """
        self._count, self._make, self._head = count, make, head
        self._lay_out()
        self.cursor = max(0, min(self.cursor, count - 1))
        self.refresh()

    @property
    def count(self) -> int:
        """Rows there are."""
        return self._count

    @property
    def _top(self) -> int:
        return 1 if self._head is not None and self._count else 0

    def _lay_out(self) -> None:
        self.virtual_size = Size(self.scrollable_content_region.width, self._count + self._top)

    def go_to(self, row: int) -> None:
        """Highlight a row and bring it into sight."""
        before = self.cursor
        self.cursor = max(0, min(row, self._count - 1))
        # The head covers one line, so the row above is brought into sight as well.
        self.scroll_to_region(
            Region(0, self.cursor, 1, 1 + self._top), animate=False, force=True, immediate=True, center=False
        )
        self.refresh()
        if self.cursor != before:
            self.post_message(self.Moved(self))

    def action_go(self, step: int) -> None:
        """Highlight another row."""
        self.go_to(self.cursor + step)

    def action_page(self, direction: int) -> None:
        """Go a page on or back."""
        self.go_to(self.cursor + direction * max(1, self.scrollable_content_region.height - 1 - self._top))

    def action_choose(self) -> None:
        """Open the highlighted row."""
        if self._count:
            self.post_message(self.Chosen(self))

    def on_resize(self, event: events.Resize) -> None:
        """The rows have another width."""
        self._lay_out()

    def on_click(self, event: events.Click) -> None:
        """Highlight what is clicked; a second click opens it."""
        row = self.scroll_offset.y + event.y - self._top
        if not 0 <= row < self._count or event.y < self._top:
            return
        if row == self.cursor:
            self.post_message(self.Chosen(self))
        else:
            self.go_to(row)

    def render_line(self, y: int) -> Strip:
        """One line: the head, a row, or nothing."""
        width = self.scrollable_content_region.width
        if y < self._top and self._head is not None:
            return self._strip(self._head(width), width, "head")
        number = self.scroll_offset.y + y - self._top
        if not 0 <= number < self._count:
            words = self.empty if not self._count and y == 0 else ""
            return self._strip([(words, "dim")], width)
        return self._strip(self._make(number, width), width, "cursor" if number == self.cursor else "")

    def _strip(self, row: Row, width: int, ground: Literal["", "head", "cursor"] = "") -> Strip:
        """A row on its ground, which reaches over all of it."""
        base = self.rich_style + self._style(ground) if ground else self.rich_style
        segments = [Segment(text, base + self._ink(name)) for text, name in row if text]
        return Strip(segments, sum(cell_len(text) for text, _ in row)).adjust_cell_length(width, base)

    def _ink(self, name: Tone) -> Style:
        """How a text stands out, whatever ground it is on."""
        if not name:
            return Style.null()
        style = self._style(name)
        return Style(color=style.color if name != "strong" else None, bold=style.bold)

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"rows--{name}", partial=True)


def column(text: str, width: int, *, right: bool = False) -> str:
    """`text` as one line of exactly `width` cells, cut with an ellipsis."""
    line = visible_line(text[: 4 * width])
    if cell_len(line) > width or len(text) > 4 * width:
        line = set_cell_size(line, max(0, width - 1)).rstrip() + "…"
    blank = " " * max(0, width - cell_len(line))
    return blank + line if right else line + blank
