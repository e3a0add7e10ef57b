"""`llmlab ask`."""

from __future__ import annotations

from typing import Any

import click

from llmlab.commands.kit import Session, command, json_flag, option
from llmlab.commands.recipe import RecipeFlags, recipe_of, recipe_options
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
        click.Argument(["text"], required=False),
        *recipe_options(),
        option(
            "--logprobs",
            type=click.IntRange(0, 100),
            metavar="K",
            help=say("With --json: how likely each token was, and the K likeliest."),
        ),
        json_flag(say("Print one JSON object instead of the text.")),
    )


def _ask(session: Session, text: str | None, logprobs: int | None, as_json: bool, **given: Any) -> int:
    from llmlab import wiring
    from llmlab.headless.ask import answer
    from llmlab.headless.console import Console

    if logprobs is not None and not as_json:
        raise UsageError(say("--logprobs tells nothing without --json."), hint=say("Add --json."))
    recipe = recipe_of(session, RecipeFlags.take(given))
    question = question_from(session, text, recipe)
    host, preparing = wiring.make_host(session.paths), wiring.make_preparing()
    told = session.paths.cache / "told-notes"
    console = Console(session.out, session.err)
    return answer(host, preparing, recipe, question, console, as_json=as_json, told=told, logprobs=logprobs)


def question_from(session: Session, text: str | None, recipe: Recipe) -> str:
    """The question of the command line and of standard input; empty where a template needs none.

    Raises:
        UsageError: there is none, or it is no text.
    """
    from llmlab.headless.options import question_of

    waiting = say("Waiting for standard input; ctrl+d ends it, and </dev/null does without.")
    # What a template still needs is told by the variable's name.
    needed = recipe.template is None
    return encodable(question_of(text, on_silence=lambda: session.err.note(waiting), needed=needed))
