"""Commands in the composer: `/word argument`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from llmlab.errors import UsageError
from llmlab.tui.commands.command import Command
from llmlab.tui.commands.table import BY_SLASH, near_miss
from llmlab.words import say

_WORD: Final = re.compile(r"/([a-z]+)(?:\s+(.*))?", re.DOTALL)
"""One word without another slash, so that a path such as /usr/bin is a question, not a command."""

_MEANT: Final = {command.id.rpartition(".")[2]: word for word, command in BY_SLASH.items()} | {
    word: word for word in BY_SLASH
}
"""What people may type for a command, its own name before its word, which may be as short as /t."""


@dataclass(frozen=True, slots=True)
class SlashCommand:
    """A command that was typed."""

    command: Command
    argument: str


def parse_slash(text: str) -> SlashCommand | None:
    """The command that `text` is; `None` when it is a message.

    Raises:
        UsageError: it looks like a command and is none.
    """
    match = _WORD.fullmatch(text.rstrip())
    if match is None or "\n" in text.strip():
        return None
    word, argument = match.group(1), (match.group(2) or "").strip()
    command = BY_SLASH.get(word)
    if command is None:
        meant = near_miss(word, _MEANT)
        advice = say("Did you mean /{word}?", word=_MEANT[meant]) if meant else say("Type / to see all commands.")
        raise UsageError(
            say("There is no command /{word}.", word=word),
            hint=advice + " " + say("To send it as text, put a blank before it."),
        )
    return SlashCommand(command, argument)


def completions(draft: str) -> tuple[Command, ...]:
    """The commands whose word begins as `draft` does; none once the word is complete."""
    match = re.fullmatch(r"/([a-z]*)", draft)
    if match is None:
        return ()
    word = match.group(1)
    return tuple(command for slash, command in BY_SLASH.items() if slash.startswith(word))
