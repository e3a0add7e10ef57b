"""A document that is being read: passages are found and counted in slices, and what is there can be used at once."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from llmlab.domain.document import Document
from llmlab.domain.passages import Passage
from llmlab.domain.reading import Excerpt
from llmlab.domain.retrieval import PassageIndex
from llmlab.engine.protocol import Engine

BATCH: Final = 64
"""Passages that are counted at once: other requests for text wait for some tens of milliseconds at the most."""


@dataclass(frozen=True, slots=True)
class Counted:
    """Tokens of a document as far as they are known."""

    tokens: int
    share: float
    """Of its text that was counted, 0 to 1."""

    @property
    def complete(self) -> bool:
        """All of it was counted."""
        return self.share >= 1.0


class OpenDocument:
    """One document in passages of one size; every coroutine may be cancelled, and goes on where it was left.

    Args:
        document: what is read.
        size: what a passage weighs at the most.
    """

    def __init__(self, document: Document, size: int) -> None:
        self.document, self.size = document, size
        self.index = PassageIndex(document, size)
        self._growing = asyncio.Lock()
        self._slice: asyncio.Future[bool] | None = None
        """The slice that a thread indexes; it ends also when whoever waited for it was cancelled."""
        self._counting = asyncio.Lock()
        self._counts: dict[str, array[int]] = {}

    @property
    def passages(self) -> Sequence[Passage]:
        """Those that were found by now, in order."""
        return self.index.passages

    async def grow(self, beyond: int) -> bool:
        """Index until there are more than `beyond` passages or no more to find; whether there are more."""
        async with self._growing:
            while len(self.passages) <= beyond and not self.index.complete:
                if self._slice is None or self._slice.done():
                    self._slice = asyncio.ensure_future(asyncio.to_thread(self.index.grow))
                await asyncio.shield(self._slice)
        return len(self.passages) > beyond

    async def complete(self) -> None:
        """Index all of it."""
        while await self.grow(len(self.passages)):
            pass

    def text_of(self, passage: Passage) -> str:
        """What a passage says, without the blanks around it."""
        return self.document.text[passage.start : passage.end].strip()

    def excerpt(self, passage: Passage, *, document: int, first: int) -> Excerpt:
        """A passage as a prompt holds it.

        Args:
            passage: one of this document.
            document: place of this document among those that are read, from 0.
            first: passages of the documents before it.
        """
        return Excerpt(
            document=document,
            number=first + passage.number,
            start=passage.start,
            end=passage.end,
            text=self.text_of(passage),
            page=passage.page or None,
            chapter=passage.chapter,
            line=passage.line,
        )

    def counted(self, model: str) -> Counted:
        """What is known of its tokens for the model of the file `model`."""
        counts = self._counts.get(model, ())
        done = self.index.complete and len(counts) == len(self.passages)
        reached = self.passages[len(counts) - 1].end if counts else 0
        return Counted(sum(counts), 1.0 if done else reached / max(1, len(self.document.text)))

    async def count(self, engine: Engine, model: str, enough: int | None = None) -> Counted:
        """Count until more than `enough` tokens are known, or all of it.

        Raises:
            EngineError: the engine died.
        """
        counts = self._counts.setdefault(model, array("I"))
        while not (known := self.counted(model)).complete and (enough is None or known.tokens <= enough):
            async with self._counting:
                if not await self.grow(len(counts)):
                    continue
                batch = self.passages[len(counts) : len(counts) + BATCH]
                counts.extend(await engine.count([self._line(passage) for passage in batch]))
        return known

    def _line(self, passage: Passage) -> str:
        return f"[{passage.number}] {self.text_of(passage)}\n"
