"""`llmlab runs`: what was measured, listed, shown, exported, compared and deleted."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Literal

from llmlab.domain.run import RunInfo
from llmlab.domain.terminal import visible_line
from llmlab.headless.console import Console
from llmlab.headless.diagnostics import Exit
from llmlab.headless.output import Output, table
from llmlab.headless.run import report_of
from llmlab.headless.run_table import summary_lines
from llmlab.services.run_folder import Page, lines_of, plain, write_folder
from llmlab.services.runs import SHORT, Runs
from llmlab.words import say


def list_runs(runs: Runs, out: Output, *, limit: int, as_json: bool) -> Exit:
    """Print runs, the one touched last first."""
    found = runs.list()[:limit]
    if as_json:
        out.json([asdict(run) for run in found])
        return Exit.ANSWERED
    rows = [
        (
            run.id[:SHORT],
            datetime.fromtimestamp(run.updated).strftime("%Y-%m-%d %H:%M"),
            _state(run),
            f"{run.done:,}/{run.planned:,}",
            ", ".join(run.models),
            run.title or run.name,
        )
        for run in found
    ]
    for line in table(rows) if rows else ():
        out.line(line)
    return Exit.ANSWERED


def show_run(runs: Runs, name: str, out: Output, *, as_json: bool) -> Exit:
    """Print the figures of a run.

    Raises:
        UsageError: there is no such run.
        StoreError: it cannot be read.
    """
    run = runs.find(name)
    summary = runs.summary(run.id)
    if as_json:
        out.json({"run": plain(run), **plain(summary), "environment": runs.environment(run.id)})
        return Exit.ANSWERED
    out.line(f"{run.title or run.name} · {run.id} · {_state(run)}")
    if summary.hypothesis:
        out.line(visible_line(summary.hypothesis))
    out.line()
    for line in summary_lines(summary):
        out.line(line)
    if run.folder:
        out.line()
        out.line(run.folder)
    return Exit.ANSWERED


def export_run(
    runs: Runs, name: str, out: Output, *, form: Literal["jsonl", "json"], folder: Path | None, pages: dict[str, Page]
) -> Exit:
    """Print the results of a run, or write its folder.

    Raises:
        UsageError: there is no such run.
        StoreError: it cannot be read, or a file cannot be written.
    """
    run = runs.find(name)
    if folder is not None:
        write_folder(folder, report_of(runs, run.id), pages)
        return Exit.ANSWERED
    if form == "json":
        out.json(plain(runs.summary(run.id)))
        return Exit.ANSWERED
    for line in lines_of(runs.results(run.id)):
        out.write(line)
    return Exit.ANSWERED


def compare_runs(runs: Runs, first: str, second: str, out: Output, *, as_json: bool) -> Exit:
    """Print two runs against each other, arm by arm.

    Raises:
        UsageError: there is no such run, or they have no arm in common.
        StoreError: one of them cannot be read.
    """
    summaries = runs.compare(runs.find(first).id, runs.find(second).id)
    if as_json:
        out.json([plain(summary) for summary in summaries])
        return Exit.ANSWERED
    for place, summary in enumerate(summaries):
        if place:
            out.line()
        for line in summary_lines(summary):
            out.line(line)
    return Exit.ANSWERED


def delete_run(runs: Runs, name: str, console: Console) -> Exit:
    """Let go of a run; the files of its folder stay.

    Raises:
        UsageError: there is no such run.
        StoreError: it is being measured.
    """
    run = runs.find(name)
    runs.delete(run.id)
    console.err.note(
        say(
            "Deleted: {id} ({trials:,} trials). Its folder stays: {folder}",
            id=run.id,
            trials=run.done,
            folder=run.folder,
        )
    )
    return Exit.ANSWERED


def _state(run: RunInfo) -> str:
    return {"running": say("running"), "stopped": say("stopped"), "done": say("done")}[run.state]
