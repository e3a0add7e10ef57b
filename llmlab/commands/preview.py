"""`llmlab preview`."""

from __future__ import annotations

from typing import Any

import click

from llmlab.commands.ask import question_from, sorted_out
from llmlab.commands.kit import Session, command, flag, json_flag
from llmlab.commands.recipe import RecipeFlags, keep, keep_option, recipe_of, recipe_options
from llmlab.words import say


def preview_command() -> click.Command:
    """Show a prompt and send nothing."""
    return command(
        "preview",
        _preview,
        say("Show exactly what a model would be given, where each part comes from and what it costs; nothing is sent."),
        click.Argument(["texts"], metavar="[TEXT]", nargs=-1),
        *recipe_options(),
        keep_option(),
        flag("--tokens", "as_tokens", help=say("One line a token: its number, id, origin and text.")),
        json_flag(say("Print one JSON object instead of the text.")),
    )


def _preview(
    session: Session, texts: tuple[str, ...], as_tokens: bool, keep_as: str | None, as_json: bool, **given: Any
) -> int:
    from llmlab import wiring
    from llmlab.commands.preparing import preparing_for
    from llmlab.headless.console import Console
    from llmlab.headless.preview import Form, preview

    flags, text = sorted_out(RecipeFlags.take(given), texts)
    recipe = recipe_of(session, flags)
    question = question_from(session, text, recipe, piped=not flags.documents.from_input)
    keep(session, keep_as, recipe)
    host = wiring.make_host(session.paths)
    preparing = preparing_for(session, recipe)
    form: Form = "json" if as_json else "tokens" if as_tokens else "text"
    told = session.paths.cache / "told-notes"
    return preview(host, preparing, recipe, question, Console(session.out, session.err), form=form, told=told)
