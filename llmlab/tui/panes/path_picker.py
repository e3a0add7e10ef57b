"""Choosing a file: type its path, or walk through folders; both at once."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Label, OptionList
from textual.widgets.option_list import Option

from llmlab.domain.terminal import visible_line
from llmlab.tui.jobs import Watched, run_beside
from llmlab.tui.typed_paths import dropped
from llmlab.tui.widgets.path_offers import PathOffer, Wanted, offers
from llmlab.words import say


class PathPicker(ModalScreen[str | None], Watched):
    """Gives a path as it was typed or picked; escape gives `None`."""

    AUTO_FOCUS = "Input"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", show=False),
        Binding("down", "move(1)", show=False, priority=True),
        Binding("up", "move(-1)", show=False, priority=True),
        Binding("pagedown", "move(10)", show=False, priority=True),
        Binding("pageup", "move(-10)", show=False, priority=True),
        Binding("tab", "complete", show=False, priority=True),
        Binding("alt+up", "parent", show=False, priority=True),
    ]
    DEFAULT_CSS = """
    PathPicker {
        & OptionList { height: 1fr; max-height: 100%; }
        & .dialog-keys { margin: 0; }
    }
    """

    def __init__(self, folder: Path) -> None:
        """Begin in `folder`."""
        super().__init__()
        self._begin = f"{folder.as_posix().rstrip('/')}/"
        self._offers: tuple[PathOffer, ...] = ()

    def compose(self) -> ComposeResult:
        """The path, and what is there."""
        with Vertical(classes="dialog --wide --tall"):
            yield Label(say("Open a document"), classes="dialog-title", markup=False)
            yield Input(self._begin, select_on_focus=False, compact=True)
            yield OptionList(markup=False)
            yield Label("", id="problem", markup=False)
            keys = say("type or ↑↓, tab completes, enter opens it, alt+↑ folder above, esc leaves")
            yield Label(keys, classes="dialog-keys", markup=False)

    def on_mount(self) -> None:
        """The list is walked through from the field."""
        self.query_one(OptionList).can_focus = False
        field = self.query_one(Input)
        field.cursor_position = len(field.value)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        run_beside(self, partial(self._look, Wanted(0, event.value, mention=False)), "look", exclusive=True)

    async def _look(self, wanted: Wanted) -> None:
        """List what fits; a folder may be slow."""
        found = await asyncio.to_thread(offers, wanted)
        options = self.query_one(OptionList)
        self._offers = found
        options.clear_options()
        options.add_options([Option(_line(offer)) for offer in found])
        options.highlighted = 0 if found else None

    @property
    def _at(self) -> PathOffer | None:
        index = self.query_one(OptionList).highlighted
        return self._offers[index] if index is not None and index < len(self._offers) else None

    def action_move(self, step: int) -> None:
        """Go through the list."""
        options = self.query_one(OptionList)
        if self._offers:
            options.highlighted = min(max((options.highlighted or 0) + step, 0), len(self._offers) - 1)

    def action_complete(self) -> None:
        """Type what is chosen."""
        if self._at is not None:
            self._type(self._at.path)

    def action_parent(self) -> None:
        """Go to the folder above."""
        path = Path(self.query_one(Input).value.rstrip("/") or "/")
        self._type(f"{path.parent.as_posix().rstrip('/')}/")

    @on(Input.Submitted)
    def _enter(self) -> None:
        typed = self.query_one(Input).value.strip()
        chosen = self._at
        if chosen is not None and typed.startswith(chosen.path[: len(typed)]):
            self._take(chosen)
        elif pasted := next(dropped(typed), None):
            self.dismiss(str(pasted[0]))
        elif typed:
            self.dismiss(typed)

    @on(OptionList.OptionSelected)
    def _clicked(self, event: OptionList.OptionSelected) -> None:
        self._take(self._offers[event.option_index])

    def _take(self, offer: PathOffer) -> None:
        if offer.folder:
            self._type(offer.path)
        else:
            self.dismiss(offer.path)

    def _type(self, path: str) -> None:
        field = self.query_one(Input)
        field.value = path
        field.cursor_position = len(path)
        field.focus()


def _line(offer: PathOffer) -> Content:
    """An entry of a folder, with the size of a file."""
    name = visible_line(offer.path.rstrip("/").rpartition("/")[2])
    if offer.folder:
        return Content.styled(f"{name}/", "bold $text-primary")
    return Content.assemble(name, (f"  {say('{size:,} bytes', size=offer.bytes)}", "$text-muted"))
