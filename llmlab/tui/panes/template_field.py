"""A field of a form for a text of any number of lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widgets import TextArea

from llmlab.domain.terminal import visible, visible_line
from llmlab.tui.widgets.pastes import Pastes

MOST_ROWS: Final = 6
"""Rows to which the field grows; beyond them it scrolls."""


class TextField(TextArea):
    """Enter takes the form; shift+enter and ctrl+j begin a new line, tab goes on to the next field.

    A large paste stands in it as a short mark, so that typing stays quick, and is kept whole.
    """

    @dataclass
    class Submitted(Message):
        """The user is done with the form."""

        field: TextField

    def __init__(self, value: str, *, placeholder: str, name: str) -> None:
        """A field that holds `value`; while it is empty it shows `placeholder`."""
        self._pastes = Pastes()
        super().__init__(
            self._pastes.fold(visible(value)),
            tab_behavior="focus",
            highlight_cursor_line=False,
            compact=True,
            placeholder=Content(visible_line(placeholder)),
            name=name,
        )
        self.cursor_blink = False
        # Set here: the sheet of dialogs would outrank what a widget says of its own height.
        self.styles.height = "auto"
        self.styles.max_height = MOST_ROWS

    @property
    def value(self) -> str:
        """The text with every paste in its place."""
        return self._pastes.unfold(self.text)

    async def _on_key(self, event: events.Key) -> None:
        """Keys of its own; no bindings, which would overtake letters that still wait in line."""
        match event.key:
            case "enter":
                self.post_message(self.Submitted(self))
            case "shift+enter" | "ctrl+j":
                self._replace_via_keyboard("\n", *self.selection)
            case _:
                return
        event.stop()
        event.prevent_default()

    async def _on_paste(self, event: events.Paste) -> None:
        """Take every line of a paste, as text that cannot steer the terminal."""
        event.stop()
        event.prevent_default()
        text = visible(event.text.replace("\r\n", "\n").replace("\r", "\n"))
        result = self._replace_via_keyboard(self._pastes.fold(text), *self.selection)
        if result is not None:
            self.move_cursor(result.end_location)

    def action_delete_left(self) -> None:
        """Delete to the left; the mark of a paste goes as one."""
        row, column = self.cursor_location
        mark = self._pastes.mark_before(self.document[row][:column]) if not self.selected_text else ""
        if mark:
            self.delete((row, column - len(mark)), (row, column), maintain_selection_offset=False)
        else:
            super().action_delete_left()
