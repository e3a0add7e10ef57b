"""All keys and commands on one page, made from their declarations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from rich.cells import cell_len
from rich.console import Group
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
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
    ("prompt", "In the prompt and its tokens (F9, then tab)"),
    ("app", "In dialogs too"),
)
WRITING: tuple[tuple[str, str], ...] = (
    ("enter", "Send the message"),
    ("shift+enter, ctrl+j", "Begin a new line"),
    ("up", "In an empty message: bring back what was sent before"),
    ("tab", "Complete a command, or go to the next field"),
    ("ctrl+c", "Copy what is selected with the mouse"),
)
COMPARING: tuple[tuple[str, str], ...] = (
    ("enter", "Ask all recipes the question"),
    ("f4, f6", "Another variant of the first recipe; take the last one away"),
    ("f7", "Mark the words that the first answer does not have"),
    ("f8", "Hide which answer is whose until the vote"),
    ("alt+1…4", "Say that the answer in this column is the better one"),
    ("f9, i", "What the answer in the column with the focus came from; tab goes from column to column"),
    ("f10", "Go on in the chat with the better recipe"),
)


Row = tuple[str, str, str]
"""Keys, slash command, what it does."""


def help_sections(keymap: Mapping[str, str]) -> list[tuple[str, list[Row]]]:
    """Every section's title and rows."""
    sections = [(say("Writing"), [(key, "", say(text)) for key, text in WRITING])]
    for scope, title in SECTIONS:
        sections.append((say(title), [_row(command, keymap) for command in COMMANDS if command.scope == scope]))
    sections.append((say("In a comparison (F3)"), [(key, "", say(text)) for key, text in COMPARING]))
    return sections


def _row(command: Command, keymap: Mapping[str, str]) -> Row:
    keys = ", ".join(key_name(key) for key in keys_of(command, keymap))
    slash = f"/{command.slash} {command.argument}".rstrip() if command.slash else ""
    return keys, slash, say(command.help)


def help_page(keymap: Mapping[str, str]) -> Group:
    """All sections, their columns under each other; a command without a key stands under its slash."""
    sections = help_sections(keymap)
    width = max(cell_len(keys or slash) for _, rows in sections for keys, slash, _ in rows)
    parts: list[Text | Table] = []
    for title, rows in sections:
        table = Table.grid(padding=(0, 2))
        table.add_column(style="bold", width=width)
        table.add_column(ratio=1)
        for keys, slash, text in rows:
            also = Text(f"  {slash}", "italic dim") if keys and slash else Text("")
            table.add_row(Text(keys or slash), Text(text).append_text(also))
        parts += [Text(title, "bold underline"), table, Text("")]
    return Group(*parts)


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
            closing = say("esc closes; keys can be changed in settings.toml, table [keymap]")
            yield Label(closing, classes="dialog-keys", markup=False)
