"""`llmlab run`."""

from __future__ import annotations

from pathlib import Path

import click

from llmlab.commands.kit import Session, command, flag, json_flag, option, prepare, working_folder
from llmlab.commands.runs import report_pages
from llmlab.words import say


def run_command() -> click.Command:
    """Run an experiment."""
    return command(
        "run",
        _run,
        say(
            "Run the experiment FILE: a file, or a name of those that ship; without FILE, list them. What was measured "
            "is not measured again."
        ),
        click.Argument(["file"], metavar="[FILE]", required=False),
        flag("--dry-run", "dry", help=say("Tell trials, tokens, time and memory, and run nothing.")),
        option("-n", "--limit", type=click.IntRange(min=1), metavar="N", help=say("The first N items alone.")),
        option("-m", "--model", help=say("Another model in place of the base recipe's.")),
        flag("--again", "again", help=say("Measure anew in a run of its own, whatever was measured before.")),
        option(
            "-o",
            "--output",
            type=click.Path(path_type=Path, file_okay=False),
            metavar="FOLDER",
            help=say("Write results and report here."),
        ),
        json_flag(say("Print the figures, or with --dry-run the plan, as one JSON object.")),
    )


def _run(
    session: Session,
    file: str | None,
    dry: bool,
    limit: int | None,
    model: str | None,
    again: bool,
    output: Path | None,
    as_json: bool,
) -> int:
    from llmlab import wiring
    from llmlab.headless.console import Console
    from llmlab.headless.run import RunWish, job_of, run

    prepare(session.paths)
    if file is None:
        from llmlab.headless.prompts import list_prompts

        shelf = wiring.open_experiments(session.paths, working_folder(session.paths))
        return list_prompts([shelf], session.out, session.err, as_json=as_json)
    loaded = wiring.load_experiment(session.paths, working_folder(session.paths), file, model)
    parts = wiring.make_run_parts(session.paths, working_folder(session.paths), loaded.experiment)
    job = job_of(
        parts.runs,
        loaded,
        wiring.file_marks(arm.recipe.model for arm in loaded.experiment.arms),
        wiring.engine_build(),
        folder=session.paths.runs,
        output=output,
        limit=limit,
        again=again,
    )
    wish = RunWish(dry=dry, as_json=as_json, told=session.paths.cache / "told-notes", pages=report_pages())
    return run(parts, job, wish, Console(session.out, session.err))
