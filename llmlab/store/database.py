"""One SQLite file: opened when it is first needed, brought up to date, every failure said in words."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

from llmlab.errors import StoreError
from llmlab.store.migrations import Migration
from llmlab.words import say

APPLICATION_ID: Final = 0x6C6C6D6C
"""`llml`: marks the file as ours in its header."""

# The last two: a text in the file is no UTF-8, and could not be read or handed to the search.
_DAMAGE: Final = ("file is not a database", "malformed", "could not decode", "user-defined function raised")
_LOCKED: Final = ("locked", "busy")


class Database:
    """A connection that threads share, one at a time.

    Args:
        path: the file; it and its folder are made when needed, readable by their owner alone.
        migrations: the schema, step by step.
        prepare: called once with each new connection, after the migrations.
        rescue: copies what it can of a damaged file into a new one; how many chats or runs that were.
        busy_timeout: seconds to wait for another process that is writing.
        holds: what is in the file, `chats` or `runs`, as sentences call it.
    """

    def __init__(
        self,
        path: Path,
        migrations: Sequence[Migration],
        *,
        prepare: Callable[[sqlite3.Connection], None] = lambda connection: None,
        rescue: Callable[[Path, sqlite3.Connection], int] = lambda damaged, connection: 0,
        busy_timeout: float = 5.0,
        holds: Literal["chats", "runs"] = "chats",
    ) -> None:
        self.path = path
        self._holds = holds
        self._migrations = migrations
        self._prepare = prepare
        self._rescue = rescue
        self._busy_timeout = busy_timeout
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._opened: tuple[int, int] | None = None

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The connection, for one statement or several that need no common snapshot.

        Raises:
            StoreError: the file cannot be opened or read.
        """
        with self._lock, self._in_words():
            yield self._open()

    @contextmanager
    def writing(self, *, durable: bool = True) -> Iterator[sqlite3.Connection]:
        """The connection inside one transaction: everything happens, or nothing does.

        What was written outlives the process either way.

        Args:
            durable: it outlives a power cut too, for the price of waiting for the disk.

        Raises:
            StoreError: the file cannot be opened or written; nothing was changed.
        """
        with self._lock, self._in_words():
            connection = self._open()
            connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            with _transaction(connection):
                yield connection

    @property
    def _things(self) -> str:
        """What is in the file, in the language in use."""
        return say("chats" if self._holds == "chats" else "runs")

    def close(self) -> None:
        """Let the file go; a later call opens it again."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _open(self) -> sqlite3.Connection:
        if self._connection is not None and self._identity() != self._opened:
            self._follow_the_file(self._connection)
        if self._connection is None:
            self._make_file()
            with ExitStack() as undo:
                connection = sqlite3.connect(
                    self.path, timeout=self._busy_timeout, isolation_level=None, check_same_thread=False
                )
                undo.callback(connection.close)
                # Nothing is written before the file is known to be ours: a refused file stays as it is.
                self._check_owner_and_version(connection)
                self._use_wal(connection)
                connection.execute("PRAGMA foreign_keys = ON")
                self._migrate(connection)
                self._prepare(connection)
                undo.pop_all()
            self._connection, self._opened = connection, self._identity()
        return self._connection

    def _use_wal(self, connection: sqlite3.Connection) -> None:
        """Keep a write-ahead log. SQLite does not wait its busy timeout here when another process does the same."""
        deadline, pause = time.monotonic() + self._busy_timeout, threading.Event()
        while True:
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() >= deadline:
                    raise
            pause.wait(0.01)

    def _identity(self) -> tuple[int, int] | None:
        """Which file lies at the path now; `None` when there is none."""
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _follow_the_file(self, old: sqlite3.Connection) -> None:
        """The file was taken away while it was open: put it back. Or another took its place: go on with that."""
        self._connection = None
        with closing(old):
            if self._identity() is not None:
                return
            self._make_file()
            with closing(sqlite3.connect(self.path)) as copy:
                old.backup(copy)

    def _make_file(self) -> None:
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Made here, since SQLite would make it readable by everyone; its -wal and -shm files copy these rights.
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                if os.name == "posix" and os.fstat(descriptor).st_mode & 0o077:
                    os.fchmod(descriptor, 0o600)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise StoreError(
                say(
                    "The file of {things} cannot be opened for writing: {reason}.",
                    things=self._things,
                    reason=error.strerror or error,
                ),
                where=str(self.path),
                hint=say("Make the folder and the file writable, or set LLMLAB_HOME to a folder that is."),
            ) from error

    def _check_owner_and_version(self, connection: sqlite3.Connection) -> None:
        # The version first: the tables of a newer one may be written in a way that this SQLite cannot read. The owner
        # after the tables: another process may be making both right now.
        version: int = connection.execute("PRAGMA user_version").fetchone()[0]
        tables: int = 0
        if version <= len(self._migrations):
            tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        owner: int = connection.execute("PRAGMA application_id").fetchone()[0]
        if tables and owner != APPLICATION_ID:
            raise StoreError(
                say("This database belongs to another program; it was left as it is."),
                where=str(self.path),
                hint=say("Move it away, or set LLMLAB_HOME to another folder."),
            )
        if version > len(self._migrations):
            raise StoreError(
                say(
                    "The {things} were written by a newer llmlab (format {found}); "
                    "this one reads up to format {known}.",
                    things=self._things,
                    found=version,
                    known=len(self._migrations),
                ),
                where=str(self.path),
                hint=say("Update llmlab. The file was left as it is; LLMLAB_HOME can name another folder meanwhile."),
            )

    def _migrate(self, connection: sqlite3.Connection) -> None:
        if connection.execute("PRAGMA user_version").fetchone()[0] == len(self._migrations):
            return
        with _transaction(connection):
            # Read again inside the lock: another process may have done the work meanwhile.
            done: int = connection.execute("PRAGMA user_version").fetchone()[0]
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            for version, step in enumerate(self._migrations[done:], start=done + 1):
                step(connection)
                connection.execute(f"PRAGMA user_version = {version}")

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            # `sqlite_errorcode` exists only from Python 3.11 on; SQLite's sentences are as stable as its codes.
            said = str(error).lower()
            if any(sign in said for sign in _DAMAGE):
                raise self._keep_aside() from error
            raise StoreError(
                _explain(said, str(error), self._things), where=str(self.path), hint=_advise(said)
            ) from error
        except UnicodeDecodeError as error:
            # Text that is no UTF-8, in a row or in SQLite's own complaint about the schema: llmlab never wrote it.
            raise self._keep_aside() from error

    def _keep_aside(self) -> StoreError:
        """Move the damaged file and its companions to a new name, and start a file with what can be read of it."""
        self.close()
        kept = self.path.with_name(f"{self.path.name}.damaged-{datetime.now():%Y%m%d-%H%M%S-%f}")
        try:
            for ending in ("-wal", "-shm", ""):
                companion = self.path.with_name(self.path.name + ending)
                if companion.exists():
                    companion.rename(kept.with_name(kept.name + ending))
        except OSError as error:
            reason = error.strerror or error
            return StoreError(
                say(
                    "The file of {things} is damaged and cannot be moved aside: {reason}.",
                    things=self._things,
                    reason=reason,
                ),
                where=str(self.path),
                hint=say("End other programs that use it, then move it to a safe place yourself."),
            )
        count = self._save_what_is_left(kept)
        hint = say("The damaged file was kept as {kept}; nothing in it was changed.", kept=kept)
        if not count:
            hint += " " + say("`sqlite3 FILE .recover` may get more out of it.")
        return StoreError(
            say(
                "The file of {things} was damaged. What could still be read is in a new file: {count}.",
                things=self._things,
                count=count,
            ),
            where=str(self.path),
            hint=hint,
        )

    def _save_what_is_left(self, kept: Path) -> int:
        try:
            with _transaction(self._open()) as connection:
                return self._rescue(kept, connection)
        except (sqlite3.Error, UnicodeDecodeError, StoreError):
            # The next call meets the same trouble with the new file, and says it.
            self.close()
            return 0


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    # IMMEDIATE takes the write lock at once: a read that turns into a write would fail without waiting.
    connection.execute("BEGIN IMMEDIATE")
    with ExitStack() as undo:
        undo.callback(_roll_back, connection)
        yield connection
        connection.execute("COMMIT")
        undo.pop_all()


def _roll_back(connection: sqlite3.Connection) -> None:
    # A full disk ends the transaction by itself.
    if connection.in_transaction:
        connection.execute("ROLLBACK")


def _explain(said: str, reason: str, things: str) -> str:
    if any(sign in said for sign in _LOCKED):
        return say(
            "The {things} are locked: another program is writing to them and did not finish in time.", things=things
        )
    if "full" in said:
        return say("The disk is full; what was to be written is not saved.")
    if "readonly" in said or "unable to open" in said:
        return say("The file of {things} cannot be opened for writing: {reason}.", things=things, reason=reason)
    if "i/o" in said:
        return say("The disk failed while the {things} were read or written: {reason}.", things=things, reason=reason)
    return say("The {things} cannot be read or written: {reason}.", things=things, reason=reason)


def _advise(said: str) -> str:
    if any(sign in said for sign in _LOCKED):
        return say("End the other llmlab or the backup that holds the file, then try again.")
    if "full" in said or "i/o" in said:
        return say("Make room on the disk, then try again; nothing that was saved before is lost.")
    if "readonly" in said or "unable to open" in said:
        return say("Make the folder and the file writable, or set LLMLAB_HOME to a folder that is.")
    return say("Try again; if it stays, `llmlab doctor` shows what is wrong.")
