"""Changing the file of a template inside the lab: it is saved once it is sound."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Label, TextArea

from llmlab.domain.template import PromptTemplate
from llmlab.domain.terminal import pasted, visible, visible_line
from llmlab.errors import LlmlabError
from llmlab.tui.jobs import Watched, run_beside
from llmlab.tui.screens.unsaved import may_leave
from llmlab.tui.templates import Templates
from llmlab.words import say


class TemplateEditor(ModalScreen[PromptTemplate | None], Watched):
    """Gives the template that was saved; escape gives `None`, after it asked what becomes of changes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False),
        Binding("ctrl+s", "save", show=False, priority=True),
    ]
    DEFAULT_CSS = "TemplateEditor TextArea { height: 1fr; max-height: 100%; }"

    def __init__(self, templates: Templates, place: Path, text: str) -> None:
        super().__init__()
        self._templates = templates
        self._place = place
        self._text = pasted(text)

    def compose(self) -> ComposeResult:
        """The file, the text, what is wrong, the keys."""
        with Vertical(classes="dialog --wide --tall"):
            yield Label(visible_line(str(self._place)), classes="dialog-title", markup=False)
            yield TextArea(self._text, soft_wrap=True, show_line_numbers=True, tab_behavior="focus", compact=True)
            yield Label("", id="problem", markup=False)
            yield Label(say("ctrl+s keeps it, esc leaves it"), classes="dialog-keys", markup=False)

    def action_save(self) -> None:
        """Write the file, unless something in it is wrong."""
        run_beside(self, self._save, "save", exclusive=True)

    def action_leave(self) -> None:
        """Close it; with changes, ask first what becomes of them."""
        run_beside(self, self._leave, "leave", exclusive=True)

    def unsaved(self) -> tuple[str, ...]:
        """The file, while its text differs."""
        return () if self.query_one(TextArea).text == self._text else (str(self._place),)

    async def keep_changes(self) -> bool:
        """Write the file and close, unless something in it is wrong."""
        try:
            saved = await self._templates.save(self._place, self.query_one(TextArea).text)
        except LlmlabError as error:
            # The file is named above; what helps is the line.
            self.query_one("#problem", Label).update(visible(str(error)).replace(str(self._place), ""))
            return False
        self.dismiss(saved)
        return True

    async def _leave(self) -> None:
        if await may_leave(self.app, self) and self.is_current:
            self.dismiss(None)

    async def _save(self) -> None:
        await self.keep_changes()
