"""All keys and commands on one page, made from their declarations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Label, Static

from llmlab.tui.commands.command import Command, Scope
from llmlab.tui.commands.table import COMMANDS, keys_of
from llmlab.tui.widgets.hints import key_name
from llmlab.words import say

SECTIONS: tuple[tuple[Scope, str], ...] = (
    ("lab", "Anywhere"),
    ("message", "On a message (alt+up selects one)"),
    ("list", "In the list of chats"),
)
WRITING: tuple[tuple[str, str], ...] = (
    ("enter", "Send the message"),
    ("shift+enter, ctrl+j", "Begin a new line"),
    ("up", "In an empty message: bring back what was sent before"),
    ("tab", "Complete a command, or go to the next field"),
    ("ctrl+c", "Copy what is selected with the mouse"),
)


def help_page(keymap: Mapping[str, str]) -> Content:
    """Keys, slash commands and what they do."""
    blocks = [_block(say("Writing"), [(key, "", say(text)) for key, text in WRITING])]
    for scope, title in SECTIONS:
        commands = [command for command in COMMANDS if command.scope == scope or (scope == "lab" == command.scope)]
        blocks.append(_block(say(title), [_row(command, keymap) for command in commands]))
    return Content("\n\n").join(blocks)


def _row(command: Command, keymap: Mapping[str, str]) -> tuple[str, str, str]:
    keys = ", ".join(key_name(key) for key in keys_of(command, keymap))
    slash = f"/{command.slash} {command.argument}".rstrip() if command.slash else ""
    return keys, slash, f"{say(command.title)}: {say(command.help)}"


def _block(title: str, rows: list[tuple[str, str, str]]) -> Content:
    keys_width = max(cell_len(keys) for keys, _, _ in rows)
    slash_width = max(cell_len(slash) for _, slash, _ in rows)
    lines = [Content.styled(title, "bold $text-primary")]
    for keys, slash, text in rows:
        key_part = "  " + keys + " " * (keys_width - cell_len(keys) + 2)
        slash_part = slash + " " * (slash_width - cell_len(slash) + 2) if slash_width else ""
        lines.append(Content.assemble((key_part, "$text-accent"), (slash_part, "$text-muted"), text))
    return Content("\n").join(lines)


class HelpScreen(ModalScreen[None]):
    """The page; any of the closing keys leaves it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,f1,q,enter", "dismiss(None)", show=False)]

    def __init__(self, keymap: Mapping[str, str]) -> None:
        super().__init__()
        self._keymap = keymap

    def compose(self) -> ComposeResult:
        """The page."""
        with Vertical(classes="dialog --wide --tall"):
            yield Label(say("Keys and commands"), classes="dialog-title", markup=False)
            with VerticalScroll():
                yield Static(help_page(self._keymap), markup=False)
            yield Label(say("esc closes; keys can be changed in settings.toml, table [keymap]"), classes="dialog-keys")
