"""The command line: what may be asked, and which part answers it. Parts are imported when they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from llmlab import __version__
from llmlab.commands.kit import (
    Commands,
    CommandsOnDemand,
    Session,
    command,
    flag,
    help_flag,
    json_flag,
    option,
    prepare,
    working_folder,
)
from llmlab.commands.speech import complaint
from llmlab.errors import LlmlabError, UsageError
from llmlab.headless.diagnostics import Exit, exit_code
from llmlab.headless.output import ReaderGone
from llmlab.words import LANGUAGES, say

PARTS: Final = {
    **{
        name: f"llmlab.commands.{name}"
        for name in ("ask", "compare", "digest", "documents", "models", "preview", "prompts", "run", "runs")
    },
    "embed": "llmlab.commands.measure",
    "score": "llmlab.commands.measure",
}
"""By command, the module that holds it."""


def run(arguments: Sequence[str], session: Session) -> int:
    """Do what the command line asks; the exit code. Nothing but `SystemExit` for a broken Python is raised."""
    try:
        code = lab_command().main(args=list(arguments), prog_name="llmlab", obj=session, standalone_mode=False)
        return int(code or Exit.ANSWERED)
    except ReaderGone:
        return Exit.ANSWERED
    except click.UsageError as error:
        session.err.usage(_usage(error))
        return Exit.USAGE
    except click.ClickException as error:
        session.err.note(error.format_message())
        return Exit.FAILED
    except LlmlabError as error:
        session.err.problem(error)
        return exit_code(error)
    except (KeyboardInterrupt, click.Abort):
        session.err.end_thinking()
        return Exit.INTERRUPTED
    except Exception:  # noqa: BLE001 - the last stop: a person gets a sentence, the log gets the traceback
        session.err.crash(session.paths.logs / "llmlab.log")
        return Exit.FAILED


def _usage(error: click.UsageError) -> str:
    """What is wrong with the command line, and where its help is."""
    context = error.ctx
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        return error.format_message()
    hint = say("See: {command} --help", command=context.command_path) if context else ""
    return f"llmlab: {complaint(error)}\n  {hint}".rstrip()


def lab_command() -> click.Group:
    """The whole command line, in the language in use."""
    return CommandsOnDemand(
        PARTS,
        name="llmlab",
        help=say("An offline chat lab for local language models. Without a command, the lab opens."),
        invoke_without_command=True,
        callback=click.pass_context(_lab),
        add_help_option=False,
        params=[
            option("-m", "--model", help=say("Name of a model, or a GGUF file.")),
            option("-s", "--system", help=say("System prompt of the first chat.")),
            flag("-c", "--continue", "resume", help=say("Open the chat used last.")),
            option("--language", type=click.Choice(["auto", *LANGUAGES]), help=say("Language of the interface.")),
            _version(),
            help_flag(),
        ],
        commands=[
            _chats_command(),
            _paths_command(),
            _doctor_command(),
        ],
    )


def _lab(context: click.Context, model: str | None, system: str | None, resume: bool, language: str | None) -> int:
    """Open the lab, unless a command follows."""
    if context.invoked_subcommand is not None:
        return Exit.ANSWERED
    from llmlab.lab import open_lab

    session: Session = context.obj
    prepare(session.paths)
    folder = working_folder(session.paths)
    return open_lab(session.paths, folder, model=model or "", system=system, resume=resume)


def _chats_command() -> click.Group:
    """`llmlab chats`."""
    identifier = click.Argument(["chat_id"], metavar="ID")
    limit = option("-n", "--limit", type=click.IntRange(min=1), default=50, help=say("At most this many."))
    return Commands(
        name="chats",
        help=say("Stored chats: list, show, export, search. ID may be shortened to its beginning."),
        add_help_option=False,
        params=[help_flag()],
        no_args_is_help=True,
        commands=[
            command("list", _chats_list, say("List chats, the newest first."), limit, json_flag()),
            command("show", _chats_show, say("Print a chat as Markdown."), identifier, json_flag()),
            command(
                "export",
                _chats_export,
                say("Write a chat as Markdown, or as JSON with every version and branch."),
                identifier,
                option("--format", "form", type=click.Choice(["md", "json"]), default="md", help=say("Which form.")),
                option("-o", "--output", type=click.Path(path_type=Path), help=say("Write to this file.")),
                flag("--force", "force", help=say("Replace the file if there is one.")),
            ),
            command(
                "search",
                _chats_search,
                say("List chats whose title or messages hold TEXT."),
                click.Argument(["text"]),
                limit,
                json_flag(),
            ),
        ],
    )


def _chats_list(session: Session, limit: int, as_json: bool) -> int:
    from llmlab.headless import chats

    return chats.list_chats(session.paths, session.out, search="", limit=limit, as_json=as_json)


def _chats_search(session: Session, text: str, limit: int, as_json: bool) -> int:
    from llmlab.headless import chats

    if not text.strip():
        raise UsageError(say("There is nothing to search for."))
    return chats.list_chats(session.paths, session.out, search=text, limit=limit, as_json=as_json)


def _chats_show(session: Session, chat_id: str, as_json: bool) -> int:
    from llmlab.headless import chats

    return chats.export_chat(session.paths, session.out, chat_id, form="json" if as_json else "md")


def _chats_export(session: Session, chat_id: str, form: str, output: Path | None, force: bool) -> int:
    from llmlab.headless import chats

    return chats.export_chat(
        session.paths, session.out, chat_id, form="json" if form == "json" else "md", file=output, force=force
    )


def _paths_command() -> click.Command:
    """`llmlab paths`."""
    return command("paths", _paths, say("Print where settings, models.toml, chats and logs are."), json_flag())


def _paths(session: Session, as_json: bool) -> int:
    from llmlab.headless.places import list_paths

    return list_paths(session.paths, working_folder(session.paths), session.out, as_json=as_json)


def _doctor_command() -> click.Command:
    """`llmlab doctor`."""
    text = say("Examine the installation: versions, engine, GPU, memory, folders, chats, each model.")
    return command("doctor", _doctor, text, json_flag())


def _doctor(session: Session, as_json: bool) -> int:
    from llmlab.headless.doctor import examine

    return examine(session.paths, working_folder(session.paths), session.out, as_json=as_json)


def _version() -> click.Option:
    def show(context: click.Context, _param: click.Parameter, wanted: bool) -> None:
        if wanted and not context.resilient_parsing:
            session: Session = context.obj
            session.out.line(f"llmlab {__version__}")
            context.exit()

    return flag("--version", expose_value=False, is_eager=True, callback=show, help=say("Show the version and exit."))
