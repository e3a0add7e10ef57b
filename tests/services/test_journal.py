"""A running answer is written down while it comes, and what was said last is not left behind."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from llmlab.domain.messages import Message, Text
from llmlab.errors import StoreError
from llmlab.services.journal import Journal
from llmlab.store.chats import ChatStore

PATIENCE = 10.0
"""Seconds after which something that should be written never will be."""


class Watched(ChatStore):
    """A store that remembers what it was given instead of keeping it."""

    def __init__(self) -> None:
        super().__init__(Path("nowhere"))
        self.saved: list[str] = []
        self.full = False
        self.gate = threading.Event()
        """While it is not set, writing waits."""
        self.gate.set()
        self._loop = asyncio.get_running_loop()
        self._happened = asyncio.Event()
        self.tries = 0

    def save(self, chat_id: str, message: Message) -> None:
        self.tries += 1
        self._tell()
        assert self.gate.wait(PATIENCE)
        if not self.full:
            self.saved.append(message.text)
        self._tell()
        if self.full:
            raise StoreError("The disk is full.")

    def close(self) -> None:
        """There is nothing to close."""

    def _tell(self) -> None:
        self._loop.call_soon_threadsafe(self._happened.set)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for the write after which `condition` holds."""
        while not condition():
            self._happened.clear()
            await asyncio.wait_for(self._happened.wait(), PATIENCE)


def answer(text: str) -> Message:
    return Message(id="a", parent="q", role="assistant", parts=(Text(text),), created=0.0, state="writing")


@pytest.fixture
async def store() -> Watched:
    return Watched()


@pytest.fixture
async def journal(store: Watched) -> AsyncIterator[Journal]:
    made = Journal(store)
    yield made
    await made.close()


async def test_the_last_words_before_a_silence_are_written_without_another_word(
    journal: Journal, store: Watched
) -> None:
    journal.note("c", answer("one"))
    await store.until(lambda: "one" in store.saved)
    journal.note("c", answer("one two"))
    journal.note("c", answer("one two three"))
    await store.until(lambda: "one two three" in store.saved)
    assert "one two" not in store.saved, "what comes within a moment is one write"


async def test_what_comes_while_a_write_is_slow_is_written_after_it(journal: Journal, store: Watched) -> None:
    store.gate.clear()
    journal.note("c", answer("one"))
    await store.until(lambda: store.tries == 1)
    journal.note("c", answer("two"))
    store.gate.set()
    await store.until(lambda: "two" in store.saved)
    assert store.saved == ["one", "two"]


async def test_a_full_disk_is_told_until_something_could_be_written(journal: Journal, store: Watched) -> None:
    store.full = True
    await store.until(lambda: journal.note("c", answer("one")) is not None)
    assert journal.note("c", answer("two")) is not None, "it is no news, and still so"
    store.full = False
    await store.until(lambda: journal.note("c", answer("two")) is None)
    assert store.saved[-1] == "two"


async def test_what_waits_is_written_before_the_store_is_closed(store: Watched) -> None:
    journal = Journal(store)
    journal.note("c", answer("one"))
    await store.until(lambda: "one" in store.saved)
    journal.note("c", answer("two"))
    await journal.close()
    assert store.saved == ["one", "two"]
    journal.note("c", answer("three"))
    journal.leave("c", answer("three"))
    assert store.saved == ["one", "two"], "the store is closed"
