"""Chats kept for good: every version and branch, and the answer that is being written."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

from llmlab.domain.messages import Chat, ChatSummary, Conversation, Message
from llmlab.errors import StoreError
from llmlab.store.codec import clean, decode_origin, decode_parts, encode_origin, encode_parts
from llmlab.store.database import Database
from llmlab.store.drafts import DraftStore
from llmlab.store.migrations import MIGRATIONS
from llmlab.store.rescue import rescue
from llmlab.store.search import Query, SearchIndex
from llmlab.store.writers import Writer, this_process
from llmlab.words import say

_SUMMARY = """
    SELECT id, title, created, updated, model,
        (SELECT count(*) FROM messages WHERE messages.chat = chats.id) AS size
    FROM chats WHERE deleted_at IS NULL ORDER BY updated DESC, chats.number DESC LIMIT :limit
"""
_FOUND = """
    SELECT id, title, created, updated, model,
        (SELECT count(*) FROM messages WHERE messages.chat = chats.id) AS size,
        coalesce((SELECT text FROM messages WHERE messages.number = newest), title) AS match
    FROM (SELECT chat, max(number) AS newest FROM ({found}) GROUP BY chat)
    JOIN chats ON chats.id = chat
    WHERE deleted_at IS NULL ORDER BY updated DESC, chats.number DESC LIMIT :limit
"""


_BELOW = """
    WITH RECURSIVE below (chat, id, number) AS (
        SELECT chat, id, number FROM messages WHERE chat = ? AND id = ?
        UNION ALL
        SELECT messages.chat, messages.id, messages.number
        FROM messages JOIN below ON messages.chat = below.chat AND messages.parent = below.id
    )
    SELECT number FROM below
"""
_LAST_DELETED = """
    SELECT id, title FROM chats WHERE deleted_at IS NOT NULL ORDER BY deleted_at DESC, number DESC LIMIT 1
"""
# As blobs, so that a long chat is not decoded to text first and then by JSON.
_MESSAGES = """
    SELECT id, parent, role, state, created, CAST(parts AS BLOB), CAST(origin AS BLOB)
    FROM messages WHERE chat = ? ORDER BY number
