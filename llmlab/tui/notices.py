"""Sentences the screen shows by itself: errors as toasts, and what an empty lab can do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from llmlab.domain.terminal import visible
from llmlab.errors import LlmlabError
from llmlab.words import say

ERROR_SECONDS: Final = 12.0
"""How long a failure is shown; it has more to read than other messages."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A toast."""

    title: str
    text: str


def describe(error: LlmlabError) -> Notice:
    """What happened as the title; where, and what to do next, below it."""
    body = "\n".join(part for part in (error.where, error.hint) if part)
    return Notice(visible(error.what), visible(body)) if body else Notice("", visible(error.what))


def welcome_lines() -> tuple[str, ...]:
    """What greets in an empty chat, as Markdown."""
    return (
        say("**Ask anything.** The model runs on this machine; nothing leaves it."),
        "",
        say("- `enter` sends, `ctrl+j` begins a new line, `esc` stops the answer"),
        say("- `alt+↑` selects a message: copy, edit, continue, answer again, see its versions"),
        say("- `ctrl+n` new chat, `ctrl+k` search in all chats"),
        say("- `F5` choose the model, `F2` settings, `/` or `ctrl+p` all commands, `F1` help"),
    )
