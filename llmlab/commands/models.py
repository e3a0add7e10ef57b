"""`llmlab models`: list, check, info."""

from __future__ import annotations

import click

from llmlab.commands.kit import Commands, Session, command, help_flag, json_flag, working_folder
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
