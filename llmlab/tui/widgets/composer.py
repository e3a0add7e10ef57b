"""Where the user writes: one message, however many lines it has and wherever they come from."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from textual import events, on
from textual.message import Message
from textual.widgets import TextArea

from llmlab.tui.jobs import run_beside
from llmlab.tui.typed_paths import dropped, mention_of
from llmlab.tui.widgets.completion import Completion, Offer
from llmlab.tui.widgets.paste_area import PasteArea
from llmlab.tui.widgets.path_offers import PathOffer, Wanted, offers, wanted_in
from llmlab.words import say

COMPOSER_KEYS: Final[Mapping[str, str]] = {
    "composer.send": "enter",
    "composer.newline": "shift+enter,ctrl+j",
    "composer.complete": "tab",
    "composer.dismiss": "escape",
}
"""The keys that only hold while writing, by the id that a keymap rebinds."""


class Composer(PasteArea):
    """Enter sends; shift+enter and ctrl+j begin a new line; up in an empty one brings back what was sent before.

    A large paste stands in it as a short mark, so that typing stays quick, and is sent whole. `@` offers files, and
    files that are dragged into it stand there as such.
    """

    DEFAULT_CSS = """
    Composer {
        height: auto; min-height: 3; max-height: 12; padding: 0 1; border: round $foreground 25%;
        background: $background;
    }
    Composer:focus { border: round $border; }
    """

    @dataclass
    class Sent(Message):
        """The user is done writing; `text` is whole, pastes put back."""

        text: str

    @dataclass
    class Dropped(Message):
        """Files were dragged or pasted into the message, where they are named now."""

        paths: Sequence[Path]

    def __init__(self, completion: Completion, keymap: Mapping[str, str], *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(
            id=id,
            soft_wrap=True,
            show_line_numbers=False,
            tab_behavior="focus",
            highlight_cursor_line=False,
            placeholder=say("Ask something, / for commands, @ for files"),
        )
        self.cursor_blink = False
        self.sent: list[str] = []
        """What was sent, oldest first."""
        self._completion = completion
        self._acts = {
            key.strip(): act for act, keys in COMPOSER_KEYS.items() for key in keymap.get(act, keys).split(",")
        }
        self._place: int | None = None
        self._gone = ("", "")
        """What was sent last, whole and with its marks."""

    @property
    def draft(self) -> str:
        """What would be sent: the text with every paste in its place."""
        return self.whole

    def set_draft(self, text: str) -> None:
        """Put `text` in, the cursor at its end; what is long is folded."""
        self.load_text(self._pastes.fold(text))
        self.move_cursor(self.document.end)

    def take_back(self, text: str) -> None:
        """Put back what was sent in vain, as it stood there, before what was typed meanwhile."""
        whole, marked = self._gone
        returned = marked if text == whole else self._pastes.fold(text)
        self.load_text(f"{returned}\n{self.text}" if self.text else returned)
        self.move_cursor(self.document.end)

    def retell(self) -> None:
        """Speak the language in use."""
        self.placeholder = say("Ask something, / for commands, @ for files")

    @property
    def _choice(self) -> Offer | None:
        """What is offered for the text as it is: the list hears of a change later than a quick enter comes."""
        self._completion.offer(self.text)
        return self._completion.choice

    def action_send(self) -> None:
        """Send the draft; a command that is half typed is completed first, and waits when something may follow it."""
        choice = self._choice
        if isinstance(choice, PathOffer):
            self.action_complete()
            return
        if choice is not None and self.text != f"/{choice.slash}":
            self.action_complete()
            if choice.argument:
                return
        text = self.draft
        if text.strip():
            # Emptied here, so that a second enter cannot send the same text; what cannot be sent is put back.
            self._gone = (text, self.text)
            self.load_text("")
            self.post_message(self.Sent(text))

    def action_new_line(self) -> None:
        """Begin a new line."""
        self._replace_via_keyboard("\n", *self.selection)

    def action_complete(self) -> None:
        """Complete the command or path that is chosen; else go on to the next field."""
        choice = self._choice
        if choice is None:
            self.screen.focus_next()
        elif isinstance(choice, PathOffer):
            row, column = self.cursor_location
            self._replace_via_keyboard(choice.text, (row, choice.wanted.start), (row, column))
        else:
            self.set_draft(f"/{choice.slash} " if choice.argument else f"/{choice.slash}")

    def action_dismiss(self) -> None:
        """Close the list of commands or files."""
        self._completion.dismiss(self.text)

    async def _on_key(self, event: events.Key) -> None:
        """Keys of the composer's own.

        They are no bindings: a binding with priority would overtake the letters typed before it that still wait in
        line, and send a text without its end.
        """
        match self._acts.get(event.key):
            case "composer.send":
                self.action_send()
            case "composer.newline":
                self.action_new_line()
            case "composer.complete":
                self.action_complete()
            case "composer.dismiss" if self._completion.open:
                self.action_dismiss()
            case _:
                return
        event.stop()
        event.prevent_default()

    def action_cursor_up(self, select: bool = False) -> None:
        """Move up: among the commands offered, in the text, or back in history."""
        if self._completion.open:
            self._completion.action_cursor_up()
        elif self.cursor_at_first_line and (not self.text or self._place is not None) and not select:
            self._recall(-1)
        else:
            super().action_cursor_up(select)

    def action_cursor_down(self, select: bool = False) -> None:
        """Move down: among the commands offered, in the text, or forward in history."""
        if self._completion.open:
            self._completion.action_cursor_down()
        elif self.cursor_at_last_line and self._place is not None and not select:
            self._recall(+1)
        else:
            super().action_cursor_down(select)

    def remember(self, text: str) -> None:
        """Keep what was sent for the up key."""
        if not self.sent or self.sent[-1] != text:
            self.sent.append(text)
        self._place = None

    def _recall(self, step: int) -> None:
        """Go through what was sent; past the newest stands an empty draft."""
        place = (len(self.sent) if self._place is None else self._place) + step
        if place < 0 or not self.sent:
            return
        self._place = place if place < len(self.sent) else None
        self.set_draft(self.sent[place] if self._place is not None else "")

    def pasted(self, text: str) -> None:
        """Take what may be dragged files as such."""
        if any(dropped(text)):
            run_beside(self, partial(self._take_files, text), "files")

    # Files

    @on(TextArea.Changed)
    def _look_for_paths(self) -> None:
        """Offer the files that fit the path before the cursor; a folder may be slow, so they come when they do."""
        row, column = self.cursor_location
        wanted = wanted_in(self.document[row][:column])
        if wanted is not None:
            run_beside(self, partial(self._offer_paths, wanted), "paths", exclusive=True)

    async def _offer_paths(self, wanted: Wanted) -> None:
        draft = self.text
        found = await asyncio.to_thread(offers, wanted)
        if self.text == draft:
            self._completion.offer_paths(draft, found)

    async def _take_files(self, pasted: str) -> None:
        """Name files that were pasted as their paths; what names no files stays the text that it is."""
        paths = await asyncio.to_thread(_files, pasted)
        at = self.text.rfind(pasted)
        if not paths or at < 0:
            return
        start, end = self._location(at), self._location(at + len(pasted))
        named = " ".join(mention_of(str(path)) for path in paths)
        self.replace(f"{named} ", start, end)
        self.post_message(self.Dropped(paths))

    def _location(self, offset: int) -> tuple[int, int]:
        before = self.text[:offset]
        return before.count("\n"), len(before) - before.rfind("\n") - 1


def _files(pasted: str) -> tuple[Path, ...]:
    """The files that a paste names, all of which are there; reads the disk."""
    for paths in dropped(pasted):
        # Not Path.exists, which raises over names that are too long.
        if all(map(os.path.lexists, paths)):
            return paths
    return ()
