"""What is done with the file of a template: edited here or in the user's own editor, copied, renamed, deleted."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import subprocess
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from textual.app import App, SuspendNotSupported

from llmlab.domain.template import PromptTemplate
from llmlab.errors import UsageError
from llmlab.tui.panes.own_files import Changed, OwnFiles
from llmlab.tui.panes.template_editor import TemplateEditor
from llmlab.tui.templates import Templates
from llmlab.words import say

Verb = Literal["edit", "copy", "rename", "remove", "edit_outside"]
"""What can be done with the file of one template."""


class TemplateFiles(OwnFiles[PromptTemplate]):
    """The verbs of own files, and the editing of their text."""

    def __init__(self, app: App[object], templates: Templates) -> None:
        super().__init__(app, templates)
        self._templates = templates

    @property
    def acts(self) -> Mapping[Verb, Callable[[PromptTemplate], Awaitable[Changed | None]]]:
        """The verbs by name."""
        return {
            "edit": self.edit,
            "copy": self.copy,
            "rename": self.rename,
            "remove": self.remove,
            "edit_outside": self.edit_outside,
        }

    async def edit(self, one: PromptTemplate) -> Changed | None:
        """Change the text of a template; one that is shipped becomes a copy of one's own."""
        shelf = await self._templates.open()
        text, place = shelf.text_of(one), shelf.place_of(one)
        saved = await self._app.push_screen_wait(TemplateEditor(self._templates, place, text))
        return None if saved is None else Changed(saved.key, say("Saved to {file}", file=str(place)))

    async def edit_outside(self, one: PromptTemplate) -> Changed | None:
        """Open the file of a template in the user's own editor; one that is shipped is copied first."""
        command = _editor()
        shelf = await self._templates.open()
        place = shelf.place_of(one)
        if not shelf.is_own(one):
            await self._templates.save(place, shelf.text_of(one))
        try:
            await _run_editor(self._app, command, place)
        except UsageError as problem:
            return Changed(one.key, str(problem))
        return Changed(one.key)


def _editor() -> list[str]:
    """The command that `$VISUAL` or `$EDITOR` names."""
    named = os.environ.get("VISUAL") or os.environ.get("EDITOR") or ""
    try:
        command = shlex.split(named)
    except ValueError:
        command = [named]  # a quote without its end: starting it will tell
    if not command:
        raise UsageError(say("$EDITOR names no editor; e edits it here."))
    return command


async def _run_editor(app: App[object], command: list[str], place: Path) -> None:
    """Give the terminal to the user's editor until it ends; an answer that runs goes on meanwhile.

    Raises:
        UsageError: it cannot be started, or it ended with an error.
    """
    try:
        # Whatever would paint meanwhile waits: nobody reads what is written to a suspended screen.
        with app.batch_update(), app.suspend(), _interrupts_ignored():
            # What goes wrong is a value in here: the screen comes back only where nothing is raised.
            problem = await asyncio.to_thread(_edit, command, place)
    except SuspendNotSupported as error:
        raise UsageError(say("The editor cannot be opened: {reason}", reason=str(error))) from None
    if problem:
        raise UsageError(problem)


def _edit(command: list[str], place: Path) -> str:
    """What went wrong; empty when nothing did."""
    try:
        status = subprocess.run([*command, str(place)], check=False).returncode
    except OSError as error:
        return say("The editor cannot be opened: {reason}", reason=error.strerror or str(error)) + f" ({command[0]})"
    if status:
        return say("The editor ended with an error, status {status}; the file is as it left it.", status=status)
    return ""


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """ctrl+c belongs to the editor; a handler of one's own, unlike ignoring, is not handed on to it."""
    before = signal.signal(signal.SIGINT, lambda _number, _frame: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
