"""Digests that the trials of a run read: each made once, by the very model that reads it, and kept in no file."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from llmlab.domain.digest import Note, Request
from llmlab.domain.document import Document
from llmlab.domain.model import ModelSpec
from llmlab.domain.recipe import Recipe
from llmlab.errors import EngineDied, LlmlabError
from llmlab.services.digest import mapped, planned
from llmlab.services.host import Holder, loaded_part
from llmlab.services.notes import NoteFolder
from llmlab.services.ready import ready_engine
from llmlab.services.stopping import unless


@dataclass(frozen=True, slots=True)
class Spent:
    """What digests took that were made for a trial; those that another trial had made take nothing."""

    tokens: int = 0
    """Of all notes that were written."""
    seconds: float = 0.0


class _Unkept(NoteFolder):
    """Notes of a digest that nobody reads again."""

    def __init__(self, document: Document) -> None:
        super().__init__(Path(), document)

    def find(self, request: Request, key: str) -> Note | None:
        """There is none."""
        return None

    def keep(self, request: Request, note: Note, model: str) -> None:
        """It is in memory already."""


class RunDigests:
    """Makes digests for trials.

    Args:
        get: the document of a digest of its text; may read a file.
    """

    def __init__(self, get: Callable[[str], Document]) -> None:
        self._get = get
        self._model: ModelSpec | None = None
        self._texts: dict[str, str] = {}
        """By the digest of a document's text, of the model that is loaded."""
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def text_of(self, document: Document) -> str:
        """The digest of a document by the model that is loaded; empty while there is none."""
        return self._texts.get(document.digest, "")

    async def make(self, host: Holder, recipe: Recipe, stop: asyncio.Event) -> Spent:
        """See to it that every document of `recipe` has a digest, where it is read as one.

        Raises:
            Stopped: `stop` was set.
            LlmlabError: a document is gone or says nothing, or the engine failed.
        """
        use = recipe.reading
        if use is None or use.way != "digest":
            return Spent()
        began, tokens, made = time.monotonic(), 0, False
        model = replace(loaded_part(recipe.model), lora=recipe.model.lora)
        if self._model != model:
            self._model, self._texts, self._locks = model, {}, defaultdict(asyncio.Lock)
        for ref in use.documents:
            async with self._locks[ref.digest]:
                if ref.digest not in self._texts:
                    made = True
                    tokens += await self._made(host, recipe.model, ref.digest, stop)
        return Spent(tokens, time.monotonic() - began if made else 0.0)

    async def _made(self, host: Holder, model: ModelSpec, digest: str, stop: asyncio.Event) -> int:
        """Make one; the tokens that were written for it."""
        document = await asyncio.to_thread(self._get, digest)
        ready = await unless(stop, ready_engine(host, Recipe(model=model)))
        notes: list[Note] = []
        try:
            plan = await unless(stop, planned(ready, document, model, "map", _Unkept(document)))
            async for note, _ in mapped(plan, stop):
                notes.append(note)
            counts = await unless(stop, ready.engine.count([note.text for note in notes]))
        except LlmlabError as error:
            if not ready.engine.alive:
                raise EngineDied(error.what, where=error.where, hint=error.hint) from None
            raise
        self._texts[digest] = notes[-1].text
        return sum(counts)
