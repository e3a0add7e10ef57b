"""`llmlab prompts`: templates, example sets, reasoning modes, experiments and kept recipes as files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from llmlab.commands.kit import Commands, Session, command, help_flag, json_flag, working_folder
from llmlab.words import say


def prompts_command() -> click.Group:
    """List, show and check prompt files."""
    return Commands(
        name="prompts",
        help=say("Prompt templates, example sets, reasoning modes, experiments and kept recipes: list, show, check."),
        add_help_option=False,
        params=[help_flag()],
        no_args_is_help=True,
        commands=[
            command("list", _list, say("List every prompt file by kind, name and language."), json_flag()),
            command(
                "show",
                _show,
                say("Print the file of a prompt: NAME, or KIND/NAME such as shots/sentiment."),
                click.Argument(["name"]),
                json_flag(),
            ),
            command(
                "check",
                _check,
                say("Tell what is wrong in every prompt file, or in FILE."),
                click.Argument(["file"], required=False, type=click.Path(path_type=Path)),
                json_flag(),
            ),
        ],
    )


def _shelves(session: Session) -> list[Any]:
    from llmlab import wiring

    folder = working_folder(session.paths)
    opening = (
        wiring.open_templates,
        wiring.open_shots,
        wiring.open_reasoning,
        wiring.open_experiments,
        wiring.open_recipes,
    )
    return [open_shelf(session.paths, folder) for open_shelf in opening]


def _list(session: Session, as_json: bool) -> int:
    from llmlab.headless.prompts import list_prompts

    return list_prompts(_shelves(session), session.out, session.err, as_json=as_json)


def _show(session: Session, name: str, as_json: bool) -> int:
    from llmlab.headless.prompts import show_prompt

    return show_prompt(_shelves(session), name, session.out, as_json=as_json)


def _check(session: Session, file: Path | None, as_json: bool) -> int:
    from llmlab.headless.prompts import check_prompts

    return check_prompts(_shelves(session), file, session.out, as_json=as_json)
