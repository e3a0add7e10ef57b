"""Writing chats down while they happen: in order, off the event loop, and never silently failing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, ParamSpec, TypeVar

from llmlab.domain.messages import Message
from llmlab.errors import StoreError
from llmlab.store.chats import ChatStore

JOURNAL_INTERVAL: Final = 0.3
"""Seconds between two saves of a running answer; what a killed process loses at most, with the write itself."""

P = ParamSpec("P")
R = TypeVar("R")


class Journal:
    """The store behind one thread, so that writes keep their order and a slow disk never blocks the screen.

    A message that could not be written stays here and is tried again with every later write.
    """

    def __init__(self, store: ChatStore) -> None:
        self.store = store
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        self._running: asyncio.Future[None] | None = None
        self._unsaved: dict[str, tuple[str, Message]] = {}
        self._due = 0.0
        self._closed = False

    async def call(self, verb: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """The result of a verb of the store, run in its thread after all that was asked before.

        Raises:
            StoreError: as the verb does.
        """
        return await asyncio.wrap_future(self._thread.submit(verb, *args, **kwargs))

    async def save(self, chat_id: str, message: Message) -> None:
        """Write `message`, and what could not be written before.

        Raises:
            StoreError: it cannot be written now; it is kept and tried again later.
        """
        self._unsaved[message.id] = (chat_id, message)
        await self.call(self._write_unsaved)

    def note(self, chat_id: str, message: Message) -> StoreError | None:
        """Write the state of a running answer soon, at most every `JOURNAL_INTERVAL`; never waits.

        Returns:
            Why the last such write failed, if it did.
        """
        problem: StoreError | None = None
        running = self._running
        if running is not None and running.done():
            error = running.exception()
            problem = error if isinstance(error, StoreError) else None
            self._running = running = None
        now = asyncio.get_running_loop().time()
        if running is None and now >= self._due:
            self._due = now + JOURNAL_INTERVAL
            self._unsaved[message.id] = (chat_id, message)
            self._running = asyncio.wrap_future(self._thread.submit(self._write_unsaved))
        return problem

    def forget(self, message_id: str) -> None:
        """Do not try to write this message again."""
        self._unsaved.pop(message_id, None)

    def leave(self, chat_id: str, message: Message) -> None:
        """Write `message` before the process ends, without waiting for it here."""
        self._unsaved[message.id] = (chat_id, message)
        self._thread.submit(self._write_unsaved)

    async def close(self) -> None:
        """Wait for the last write and close the store; may be called twice."""
        if self._closed:
            return
        self._closed = True
        if self._running is not None:
            await asyncio.wait({self._running})
            self._running.exception()
        await self.call(self.store.close)
        self._thread.shutdown(wait=True)

    def _write_unsaved(self) -> None:
        """In the store's thread: write all that waits, oldest first; what was written waits no more."""
        for message_id, (chat_id, message) in tuple(self._unsaved.items()):
            self.store.save(chat_id, message)
            if self._unsaved.get(message_id) == (chat_id, message):
                del self._unsaved[message_id]