"""


class ChatStore:
    """The chats of one file. Every method may be called from any thread and raises only `StoreError`.

    Deleting hides a chat from `list` and nothing more; it goes for good when it is purged.

    Args:
        path: the SQLite file, made when it is first needed.
        clock: seconds since the epoch.
        busy_timeout: seconds to wait for another process that is writing.
        trigrams: use the search index where SQLite can; without it every search scans.
    """

    def __init__(
        self,
        path: Path,
        *,
        clock: Callable[[], float] = time.time,
        busy_timeout: float = 5.0,
        trigrams: bool = True,
    ) -> None:
        self.path = path
        self._clock = clock
        self._trigrams = trigrams
        self._index: SearchIndex | None = None
        self._database = Database(path, MIGRATIONS, prepare=self._prepare, rescue=rescue, busy_timeout=busy_timeout)
        self.drafts = DraftStore(self._database)

    def create(self, chat: Chat) -> None:
        """Keep a new chat, without its messages."""
        with self._database.writing() as connection:
            row = (chat.id, clean(chat.title), chat.created, chat.updated, chat.model, _clean_or_none(chat.system))
            if _has_chat(connection, chat.id):
                raise self._problem(say("There is a chat with the id {id} already.", id=chat.id))
            connection.execute(
                "INSERT INTO chats (id, title, created, updated, model, system) VALUES (?, ?, ?, ?, ?, ?)", row
            )

    def load(self, chat_id: str) -> Chat:
        """The chat with all its messages."""
        with self._database.reading() as connection:
            row = connection.execute(
                "SELECT id, title, created, updated, model, system FROM chats WHERE id = ?", (chat_id,)
            ).fetchone()
            if row is None:
                raise self._missing(chat_id)
            messages = connection.execute(_MESSAGES, (chat_id,)).fetchall()
            choices = connection.execute("SELECT parent, child FROM choices WHERE chat = ?", (chat_id,)).fetchall()
        conversation = Conversation(
            MappingProxyType({message[0]: _message(message) for message in messages}),
            MappingProxyType({parent or None: child for parent, child in choices}),
        )
        return Chat(
            id=row[0],
            title=row[1],
            created=row[2],
            updated=row[3],
            model=row[4],
            system=row[5],
            conversation=conversation,
        )

    def list(self, search: str = "", limit: int = 200) -> tuple[ChatSummary, ...]:
        """Chats that were not deleted, the last touched first.

        Args:
            search: words that the title or one message, shown or not, must hold; empty for every chat.
            limit: how many chats at most.
        """
        query = Query.parse(search)
        with self._database.reading() as connection:
            if not query.words:
                return tuple(map(_summary, connection.execute(_SUMMARY, {"limit": limit})))
            found, values = self._search_index.found(query)
            rows = connection.execute(_FOUND.format(found=found), {**values, "limit": limit}).fetchall()
        return tuple(_summary(row, query.snippet(row[6])) for row in rows)

    def save(self, chat_id: str, message: Message) -> None:
        """Add `message`, which becomes the version shown, or replace the one with its id; touches the chat.

        One small transaction, cheap enough to be the journal of an answer that streams: in the state `writing` it does
        not wait for the disk, and the answer belongs to this process until it is saved in another state.
        """
        text = clean(message.text).replace("\0", " ")
        writer = self._writer if message.state == "writing" else None
        with self._database.writing(durable=writer is None) as connection:
            touched = connection.execute("UPDATE chats SET updated = ? WHERE id = ?", (self._clock(), chat_id))
            if not touched.rowcount:
                raise self._missing(chat_id)
            number = self._put(connection, chat_id, message, text, writer)
            if message.state != "writing":
                self._search_index.put(connection, number, text)

    def discard(self, chat_id: str, message_id: str) -> None:
        """Remove a message and all that follows it for good, and the chat with its last message."""
        with self._database.writing() as connection:
            if not connection.execute(
                "SELECT 1 FROM messages WHERE chat = ? AND id = ?", (chat_id, message_id)
            ).fetchone():
                raise self._problem(say("Chat {chat} has no message {id}.", chat=chat_id, id=message_id))
            below = connection.execute(_BELOW, (chat_id, message_id)).fetchall()
            self._search_index.drop(connection, [number for (number,) in below])
            connection.executemany("DELETE FROM messages WHERE number = ?", below)
            connection.execute(
                "DELETE FROM chats WHERE id = ? AND NOT EXISTS (SELECT 1 FROM messages WHERE chat = chats.id)",
                (chat_id,),
            )

    def choose(self, chat_id: str, parent: str | None, child: str) -> None:
        """Show `child` after `parent` (`None`: as the first message)."""
        with self._database.writing() as connection:
            row = connection.execute(
                "SELECT parent FROM messages WHERE chat = ? AND id = ?", (chat_id, child)
            ).fetchone()
            if row is None or row[0] != parent:
                raise self._problem(
                    say("Chat {chat} has no message {child} after {parent}.", chat=chat_id, child=child, parent=parent)
                )
            _choose(connection, chat_id, parent, child)

    def rename(self, chat_id: str, title: str) -> None:
        """Give the chat another title."""
        self._set("title", clean(title), chat_id)

    def set_model(self, chat_id: str, model: str) -> None:
        """Name the model that the chat goes on with."""
        self._set("model", clean(model), chat_id)

    def set_system(self, chat_id: str, system: str | None) -> None:
        """Give the chat its own system prompt; `None` is the model's."""
        self._set("system", _clean_or_none(system), chat_id)

    def delete(self, chat_id: str) -> None:
        """Hide the chat from lists until it is restored or purged."""
        self._set("deleted_at", self._clock(), chat_id)

    def restore(self, chat_id: str) -> None:
        """Undo `delete`."""
        self._set("deleted_at", None, chat_id)

    def last_deleted(self) -> tuple[str, str] | None:
        """Id and title of the chat that was deleted last, of those that are still there."""
        with self._database.reading() as connection:
            found: tuple[str, str] | None = connection.execute(_LAST_DELETED).fetchone()
        return found

    def purge(self, before: float) -> int:
        """Remove for good the chats that were deleted before `before` (seconds since the epoch); how many."""
        with self._database.writing() as connection:
            gone = connection.execute(
                "SELECT messages.number FROM messages JOIN chats ON chats.id = chat WHERE deleted_at < ?", (before,)
            ).fetchall()
            self._search_index.drop(connection, [number for (number,) in gone])
            return connection.execute("DELETE FROM chats WHERE deleted_at < ?", (before,)).rowcount

    def recover(self) -> int:
        """Mark as interrupted the answers whose processes ended while they were written; how many.

        Answers of processes that still run, this one or another, are left alone.
        """
        with self._database.writing() as connection:
            writers = connection.execute(
                "SELECT DISTINCT writer_pid, writer_started FROM messages WHERE state = 'writing'"
            ).fetchall()
            dead = [row for row in writers if row[0] is None or not Writer(*row).alive]
            recovered = 0
            for row in dead:
                recovered += connection.execute(
                    "UPDATE messages SET state = 'interrupted', writer_pid = NULL, writer_started = NULL"
                    " WHERE state = 'writing' AND writer_pid IS ? AND writer_started IS ?",
                    row,
                ).rowcount
            waiting = connection.execute("SELECT number, text FROM messages WHERE indexed = 0 AND state <> 'writing'")
            for number, text in waiting.fetchall():
                self._search_index.put(connection, number, text)
        return recovered

    def close(self) -> None:
        """Let the file go; a later call opens it again."""
        self._database.close()

    @cached_property
    def _writer(self) -> Writer:
        return this_process()

    @property
    def _search_index(self) -> SearchIndex:
        assert self._index is not None, "the index comes with the connection"
        return self._index

    def _prepare(self, connection: sqlite3.Connection) -> None:
        self._index = SearchIndex(connection, wanted=self._trigrams)

    def _put(
        self, connection: sqlite3.Connection, chat_id: str, message: Message, text: str, writer: Writer | None
    ) -> int:
        """Insert or replace one message; its row number."""
        values = {
            "chat": chat_id,
            "id": message.id,
            "parent": message.parent,
            "role": message.role,
            "state": message.state,
            "created": message.created,
            "parts": encode_parts(message.parts),
            "origin": encode_origin(message.origin),
            "text": text,
            "writer_pid": writer and writer.pid,
            "writer_started": writer and writer.started,
        }
        there = connection.execute(
            "SELECT number, parent FROM messages WHERE chat = :chat AND id = :id", values
        ).fetchone()
        if there is not None:
            number: int = there[0]
            if there[1] != message.parent:
                raise self._problem(say("Message {id} cannot move to another place in its chat.", id=message.id))
            connection.execute(
                "UPDATE messages SET role = :role, state = :state, created = :created, parts = :parts,"
                " origin = :origin, text = :text, indexed = 0, writer_pid = :writer_pid,"
                " writer_started = :writer_started WHERE number = :number",
                {**values, "number": number},
            )
            return number
        if (
            message.parent is not None
            and not connection.execute("SELECT 1 FROM messages WHERE chat = :chat AND id = :parent", values).fetchone()
        ):
            raise self._problem(say("Chat {chat} has no message {id}.", chat=chat_id, id=message.parent))
        added = connection.execute(
            f"INSERT INTO messages ({', '.join(values)}) VALUES ({', '.join(':' + name for name in values)})", values
        )
        _choose(connection, chat_id, message.parent, message.id)
        assert added.lastrowid is not None
        return added.lastrowid

    def _set(self, column: str, value: str | float | None, chat_id: str) -> None:
        with self._database.writing() as connection:
            changed = connection.execute(f"UPDATE chats SET {column} = ? WHERE id = ?", (value, chat_id))
            if not changed.rowcount:
                raise self._missing(chat_id)

    def _missing(self, chat_id: str) -> StoreError:
        return self._problem(say("There is no chat with the id {id}.", id=chat_id))

    def _problem(self, what: str) -> StoreError:
        hint = say("`llmlab chats list` shows the chats there are.")
        return StoreError(what, where=str(self.path), hint=hint)


def _choose(connection: sqlite3.Connection, chat_id: str, parent: str | None, child: str) -> None:
    connection.execute(
        "INSERT INTO choices (chat, parent, child) VALUES (?, ?, ?)"
        " ON CONFLICT (chat, parent) DO UPDATE SET child = excluded.child",
        (chat_id, parent or "", child),
    )


def _has_chat(connection: sqlite3.Connection, chat_id: str) -> bool:
    return connection.execute("SELECT 1 FROM chats WHERE id = ?", (chat_id,)).fetchone() is not None


def _clean_or_none(text: str | None) -> str | None:
    return None if text is None else clean(text)


def _summary(row: tuple[Any, ...], snippet: str = "") -> ChatSummary:
    return ChatSummary(
        id=row[0], title=row[1], created=row[2], updated=row[3], model=row[4], messages=row[5], snippet=snippet
    )


def _message(row: tuple[Any, ...]) -> Message:
    return Message(
        id=row[0],
        parent=row[1],
        role=row[2],
        state=row[3],
        created=row[4],
        parts=decode_parts(row[5]),
        origin=decode_origin(row[6]),
    )
