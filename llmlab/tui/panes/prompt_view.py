"""The exact prompt by origin, or its tokens one by one; painted a row at a time, however long it is."""

from __future__ import annotations

from typing import ClassVar, Final

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.binding import BindingType
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip

from llmlab.domain.assembly import OriginSpan
from llmlab.domain.terminal import visible
from llmlab.services.preview import Prepared
from llmlab.tui.commands.table import bindings
from llmlab.tui.panes.prompt_rows import MARKS, Row, below, label_of, part_of, rows_of
from llmlab.tui.widgets.text_rows import LEAST_WIDTH, shown
from llmlab.words import say

BLANKS: Final = str.maketrans({"\n": "↵", " ": "␣", "\t": "⇥"})
"""How the blanks of a token are shown."""


class PromptView(ScrollView, can_focus=True):
    """What is sent, each part with its letter, number and tokens; `tokens` shows ids and cuts instead of the text."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("prompt")]
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"prompt--{name}" for name in (*MARKS, "figure", "grave")}
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
        & > .prompt--figure { color: $text-muted; }
        & > .prompt--grave { color: $text-warning; text-style: bold; }
        & > .prompt--answer { color: $foreground; text-style: italic; }
    }
    """

    def __init__(self, *, tokens: bool = False, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._tokens = tokens
        self._prepared: Prepared | None = None
        self._drawn: Prepared | None = None
        """The prompt that is laid out, for `_width` cells."""
        self._width = 0
        self._rows: list[Row] = []
        self._below: list[tuple[str, bool]] = []
        """Rows below the prompt, each with whether it is something to take note of."""
        self._owners: list[OriginSpan] = []
        """The part in which each token begins."""
        self._gutter = self._figures = 0
        """Cells for letters and numbers at the left, for tokens at the right."""

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
        prepared, width = self._prepared, self.scrollable_content_region.width
        if not self.is_on_screen or width < 1 or (self._drawn is prepared and self._width == width):
            return
        self._drawn, self._width = prepared, width
        self._rows, self._below, self._owners = [], [], []
        if prepared is not None:
            spans = prepared.spans
            self._gutter = 1 + max((len(label_of(span)) for span in spans), default=1)
            if self._tokens:
                self._owners = [span for span in spans for _ in range(span.tokens)]
            else:
                self._figures = max((len(f"{span.tokens:,}") for span in spans), default=1)
                # One cell stays free for the sign of a line end.
                room = max(LEAST_WIDTH, width - self._gutter - 1 - self._figures)
                self._rows = rows_of(prepared.prompt.text, spans, room)
                self._below = below(prepared, max(LEAST_WIDTH, width - self._gutter))
        self.virtual_size = Size(width, max(1, self._count + len(self._below)))
        self.refresh()

    @property
    def _count(self) -> int:
        """Rows of the prompt itself."""
        return len(self._owners) if self._tokens else len(self._rows)

    # Painting

    def render_line(self, y: int) -> Strip:
        """One row of the view."""
        number, width = self.scroll_offset.y + y, self.scrollable_content_region.width
        if self._drawn is None:
            words = say("The prompt is shown once the model is ready.") if number == 0 else ""
            return self._strip([(words, self._style("scaffold"))], width)
        if number >= self._count:
            return self._note(number - self._count, width)
        strip = self._token(number, width) if self._tokens else self._row(number, width, top=y == 0)
        selection = self.text_selection
        span = selection.get_span(number) if selection is not None else None
        if span is not None:
            strip = self._marked(strip, self._text_of(number), *span)
        return strip.apply_offsets(-self._gutter, number)

    def _row(self, number: int, width: int, *, top: bool) -> Strip:
        """A row of the prompt; the first in view tells its part as the first of the part does."""
        row = self._rows[number]
        style, dim = self._style(row.span.origin), self._style("scaffold")
        label = label_of(row.span) if row.first or top else ""
        left = [(label.ljust(self._gutter), style), (self._text_of(number), style), ("↵" if row.ended else "", dim)]
        figure = f"{row.span.tokens:,}" if row.first else ""
        return Strip.join(
            [
                self._strip(left, width - self._figures),
                self._strip([(figure.rjust(self._figures), self._style("figure"))], self._figures),
            ]
        )

    def _token(self, number: int, width: int) -> Strip:
        origin = self._owners[number].origin
        style, dim = self._style(origin), self._style("scaffold")
        before, text, behind = self._token_parts(number)
        label = label_of(self._owners[number]).ljust(self._gutter)
        return self._strip([(label, style), (before, dim), (text, style), (behind, dim)], width)

    def _token_parts(self, number: int) -> tuple[str, str, str]:
        """Number and id of a token, its text, and what closes it."""
        assert self._drawn is not None
        prompt = self._drawn.prompt
        start, end = (*prompt.offsets[number : number + 2], len(prompt.text))[:2]
        # A token inside a character begins no text of its own.
        text = visible(prompt.text[start:end].translate(BLANKS)) or "…"
        return f"{number:>5} {prompt.tokens[number]:>7} │", text, "│"

    def _text_of(self, number: int) -> str:
        """What a row shows of the prompt, without what stands around it."""
        if self._tokens:
            return "".join(self._token_parts(number))
        assert self._drawn is not None
        row = self._rows[number]
        return shown(self._drawn.prompt.text[row.start : row.end])

    def _note(self, number: int, width: int) -> Strip:
        text, grave = self._below[number] if number < len(self._below) else ("", False)
        return self._strip([(" " * self._gutter, Style()), (text, self._style("grave" if grave else "figure"))], width)

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"prompt--{name}")

    def _strip(self, parts: list[tuple[str, Style]], width: int) -> Strip:
        segments = [Segment(text, style) for text, style in parts if text]
        return Strip(segments, sum(cell_len(text) for text, _ in parts)).adjust_cell_length(width, self.rich_style)

    def _marked(self, strip: Strip, text: str, start: int, end: int) -> Strip:
        """A row with the characters from `start` to `end` of its text marked; -1 is its end."""
        left = self._gutter + cell_len(text[:start])
        right = self._gutter + cell_len(text if end < 0 else text[:end])
        chosen = strip.crop(left, right).apply_style(self.screen.get_component_rich_style("screen--selection"))
        return Strip.join([strip.crop(0, left), chosen, strip.crop(right)])

    # Selection

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The selected text as it is sent, rows that only the view cut joined again; of tokens, their lines."""
        if self._drawn is None or not self._count:
            return None
        first = max(0, selection.start.y if selection.start else 0)
        last = min(selection.end.y if selection.end else self._count - 1, self._count - 1)
        rows = [(number, selection.get_span(number)) for number in range(first, last + 1)]
        part = self._token_selected if self._tokens else self._row_selected
        return "".join(part(number, *span) for number, span in rows if span is not None), "\n"

    def _row_selected(self, number: int, start: int, end: int) -> str:
        assert self._drawn is not None
        row = self._rows[number]
        text = self._drawn.prompt.text[row.start : row.end]
        whole = end < 0 or end > len(shown(text))
        return part_of(text, start, end) + ("\n" if row.ended and whole else "")

    def _token_selected(self, number: int, start: int, end: int) -> str:
        text = self._text_of(number)
        return text[start : None if end < 0 else end] + ("\n" if end < 0 else "")

    def selection_updated(self, selection: Selection | None) -> None:
        """Paint what is selected now."""
        self.refresh()
