"""Changes that no file holds yet: what closes their place asks first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from llmlab.domain.terminal import visible_line
from llmlab.errors import LlmlabError
from llmlab.tui.examples import Examples
from llmlab.words import say


@runtime_checkable
class HoldsChanges(Protocol):
    """Something in which changes may stand that no file holds."""

    def unsaved(self) -> tuple[str, ...]:
        """Name what would be lost; empty when nothing would."""
        ...

    async def keep_changes(self) -> bool:
        """Keep all of it; False when that failed and it says why."""
        ...


class ChangedSets:
    """The example sets whose files lack what was changed in the lab."""

    def __init__(self, examples: Examples, refuse: Callable[[LlmlabError], None]) -> None:
        """Of `examples`; `refuse` tells what cannot be written."""
        self._examples = examples
        self._refuse = refuse

    def unsaved(self) -> tuple[str, ...]:
        """Their titles."""
        titles = (visible_line(draft.set.title) for draft in self._examples.unsaved())
        return tuple(say("Examples: {title}", title=title) for title in titles)

    async def keep_changes(self) -> bool:
        """Write them to their files."""
        try:
            for draft in self._examples.unsaved():
                await self._examples.save(draft)
        except LlmlabError as error:
            self._refuse(error)
            return False
        return True
