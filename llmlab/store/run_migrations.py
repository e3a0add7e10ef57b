"""The schema of runs as ordered named steps; a step that was released is never edited."""

from __future__ import annotations

import sqlite3
from typing import Final

from llmlab.store.migrations import Migration


def runs_with_items_and_results(connection: sqlite3.Connection) -> None:
    """Runs, what was asked in them, and a row for each trial that was measured."""
    for statement in (
        # The writer is the process that measures: its id and its start, since the system gives ids out again.
        """CREATE TABLE runs (
            number INTEGER PRIMARY KEY,
            id TEXT NOT NULL UNIQUE,
            name TEXT NOT NULL,
            title TEXT NOT NULL,
            digest TEXT NOT NULL,
            created REAL NOT NULL,
            updated REAL NOT NULL,
            planned INTEGER NOT NULL,
            complete INTEGER NOT NULL DEFAULT 0,
            models TEXT NOT NULL,
            source TEXT NOT NULL,
            folder TEXT NOT NULL,
            experiment TEXT NOT NULL,
            environment TEXT NOT NULL DEFAULT '{}',
            writer_pid INTEGER,
            writer_started REAL
        )""",
        "CREATE INDEX runs_digest ON runs (digest)",
        # `scope` is the arm whose item it is; empty where every arm is asked the same.
        """CREATE TABLE items (
            number INTEGER PRIMARY KEY,
            run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
            scope TEXT NOT NULL,
            id TEXT NOT NULL,
            body TEXT NOT NULL,
            UNIQUE (run, scope, id)
        )""",
        # `failed` rows are told, and never keep a trial from being tried again.
        """CREATE TABLE results (
            number INTEGER PRIMARY KEY,
            run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
            trial TEXT NOT NULL,
            arm TEXT NOT NULL,
            item TEXT NOT NULL,
            repeat INTEGER NOT NULL,
            failed INTEGER NOT NULL,
            result TEXT NOT NULL,
            measures TEXT NOT NULL,
            UNIQUE (run, arm, item, repeat)
        )""",
        "CREATE INDEX results_trial ON results (trial) WHERE failed = 0",
    ):
        connection.execute(statement)


def index_of_failures(connection: sqlite3.Connection) -> None:
    """Trials without an answer, or whose scorer failed: counted without reading what was answered."""
    connection.execute(
        """CREATE INDEX results_failures ON results (run) WHERE failed OR instr(result, '"outcome":"error"')"""
    )


def long_prompts(connection: sqlite3.Connection) -> None:
    """Prompts that are too long for the line of their trial: once in a run, compressed by zlib."""
    connection.execute(
        """CREATE TABLE prompts (
            number INTEGER PRIMARY KEY,
            run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
            file TEXT NOT NULL,
            text BLOB NOT NULL,
            UNIQUE (run, file)
        )"""
    )
    # A run that takes results over from another takes their prompts over as well.
    connection.execute("CREATE INDEX prompts_file ON prompts (file)")


RUN_MIGRATIONS: Final[tuple[Migration, ...]] = (runs_with_items_and_results, index_of_failures, long_prompts)
"""Every step; the version of a database is how many of them it has seen."""
