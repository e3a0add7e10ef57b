"""A view of a roll: rows are painted one by one, and the row that is looked at never jumps."""

from __future__ import annotations

from time import monotonic
from typing import Any, ClassVar, Final

from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget

from llmlab.tui.markup.code import Highlighter
from llmlab.tui.markup.lines import Line, Role, clipboard_text
from llmlab.tui.widgets.transcript_marks import code_of, marked, place_of
from llmlab.tui.widgets.transcript_paint import COMPONENTS, CSS, GUTTER, MARGIN, NAMES, Painter, Palette
from llmlab.tui.widgets.transcript_roll import Place, Roll

_SLICE: Final = 0.002
"""Seconds of one slice of measuring what is out of sight."""
_PAUSE: Final = 0.05
"""Seconds from slice to slice."""
_NEAR_END: Final = 3
"""Rows from the end within which the view follows what is added there."""


class RollView(ScrollView):
    """Draws a roll of messages without a widget per message.

    Only the rows in sight are laid out exactly. The rest is guessed at first and measured in idle slices; the row at
    the top of the view stays where it is whatever becomes known about those above.
    """

    ALLOW_SELECT = True
    COMPONENT_CLASSES: ClassVar[set[str]] = COMPONENTS
    DEFAULT_CSS = CSS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "scroll_up", show=False, id="transcript.up"),
        Binding("down", "scroll_down", show=False, id="transcript.down"),
        Binding("pageup", "page_up", show=False, id="transcript.page_up"),
        Binding("pagedown", "page_down", show=False, id="transcript.page_down"),
        Binding("home", "scroll_home", show=False, id="transcript.home"),
        Binding("end", "scroll_end", show=False, id="transcript.end"),
    ]

    def __init__(
        self,
        highlight: Highlighter,
        *,
        name: str | None = None,
        id: str | None = None,  # noqa: A002 - the name Textual gives it
        classes: str | None = None,
    ) -> None:
        """An empty roll whose code gets its colours from `highlight`."""
        super().__init__(name=name, id=id, classes=classes)
        self.roll = Roll(highlight)
        self.quiet = True
        """Nothing is growing: what is out of sight may be measured."""
        self.painting_s = 0.0
        """Seconds spent on painting so far."""
        self._painter: Painter | None = None
        self._restyled = True
        self._measure_timer: Timer | None = None

    # For those who change the roll

    @property
    def near_end(self) -> bool:
        """The last row is in view, or nearly so."""
        return self.max_scroll_y - self.scroll_y <= _NEAR_END

    @property
    def top_place(self) -> Place:
        """The row at the top of the view."""
        return self.roll.place(self.scroll_offset.y)

    def go_to_end(self) -> None:
        """Show the last rows."""
        self._set_height(self.roll.settle_end(self.size.height))
        self.scroll_target_y = self.max_scroll_y
        self.scroll_y = self.max_scroll_y

    def keep(self, anchor: Place) -> None:
        """Show `anchor` at the top of the view, wherever it is now."""
        y = self.roll.settle(self.roll.row_of(anchor), self.size.height)
        self._set_height(self.roll.height)
        self._slide(y)

    def bring_into_view(self, index: int) -> None:
        """Scroll as little as shows a message, or its beginning if it is long."""
        y, height = self.scroll_offset.y, self.size.height
        self.roll.settle(self.roll.top(index), height)
        self._set_height(self.roll.height)
        top = self.roll.top(index)
        bottom = top + self.roll.entries[index].height(self.roll.width) - 1
        if top < y or bottom - top > height:
            self._jump(top)
        elif bottom > y + height:
            self._jump(bottom - height)
        else:
            self._settle()

    def refresh_rows(self, first: int, last: int) -> None:
        """Paint the rows from `first` to before `last` anew, as far as they are in view."""
        y, height = self.scroll_offset.y, self.size.height
        first, last = max(first - y, 0), min(last - y, height)
        if first < last:
            self.refresh(Region(0, first, self.size.width, last - first))

    def measure_later(self) -> None:
        """Measure what is out of sight, a slice at a time."""
        if self._measure_timer is None:
            self._measure_timer = self.set_interval(_PAUSE, self._measure)
        else:
            self._measure_timer.resume()

    # Rows

    def render_empty(self, y: int, painter: Painter) -> Strip:
        """A row of the view when the roll is empty."""
        return painter.blank()

    def marked_message(self) -> str | None:
        """Id of the message with the cursor."""
        return None

    def render_line(self, y: int) -> Strip:
        """One row of the view."""
        painter = self.painter()
        if not self.roll.entries:
            return self.render_empty(y, painter)
        found = self.roll.find(self.scroll_offset.y + y)
        if found is None:
            return painter.blank().apply_offsets(0, code_of(self.roll.end))
        message = found.entry.message
        between = found.place.section == len(found.entry.sections()) - 1
        asked = message.role != "assistant" and not between
        chosen = message.id == self.marked_message() and not between
        bar: Role | None = "strong" if chosen else "you" if asked else None
        ground = "cursor" if chosen else "you" if asked else "plain"
        selection = self.text_selection
        span = marked(selection, found.place, found.line) if selection is not None else None
        strip = painter.strip(found.line, ground, bar, span)
        return strip.apply_offsets(-GUTTER, code_of(found.place))

    def render_lines(self, crop: Region) -> list[Strip]:
        """Rows of the view; the time this takes sets the pace at which an answer grows on the screen."""
        started = monotonic()
        strips = super().render_lines(crop)
        self.painting_s += monotonic() - started
        return strips

    def notify_style_update(self) -> None:
        """The theme, or what the widget looks like in it, may have changed."""
        super().notify_style_update()
        self._restyled = True

    def painter(self) -> Painter:
        """The painter for the theme and width of now."""
        width = self.scrollable_content_region.width
        painter = self._painter
        if painter is not None and not self._restyled and painter.width == width:
            return painter
        self._restyled = False
        parts = {name: self.get_component_styles(f"transcript--{name}") for name in NAMES}
        selection = self.screen.get_component_rich_style("screen--selection")
        palette = Palette(self.background_colors[1], parts, selection)
        if painter is None or painter.width != width or palette.identity != painter.palette.identity:
            self._painter = painter = Painter(palette, width)
        return painter

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The selected text, as it was before it was laid out."""
        start = place_of(selection.start) if selection.start else Place(0, 0, 0)
        end = place_of(selection.end) if selection.end else self.roll.end
        chosen: list[tuple[Line, int, int]] = []
        for place, line in self.roll.lines(start, end):
            span = marked(selection, place, line)
            if span is not None:
                chosen.append((line, *span))
        return (clipboard_text(chosen), "\n") if chosen else None

    # Scrolling

    def scroll_to(
        self,
        x: float | None = None,
        y: float | None = None,
        *,
        animate: bool = True,
        force: bool = False,
        **options: Any,
    ) -> None:
        """Scroll at once: an animation would repaint the whole view many times."""
        self._scroll_to(x, y, animate=False, force=force)

    def action_scroll_end(self) -> None:
        """Show the last rows."""
        self.go_to_end()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Lay out what comes into view."""
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self._settle()

    def on_resize(self) -> None:
        """Lay out for the new width; the row at the top, or the end, stays in view."""
        follow, anchor = self.near_end, self.top_place
        self.roll.set_width(max(self.scrollable_content_region.width - GUTTER - MARGIN, 8))
        if follow:
            self.go_to_end()
        else:
            self.keep(anchor)
        self.refresh()
        self.measure_later()

    def _settle(self) -> None:
        """Make what is in view exact; the row at its top stays there."""
        at_end = self.scroll_y >= self.max_scroll_y
        y = self.roll.settle(self.scroll_offset.y, self.size.height)
        self._set_height(self.roll.height)
        self._slide(self.max_scroll_y if at_end else y)

    def _measure(self) -> None:
        """One slice."""
        if not self.quiet:
            return
        deadline = monotonic() + _SLICE
        follow, anchor = self.scroll_y >= self.max_scroll_y, self.top_place
        done = self.roll.measure(lambda: monotonic() > deadline)
        # To paint the scrollbar anew costs more than a slice: it is told at the end, or with the next scrolling.
        self.set_reactive(Widget.virtual_size, Size(self.size.width, self.roll.height))
        self._slide(self.max_scroll_y if follow else self.roll.row_of(anchor), tell=done)
        if done and self._measure_timer is not None:
            self._scroll_update(self.virtual_size)
            self._measure_timer.pause()

    def _jump(self, y: int) -> None:
        self.scroll_target_y = y
        self.scroll_y = y

    def _slide(self, y: int, *, tell: bool = True) -> None:
        """Call the row at the top `y` from now on: what is on the screen stays as it is.

        Args:
            y: its new number.
            tell: the scrollbar as well.
        """
        y = min(max(y, 0), self.max_scroll_y)
        if y != self.scroll_y:
            self.set_reactive(Widget.scroll_y, y)
            self.set_reactive(Widget.scroll_target_y, y)
            if tell and self.show_vertical_scrollbar:
                self.vertical_scrollbar.position = y

    def _set_height(self, height: int) -> None:
        """Tell the scrollbar how long the roll is, without a layout of the whole screen: no widget moves."""
        size = Size(self.size.width, height)
        stale = self.show_vertical_scrollbar and self.vertical_scrollbar.window_virtual_size != height
        if stale or size != self.virtual_size:
            self.set_reactive(Widget.virtual_size, size)
            self._scroll_update(size)
