"""What a user command is: one declaration that keys, key line, palette, completion and help derive from."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Literal

from textual.binding import Binding

from llmlab.tui.commands.lab import Lab

Scope = Literal["app", "lab", "message", "list", "prompt"]
"""Where the keys of a command hold: dialogs too, the lab, its transcript, its list of chats, its view of the prompt."""

Act = Callable[[Lab, str], Coroutine[object, object, None]]
"""What a command does; the text is what follows a slash command, empty from a key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Something the user can tell the lab to do."""

    id: str
    """What a keymap rebinds, for instance `chat.new`."""
    act: Act
    title: str
    """Its name in the palette, a key of the catalogue of words."""
    help: str
    """One line for palette and help, a key of the catalogue of words."""
    keys: str = ""
    """Default keys, comma between them; empty when it has none."""
    slash: str = ""
    """Its word after `/` in the composer; empty when it has none."""
    argument: str = ""
    """What follows the word, for a reader."""
    scope: Scope = "lab"
    hint: str = ""
    """Its short name in the key line; empty keeps it out."""
    action: str = ""
    """Textual's action that does the same, for keys that hold in dialogs too."""
    at_once: bool = False
    """It waits for nothing: keys pressed right after it already find what it did."""
    priority: bool = False
    """The keys hold even where a text field would use them."""

    @property
    def binding(self) -> Binding | None:
        """The binding, which a keymap may change by the command's id."""
        if not self.keys:
            return None
        action = self.action or f"screen.do('{self.id}')"
        return Binding(self.keys, action, self.title, show=False, priority=self.priority, id=self.id)
