"""The file itself: its versions, its steps, and what is refused without being touched."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from llmlab.errors import StoreError
from llmlab.store.chats import ChatStore
from llmlab.store.database import APPLICATION_ID, Database
from llmlab.store.migrations import MIGRATIONS
from tests.store.memory import make_chat, make_message


def note_table(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TABLE notes (text TEXT)")
    connection.execute("INSERT INTO notes SELECT title FROM chats")


def note_length(connection: sqlite3.Connection) -> None:
    connection.execute("ALTER TABLE notes ADD COLUMN length INTEGER")
    connection.execute("UPDATE notes SET length = length(text)")


def broken_step(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TABLE half_done (x)")
    connection.execute("INSERT INTO nowhere VALUES (1)")


def put_chat(connection: sqlite3.Connection) -> None:
    connection.execute("INSERT INTO chats (id, title, created, updated, model) VALUES ('c', 'Apples', 1, 1, 'm')")


def test_an_old_schema_is_brought_up_to_date_with_its_chats(path: Path) -> None:
    old = Database(path, MIGRATIONS[:1])
    with old.writing() as connection:
        put_chat(connection)
    old.close()
    store = ChatStore(path)
    assert store.load("c").title == "Apples"
    store.save("c", make_message())
    store.close()


def test_steps_run_in_order_and_once(path: Path) -> None:
    first = Database(path, MIGRATIONS)
    with first.writing() as connection:
        put_chat(connection)
    first.close()
    steps = (*MIGRATIONS, note_table, note_length)
    for _ in range(2):
        database = Database(path, steps)
        with database.reading() as connection:
            assert connection.execute("SELECT * FROM notes").fetchall() == [("Apples", 6)]
            assert connection.execute("PRAGMA user_version").fetchone() == (len(steps),)
            assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
        database.close()


def test_a_step_that_fails_changes_nothing(path: Path) -> None:
    Database(path, MIGRATIONS).close()
    with pytest.raises(StoreError, match="nowhere"), Database(path, (*MIGRATIONS, broken_step)).reading():
        pass
    database = Database(path, MIGRATIONS)
    with database.reading() as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
        assert connection.execute("SELECT name FROM sqlite_master WHERE name = 'half_done'").fetchall() == []
    database.close()


def test_a_write_that_fails_halfway_changes_nothing(path: Path) -> None:
    database = Database(path, MIGRATIONS)

    def put_twice() -> None:
        with database.writing() as connection:
            put_chat(connection)
            put_chat(connection)

    with pytest.raises(StoreError, match="UNIQUE"):
        put_twice()
    with database.reading() as connection:
        assert connection.execute("SELECT count(*) FROM chats").fetchone() == (0,)
    database.close()


def test_a_newer_database_is_refused_and_not_touched(path: Path) -> None:
    newer = Database(path, (*MIGRATIONS, note_table, note_length))
    with newer.reading():
        pass
    newer.close()
    before = path.read_bytes()
    store = ChatStore(path)
    with pytest.raises(StoreError) as caught:
        store.list()
    assert f"format {len(MIGRATIONS) + 2}" in caught.value.what
    assert f"up to format {len(MIGRATIONS)}" in caught.value.what
    assert (caught.value.where, bool(caught.value.hint)) == (str(path), True)
    store.close()
    assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_the_database_of_another_program_is_refused_and_not_touched(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE songs (name TEXT)")
    before = path.read_bytes()
    with pytest.raises(StoreError, match="another program"):
        ChatStore(path).list()
    assert path.read_bytes() == before


def test_an_empty_file_becomes_a_database(path: Path) -> None:
    path.parent.mkdir()
    path.touch(mode=0o644)
    store = ChatStore(path)
    assert store.list() == ()
    store.close()
    if sys.platform != "win32":
        assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("obstacle", ["folder is a file", "file is a folder"])
def test_a_place_that_cannot_be_opened_is_named(path: Path, obstacle: str) -> None:
    if obstacle == "folder is a file":
        path.parent.write_text("in the way")
    else:
        path.mkdir(parents=True)
    with pytest.raises(StoreError, match="cannot be opened") as caught:
        ChatStore(path).create(make_chat())
    assert (caught.value.where, bool(caught.value.hint)) == (str(path), True)


def test_a_locked_database_is_waited_for_and_then_named(path: Path) -> None:
    store = ChatStore(path, busy_timeout=0.05)
    store.create(make_chat())
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked") as caught:
            store.rename("c", "new")
        assert store.load("c").title == "", "reading goes on while another writes"
        other.execute("ROLLBACK")
    assert caught.value.hint
    store.rename("c", "new")
    assert store.load("c").title == "new"
    store.close()
