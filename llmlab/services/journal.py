"""Writing chats down while they happen: in order, off the event loop, and never silently failing."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
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
        self._lock = threading.Lock()
        self._unsaved: dict[str, tuple[str, Message]] = {}
        """By message, oldest first; both threads change it."""
        self._running: asyncio.Future[None] | None = None
        """The write of what was noted."""
        self._timer: asyncio.TimerHandle | None = None
        """Begins the next one."""
        self._due = 0.0
        self._problem: StoreError | None = None
        """Why the last write failed."""
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
        self._keep(chat_id, message)
        await self.call(self._write_unsaved)
        self._problem = None

    def note(self, chat_id: str, message: Message) -> StoreError | None:
        """Write the state of a running answer soon; never waits.

        That is at once, or `JOURNAL_INTERVAL` after the write before: also when nothing more is noted, for an answer
        may fall silent for long.

        Returns:
            Why the last write failed, if it did.
        """
        self._keep(chat_id, message)
        self._write_soon()
        return self._problem

    def forget(self, message_id: str) -> None:
        """Do not try to write this message again."""
        with self._lock:
            self._unsaved.pop(message_id, None)

    def leave(self, chat_id: str, message: Message) -> None:
        """Write `message` before the process ends, without waiting for it here."""
        self._keep(chat_id, message)
        # Where the store is closed already, what was noted last stands in it, and the next start finds it.
        if not self._closed:
            self._thread.submit(self._write_unsaved)

    async def close(self) -> None:
        """Write what waits, if that can be, and close the store; may be called twice."""
        if self._closed:
            return
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        with suppress(StoreError):
            await self.call(self._write_unsaved)
        await self.call(self.store.close)
        self._thread.shutdown(wait=True)

    def _keep(self, chat_id: str, message: Message) -> None:
        with self._lock:
            self._unsaved[message.id] = (chat_id, message)

    def _write_soon(self) -> None:
        """Begin to write what waits as soon as that is due, unless it is about to be written already."""
        if self._timer is None and self._running is None and not self._closed:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at(max(self._due, loop.time()), self._write_noted)

    def _write_noted(self) -> None:
        self._timer = None
        self._due = asyncio.get_running_loop().time() + JOURNAL_INTERVAL
        self._running = asyncio.wrap_future(self._thread.submit(self._write_unsaved))
        self._running.add_done_callback(self._wrote)

    def _wrote(self, written: asyncio.Future[None]) -> None:
        self._running = None
        if written.cancelled():
            return
        error = written.exception()
        self._problem = error if isinstance(error, StoreError) else None
        if error is None and self._unsaved:
            self._write_soon()

    def _write_unsaved(self) -> None:
        """In the store's thread: write all that waits, oldest first; what was written waits no more."""
        with self._lock:
            waiting = tuple(self._unsaved.items())
        for message_id, entry in waiting:
            self.store.save(*entry)
            with self._lock:
                # A newer state may have come meanwhile.
                if self._unsaved.get(message_id) is entry:
                    del self._unsaved[message_id]
