"""`llmlab ask`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import click

from llmlab.commands.kit import Session, command, json_flag, option
from llmlab.commands.recipe import RecipeFlags, keep, keep_option, recipe_of, recipe_options
from llmlab.domain.recipe import Recipe
from llmlab.domain.terminal import encodable
from llmlab.errors import UsageError
from llmlab.words import say


def ask_command() -> click.Command:
    """Answer one question."""
    return command(
        "ask",
        _ask,
        say("Answer one question; TEXT - is standard input. What is piped in follows TEXT."),
        click.Argument(["texts"], metavar="[TEXT]", nargs=-1),
        *recipe_options(),
        keep_option(),
        option(
            "--logprobs",
            type=click.IntRange(0, 100),
            metavar="K",
            help=say("With --json: how likely each token was, and the K likeliest."),
        ),
        json_flag(say("Print one JSON object instead of the text.")),
    )


def _ask(
    session: Session, texts: tuple[str, ...], logprobs: int | None, keep_as: str | None, as_json: bool, **given: Any
) -> int:
    from llmlab import wiring
    from llmlab.commands.preparing import preparing_for
    from llmlab.headless.ask import answer
    from llmlab.headless.console import Console

    if logprobs is not None and not as_json:
        raise UsageError(say("--logprobs tells nothing without --json."), hint=say("Add --json."))
    flags, text = sorted_out(RecipeFlags.take(given), texts)
    recipe = recipe_of(session, flags)
    question = question_from(session, text, recipe, piped=not flags.documents.from_input)
    keep(session, keep_as, recipe)
    host = wiring.make_host(session.paths)
    preparing = preparing_for(session, recipe)
    told = session.paths.cache / "told-notes"
    console = Console(session.out, session.err)
    return answer(host, preparing, recipe, question, console, as_json=as_json, told=told, logprobs=logprobs)


def sorted_out(flags: RecipeFlags, texts: Sequence[str]) -> tuple[RecipeFlags, str | None]:
    """The question among what stands on the command line without a flag.

    A shell writes `-f *.txt` out as `-f a.txt b.txt c.txt`: files behind the first one are documents, too.

    Raises:
        UsageError: there are several texts.
    """
    files: list[str] = []
    if len(texts) > 1 and flags.documents.files:
        from llmlab.documents.gathering import expanded

        files = [text for text in texts if os.path.lexists(expanded(text))]
    said = [text for text in texts if text not in files]
    if len(said) > 1:
        raise UsageError(say("Unexpected: {words}; a text of several words stands in quotes", words=" ".join(said[1:])))
    documents = replace(flags.documents, files=(*flags.documents.files, *files))
    return replace(flags, documents=documents), said[0] if said else None


def question_from(session: Session, text: str | None, recipe: Recipe, *, piped: bool = True) -> str:
    """The question of the command line and of standard input; empty where a template needs none.

    Args:
        session: where silence is told.
        text: what stands on the command line.
        recipe: a template may need no question.
        piped: standard input may hold it; else it is a document.

    Raises:
        UsageError: there is none, or it is no text.
    """
    from llmlab.headless.options import question_of

    waiting = say("Waiting for standard input; ctrl+d ends it, and </dev/null does without.")
    # What a template still needs is told by the variable's name.
    needed = recipe.template is None
    return encodable(question_of(text, on_silence=lambda: session.err.note(waiting), needed=needed, piped=piped))
