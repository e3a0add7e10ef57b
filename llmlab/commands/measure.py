"""`llmlab score` and `llmlab embed`: the commands that measure instead of answering."""

from __future__ import annotations

from pathlib import Path

import click

from llmlab.commands.kit import Session, chosen_model, command, flag, json_flag, option
from llmlab.domain.terminal import encodable
from llmlab.errors import UsageError
from llmlab.words import say


def score_command() -> click.Command:
    """`llmlab score`."""
    return command(
        "score",
        _score,
        say("Tell how likely a model finds each token of TEXT, or which of several TEXTs it prefers after a prompt."),
        click.Argument(["texts"], nargs=-1, metavar="[TEXT|-]..."),
        option("-m", "--model", help=say("Name of a model, or a GGUF file.")),
        option("-p", "--prompt", help=say("What comes before each TEXT; it is read, not scored.")),
        option("-f", "--file", "files", type=click.Path(path_type=Path), multiple=True, metavar="FILE",
               help=say("Score the text of this file; may be repeated.")),
        flag("--choices", "choices", help=say("Compare the TEXTs as continuations of the prompt.")),
        flag("--chat", "chat", help=say("The prompt is a message, and each TEXT an answer to it.")),
        option("-s", "--system", help=say("With --chat: system prompt; an empty one is none.")),
        option("--top", type=click.IntRange(0, 100), default=0, metavar="K",
               help=say("Show the K likeliest tokens in each place.")),
        json_flag(say("Print one JSON object instead of tables.")),
    )  # fmt: skip


def _score(
    session: Session,
    texts: tuple[str, ...],
    model: str | None,
    prompt: str | None,
    files: tuple[Path, ...],
    choices: bool,
    chat: bool,
    system: str | None,
    top: int,
    as_json: bool,
) -> int:
    from llmlab import wiring
    from llmlab.headless.console import Console
    from llmlab.headless.score import Manner, run_score
    from llmlab.services.score import Question

    given = texts_from(session, texts, files)
    if (choices or chat) and not prompt:
        name = "--choices" if choices else "--chat"
        raise UsageError(say("{option} needs a prompt.", option=name), hint=say("Give it with --prompt TEXT."))
    if choices and len(given) < 2:
        raise UsageError(say("There is nothing to choose from."), hint=say("Give two texts or more."))
    if system is not None and not chat:
        raise UsageError(say("--system says nothing without --chat."), hint=say("Add --chat."))
    question = Question(
        texts=given,
        prompt=encodable(prompt or ""),
        chat=chat,
        system=None if system is None else encodable(system),
        top=top,
    )
    spec = chosen_model(session, model)
    host, told = wiring.make_host(session.paths), session.paths.cache / "told-notes"
    console = Console(session.out, session.err)
    return run_score(host, spec, question, console, manner=Manner(choices, as_json), told=told)


def embed_command() -> click.Command:
    """`llmlab embed`."""
    return command(
        "embed",
        _embed,
        say("Turn each TEXT into a vector, and tell how alike the first and each of the others are."),
        click.Argument(["texts"], nargs=-1, metavar="[TEXT|-]..."),
        option("-m", "--model", help=say("Name of a model, or a GGUF file.")),
        option("-f", "--file", "files", type=click.Path(path_type=Path), multiple=True, metavar="FILE",
               help=say("Embed the text of this file; may be repeated.")),
        flag("--lines", "lines", help=say("Each line of standard input or of a file is a text.")),
        json_flag(say("Print one JSON object with the vectors.")),
    )  # fmt: skip


def _embed(
    session: Session,
    texts: tuple[str, ...],
    model: str | None,
    files: tuple[Path, ...],
    lines: bool,
    as_json: bool,
) -> int:
    from llmlab import wiring
    from llmlab.headless.console import Console
    from llmlab.headless.embed import run_embed

    given = texts_from(session, texts, files, lines=lines)
    spec = chosen_model(session, model)
    host, told = wiring.make_host(session.paths), session.paths.cache / "told-notes"
    return run_embed(host, spec, given, Console(session.out, session.err), as_json=as_json, told=told)


def texts_from(
    session: Session, texts: tuple[str, ...], files: tuple[Path, ...] = (), *, lines: bool = False
) -> tuple[str, ...]:
    """The texts of the command line, `-` standing for standard input, then those of the files.

    With `lines`, each line of what is read that is not empty is a text.

    Raises:
        UsageError: there is none, one is empty, or one cannot be read.
    """
    from llmlab.headless.options import input_text, text_of_file

    waiting = say("Waiting for standard input; ctrl+d ends it, and </dev/null does without.")
    if texts.count("-") > 1:
        raise UsageError(say("Standard input can be read once."), hint=say("Give - one time."))
    given: list[str] = []
    for text in texts:
        read = input_text(on_silence=lambda: session.err.note(waiting)) if text == "-" else text
        given += _split(read) if lines and text == "-" else [read]
    for content in map(text_of_file, files):
        given += _split(content) if lines else [content]
    if not given:
        raise UsageError(say("There is no text."), hint=say("Give TEXT, - for standard input, or -f FILE."))
    for number, text in enumerate(given, 1):
        if not text:
            raise UsageError(say("Text {number} is empty.", number=number), hint=say("Leave it out."))
    # A command line may hold bytes that are no text.
    return tuple(map(encodable, given))


def _split(text: str) -> list[str]:
    """The lines of `text` that are not empty."""
    return [line for line in text.split("\n") if line.strip()]
