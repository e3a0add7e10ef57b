"""What is asked before a prompt file of one's own is copied, renamed or deleted, and what is said of it then."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from textual.app import App

from llmlab.library.prompt_files import Prompt
from llmlab.tui.screens.line import LineDialog
from llmlab.words import say

P = TypeVar("P", bound=Prompt)


@dataclass(frozen=True, slots=True)
class Changed:
    """What came of it."""

    key: str
    """The prompt that is to be shown now."""
    told: str = ""
    """What was done, in a line."""


class Keeps(Protocol[P]):
    """What holds the prompts of one kind. Every verb raises `UsageError` or `ConfigError` for what cannot be."""

    async def copy(self, one: P, name: str, /) -> P:
        """A copy of the user's own under another name."""
        ...

    async def rename(self, one: P, name: str, /) -> P:
        """The same prompt under another name."""
        ...

    async def delete(self, one: P, /) -> None:
        """Delete one of the user's."""

    async def undo(self) -> P:
        """The prompt that was deleted last, back in its place."""
        ...


class OwnFiles(Generic[P]):
    """Each verb asks what it needs and gives what changed, or `None` when the user did not want to.

    Every verb raises `UsageError` for what cannot be done, and `ConfigError` when a file cannot be read or written.
    """

    def __init__(self, app: App[object], keeps: Keeps[P]) -> None:
        self._app = app
        self._keeps = keeps

    async def copy(self, one: P) -> Changed | None:
        """Copy a prompt under another name."""
        name = await self._ask(say("Name of the copy"), one.name)
        return None if name is None else saved(await self._keeps.copy(one, name))

    async def rename(self, one: P) -> Changed | None:
        """Give a prompt of one's own another name."""
        name = await self._ask(say("New name"), one.name)
        return None if name is None else saved(await self._keeps.rename(one, name))

    async def remove(self, one: P) -> Changed | None:
        """Delete a prompt of one's own."""
        await self._keeps.delete(one)
        return Changed(one.key, say("Deleted; u brings it back."))

    async def undo(self) -> Changed | None:
        """Bring the prompt back that was deleted last."""
        return Changed((await self._keeps.undo()).key)

    async def _ask(self, question: str, value: str = "") -> str | None:
        return await self._app.push_screen_wait(LineDialog(question, value))


def saved(made: Prompt) -> Changed:
    """A prompt that was written."""
    return Changed(made.key, say("Saved to {file}", file=made.source))
