"""`llmlab models`: list, check, info, quantise."""

from __future__ import annotations

from pathlib import Path

import click

from llmlab.commands.kit import Commands, Session, command, flag, help_flag, json_flag, option, working_folder
from llmlab.domain.quantisation import TYPES
from llmlab.headless.diagnostics import Exit
from llmlab.words import say


def models_command() -> click.Group:
    """The group; by itself it lists the models."""
    name = click.Argument(["name"], required=False)
    return Commands(
        name="models",
        help=say("List the models of every models.toml, and what is wrong in them."),
        invoke_without_command=True,
        callback=click.pass_context(_models),
        add_help_option=False,
        params=[json_flag(), help_flag()],
        commands=[
            command(
                "check",
                _check,
                say("Look at each model's file without loading it: sound, complete, fits into memory, has a template."),
                name,
                json_flag(),
            ),
            command(
                "info",
                _info,
                say("Show one model in full: its file, whether it fits, its settings, and how a pocket model scored."),
                name,
                json_flag(),
            ),
            command(
                "quantise",
                _quantise,
                say("Write a model in fewer bits, as a new GGUF file: smaller and faster, at some cost in quality."),
                click.Argument(["name"]),
                option(
                    "--type",
                    "kind",
                    type=click.Choice(TYPES),
                    default="q4_0",
                    show_default=True,
                    help=say("The number format."),
                ),
                option("-o", "--output", "target", type=click.Path(path_type=Path), help=say("Write to this file.")),
                option(
                    "--threads",
                    type=click.IntRange(min=0),
                    default=0,
                    help=say("Threads to use; 0 takes as many as there are."),
                ),
                flag("--force", "force", help=say("Replace the file if there is one.")),
                json_flag(),
            ),
        ],
    )


def _models(context: click.Context, as_json: bool) -> int:
    if context.invoked_subcommand is not None:
        return Exit.ANSWERED
    from llmlab import wiring
    from llmlab.headless.models import list_models

    session: Session = context.obj
    shelf = wiring.open_shelf(session.paths, working_folder(session.paths))
    return list_models(shelf, session.out, session.err, as_json=as_json)


def _check(session: Session, name: str | None, as_json: bool) -> int:
    from llmlab import wiring
    from llmlab.headless.models import check_models

    shelf = wiring.open_shelf(session.paths, working_folder(session.paths))
    return check_models(shelf, name, session.out, session.err, as_json=as_json)


def _info(session: Session, name: str | None, as_json: bool) -> int:
    from llmlab import wiring
    from llmlab.headless.model_info import show_model

    shelf = wiring.open_shelf(session.paths, working_folder(session.paths))
    return show_model(shelf, name, session.out, session.err, as_json=as_json)


def _quantise(
    session: Session, name: str, kind: str, target: Path | None, threads: int, force: bool, as_json: bool
) -> int:
    from llmlab import wiring
    from llmlab.headless.quantise import run_quantise

    spec = wiring.open_shelf(session.paths, working_folder(session.paths)).find(name)
    return run_quantise(
        spec, kind, target, wiring.make_quantise(threads), session.out, session.err, force=force, as_json=as_json
    )
