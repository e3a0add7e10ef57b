"""The schema as ordered named steps; a step that was released is never edited, a change is a new step at the end."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Final

Migration = Callable[[sqlite3.Connection], None]
"""One step of the schema; runs inside the transaction that also raises the version."""


def chats_with_messages_and_choices(connection: sqlite3.Connection) -> None:
    """Chats, their messages as a tree in the order of their making, and which version is shown after each."""
    for statement in (
        """CREATE TABLE chats (
            number INTEGER PRIMARY KEY,
            id TEXT NOT NULL UNIQUE,
            title TEXT NOT NULL,
            created REAL NOT NULL,
            updated REAL NOT NULL,
            model TEXT NOT NULL,
            system TEXT,
            deleted_at REAL
        )""",
        "CREATE INDEX chats_newest ON chats (updated DESC, number DESC) WHERE deleted_at IS NULL",
        # The parent is deferred and does not cascade: SQLite cascades a thousand levels deep at most.
        # `text` is what search reads, `indexed` says whether the search index holds it, and the writer is the process
        # that is answering: its id and its start, since the system gives ids out again.
        """CREATE TABLE messages (
            number INTEGER PRIMARY KEY,
            chat TEXT NOT NULL REFERENCES chats (id) ON DELETE CASCADE,
            id TEXT NOT NULL CHECK (id <> ''),
            parent TEXT,
            role TEXT NOT NULL,
            state TEXT NOT NULL,
            created REAL NOT NULL,
            parts TEXT NOT NULL,
            origin TEXT,
            text TEXT NOT NULL,
            indexed INTEGER NOT NULL DEFAULT 0,
            writer_pid INTEGER,
            writer_started REAL,
            UNIQUE (chat, id),
            FOREIGN KEY (chat, parent) REFERENCES messages (chat, id) DEFERRABLE INITIALLY DEFERRED
        )""",
        "CREATE INDEX messages_in_order ON messages (chat, number)",
        # Without it, deleting a chat scans every message once a message.
        "CREATE INDEX messages_parent ON messages (chat, parent)",
        "CREATE INDEX messages_writing ON messages (number) WHERE state = 'writing'",
        "CREATE INDEX messages_unindexed ON messages (number) WHERE indexed = 0",
        # The parent of a first message is ''.
        """CREATE TABLE choices (
            chat TEXT NOT NULL,
            parent TEXT NOT NULL,
            child TEXT NOT NULL,
            PRIMARY KEY (chat, parent),
            FOREIGN KEY (chat, child) REFERENCES messages (chat, id) ON DELETE CASCADE
        ) WITHOUT ROWID""",
        "CREATE INDEX choices_child ON choices (chat, child)",
    ):
        connection.execute(statement)


def drafts_of_chats(connection: sqlite3.Connection) -> None:
    """What is being written in each chat; that of a chat which is not stored yet has none."""
    connection.execute(
        """CREATE TABLE drafts (
            chat TEXT UNIQUE REFERENCES chats (id) ON DELETE CASCADE,
            text TEXT NOT NULL
        )"""
    )


MIGRATIONS: Final[tuple[Migration, ...]] = (chats_with_messages_and_choices, drafts_of_chats)
"""Every step; the version of a database is how many of them it has seen."""
