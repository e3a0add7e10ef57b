"""Which model the lab uses: the first one, and what an edit of models.toml means for it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from llmlab.domain.model import ModelSpec
from llmlab.errors import LlmlabError
from llmlab.tui.services import Shelf
from llmlab.words import say


def first_model(shelf: Shelf, wished: str, last: str) -> ModelSpec:
    """The model of the command line, else the one used last while it is still there, else the default.

    Raises:
        LlmlabError: the one asked for cannot be used, or none can.
    """
    if wished:
        return shelf.find(wished)
    if last:
        try:
            return shelf.find(last)
        except LlmlabError:
            # A model that is gone is no reason to greet with an error: the default is what a first start gets.
            return shelf.default()
    return shelf.default()


def name_to_remember(shelf: Shelf, spec: ModelSpec) -> str:
    """What finds `spec` again at the next start: its name when a models.toml has it, else its path."""
    try:
        # A window that was made larger for one chat makes it no other model.
        return spec.name if replace(shelf.find(spec.name), n_ctx=spec.n_ctx) == spec else spec.path
    except LlmlabError:
        return spec.path


@dataclass(frozen=True, slots=True)
class ShelfNews:
    """models.toml was edited."""

    problems: tuple[str, ...]
    """What is wrong in it now."""
    spec: ModelSpec | None
    """The new table of the model in use, when it changed."""

    @property
    def sentence(self) -> str:
        """What to tell the user."""
        if self.problems:
            return "\n".join(self.problems)
        if self.spec is not None:
            return say("{model} has new settings; they hold from the next answer on.", model=self.spec.name)
        return say("The list of models is up to date.")


async def look_at_shelf(shelf: Shelf, current: ModelSpec | None) -> ShelfNews | None:
    """Read models.toml again if it was edited; the disk is touched in a thread, never in the screen's loop."""
    if not await asyncio.to_thread(shelf.changed_on_disk):
        return None
    await asyncio.to_thread(shelf.reload)
    changed: ModelSpec | None = None
    if current is not None:
        same_name = [model for model in shelf.models() if isinstance(model, ModelSpec) and model.name == current.name]
        changed = same_name[0] if same_name and same_name[0] != current else None
    return ShelfNews(shelf.problems(), changed)
