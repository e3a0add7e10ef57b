"""Which model the lab uses: the first one, and what an edit of models.toml means for it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from llmlab.domain.model import ModelSpec
from llmlab.errors import LlmlabError
from llmlab.library.context_fields import kept_context, with_kept
from llmlab.tui.services import Shelf
from llmlab.words import say


def first_model(shelf: Shelf, wished: str, last: str, context: Mapping[str, object]) -> ModelSpec:
    """The model of the command line, else the one used last while it is still there, else the default.

    Args:
        shelf: the models.
        wished: name or path of the command line; empty for none.
        last: that of the one used last; empty for none.
        context: how that was loaded, where not as its table says; a table that was edited since goes before.

    Raises:
        LlmlabError: the one asked for cannot be used, or none can.
    """
    if wished:
        return shelf.find(wished)
    if last:
        try:
            return with_kept(shelf.find(last), context)
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
        context = kept_context(spec, table)
        if name == spec.path or with_kept(table, context) == spec:
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
    before = _table_of(shelf, current)
    await asyncio.to_thread(shelf.reload)
    after = _table_of(shelf, current)
    if current is None or after is None:
        return ShelfNews(shelf.problems(), None)
    # What it was loaded with beside its table stays, unless the edit is about that.
    context = kept_context(current, before) if before is not None else {}
    loaded_so = before is not None and with_kept(before, context) == current
    changed = with_kept(after, context) if loaded_so else after
    return ShelfNews(shelf.problems(), changed if changed != current else None)


def _table_of(shelf: Shelf, current: ModelSpec | None) -> ModelSpec | None:
    """The good table of the name of the model in use."""
    named = (model for model in shelf.models() if current is not None and model.name == current.name)
    return next((model for model in named if isinstance(model, ModelSpec)), None)
