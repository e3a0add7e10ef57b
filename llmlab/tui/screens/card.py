"""The reproducibility card of an answer: what it came from, to copy, and to run again exactly."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Label, Static

from llmlab.domain.card import Card, card_as_toml
from llmlab.domain.terminal import visible
from llmlab.errors import LlmlabError
from llmlab.services.again import Rerun
from llmlab.tui.jobs import Watched, run_beside
from llmlab.tui.notices import describe
from llmlab.words import say

RunAgain = Callable[[asyncio.Event], Awaitable[Rerun]]
"""Asks for the answer again; setting the event stops it."""
Hashed = Callable[[], Awaitable[str]]
"""The hash of the whole model file; raises `LlmlabError` when it cannot be had."""


class CardScreen(ModalScreen[None], Watched):
    """Shows the card; `y` copies it, `r` runs the answer again, esc stops and closes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False),
        Binding("y", "copy", show=False),
        Binding("r", "again", show=False),
    ]

    def __init__(self, card: Card, again: RunAgain, hashed: Hashed) -> None:
        super().__init__()
        self._card = card
        self._again = again
        self._hashed = hashed
        self._sha256 = ""
        self._note = say("the hash of the whole file is being computed") if card.file else ""
        self._stop: asyncio.Event | None = None

    def compose(self) -> ComposeResult:
        """The card, the verdict, the keys."""
        with Vertical(classes="dialog --wide --tall"):
            yield Label(say("What this answer came from"), classes="dialog-title", markup=False)
            with VerticalScroll():
                yield Static(visible(self._toml), markup=False, id="card")
            yield Label("", id="verdict", markup=False)
            yield Label(say("y copies it, r runs it again exactly, esc closes"), classes="dialog-keys", markup=False)

    def on_mount(self) -> None:
        """Have the whole file hashed, unless it was before."""
        if self._card.file:
            run_beside(self, self._hash, "hash")

    @property
    def _toml(self) -> str:
        return card_as_toml(self._card, self._sha256, self._note)

    async def _hash(self) -> None:
        try:
            self._sha256 = await self._hashed()
        except LlmlabError as error:
            self._note = error.what
        self.query_one("#card", Static).update(visible(self._toml))

    def action_copy(self) -> None:
        """Put the card on the clipboard."""
        self.app.copy_to_clipboard(self._toml)
        self._tell(say("Copied."))

    def action_again(self) -> None:
        """Run the answer again, unless it runs already."""
        if self._stop is None:
            run_beside(self, self._run, "again")

    async def _run(self) -> None:
        self._stop = asyncio.Event()
        self._tell(say("Running it again…"))
        try:
            self._tell(verdict(await self._again(self._stop)))
        except LlmlabError as error:
            notice = describe(error)
            self._tell(f"{notice.title} {notice.text}")
        finally:
            self._stop = None

    def action_leave(self) -> None:
        """Stop what runs; with nothing running, close."""
        if self._stop is not None:
            self._stop.set()
        else:
            self.dismiss(None)

    def _tell(self, text: str) -> None:
        if self.is_mounted:
            self.query_one("#verdict", Label).update(text)


def verdict(rerun: Rerun) -> str:
    """What came of running an answer again, in words."""
    causes = say(" Not as it was: {causes}.", causes=", ".join(rerun.causes)) if rerun.causes else ""
    match rerun.outcome:
        case "same":
            return say("Same: the answer came out to the last character.") + causes
        case "begun":
            return say("Same as far as it had come: the answer was stopped there.") + causes
        case "stopped":
            return say("Stopped.")
        case "different":
            shown = " ".join(visible(rerun.text)[max(0, rerun.at - 20) : rerun.at + 40].split())
            return say("Different from character {at:,} on: …{text}…", at=rerun.at + 1, text=shown) + causes
