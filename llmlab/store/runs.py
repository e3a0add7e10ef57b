"""Runs kept for good: a row for each trial as soon as it was measured."""

from __future__ import annotations

import sqlite3
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from llmlab.domain.experiment import Experiment, Item
from llmlab.domain.outcomes import Answer, TrialResult
from llmlab.domain.run import RunInfo
from llmlab.errors import StoreError
from llmlab.store.database import Database
from llmlab.store.rescue import rescue_runs
from llmlab.store.run_codec import (
    decode_experiment,
    decode_item,
    decode_measures,
    decode_result,
    encode,
    encode_experiment,
)
from llmlab.store.run_migrations import RUN_MIGRATIONS
from llmlab.store.writers import Writer, this_process
from llmlab.words import say

_UNSCORED: Final = """instr(result, '"outcome":"error"')"""
"""A scorer failed at it: quotes within a text of the result are escaped, so that only a score has these letters."""
_INFO: Final = f"""
    SELECT id, name, title, digest, created, updated, complete, planned,
        (SELECT count(*) FROM results WHERE run = runs.id) AS done,
        (SELECT count(*) FROM results WHERE run = runs.id AND (failed OR {_UNSCORED})) AS failed,
        models, source, folder, writer_pid, writer_started
    FROM runs
"""


TrialKey = tuple[str, str, int]
"""Arm, item and repeat."""
Done = Mapping[TrialKey, str]
"""The trials that were measured."""
Answered = tuple[TrialResult, Answer | None]
"""A trial that has an answer, and what was measured beside its text."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One trial that was measured, and what a scorer may want to look at again."""

    result: TrialResult
    item: Item
    scope: str = ""
    """The arm whose item it is; empty where every arm is asked the same."""
    measures: Answer | None = None
    """Where likelihoods or a verdict were measured beside the text."""
    early: bool = False
    """Its scores are still to come; like `counted`, for whoever follows the run, and not stored."""
    counted: bool = False
    """It was kept before, and its scores alone are new."""
    prompt: str = ""
    """The text of the result's `prompt_file`; empty where it is kept already."""


