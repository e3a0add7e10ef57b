"""Drafts are written soon and off the event loop, at the end at once; a full disk is told and made good."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from llmlab.errors import StoreError
from llmlab.paths import Paths
from llmlab.services.drafts import Drafts
from llmlab.services.journal import Journal
from llmlab.store.chats import ChatStore
from llmlab.store.drafts import DraftStore

PATIENCE = 10.0


class Watched(DraftStore):
    """Tells of each write, and fails while the disk is full."""

    full = False

    def watch(self, loop: asyncio.AbstractEventLoop) -> asyncio.Queue[dict[str, str]]:
        """Every write from now on."""
        self._loop, self._seen = loop, asyncio.Queue[dict[str, str]]()
        return self._seen

    def keep(self, drafts: Mapping[str, str]) -> None:
        self._loop.call_soon_threadsafe(self._seen.put_nowait, dict(drafts))
        if self.full:
            raise StoreError("The disk is full")
        super().keep(drafts)


def kept(paths: Paths) -> tuple[Drafts, Journal, Watched, asyncio.Queue[dict[str, str]]]:
    store = ChatStore(paths.database)
    watched = Watched(store._database)
    store.drafts = watched
    journal = Journal(store)
    return Drafts(journal), journal, watched, watched.watch(asyncio.get_running_loop())


async def test_many_changes_are_one_write(paths: Paths) -> None:
    made, journal, _, writes = kept(paths)
    for text in ("h", "ha", "half"):
        made.keep("", text)
    assert await asyncio.wait_for(writes.get(), PATIENCE) == {"": "half"}
    assert await made.all() == {"": "half"}
    await made.close()
    assert writes.empty()
    await journal.close()


async def test_the_last_change_is_written_at_the_end(paths: Paths) -> None:
    made, journal, _, _ = kept(paths)
    made.keep("", "half")
    await made.close()
    await journal.close()
    assert ChatStore(paths.database).drafts.all() == {"": "half"}


async def test_a_full_disk_is_told_and_made_good_later(paths: Paths) -> None:
    made, journal, store, _ = kept(paths)
    store.full = True
    assert made.keep("", "ha") is None
    assert made._task is not None
    await asyncio.wait({made._task}, timeout=PATIENCE)
    problem = made.keep("", "half")
    assert problem is not None
    assert problem.what == "The disk is full"
    store.full = False
    await made.close()
    assert await made.all() == {"": "half"}
    await journal.close()
