"""Which model the lab uses: the first one, and what an edit of models.toml means for it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from llmlab.domain.model import ModelSpec
from llmlab.errors import LlmlabError
from llmlab.library.context_fields import context_of, with_context
from llmlab.tui.services import Shelf
from llmlab.words import say


def first_model(shelf: Shelf, wished: str, last: str, context: Mapping[str, object]) -> ModelSpec:
    """The model of the command line, else the one used last while it is still there, else the default.

    Args:
        shelf: the models.
        wished: name or path of the command line; empty for none.
        last: that of the one used last; empty for none.
        context: how that was loaded, where not as its table says.

    Raises:
        LlmlabError: the one asked for cannot be used, or none can.
    """
    if wished:
        return shelf.find(wished)
    if last:
        try:
            return with_context(shelf.find(last), context)
        except LlmlabError:
            # A model that is gone is no reason to greet with an error: the default is what a first start gets.
            return shelf.default()
    return shelf.default()


def to_remember(shelf: Shelf, spec: ModelSpec) -> tuple[str, Mapping[str, object]]:
    """What finds `spec` again at the next start, as `last` and `context` of `first_model`.

    That is its name when a models.toml has it, else its path; another window or cache makes it no other model.
    """
    for name in (spec.name, spec.path):
        try:
            table = shelf.find(name)
        except LlmlabError:
            continue
        context = context_of(spec, table)
        if name == spec.path or with_context(table, context) == spec:
            return name, context
    return spec.path, {}


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
