"""Example sets that were changed in the lab and not in their files."""

from __future__ import annotations

from collections.abc import Callable

from llmlab.domain.terminal import visible_line
from llmlab.errors import LlmlabError
from llmlab.tui.examples import Examples
from llmlab.words import say


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
