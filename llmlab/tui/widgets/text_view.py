"""A long text to read: painted a row at a time, cut into rows in slices, with stretches of it marked."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from time import monotonic
from typing import Any, ClassVar, Final

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip
from textual.timer import Timer

from llmlab.domain.coverage import Span
from llmlab.tui.widgets.text_marks import MARKS, Mark, Marks
from llmlab.tui.widgets.text_rows import TextRows, shown
from llmlab.tui.widgets.text_search import TextSearch

GUTTER: Final = 2
SLICE: Final = 0.004
"""Seconds of work between two looks at the keys."""
PAUSE: Final = 0.02
"""Seconds from slice to slice."""
ABOVE: Final = 3
"""Rows that stay in view above a place that is jumped to."""


class TextView(ScrollView, can_focus=True):
    """Shows a text of any length at once; what is out of sight is laid out while nothing else happens."""

    ALLOW_SELECT = True
    COMPONENT_CLASSES: ClassVar[set[str]] = {"text--gutter", "text--empty", *(f"text--{mark}" for mark in MARKS)}
    DEFAULT_CSS = """
    TextView {
        height: 1fr; overflow-x: hidden; overflow-y: scroll; scrollbar-size-vertical: 1;
        & > .text--gutter { color: $text-warning; }
        & > .text--empty { color: $text-muted; }
        & > .text--used { background: $warning-muted; }
        & > .text--quote { background: $success-muted; text-style: bold underline; }
        & > .text--found { background: $primary-muted; }
        & > .text--here { background: $primary; color: $background; text-style: bold; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "scroll_up", show=False),
        Binding("down,j", "scroll_down", show=False),
        Binding("pageup,b", "page_up", show=False),
        Binding("pagedown,space", "page_down", show=False),
        Binding("home,g", "scroll_home", show=False),
        Binding("end,G", "scroll_end", show=False),
        Binding("n", "next", show=False),
        Binding("N,p", "previous", show=False),
    ]

    class Moved(Message):
        """Another part of the text is in view, or a search has found more."""

    def __init__(self, *, empty: str = "", id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        """Show nothing yet; `empty` is said as long as there is no text."""
        super().__init__(id=id)
        self.text = ""
        self.empty = empty
        self.place = -1
        """Which of the places found the view stands at; -1 before the first."""
        self._rows = TextRows("", 1)
        self._marks = Marks()
        self._search = TextSearch("", "")
        self._timer: Timer | None = None

    # What is shown

    def show(self, text: str, marks: Mapping[Mark, Sequence[Span]] | None = None) -> None:
        """Show a text from its beginning, with stretches of it marked; a search is forgotten."""
        self.text = text
        self._marks = Marks()
        self.find("")
        for mark, spans in (marks or {}).items():
            self._marks.put(mark, spans)
        self._lay_out(0)

    def mark(self, mark: Mark, spans: Sequence[Span]) -> None:
        """Mark these stretches, and no others, for one reason."""
        self._marks.put(mark, spans)
        self.refresh()

    def spans(self, mark: Mark) -> tuple[Span, ...]:
        """What is marked for a reason."""
        return self._marks[mark]

    def jump(self, offset: int) -> None:
        """Bring a character into view."""
        row = self._rows.row_of(offset)
        self._tell_height()
        top = self.scroll_offset.y
        if not top <= row < top + self.scrollable_content_region.height:
            self.scroll_to(y=max(0, row - ABOVE))
        self.post_message(self.Moved())

    @property
    def in_view(self) -> Span:
        """The characters that are in view."""
        top = min(self.scroll_offset.y, self._rows.count - 1)
        bottom = min(top + max(1, self.scrollable_content_region.height), self._rows.count) - 1
        return self._rows.span(top)[0], self._rows.span(bottom)[1]

    # Search

    def find(self, wanted: str) -> None:
        """Look for a text, from the place in view on; a blank one ends the search."""
        self._search, self.place = TextSearch(self.text, wanted), -1
        if self._marks["found"]:
            self._marks.put("found", ())
            self.mark("here", ())
        self._work_later()

    @property
    def searching(self) -> bool:
        """A search goes on."""
        return not self._search.done

    @property
    def found(self) -> Sequence[Span]:
        """The places found so far, in order."""
        return self._search.found

    def action_next(self) -> None:
        """Go to the next place found, after the last to the first."""
        self._go(self.place + 1)

    def action_previous(self) -> None:
        """Go to the place found before, before the first to the last."""
        self._go(self.place - 1 if self.place >= 0 else -1)

    def _go(self, place: int) -> None:
        if not self.found:
            return
        self.place = place % len(self.found)
        self.mark("here", (self.found[self.place],))
        self.jump(self.found[self.place][0])

    def _look_on(self, deadline: float) -> None:
        """Search until the deadline; stand at the first place found from the view on, else at the first of all."""
        while self.searching:
            self._search.step()
            if monotonic() >= deadline:
                break
        if len(self.found) != len(self._marks["found"]):
            self.mark("found", self.found)
        first = self.in_view[0]
        if self.place < 0 and self.found and (not self.searching or self.found[-1][0] >= first):
            self._go(bisect_left(self.found, (first, 0)))
        self.post_message(self.Moved())

    # Work in slices

    def on_mount(self) -> None:
        """What is shown before there is a width is laid out once there is."""
        self._timer = self.set_interval(PAUSE, self._work)

    def on_resize(self) -> None:
        """Cut the rows for the new width; the first row in view stays there."""
        if self._width != self._rows.width or self._rows.text is not self.text:
            self._lay_out(self.in_view[0])

    @property
    def _width(self) -> int:
        return max(1, self.scrollable_content_region.width - GUTTER)

    def _lay_out(self, offset: int) -> None:
        """Cut rows anew and show the one that holds `offset` at the top."""
        self._rows = TextRows(self.text, self._width)
        row = self._rows.row_of(min(offset, max(0, len(self.text) - 1)))
        self._rows.cut(lambda: self._rows.count > row + 2 * max(1, self.size.height))
        self._tell_height()
        self.scroll_to(y=row)
        self.refresh()
        self._work_later()
        self.post_message(self.Moved())

    def _work_later(self) -> None:
        if self._timer is not None:
            self._timer.resume()

    def _work(self) -> None:
        """One slice: the search first, since somebody waits for it."""
        deadline = monotonic() + SLICE
        if self.searching:
            self._look_on(deadline)
        elif not self._rows.done:
            self._rows.cut(lambda: monotonic() > deadline)
            if self._rows.done:
                self._tell_height()
        elif self._timer is not None:
            self._timer.pause()

    def _tell_height(self) -> None:
        """Tell the scrollbar how long the text is, as far as that is known."""
        size = Size(self._width, self._rows.expected)
        if size != self.virtual_size:
            self.virtual_size = size

    # Painting

    def render_line(self, y: int) -> Strip:
        """One row of the view."""
        width = self.scrollable_content_region.width
        number = self.scroll_offset.y + y
        if not self.text:
            style = self.get_component_rich_style("text--empty")
            parts = [Segment(" " * GUTTER), Segment(self.empty, style)] if number == 0 else []
            return self._strip(parts, width)
        if number >= self._rows.count:
            # Beyond what is cut: the view was dragged there.
            self._rows.cut(lambda: self._rows.count > number)
        if number >= self._rows.count:
            return self._strip([], width)
        start, end = self._rows.span(number)
        mine = any(self._marks.touching("used", start, end))
        gutter = Segment("▌ " if mine else "  ", self.get_component_rich_style("text--gutter", partial=True))
        strip = self._strip([gutter, *self._painted(start, end)], width)
        selection = self.text_selection
        span = selection.get_span(number) if selection is not None else None
        if span is not None:
            strip = self._selected(strip, *span)
        return strip.apply_offsets(-GUTTER, number)

    def _painted(self, start: int, end: int) -> Iterator[Segment]:
        """A row, each stretch as its marks want it."""
        for left, right, marks in self._marks.pieces(start, end):
            styles = [self.get_component_rich_style(f"text--{mark}", partial=True) for mark in marks]
            yield Segment(shown(self.text[left:right]), Style.chain(Style(), *styles))

    def _strip(self, parts: Sequence[Segment], width: int) -> Strip:
        kept = [Segment(part.text, self.rich_style + (part.style or Style())) for part in parts if part.text]
        return Strip(kept, sum(cell_len(part.text) for part in kept)).adjust_cell_length(width, self.rich_style)

    def _selected(self, strip: Strip, start: int, end: int) -> Strip:
        left, right = GUTTER + start, strip.cell_length if end < 0 else GUTTER + end
        chosen = strip.crop(left, right).apply_style(self.screen.get_component_rich_style("screen--selection"))
        return Strip.join([strip.crop(0, left), chosen, strip.crop(right)])

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The selected text as it stands in the document: rows that only the edge cut are joined again."""
        first = selection.start.y if selection.start else 0
        last = min(selection.end.y if selection.end else self._rows.count - 1, self._rows.count - 1)
        rows = [(number, selection.get_span(number)) for number in range(max(0, first), last + 1)]
        return "".join(self._rows.part(number, *span) for number, span in rows if span is not None), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        """Paint what is selected now."""
        self.refresh()

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
        self._rows.cut(lambda: False)
        self._tell_height()
        self.scroll_to(y=self.max_scroll_y)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Tell that another part is in view."""
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self.post_message(self.Moved())
