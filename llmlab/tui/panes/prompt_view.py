"""The exact prompt, coloured by origin, or its tokens one by one; painted a row at a time, however long it is."""

from __future__ import annotations

from typing import ClassVar, Final

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip

from llmlab.domain.assembly import SpanOrigin
from llmlab.domain.terminal import visible_line
from llmlab.services.preview import Prepared
from llmlab.tui.panes.prompt_rows import MARKS, PromptText, Row, rows_of
from llmlab.words import say

GUTTER: Final = 2
ORIGINS: Final[tuple[SpanOrigin, ...]] = tuple(MARKS)


class PromptView(ScrollView, can_focus=True):
    """What is sent; `tokens` shows ids and cuts instead of the running text."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"prompt--{origin}" for origin in MARKS}
    DEFAULT_CSS = """
    PromptView {
        height: 1fr; overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1; scrollbar-gutter: stable;
        & > .prompt--scaffold { color: $foreground 50%; }
        & > .prompt--system { color: $text-primary; }
        & > .prompt--template { color: $text-secondary; }
        & > .prompt--example { color: $text-success; }
        & > .prompt--document { color: $text-warning; }
        & > .prompt--history { color: $foreground 80%; }
        & > .prompt--question { color: $text-accent; text-style: bold; }
        & > .prompt--cue { color: $text-error; }
        & > .prompt--answer { color: $foreground; text-style: italic; }
    }
    """

    def __init__(self, *, tokens: bool = False, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._tokens = tokens
        self._prepared: Prepared | None = None
        self._text = PromptText("", ())
        self._rows: list[Row] = []
        self._drawn: Prepared | None = None
        """The prompt that is laid out, for `_width` cells."""
        self._width = 0

    def show(self, prepared: Prepared | None) -> None:
        """Show a prompt; `None` while there is none."""
        if prepared is self._prepared:
            return
        self._prepared = prepared
        self._lay_out()

    def on_resize(self) -> None:
        """Cut the rows for the new width."""
        self._lay_out()

    def on_show(self) -> None:
        """Show what came while nobody looked."""
        self._lay_out()

    def _lay_out(self) -> None:
        """Cut the rows, while somebody looks: a long prompt has very many."""
        prepared, width = self._prepared, self.scrollable_content_region.width - GUTTER
        if not self.is_on_screen or width < 1 or (self._drawn is prepared and self._width == width):
            return
        self._drawn, self._width = prepared, width
        self._rows = []
        if prepared is not None:
            self._text = PromptText(prepared.prompt.text, prepared.spans)
            if not self._tokens:
                self._rows = rows_of(prepared.prompt.text, max(8, width))
        self.virtual_size = Size(width, max(1, self._count))
        self.refresh()

    @property
    def _count(self) -> int:
        """Rows that there are."""
        return len(self._drawn.prompt.tokens) if self._tokens and self._drawn is not None else len(self._rows)

    def render_line(self, y: int) -> Strip:
        """One row of the view."""
        number = self.scroll_offset.y + y
        width = self.scrollable_content_region.width
        if self._drawn is None:
            words = say("The prompt is shown once the model is ready.") if number == 0 else ""
            return self._strip([(words, self._style("scaffold"))], width)
        if number >= self._count:
            return self._strip([], width)
        parts = self._token_parts(number) if self._tokens else self._row_parts(number)
        selection = self.text_selection
        span = selection.get_span(number) if selection is not None else None
        strip = self._strip(parts, width)
        if span is not None:
            strip = self._marked(strip, *span)
        return strip.apply_offsets(-GUTTER, number)

    def _row_parts(self, number: int) -> list[tuple[str, Style]]:
        row = self._rows[number]
        origin = self._text.span_at(row.start).origin
        above = self._text.span_at(self._rows[number - 1].start).origin if number else None
        mark = MARKS[origin] if origin != above else " "
        pieces = [(piece.text, self._style(piece.origin)) for piece in self._text.pieces(row)]
        return [(f"{mark} ", self._style(origin)), *pieces]

    def _token_parts(self, number: int) -> list[tuple[str, Style]]:
        assert self._drawn is not None
        prompt = self._drawn.prompt
        start, end = (*prompt.offsets[number : number + 2], len(prompt.text))[:2]
        origin = self._text.span_at(start).origin
        # A token inside a character begins no text of its own.
        shown = visible_line(prompt.text[start:end].replace("\n", "↵").replace(" ", "␣")) or "…"
        style, dim = self._style(origin), self._style("scaffold")
        return [
            (f"{MARKS[origin]} ", style),
            (f"{number:>5} {prompt.tokens[number]:>7} ", dim),
            ("│", dim),
            (shown, style),
            ("│", dim),
        ]

    def _style(self, origin: SpanOrigin) -> Style:
        return self.get_component_rich_style(f"prompt--{origin}")

    def _strip(self, parts: list[tuple[str, Style]], width: int) -> Strip:
        segments = [Segment(text, style) for text, style in parts if text]
        return Strip(segments, sum(cell_len(text) for text, _ in parts)).adjust_cell_length(width, self.rich_style)

    def _marked(self, strip: Strip, start: int, end: int) -> Strip:
        left = GUTTER + start
        right = strip.cell_length if end < 0 else GUTTER + end
        chosen = strip.crop(left, right).apply_style(self.screen.get_component_rich_style("screen--selection"))
        return Strip.join([strip.crop(0, left), chosen, strip.crop(right)])

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The selected text as it is sent: rows that only the edge cut are joined again."""
        if self._tokens or not self._rows:
            return None
        first = selection.start.y if selection.start else 0
        last = selection.end.y if selection.end else len(self._rows) - 1
        parts: list[str] = []
        for number in range(max(0, first), min(last, len(self._rows) - 1) + 1):
            row = self._rows[number]
            span = selection.get_span(number)
            if span is None:
                continue
            text = self._text.text[row.start : row.end]
            start, end = span
            parts.append(
                text[start : None if end < 0 else end] + ("\n" if row.ended and (end < 0 or end > len(text)) else "")
            )
        return "".join(parts), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        """Paint what is selected now."""
        self.refresh()
