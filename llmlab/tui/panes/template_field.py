"""A field of a form for a text of any number of lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from textual import events
from textual.content import Content
from textual.message import Message

from llmlab.domain.terminal import visible, visible_line
from llmlab.tui.widgets.paste_area import PasteArea

MOST_ROWS: Final = 6
"""Rows to which the field grows; beyond them it scrolls."""


class TextField(PasteArea):
    """Enter takes the form; shift+enter and ctrl+j begin a new line, tab goes on to the next field.

    A large paste stands in it as a short mark, so that typing stays quick, and is kept whole.
    """

    @dataclass
    class Submitted(Message):
        """The user is done with the form."""

        field: TextField

    def __init__(self, value: str, *, placeholder: str, name: str) -> None:
        """A field that holds `value`; while it is empty it shows `placeholder`."""
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
        return self.whole

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
