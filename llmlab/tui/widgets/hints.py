"""The key line: what can be pressed now; a click does the same."""

from __future__ import annotations

from collections.abc import Mapping

from rich.cells import cell_len
from textual.content import Content
from textual.style import Style
from textual.widget import Widget

from llmlab.tui.commands.command import Command, Scope
from llmlab.tui.commands.table import COMMANDS, keys_of
from llmlab.words import say

KEY_NAMES = {
    "escape": "esc", "left": "←", "right": "→", "up": "↑", "down": "↓", "alt+up": "alt+↑", "alt+down": "alt+↓",
    "delete": "del",
}  # fmt: skip


def key_name(key: str) -> str:
    """A key as it is printed on a keyboard."""
    return KEY_NAMES.get(key, key.upper() if key.startswith("f") and key[1:].isdigit() else key)


def hints_for(scope: Scope, *, answering: bool) -> list[Command]:
    """The commands worth a place in the key line, the nearest first."""
    near = [command for command in COMMANDS if command.hint and command.scope == scope != "lab"]
    anywhere = [command for command in COMMANDS if command.hint and command.scope == "lab"]
    stop = [command for command in anywhere if command.id == "answer.stop"]
    others = [command for command in anywhere if command not in stop]
    return [*stop, *near, *others] if answering else [*near, *others]


class KeyHints(Widget):
    """One line of keys; as many as fit."""

    DEFAULT_CSS = """
    KeyHints {
        height: 1; background: $panel; color: $text-muted;
        link-style: none; link-color: $text-muted; link-background: $panel;
        link-style-hover: none; link-color-hover: $text; link-background-hover: $boost;
    }
    """
    ALLOW_SELECT = False

    def __init__(self, keymap: Mapping[str, str], *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self.keymap = keymap
        self._scope: Scope = "lab"
        self._answering = False

    def show(self, scope: Scope, *, answering: bool) -> None:
        """The keys that hold where the focus is."""
        if (scope, answering) != (self._scope, self._answering):
            self._scope, self._answering = scope, answering
            self.refresh()

    def render(self) -> Content:
        """As many keys as fit, and always the way to all others."""
        tail = self._item("app.command_palette", "ctrl+p", say("all commands"))
        room = self.size.width - cell_len(tail.plain)
        parts: list[Content] = []
        for command in hints_for(self._scope, answering=self._answering):
            keys = keys_of(command, self.keymap)
            if not keys:
                continue
            item = self._item(f"screen.do('{command.id}')", keys[0], say(command.hint))
            room -= cell_len(item.plain)
            if room < 0:
                break
            parts.append(item)
        return Content("").join([*parts, tail]).truncate(max(1, self.size.width), ellipsis=False)

    def _item(self, action: str, key: str, text: str) -> Content:
        click = Style.from_meta({"@click": action})
        return Content.assemble((f" {key_name(key)} ", "bold $text-accent"), (f"{text} ", "$text-muted")).stylize(click)