class RunStore:
    """The runs of one file. Every method may be called from any thread and raises only `StoreError`.

    Args:
        path: the SQLite file, made when it is first needed.
        clock: seconds since the epoch.
        busy_timeout: seconds to wait for another process that is writing.
    """

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time, busy_timeout: float = 5.0) -> None:
        self.path = path
        self._clock = clock
        self._database = Database(path, RUN_MIGRATIONS, rescue=rescue_runs, busy_timeout=busy_timeout, holds="runs")

    def begin(self, run: RunInfo, experiment: Experiment, environment: Mapping[str, object]) -> None:
        """Keep a new run, or go on with the one of this id, as written by this process.

        Raises:
            StoreError: another process that lives is measuring it, or it cannot be written.
        """
        writer, now = this_process(), self._clock()
        with self._database.writing() as connection:
            self._require_free(connection, run.id, writer)
            connection.execute(
                """INSERT INTO runs (id, name, title, digest, created, updated, planned, models, source, folder,
                    experiment, environment, writer_pid, writer_started)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT (id) DO UPDATE SET updated = excluded.updated, planned = excluded.planned, complete = 0,
                    source = excluded.source, folder = excluded.folder, experiment = excluded.experiment,
                    writer_pid = excluded.writer_pid, writer_started = excluded.writer_started""",
                (
                    run.id,
                    run.name,
                    run.title,
                    run.digest,
                    now,
                    now,
                    run.planned,
                    encode(run.models),
                    run.source,
                    run.folder,
                    encode_experiment(experiment),
                    encode(environment),
                    writer.pid,
                    writer.started,
                ),
            )

    def put(self, run_id: str, rows: Sequence[Measured]) -> None:
        """Keep results, all of them or none, each in place of an older one of the same trial.

        They outlive the process at once, and a power cut from the next `end` on.
        """
        with self._database.writing(durable=False) as connection:
            for row in rows:
                result = row.result
                connection.execute(
                    "INSERT OR IGNORE INTO items (run, scope, id, body) VALUES (?, ?, ?, ?)",
                    (run_id, row.scope, result.item, encode(row.item)),
                )
                connection.execute(
                    """INSERT INTO results (run, trial, arm, item, repeat, failed, result, measures)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                    ON CONFLICT (run, arm, item, repeat) DO UPDATE SET trial = excluded.trial,
                        failed = excluded.failed, result = excluded.result, measures = excluded.measures""",
                    (
                        run_id,
                        result.id,
                        result.arm,
                        result.item,
                        result.repeat,
                        bool(result.problem),
                        encode(result),
                        encode(row.measures) if row.measures else "",
                    ),
                )
                _keep_prompt(connection, run_id, result.prompt_file, row.prompt)

    def end(self, run_id: str, environment: Mapping[str, object], *, complete: bool) -> None:
        """Nobody measures this run any more; it is `complete` when every trial was."""
        with self._database.writing() as connection:
            connection.execute(
                """UPDATE runs SET updated = ?, complete = ?, environment = ?, writer_pid = NULL, writer_started = NULL
                WHERE id = ?""",
                (self._clock(), complete, encode(environment), run_id),
            )

    def list(self) -> tuple[RunInfo, ...]:
        """Every run, the one touched last first."""
        with self._database.reading() as connection:
            rows = connection.execute(f"{_INFO} ORDER BY updated DESC, number DESC").fetchall()
        return tuple(map(_info, rows))

    def of_digest(self, digest: str) -> RunInfo | None:
        """The run of this experiment that was touched last."""
        with self._database.reading() as connection:
            row = connection.execute(
                f"{_INFO} WHERE digest = ? ORDER BY updated DESC, number DESC LIMIT 1", (digest,)
            ).fetchone()
        return None if row is None else _info(row)

    def info(self, run_id: str) -> RunInfo:
        """One run.

        Raises:
            StoreError: there is none of this id.
        """
        with self._database.reading() as connection:
            row = connection.execute(f"{_INFO} WHERE id = ?", (run_id,)).fetchone()
        if row is None:
            raise self._missing(run_id)
        return _info(row)

    def experiment(self, run_id: str) -> Experiment:
        """The experiment of a run; its items have ids and nothing else.

        Raises:
            StoreError: there is no such run, or another version of llmlab wrote it.
        """
        text = self._column(run_id, "experiment")
        try:
            return decode_experiment(text)
        except ValueError as error:
            raise _foreign(self.path, run_id, str(error)) from None

    def environment(self, run_id: str) -> dict[str, Any]:
        """On what a run was measured last."""
        found = msgspec.json.decode(self._column(run_id, "environment"))
        return found if isinstance(found, dict) else {}

    def results(self, run_id: str) -> Iterator[TrialResult]:
        """What was measured, in the order in which it was; rows that another version wrote are left out."""
        with self._database.reading() as connection:
            rows = connection.execute("SELECT result FROM results WHERE run = ? ORDER BY number", (run_id,)).fetchall()
        for (text,) in rows:
            with suppress(ValueError):
                yield decode_result(text)

    def prompt(self, run_id: str, file: str) -> str:
        """The prompt that a result of a run names as its `prompt_file`; empty where it is not kept."""
        with self._database.reading() as connection:
            return _kept_prompt(connection, run_id, file)

    def answered(self, run_id: str) -> Iterator[Measured]:
        """What has an answer, with its item and what was measured beside it, in the order in which it was."""
        with self._database.reading() as connection:
            rows = connection.execute(
                """SELECT result, body, scope, measures FROM results JOIN items
                ON items.run = results.run AND items.id = results.item AND items.scope IN (results.arm, '')
                WHERE results.run = ? AND failed = 0 ORDER BY results.number""",
                (run_id,),
            ).fetchall()
        for result, item, scope, measures in rows:
            with suppress(ValueError):
                kept = decode_measures(measures) if measures else None
                yield Measured(decode_result(result), decode_item(item), scope, kept)

    def done(self, run_id: str) -> Done:
        """The trials that have an answer."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT arm, item, repeat, trial FROM results WHERE run = ? AND failed = 0", (run_id,)
            ).fetchall()
        return {(arm, item, repeat): trial for arm, item, repeat, trial in rows}

    def unscored(self, run_id: str) -> frozenset[TrialKey]:
        """The trials that have an answer at which a scorer failed."""
        with self._database.reading() as connection:
            rows = connection.execute(
                f"SELECT arm, item, repeat FROM results WHERE run = ? AND failed = 0 AND {_UNSCORED}", (run_id,)
            ).fetchall()
        return frozenset((arm, item, repeat) for arm, item, repeat in rows)

    def item(self, run_id: str, arm: str, item_id: str) -> Item | None:
        """What was asked in a trial; `None` where it cannot be read any more."""
        with self._database.reading() as connection:
            row = connection.execute(
                "SELECT body FROM items WHERE run = ? AND id = ? AND scope IN (?, '') ORDER BY scope DESC LIMIT 1",
                (run_id, item_id, arm),
            ).fetchone()
        with suppress(ValueError):
            return None if row is None else decode_item(row[0])
        return None

    def known(self, trials: Sequence[str], but: str) -> tuple[Answered, ...]:
        """Of these trials, what other runs than `but` measured, newest first; failed ones count as not measured."""
        return tuple(self._answers("run <> ?", but, trials))

    def kept(self, run_id: str, trials: Sequence[str]) -> tuple[Answered, ...]:
        """Of these trials, the answers that this run has."""
        return tuple(self._answers("run = ?", run_id, trials))

    def _answers(self, which: str, run_id: str, trials: Sequence[str]) -> Iterator[Answered]:
        """The answers to these trials."""
        with self._database.reading() as connection:
            for start in range(0, len(trials), 500):
                asked = trials[start : start + 500]
                places = ", ".join("?" * len(asked))
                rows = connection.execute(
                    f"""SELECT result, measures FROM results
                    WHERE failed = 0 AND {which} AND trial IN ({places}) ORDER BY number DESC""",
                    (run_id, *asked),
                ).fetchall()
                for result, measures in rows:
                    with suppress(ValueError):
                        yield decode_result(result), decode_measures(measures) if measures else None

    def delete(self, run_id: str) -> None:
        """Let go of a run and of all that was measured in it.

        Raises:
            StoreError: a process that lives is measuring it.
        """
        with self._database.writing() as connection:
            self._require_free(connection, run_id, None)
            connection.execute("DELETE FROM runs WHERE id = ?", (run_id,))

    def close(self) -> None:
        """Let the file go; a later call opens it again."""
        self._database.close()

    def _require_free(self, connection: sqlite3.Connection, run_id: str, own: Writer | None) -> None:
        row = connection.execute("SELECT writer_pid, writer_started FROM runs WHERE id = ?", (run_id,)).fetchone()
        if row is None or row[0] is None:
            return
        writer = Writer(row[0], row[1])
        if writer != own and writer.alive:
            raise StoreError(
                say("Another llmlab is measuring this run (process {pid}).", pid=writer.pid),
                where=str(self.path),
                hint=say("Wait for its end, or end it; what it has measured is kept."),
            )

    def _column(self, run_id: str, name: str) -> str:
        with self._database.reading() as connection:
            row = connection.execute(f"SELECT {name} FROM runs WHERE id = ?", (run_id,)).fetchone()
        if row is None:
            raise self._missing(run_id)
        text: str = row[0]
        return text

    def _missing(self, run_id: str) -> StoreError:
        return StoreError(
            say("There is no run {id}.", id=run_id),
            where=str(self.path),
            hint=say("See all of them with: llmlab runs list"),
        )


def _foreign(path: Path, run_id: str, reason: str) -> StoreError:
    return StoreError(
        say("The experiment of run {id} cannot be read: {reason}.", id=run_id, reason=reason),
        where=str(path),
        hint=say("It may have been measured by another version of llmlab; its results can still be exported."),
    )


def _keep_prompt(connection: sqlite3.Connection, run_id: str, file: str, text: str) -> None:
    """Keep a prompt of a run that has a file of its own; without its text, that of any run that has it."""
    if not file:
        return
    if text:
        packed = zlib.compress(text.encode("utf-8", "replace"))
        connection.execute("INSERT OR IGNORE INTO prompts (run, file, text) VALUES (?, ?, ?)", (run_id, file, packed))
        return
    connection.execute(
        """INSERT OR IGNORE INTO prompts (run, file, text)
        SELECT ?, file, text FROM prompts WHERE file = ? LIMIT 1""",
        (run_id, file),
    )


def _kept_prompt(connection: sqlite3.Connection, run_id: str, file: str) -> str:
    row = connection.execute("SELECT text FROM prompts WHERE run = ? AND file = ?", (run_id, file)).fetchone()
    with suppress(zlib.error):
        return zlib.decompress(row[0]).decode("utf-8", "replace") if row else ""
    return ""


def _info(row: Sequence[Any]) -> RunInfo:
    writer = None if row[13] is None else Writer(row[13], row[14])
    return RunInfo(
        id=row[0],
        name=row[1],
        title=row[2],
        digest=row[3],
        created=row[4],
        updated=row[5],
        state="running" if writer and writer.alive else "done" if row[6] else "stopped",
        planned=row[7],
        done=row[8],
        failed=row[9],
        models=tuple(msgspec.json.decode(row[10])),
        source=row[11],
        folder=row[12],
    )
