"""Drafts beside the chats that they are written in."""

from __future__ import annotations

from pathlib import Path

from llmlab.store.chats import ChatStore
from llmlab.store.database import Database
from llmlab.store.migrations import MIGRATIONS
from tests.store.memory import make_chat, make_message


def test_drafts_come_back_and_empty_ones_go(store: ChatStore) -> None:
    store.create(make_chat("a"))
    store.drafts.keep({"a": "half\nwritten", "": "nowhere yet\0 \ud800"})
    store.close()
    assert store.drafts.all() == {"a": "half\nwritten", "": "nowhere yet\0 \ufffd"}
    store.drafts.keep({"a": "other", "": ""})
    assert store.drafts.all() == {"a": "other"}


def test_a_draft_goes_for_good_with_its_chat(store: ChatStore) -> None:
    for chat_id in ("deleted", "taken back", "kept"):
        store.create(make_chat(chat_id))
        store.save(chat_id, make_message("m"))
    store.drafts.keep({"deleted": "a", "taken back": "b", "kept": "c", "": "d"})
    store.delete("deleted")
    store.discard("taken back", "m")
    assert store.drafts.all() == {"deleted": "a", "kept": "c", "": "d"}, "deleting can be undone"
    store.purge(before=float("inf"))
    assert store.drafts.all() == {"kept": "c", "": "d"}


def test_a_draft_of_no_chat_is_let_go_and_the_others_are_kept(store: ChatStore) -> None:
    store.drafts.keep({"gone": "a", "": "b"})
    assert store.drafts.all() == {"": "b"}


def test_chats_of_before_have_no_drafts(path: Path) -> None:
    old = Database(path, MIGRATIONS[:1])
    with old.writing() as connection:
        connection.execute("INSERT INTO chats (id, title, created, updated, model) VALUES ('c', 'Apples', 1, 1, 'm')")
    old.close()
    store = ChatStore(path)
    assert store.drafts.all() == {}
    store.drafts.keep({"c": "a"})
    assert store.drafts.all() == {"c": "a"}
    store.close()
