"""A whole document as one line of blocks: what of it is in the prompt, which part is in view; a click goes there."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from llmlab.domain.coverage import NOTHING, Span, strip


class CoverageStrip(Widget):
    """As wide as there is room."""

    DEFAULT_CSS = "CoverageStrip { height: 1; background: $panel; }"
    ALLOW_SELECT = False

    class Picked(Message):
        """A place in the document was clicked."""

        def __init__(self, offset: int) -> None:
            super().__init__()
            self.offset = offset
            """Of a character."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._length = 0
        self._spans: tuple[Span, ...] = ()
        self._view: Span = (0, 0)

    def show(self, length: int, spans: Sequence[Span], view: Span = (0, 0)) -> None:
        """Show a document of `length` characters of which `spans` are in the prompt, and `view` on the screen."""
        now = (length, tuple(spans), view)
        if now != (self._length, self._spans, self._view):
            self._length, self._spans, self._view = now
            self.refresh()

    def render(self) -> Content:
        """The blocks, those of the part in view reversed."""
        return strip_content(self._length, self._spans, self.size.width, self._view)

    def on_click(self, event: events.Click) -> None:
        """Go to the place under the pointer."""
        if self._length and self.size.width:
            self.post_message(self.Picked(min(self._length - 1, event.x * self._length // self.size.width)))


def strip_content(length: int, spans: Sequence[Span], cells: int, view: Span = (0, 0)) -> Content:
    """The strip in colour; `view`, where it is not all, is marked by reversing, so that it is seen without colours."""
    blocks = strip(length, spans, cells)
    content = Content("").join(
        Content.styled(block, "$text-disabled" if block == NOTHING else "$text-warning") for block in blocks
    )
    if view[1] > view[0] and length and view[1] - view[0] < length - 1:
        first = min(cells - 1, view[0] * cells // length)
        content = content.stylize("reverse", first, max(first + 1, -(-view[1] * cells // length)))
    return content
