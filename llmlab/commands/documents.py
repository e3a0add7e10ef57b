"""`llmlab documents`: what llmlab reads in files."""

from __future__ import annotations

from typing import Any

import click

from llmlab.commands.kit import Commands, Session, chosen_model, command, flag, help_flag, json_flag, option, prepare
from llmlab.errors import LlmlabError
from llmlab.words import say


def documents_command() -> click.Group:
    """The group."""
    return Commands(
        name="documents",
        help=say("Documents: what llmlab reads in a file."),
        add_help_option=False,
        params=[help_flag()],
        no_args_is_help=True,
        commands=[
            command(
                "inspect",
                _inspect,
                say(
                    "Read each FILE and tell its encoding, pages, characters, tokens, passages, and what a person "
                    "should know about it; - is standard input."
                ),
                click.Argument(["files"], nargs=-1, required=True, metavar="FILE|-..."),
                option(
                    "--encoding",
                    metavar="NAME",
                    default="",
                    help=say("How the files are encoded, such as gb18030; without it, llmlab finds out."),
                ),
                option("-m", "--model", help=say("Name of a model, or a GGUF file.")),
                flag("--no-tokens", "uncounted", help=say("Do not load a model to count tokens.")),
                json_flag(),
            ),
        ],
    )


def _inspect(
    session: Session, files: tuple[str, ...], encoding: str, model: str | None, uncounted: bool, as_json: bool
) -> int:
    from llmlab import wiring
    from llmlab.headless.console import Console
    from llmlab.headless.documents import inspect_documents, read_named

    prepare(session.paths)
    named = read_named(wiring.open_documents(session.paths), session.err, files, encoding)
    counting = None if uncounted else _counting(session, model)
    console = Console(session.out, session.err)
    return inspect_documents(named, counting, console, as_json=as_json, single=len(files) == 1)


def _counting(session: Session, model: str | None) -> Any:
    """How tokens are counted; `None` when there is no model and none was demanded."""
    from llmlab import wiring
    from llmlab.headless.documents import Counting

    try:
        spec = chosen_model(session, model)
    except LlmlabError as error:
        if model:
            raise
        session.err.note(say("Tokens are not counted: {reason}", reason=str(error)))
        return None
    return Counting(wiring.make_host(session.paths), spec, session.paths.cache / "told-notes", demanded=bool(model))
