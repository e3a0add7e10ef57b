"""The command line: what may be asked, and which part answers it. Parts are imported when they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from llmlab import __version__
from llmlab.commands.kit import (
    Commands,
    Session,
    chosen_model,
    command,
    flag,
    help_flag,
    json_flag,
    option,
    prepare,
    working_folder,
)
from llmlab.domain.terminal import encodable
from llmlab.errors import LlmlabError, UsageError
from llmlab.headless.diagnostics import Exit, exit_code
from llmlab.headless.output import ReaderGone
from llmlab.words import LANGUAGES, say


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
    return f"llmlab: {error.format_message()}\n  {hint}".rstrip()


def lab_command() -> click.Group:
    """The whole command line, in the language in use."""
    return Commands(
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
        commands=[_ask_command(), _models_command(), _chats_command(), _paths_command(), _doctor_command()],
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


def _ask_command() -> click.Command:
    """`llmlab ask`."""
    return command(
        "ask",
        _ask,
        say("Answer one question; TEXT - is standard input. What is piped in follows TEXT."),
        click.Argument(["text"], required=False),
        option("-m", "--model", help=say("Name of a model, or a GGUF file.")),
        option("-s", "--system", help=say("System prompt; an empty one is none.")),
        option(
            "-o",
            "--option",
            "options",
            nargs=2,
            type=str,
            multiple=True,
            metavar="KEY VALUE",
            help=say("A sampler setting, such as -o temperature 0.2; may be repeated."),
        ),
        option("--seed", type=int, help=say("Same seed, same answer. Without it: drawn anew.")),
        option("--max-tokens", type=int, help=say("Longest answer in tokens.")),
        option(
            "--deterministic",
            is_flag=True,
            help=say("The same tokens to the last bit, whatever was computed before; slower."),
        ),
        click.Option(
            ["--thinking/--no-thinking"], default=None, help=say("Whether a model that can think does so first.")
        ),
        option("--schema", type=click.Path(path_type=Path), metavar="FILE", help=say("JSON schema of the answer.")),
        option("--grammar", type=click.Path(path_type=Path), metavar="FILE", help=say("GBNF grammar of the answer.")),
        option(
            "--logprobs",
            type=click.IntRange(0, 100),
            metavar="K",
            help=say("With --json: how likely each token was, and the K likeliest."),
        ),
        json_flag(say("Print one JSON object instead of the text.")),
    )


def _ask(
    session: Session,
    text: str | None,
    model: str | None,
    system: str | None,
    options: tuple[tuple[str, str], ...],
    seed: int | None,
    max_tokens: int | None,
    deterministic: bool,
    thinking: bool | None,
    schema: Path | None,
    grammar: Path | None,
    logprobs: int | None,
    as_json: bool,
) -> int:
    from llmlab import wiring
    from llmlab.domain.recipe import Recipe
    from llmlab.headless.ask import Console, answer
    from llmlab.headless.options import demands_of, question_of, sampling_of

    # A command line may hold bytes that are no text; nothing further on can carry them.
    sampling = sampling_of([(key, encodable(value)) for key, value in options], seed, max_tokens)
    demands = demands_of(grammar, schema, logprobs, as_json=as_json)
    waiting = say("Waiting for standard input; ctrl+d ends it, and </dev/null does without.")
    question = encodable(question_of(text, on_silence=lambda: session.err.note(waiting)))
    spec = chosen_model(session, model)
    if deterministic:
        spec = replace(spec, deterministic=True)
    recipe = Recipe(
        model=spec, system=None if system is None else encodable(system), sampling=sampling, thinking=thinking
    )
    host = wiring.make_host(session.paths)
    told = session.paths.cache / "told-notes"
    console = Console(session.out, session.err)
    return answer(host, recipe, question, console, as_json=as_json, told=told, demands=demands)


def _models_command() -> click.Group:
    """`llmlab models`."""
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
                _models_check,
                say("Look at each model's file without loading it: sound, complete, fits into memory, has a template."),
                click.Argument(["name"], required=False),
                json_flag(),
            )
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


def _models_check(session: Session, name: str | None, as_json: bool) -> int:
    from llmlab import wiring
    from llmlab.headless.models import check_models

    shelf = wiring.open_shelf(session.paths, working_folder(session.paths))
    return check_models(shelf, name, session.out, session.err, as_json=as_json)


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
