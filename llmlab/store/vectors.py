"""Vectors of texts, kept so that nothing is embedded twice: one SQLite file that may be deleted at any time."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Final

from llmlab.errors import StoreError
from llmlab.words import say

ROOM: Final = 1 << 30
"""Bytes of all vectors together; beyond them, those not used for longest go."""
_DAY: Final = 86_400
_CHUNK: Final = 500
"""Keys of one query."""
_DAMAGE: Final = ("file is not a database", "malformed", "no such column", "has no column")
_SCHEMA: Final = (
    """CREATE TABLE IF NOT EXISTS vectors (
        model BLOB NOT NULL, text BLOB NOT NULL, vector BLOB NOT NULL, day INTEGER NOT NULL, UNIQUE (model, text))""",
    "CREATE INDEX IF NOT EXISTS by_day ON vectors (day)",
)


class VectorStore:
    """Vectors by the mark of their model and the hash of their text; every verb may be called from any thread.

    Args:
        path: the file; it and its folder are made when the first vector is kept, readable by their owner alone.
        room: bytes of all vectors together.
    """

    def __init__(self, path: Path, room: int = ROOM) -> None:
        self._path, self._room = path, room
        self._lock = threading.Lock()

    def find(self, model: bytes, texts: Sequence[bytes]) -> dict[bytes, bytes]:
        """The vectors that are kept, by the hash of their text; what cannot be read counts as not kept."""
        found: dict[bytes, bytes] = {}
        if not self._path.exists():
            return found
        today, waiting = int(time.time()) // _DAY, iter(texts)
        with self._lock, suppress(sqlite3.Error, OSError), self._open() as connection:
            while chunk := list(islice(waiting, _CHUNK)):
                places = f"model = ? AND text IN ({','.join('?' * len(chunk))})"
                rows = connection.execute(f"SELECT text, vector, day FROM vectors WHERE {places}", (model, *chunk))
                days = {text: (vector, day) for text, vector, day in rows}
                found.update((text, vector) for text, (vector, _) in days.items())
                if any(day < today for _, day in days.values()):
                    connection.execute(f"UPDATE vectors SET day = ? WHERE {places}", (today, model, *chunk))
                    connection.commit()
        return found

    def keep(self, model: bytes, vectors: Mapping[bytes, bytes]) -> None:
        """Keep vectors by the hash of their text; a damaged file is made anew.

        Raises:
            StoreError: the disk is full or cannot be written.
        """
        with self._lock:
            try:
                try:
                    self._write(model, vectors)
                except sqlite3.DatabaseError as error:
                    if not any(sign in str(error).lower() for sign in _DAMAGE):
                        raise
                    self._forget()
                    self._write(model, vectors)
            except (sqlite3.Error, OSError) as error:
                raise StoreError(
                    say("Vectors cannot be kept, and are made again next time: {reason}", reason=error),
                    where=str(self._path),
                    hint=say("Make room on the disk, or make the folder writable."),
                ) from None

    def _write(self, model: bytes, vectors: Mapping[bytes, bytes]) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Made here, since SQLite would make it readable by everyone.
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
        today = int(time.time()) // _DAY
        with self._open() as connection:
            for statement in _SCHEMA:
                connection.execute(statement)
            rows = [(model, text, vector, today) for text, vector in vectors.items()]
            connection.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?, ?)", rows)
            self._make_room(connection)
            connection.commit()

    def _make_room(self, connection: sqlite3.Connection) -> None:
        """Let the vectors go that were not used for longest, a tenth of all at a time."""
        while _bytes_in(connection) > self._room:
            count: int = connection.execute("SELECT count(*) FROM vectors").fetchone()[0]
            if not count:
                return
            oldest = "SELECT rowid FROM vectors ORDER BY day, rowid LIMIT ?"
            connection.execute(f"DELETE FROM vectors WHERE rowid IN ({oldest})", (max(1, count // 10),))

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path, timeout=5.0)) as connection:
            yield connection

    def _forget(self) -> None:
        for ending in ("", "-journal"):
            self._path.with_name(self._path.name + ending).unlink(missing_ok=True)


def _bytes_in(connection: sqlite3.Connection) -> int:
    """Bytes of the pages that hold something."""
    pages, free, size = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)
