"""The ways out of a prompt that does not fit, to be picked from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Label, OptionList
from textual.widgets.option_list import Option

from llmlab.domain.budget import WayKind, WayOut
from llmlab.domain.terminal import visible
from llmlab.services.preview import Prepared, way_in_words
from llmlab.words import say

KINDS: Final[Mapping[str, WayKind]] = {
    "turns": "drop_turns", "examples": "fewer_examples", "answer": "shorter_answer", "window": "larger_window",
    "passages": "passages", "stretched": "stretch",
}  # fmt: skip
"""The ways by the words that `/fit` takes."""


def act_in_words(way: WayOut) -> str:
    """What picking a way does."""
    if way.kind == "larger_window":
        return say("load the model again with a window of {tokens:,} tokens", tokens=way.amount)
    return way_in_words(way)


def too_much_in_words(prepared: Prepared) -> str:
    """By how much a prompt does not fit."""
    return say("too much by {over:,} tokens", over=prepared.budget.over)


class WaysOut(ModalScreen[WayOut | None]):
    """Gives the way that was picked; `None` leaves everything as it is."""

    AUTO_FOCUS = "OptionList"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", show=False)]

    def __init__(self, prepared: Prepared, why: str = "") -> None:
        """Offer each way by which `prepared` would fit.

        Args:
            prepared: a prompt that does not fit.
            why: what happened to it, as a sentence; empty tells by how much it does not fit.
        """
        super().__init__()
        self._ways = prepared.ways
        self._why = why or too_much_in_words(prepared)

    def compose(self) -> ComposeResult:
        """What happened, the ways, the keys."""
        with Vertical(classes="dialog --wide"):
            yield Label(say("The prompt does not fit"), classes="dialog-title", markup=False)
            yield Label(visible(self._why), id="why", markup=False)
            yield OptionList(*(Option(act_in_words(way)) for way in self._ways), markup=False)
            yield Label(
                say("enter does it, esc does nothing: shorten the message, or start a new chat with ctrl+n"),
                classes="dialog-keys",
                markup=False,
            )

    @on(OptionList.OptionSelected)
    def _picked(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._ways[event.option_index])
