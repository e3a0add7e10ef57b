"""`llmlab compare`."""

from __future__ import annotations

import secrets
import shlex
from dataclasses import replace
from typing import Any

import click

from llmlab.commands.ask import question_from, sorted_out
from llmlab.commands.kit import Session, command, json_flag, option
from llmlab.commands.recipe import RecipeFlags, recipe_of, recipe_options
from llmlab.commands.speech import complaint
from llmlab.domain.recipe import Recipe
from llmlab.errors import UsageError
from llmlab.words import say


def compare_command() -> click.Command:
    """Answer one question under several recipes."""
    return command(
        "compare",
        _compare,
        say("Answer one question under two to four recipes, and show the answers one below the other."),
        click.Argument(["texts"], metavar="[TEXT]", nargs=-1),
        option(
            "--variant",
            "variants",
            multiple=True,
            metavar="OPTIONS",
            help=say('What another recipe has instead, in quotes: --variant "--reasoning steps"; one to three times.'),
        ),
        *recipe_options(),
        json_flag(say("Print one JSON object instead of the text.")),
    )


def _compare(session: Session, texts: tuple[str, ...], variants: tuple[str, ...], as_json: bool, **given: Any) -> int:
    from llmlab import wiring
    from llmlab.commands.preparing import preparing_for
    from llmlab.headless.compare import compare
    from llmlab.headless.console import Console
    from llmlab.services.compare import MOST_ARMS

    if not 1 <= len(variants) < MOST_ARMS:
        raise UsageError(
            say("A comparison takes one to {most} variants.", most=MOST_ARMS - 1),
            hint=say('Each names what is other: --variant "--reasoning steps"'),
        )
    flags, text = sorted_out(RecipeFlags.take(given), texts)
    base = recipe_of(session, flags)
    if base.sampling.seed is None:
        # One draw for all, told, so that what differs comes from the recipes.
        base = replace(base, sampling=replace(base.sampling, seed=secrets.randbelow(2**32 - 1)))
    recipes = [base, *(_variant(session, words, base) for words in variants)]
    question = question_from(session, text, base, piped=not flags.documents.from_input)
    host = wiring.make_host(session.paths)
    preparing = preparing_for(session, base)
    comparing = wiring.make_comparing(session.paths, host, preparing.reader)
    return compare(
        host,
        comparing,
        dict(zip(("", *variants), recipes, strict=True)),
        question,
        Console(session.out, session.err),
        as_json=as_json,
        told=session.paths.cache / "told-notes",
    )


def _variant(session: Session, words: str, base: Recipe) -> Recipe:
    """`base` with the options that stand in `words`.

    Raises:
        UsageError: they are none of a recipe.
        LlmlabError: one of them cannot be.
    """
    where = f"--variant {shlex.quote(words)}"
    parser = click.Command("variant", params=recipe_options(), add_help_option=False)
    try:
        given = dict(parser.make_context("variant", shlex.split(words)).params)
    except (click.UsageError, ValueError) as error:
        reason = complaint(error) if isinstance(error, click.UsageError) else str(error)
        raise UsageError(reason, where=where, hint=say("A variant takes the options of llmlab ask.")) from None
    return recipe_of(session, RecipeFlags.take(given), base)
