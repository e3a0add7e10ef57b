"""What opening the lab does to what is stored."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from llmlab.domain.messages import Chat, Message, Text
from llmlab.engine.forgetting import forget_states
from llmlab.errors import StoreError
from llmlab.lab_services import open_services
from llmlab.paths import Paths
from llmlab.store.chats import ChatStore
from llmlab.wiring import DELETED_KEPT, make_host, open_chats, tidy

NOW = 1_000_000_000.0


@pytest.fixture
def stored(paths: Paths) -> Callable[[str, float | None], None]:
    """Stores a chat, deleted so many seconds ago."""

    def store(name: str, ago: float | None) -> None:
        chats = ChatStore(paths.database, clock=lambda: NOW - (ago or 0))
        chats.create(Chat(id=name, title=name, created=1.0, updated=1.0, model="m"))
        chats.save(name, Message(id=f"{name}1", parent=None, role="user", parts=(Text("hello"),), created=1.0))
        if ago is not None:
            chats.delete(name)
        chats.close()

    return store


def keep_state(paths: Paths, name: str, ago: float) -> None:
    paths.snapshots.mkdir(parents=True, exist_ok=True)
    path = paths.snapshots / name
    path.write_bytes(b"state")
    os.utime(path, (NOW - ago, NOW - ago))


def states(paths: Paths) -> list[str]:
    return sorted(path.name for path in paths.snapshots.iterdir())


async def test_what_was_deleted_a_day_ago_goes_with_the_states_that_may_be_its_own(
    paths: Paths, stored: Callable[[str, float | None], None]
) -> None:
    stored("kept", None)
    stored("just deleted", 60.0)
    stored("gone", DELETED_KEPT + 60)
    keep_state(paths, "old.kv", DELETED_KEPT + 30)
    keep_state(paths, "new.kv", 30.0)
    chats = open_chats(paths, make_host(paths))
    await tidy(paths, chats, NOW)
    assert [chat.title for chat in await chats.list()] == ["kept"]
    await chats.restore("just deleted")
    assert len(await chats.list()) == 2
    with pytest.raises(StoreError):
        await chats.restore("gone")
    assert states(paths) == ["new.kv"]
    await chats.close()


async def test_states_stay_while_nothing_is_deleted(paths: Paths, stored: Callable[[str, float | None], None]) -> None:
    stored("kept", None)
    keep_state(paths, "old.kv", 10 * DELETED_KEPT)
    chats = open_chats(paths, make_host(paths))
    await tidy(paths, chats, NOW)
    assert states(paths) == ["old.kv"]
    await chats.close()


def test_without_a_folder_there_is_nothing_to_forget(paths: Paths) -> None:
    forget_states(paths.snapshots / "none", NOW)


async def test_the_lab_tidies_when_it_opens(paths: Paths, stored: Callable[[str, float | None], None]) -> None:
    stored("gone", DELETED_KEPT + 60)
    services = await open_services(paths, paths.cache)
    assert not await services.chats.list()
    with pytest.raises(StoreError):
        await services.chats.restore("gone")
    await services.close()
