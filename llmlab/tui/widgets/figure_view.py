"""Figures of a run in the screen, drawn anew for the cells there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from textual import events
from textual.content import Content
from textual.widgets import Static

from llmlab.domain.plots.canvas import Ink
from llmlab.domain.plots.figure import Figure
from llmlab.domain.plots.terminal import draw
from llmlab.words import say

WIDEST: Final = 100
"""Cells; wider a curve only gets flatter."""
_SERIES: Final = (
    "$text-primary", "$text-warning", "$text-success", "$text-error",
    "$text-secondary", "$text-accent", "$foreground", "$foreground 60%",
)  # fmt: skip


class FigureView(Static):
    """One figure below the other."""

    DEFAULT_CSS = """
    FigureView { height: auto; padding: 0 1; }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__("", id=id, markup=False)
        self._figures: Sequence[Figure] = ()
        self._drawn_at = 0

    def show(self, figures: Sequence[Figure]) -> None:
        """Show other figures."""
        self._figures = figures
        self._draw()

    def on_resize(self, event: events.Resize) -> None:
        """Draw for the width there is."""
        if self._width != self._drawn_at:
            self._draw()

    @property
    def _width(self) -> int:
        return min(WIDEST, self.content_size.width)

    def _draw(self) -> None:
        self._drawn_at = self._width
        if not self._figures:
            self.update(Content.styled(say("Nothing is measured yet."), "$foreground 60%"))
            return
        if self._drawn_at <= 0:
            return
        parts: list[tuple[str, str] | str] = []
        for figure in self._figures:
            for row in draw(figure, self._drawn_at):
                parts += [(piece.text, style_of(piece.ink)) for piece in row]
                parts.append("\n")
            parts.append("\n")
        self.update(Content.assemble(*parts))


def style_of(ink: Ink) -> str:
    """The colours of an ink."""
    match ink.role:
        case "series":
            return _SERIES[ink.number % len(_SERIES)]
        case "band":
            return "$primary 60%"
        case "heat":
            return f"$foreground on $primary {6 * ink.number}%"
        case "title":
            return "bold"
        case "axis":
            return "$foreground 60%"
        case _:
            return ""
