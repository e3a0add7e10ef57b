"""Questions that one line, or a text of several lines, answers."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Label, TextArea

from llmlab.domain.terminal import pasted, visible_line
from llmlab.words import say


class LineDialog(ModalScreen[str | None]):
    """Enter gives the line, which may be empty; escape gives `None`."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", show=False)]

    def __init__(self, question: str, value: str = "") -> None:
        super().__init__()
        self._question = question
        self._value = visible_line(value)

    def compose(self) -> ComposeResult:
        """The question, the line, the keys."""
        with Vertical(classes="dialog"):
            yield Label(self._question, classes="dialog-title", markup=False)
            yield Input(self._value, select_on_focus=False, compact=True)
            yield Label(say("enter keeps it, esc leaves it"), classes="dialog-keys", markup=False)

    @on(Input.Submitted)
    def _answer(self, event: Input.Submitted) -> None:
        self.dismiss(event.value)


class TextDialog(ModalScreen[str | None]):
    """ctrl+s gives the text, which may be empty and have several lines; escape gives `None`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", show=False),
        Binding("ctrl+s", "keep", show=False, priority=True),
    ]

    def __init__(self, question: str, value: str = "") -> None:
        super().__init__()
        self._question = question
        self._value = pasted(value)

    def compose(self) -> ComposeResult:
        """The question, the text, the keys."""
        with Vertical(classes="dialog --wide"):
            yield Label(self._question, classes="dialog-title", markup=False)
            yield TextArea(self._value, soft_wrap=True, show_line_numbers=False, tab_behavior="focus", compact=True)
            yield Label(say("ctrl+s keeps it, esc leaves it"), classes="dialog-keys", markup=False)

    def action_keep(self) -> None:
        """Give the text."""
        self.dismiss(self.query_one(TextArea).text)
