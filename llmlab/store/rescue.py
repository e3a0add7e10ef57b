"""What can still be read of a damaged file of chats or runs, copied row by row into a new one."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

_RUN: Final = 64
"""Rows read at once; where a run fails, its rows are tried one by one."""
_SMALLEST_ROW: Final = 32
"""Bytes that a row takes at least, which bounds their number where the file no longer tells."""
_TABLES: Final = {
    "chats": ("number", "id", "title", "created", "updated", "model", "system", "deleted_at"),
    "messages": ("number", "chat", "id", "parent", "role", "state", "created", "parts", "origin", "text"),
    "runs": (
        "number", "id", "name", "title", "digest", "created", "updated", "planned", "models", "source", "folder",
        "experiment", "environment",
    ),
    "items": ("number", "run", "scope", "id", "body"),
    "results": ("number", "run", "trial", "arm", "item", "repeat", "failed", "result", "measures"),
    "prompts": ("number", "run", "file", "text"),
}  # fmt: skip

Row = tuple[object, ...]


def rescue(damaged: Path, connection: sqlite3.Connection) -> int:
    """Copy what can be read of `damaged`, which is not changed, into the empty `connection`.

    A message whose parent is lost follows the one that was made before it. Runs in the caller's transaction.

    Returns:
        How many chats were saved.
    """
    most = damaged.stat().st_size // _SMALLEST_ROW
    try:
        with _damaged(damaged) as source:
            for row in _readable(source, "chats", most):
                _insert(connection, "chats", row)
            last: dict[object, object] = {}
            for row in _readable(source, "messages", most):
                number, chat, id_, parent, *rest = row
                if not _has_message(connection, chat, parent):
                    parent = last.get(chat)
                if _insert(connection, "messages", (number, chat, id_, parent, *rest)):
                    last[chat] = id_
            _copy_choices(source, connection)
    except (sqlite3.DatabaseError, UnicodeDecodeError):
        # Not even its table of contents can be read; what was copied until then stands.
        pass
    rescued: int = connection.execute("SELECT count(*) FROM chats").fetchone()[0]
    return rescued


def rescue_runs(damaged: Path, connection: sqlite3.Connection) -> int:
    """Copy the runs that can be read of `damaged` as `rescue` does; a run goes on with what is left of its results.

    Returns:
        How many runs were saved.
    """
    most = damaged.stat().st_size // _SMALLEST_ROW
    try:
        with _damaged(damaged) as source:
            for table in ("runs", "items", "results", "prompts"):
                if table == "prompts" and not _has_table(source, table):
                    continue  # a file of before
                for row in _readable(source, table, most):
                    _insert(connection, table, row)
    except (sqlite3.DatabaseError, UnicodeDecodeError):
        # Not even its table of contents can be read; what was copied until then stands.
        pass
    rescued: int = connection.execute("SELECT count(*) FROM runs").fetchone()[0]
    return rescued


@contextmanager
def _damaged(path: Path) -> Iterator[sqlite3.Connection]:
    """A damaged file, open for reading alone."""
    # As a URI, since only that opens a file without the right to change it.
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as source:
        source.text_factory = lambda text: text.decode("utf-8", "replace")
        # Without it SQLite refuses a file that is shorter than its header says.
        source.execute("PRAGMA writable_schema = ON")
        yield source


def _readable(source: sqlite3.Connection, table: str, most: int) -> Iterator[Row]:
    """The rows of `table` that can be read, in order; there are at most `most`."""
    select = f"SELECT {', '.join(_TABLES[table])} FROM {table} NOT INDEXED WHERE number BETWEEN ? AND ? ORDER BY number"
    for start in range(1, _last_number(source, table, most) + 1, _RUN):
        try:
            yield from source.execute(select, (start, start + _RUN - 1)).fetchall()
        except sqlite3.DatabaseError:
            for number in range(start, start + _RUN):
                try:
                    yield from source.execute(select, (number, number)).fetchall()
                except sqlite3.DatabaseError:
                    continue


def _has_table(source: sqlite3.Connection, table: str) -> bool:
    return source.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone() is not None


def _last_number(source: sqlite3.Connection, table: str, most: int) -> int:
    try:
        last: int = source.execute(f"SELECT coalesce(max(number), 0) FROM {table} NOT INDEXED").fetchone()[0]
    except sqlite3.DatabaseError:
        # The page with the last row is gone.
        return most
    return last


def _insert(connection: sqlite3.Connection, table: str, row: Row) -> bool:
    columns = _TABLES[table]
    places = ", ".join("?" * len(columns))
    try:
        connection.execute(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})", row)
    except sqlite3.IntegrityError:
        # A value that damage has changed: a chat that is not there, an id that is taken.
        return False
    return True


def _has_message(connection: sqlite3.Connection, chat: object, parent: object) -> bool:
    if parent is None:
        return True
    found = connection.execute("SELECT 1 FROM messages WHERE chat = ? AND id = ?", (chat, parent))
    return found.fetchone() is not None


def _copy_choices(source: sqlite3.Connection, connection: sqlite3.Connection) -> None:
    for chat, parent, child in source.execute("SELECT chat, parent, child FROM choices"):
        if _has_message(connection, chat, child) and child is not None:
            connection.execute("INSERT OR REPLACE INTO choices VALUES (?, ?, ?)", (chat, parent, child))
