"""A place for text of any length: what is pasted into it cannot steer the terminal, and is kept whole."""

from __future__ import annotations

from functools import cached_property

from textual import events
from textual.widgets import TextArea

from llmlab.domain.terminal import pasted
from llmlab.tui.widgets.pastes import Pastes


class PasteArea(TextArea):
    """A large paste stands in it as a short mark, so that typing stays quick."""

    @cached_property
    def _pastes(self) -> Pastes:
        # Made when first asked for: the text that the area begins with may already be folded.
        return Pastes()

    @property
    def whole(self) -> str:
        """The text with every paste in its place."""
        return self._pastes.unfold(self.text)

    async def _on_paste(self, event: events.Paste) -> None:
        """Take every line of a paste, as text that cannot steer the terminal."""
        event.stop()
        event.prevent_default()
        text = pasted(event.text)
        result = self._replace_via_keyboard(self._pastes.fold(text), *self.selection)
        if result is not None:
            self.move_cursor(result.end_location)
        self.pasted(text)

    def pasted(self, text: str) -> None:
        """Is told of every paste, whole."""

    def action_delete_left(self) -> None:
        """Delete to the left; the mark of a paste goes as one."""
        row, column = self.cursor_location
        mark = self._pastes.mark_before(self.document[row][:column]) if not self.selected_text else ""
        if mark:
            self.delete((row, column - len(mark)), (row, column), maintain_selection_offset=False)
        else:
            super().action_delete_left()
