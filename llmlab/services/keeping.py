"""Keeping results while they come: off the event loop, in groups as the disk is slow, never silently failing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Final

from llmlab.errors import StoreError
from llmlab.store.runs import Measured, RunStore

PATIENCE: Final = 60.0
"""Seconds for which it is tried again to write what cannot be written, a full disk most likely."""
PAUSE: Final = 1.0
"""Seconds between two attempts."""


class Keeper:
    """Writes results to the store, oldest first; leaving its `async with` block waits until all are written."""

    def __init__(
        self,
        store: RunStore,
        run_id: str,
        stop: asyncio.Event,
        kept: Callable[[Sequence[Measured]], object],
    ) -> None:
        """Prepare.

        Args:
            store: where to.
            run_id: of which run.
            stop: set it, and no further attempt is made to write what could not be written.
            kept: called with results that were written.
        """
        self._store, self._run, self._stop, self._tell = store, run_id, stop, kept
        self._waiting: list[Measured] = []
        self._news = asyncio.Event()
        self._told = asyncio.Event()
        self._well = asyncio.Event()
        self._well.set()
        self._closing = False
        self._task: asyncio.Task[None] | None = None
        self.problem = ""
        """Why results cannot be written now; empty when they can."""

    async def __aenter__(self) -> Keeper:
        self._task = asyncio.create_task(self._writing(), name="keep results")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing = True
        self._news.set()
        if self._task is not None:
            await self._task

    def put(self, rows: Sequence[Measured]) -> None:
        """Write these soon."""
        if rows:
            self._waiting.extend(rows)
            self._news.set()

    async def written(self) -> None:
        """Wait until everything is written.

        Raises:
            StoreError: it could not be for too long.
        """
        while self._waiting:
            await self.ready()
            self._told.clear()
            if self._waiting and self._task is not None:
                told = asyncio.ensure_future(self._told.wait())
                await asyncio.wait({told, self._task}, return_when=asyncio.FIRST_COMPLETED)
                told.cancel()

    async def ready(self) -> None:
        """Wait until results can be written.

        Raises:
            StoreError: they could not for too long; what was measured before is kept.
        """
        if self._task is not None and self._task.done():
            self._task.result()
        if not self._well.is_set():
            await self._well.wait()
            await self.ready()

    async def _writing(self) -> None:
        while not self._closing or self._waiting:
            await self._news.wait()
            self._news.clear()
            while rows := tuple(self._waiting):
                try:
                    await self._write(rows)
                except StoreError:
                    self._well.set()
                    raise
                del self._waiting[: len(rows)]
                self._tell(rows)
                self._told.set()

    async def _write(self, rows: Sequence[Measured]) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + PATIENCE
        while True:
            try:
                await asyncio.to_thread(self._store.put, self._run, rows)
            except StoreError as error:
                if self._stop.is_set() or loop.time() >= until:
                    raise
                self.problem = str(error)
                self._well.clear()
                self._tell(())
                with suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self._stop.wait(), PAUSE)
            else:
                self.problem = ""
                self._well.set()
                return
