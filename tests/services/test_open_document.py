"""A document that is indexed in threads: a cancelled wait leaves the slice to whoever comes next."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from llmlab.domain.document import Document, digest_of
from llmlab.services.open_document import OpenDocument

TEXT = "One sentence stands here, and it is not long. " * 400
PATIENCE = 20.0


async def test_a_cancelled_wait_does_not_let_two_threads_index_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = OpenDocument(Document("a.txt", "", "text", TEXT, digest=digest_of(TEXT)), 200)
    entered, go = threading.Event(), threading.Event()
    grow: Callable[[], bool] = opened.index.grow
    inside: list[int] = []
    most: list[int] = []

    def slowly() -> bool:
        inside.append(1)
        most.append(len(inside))
        entered.set()
        assert go.wait(PATIENCE)
        more = grow()
        inside.pop()
        return more

    monkeypatch.setattr(opened.index, "grow", slowly)
    first = asyncio.ensure_future(opened.complete())
    assert await asyncio.to_thread(entered.wait, PATIENCE)
    first.cancel()
    await asyncio.wait({first})
    entered.clear()
    second = asyncio.ensure_future(opened.complete())
    assert not await asyncio.to_thread(entered.wait, 0.05), "the slice that runs is waited for"
    go.set()
    await asyncio.wait_for(second, PATIENCE)
    assert opened.index.complete
    assert max(most) == 1
