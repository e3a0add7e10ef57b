"""What is being written in each chat, written down soon after it changes and off the event loop."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

from llmlab.errors import StoreError
from llmlab.services.journal import Journal

DRAFT_INTERVAL: Final = 0.5
"""Seconds from a change of a draft to its being written; what a killed process loses at most, with the write itself."""


class Drafts:
    """Keeps drafts; what could not be written waits and is tried again with the next change."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._waiting: dict[str, str] = {}
        self._task: asyncio.Task[None] | None = None
        self._problem: StoreError | None = None
        self._closing = asyncio.Event()

    async def all(self) -> dict[str, str]:
        """Every draft that is kept, by its chat; that of a chat which is not stored yet has the empty id.

        Raises:
            StoreError: they cannot be read.
        """
        return await self._journal.call(self._journal.store.drafts.all)

    def keep(self, chat_id: str, text: str) -> StoreError | None:
        """Keep the draft of a chat; an empty one is let go. Never waits.

        Returns:
            Why the last write failed, if it did.
        """
        self._waiting[chat_id] = text
        if self._task is None and not self._closing.is_set():
            self._task = asyncio.create_task(self._write_soon())
        return self._problem

    async def close(self) -> None:
        """Write what waits, if that can be; may be called twice."""
        if self._closing.is_set():
            return
        self._closing.set()
        if self._task is not None:
            await asyncio.wait({self._task})
        with suppress(StoreError):
            await self._write()

    async def _write_soon(self) -> None:
        try:
            while self._waiting:
                with suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self._closing.wait(), DRAFT_INTERVAL)
                await self._write()
            self._problem = None
        except StoreError as error:
            self._problem = error
        finally:
            self._task = None

    async def _write(self) -> None:
        """Write what waits; what changes meanwhile waits for the next time."""
        written = dict(self._waiting)
        if written:
            await self._journal.call(self._journal.store.drafts.keep, written)
        for chat_id, text in written.items():
            if self._waiting.get(chat_id) == text:
                del self._waiting[chat_id]
