"""What is done with example sets as files: made, copied, renamed, deleted and brought back."""

from __future__ import annotations

from typing import Literal

from textual.app import App

from llmlab.domain.shots import ShotSet
from llmlab.tui.examples import OwnSets
from llmlab.tui.panes.own_files import Changed, OwnFiles, saved
from llmlab.words import say

SetVerb = Literal["make", "copy", "rename", "remove", "undo"]
"""What can be done with sets."""


class SetFiles(OwnFiles[ShotSet]):
    """The verbs of own files, and the making of a new one."""

    def __init__(self, app: App[object], sets: OwnSets) -> None:
        super().__init__(app, sets)
        self._sets = sets

    async def make(self) -> Changed | None:
        """A set without rows, under a name."""
        name = await self._ask(say("Name of the new set"))
        return None if name is None else saved(await self._sets.make(name))

    async def do(self, verb: SetVerb, one: ShotSet) -> Changed | None:
        """Do it, with `one` where it is about one."""
        match verb:
            case "make":
                return await self.make()
            case "copy":
                return await self.copy(one)
            case "rename":
                return await self.rename(one)
            case "remove":
                return await self.remove(one)
            case "undo":
                return await self.undo()
