"""One line above the composer while documents are open: which, how they are read, and what of them is in the prompt."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.style import Style
from textual.widget import Widget

from llmlab.domain.reading import Material, ReadingUse
from llmlab.domain.terminal import visible_line
from llmlab.tui.documents import Held
from llmlab.tui.panes.document_words import reading_in_words, way_name
from llmlab.tui.widgets.coverage_strip import strip_content
from llmlab.words import say

LEAST_STRIP = 12
"""Cells below which a strip tells nothing."""


class DocumentLine(Widget):
    """Takes no room without documents; a click opens their pane."""

    DEFAULT_CSS = """
    DocumentLine {
        height: 1; padding: 0 1; background: $panel; display: none;
        link-style: none; link-color: $text-muted; link-background: $panel;
        link-style-hover: none; link-color-hover: $text; link-background-hover: $boost;
    }
    """
    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._shown: tuple[Sequence[Held], ReadingUse | None, Material | None, str] = ((), None, None, "")

    def show(self, held: Sequence[Held], use: ReadingUse | None, material: Material | None, key: str) -> None:
        """Tell of these documents; `key` opens their pane."""
        now = (tuple(held), use, material, key)
        if now != self._shown:
            self._shown = now
            self.display = bool(held)
            self.refresh()

    def render(self) -> Content:
        """As much as there is room for."""
        held, use, material, key = self._shown
        return document_line(held, use, material, key, self.content_size.width)


def document_line(
    held: Sequence[Held], use: ReadingUse | None, material: Material | None, key: str, width: int
) -> Content:
    """The line for `width` cells."""
    reading = [one for one in held if one.phase == "reading"]
    if reading:
        words = (
            say("{name} is being read, {share:.0%}", name=visible_line(reading[0].name), share=reading[0].read)
            + "  "
            + say("esc stops")
        )
        return Content.assemble(("◌ ", "$text-warning"), words).truncate(max(1, width), ellipsis=True)
    words = reading_in_words(use)
    if material is not None and use is not None and use.way == "auto":
        words += f" → {way_name(material.way)}"
    if material is not None:
        words += say(", {tokens:,} tokens", tokens=material.tokens)
    click = Style.from_meta({"@click": "screen.do('lab.documents')"})
    left = Content.assemble(("▤ ", "$text-warning"), words, "  ").stylize(click)
    right = Content.styled(f"  {key}", "$text-muted").stylize(click) if key else Content("")
    room = width - left.cell_length - right.cell_length
    if room < LEAST_STRIP or use is None:
        return left.truncate(max(1, width - right.cell_length), ellipsis=True).append(right)
    return Content.assemble(left, _strips(use, material, room), right)


def _strips(use: ReadingUse, material: Material | None, cells: int) -> Content:
    """The strips of all documents behind each other, each as wide as it is long, at least three cells."""
    count = min(len(use.documents), (cells + 1) // 4)
    whole = sum(ref.characters for ref in use.documents[:count]) or 1
    spare = cells - (count - 1) - 3 * count
    parts: list[Content] = []
    for place, ref in enumerate(use.documents[:count]):
        stretches = material.coverage[place].stretches if material and place < len(material.coverage) else ()
        parts.append(strip_content(ref.characters, stretches, 3 + spare * ref.characters // whole))
    return Content("│").join(parts)
