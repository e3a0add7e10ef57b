"""`llmlab runs`: what was measured."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click

from llmlab.commands.kit import Commands, Session, command, help_flag, json_flag, option, prepare
from llmlab.words import say


def runs_command() -> click.Group:
    """List, show, export, compare, plot and delete runs."""
    run = click.Argument(["run"], metavar="RUN")
    return Commands(
        name="runs",
        help=say(
            "Runs of experiments: list, show, export, compare, plot, delete. RUN is an id, its beginning, or a name."
        ),
        add_help_option=False,
        params=[help_flag()],
        no_args_is_help=True,
        commands=[
            command(
                "list",
                _list,
                say("List runs, the one touched last first."),
                option("-n", "--limit", type=click.IntRange(min=1), default=50, help=say("At most this many.")),
                json_flag(),
            ),
            command("show", _show, say("Print the figures of a run."), run, json_flag()),
            command(
                "export",
                _export,
                say("Print the results of a run, a JSON object a line, or write its folder."),
                run,
                option(
                    "--format",
                    "form",
                    type=click.Choice(["jsonl", "json"]),
                    default="jsonl",
                    help=say("Every trial, or the figures alone."),
                ),
                option("-o", "--output", type=click.Path(path_type=Path), help=say("Write the folder here.")),
            ),
            command(
                "compare",
                _compare,
                say("Compare two runs on the items that both were asked, arm by arm."),
                click.Argument(["first"], metavar="RUN"),
                click.Argument(["second"], metavar="RUN"),
                json_flag(),
            ),
            _plot_command(run),
            command("delete", _delete, say("Let go of a run; the files of its folder stay."), run),
        ],
    )


def _plot_command(run: click.Argument) -> click.Command:
    """Draw a run."""
    return command(
        "plot",
        _plot,
        say("Print the figures of a run as its axes call for them, or write them as pictures."),
        run,
        option(
            "--svg",
            "picture",
            type=click.Path(path_type=Path, dir_okay=False),
            metavar="FILE",
            help=say("Write pictures: FILE, FILE-2, ..."),
        ),
        option(
            "-w",
            "--width",
            type=click.IntRange(min=1),
            help=say("Columns; those of the terminal if not given."),
        ),
    )


def _with_runs(session: Session, verb: Callable[[Any], int]) -> int:
    from llmlab import wiring

    prepare(session.paths)
    runs = wiring.open_runs(session.paths)
    try:
        return verb(runs)
    finally:
        runs.close()


def _list(session: Session, limit: int, as_json: bool) -> int:
    from llmlab.headless.runs import list_runs

    return _with_runs(session, partial(list_runs, out=session.out, limit=limit, as_json=as_json))


def _show(session: Session, run: str, as_json: bool) -> int:
    from llmlab.headless.runs import show_run

    return _with_runs(session, partial(show_run, name=run, out=session.out, as_json=as_json))


def _export(session: Session, run: str, form: str, output: Path | None) -> int:
    from llmlab.headless.runs import export_run

    kind: Any = form
    return _with_runs(
        session, partial(export_run, name=run, out=session.out, form=kind, folder=output, pages=report_pages())
    )


def _compare(session: Session, first: str, second: str, as_json: bool) -> int:
    from llmlab.headless.runs import compare_runs

    return _with_runs(session, partial(compare_runs, first=first, second=second, out=session.out, as_json=as_json))


def _plot(session: Session, run: str, picture: Path | None, width: int | None) -> int:
    from shutil import get_terminal_size

    from llmlab.headless.run_plots import plot_run

    columns = width or min(100, get_terminal_size().columns)
    return _with_runs(session, partial(plot_run, name=run, out=session.out, width=columns, picture=picture))


def _delete(session: Session, run: str) -> int:
    from llmlab.headless.console import Console
    from llmlab.headless.runs import delete_run

    return _with_runs(session, partial(delete_run, name=run, console=Console(session.out, session.err)))


def report_pages() -> dict[str, Any]:
    """The pages of a report, by file name."""
    from llmlab.headless.report import PAGES

    return dict(PAGES)
