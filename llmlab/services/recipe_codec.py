"""Recipes as JSON, so that an answer can be asked for again long after its prompt files have changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import msgspec

from llmlab.domain.recipe import Recipe
from llmlab.domain.shots import ShotUse
from llmlab.errors import UsageError
from llmlab.library.recipe_files import RecipeText
from llmlab.words import say


def freeze(recipe: Recipe, question: str) -> Recipe:
    """`recipe` with no more examples than those that `question` is shown, in their order and under their labels."""
    use = recipe.shots
    if use is None:
        return recipe
    shown = use.chosen(question)
    if not shown:
        return replace(recipe, shots=None)
    kept = replace(use.set, rows=tuple(replace(shot, on=True) for shot in shown))
    return replace(recipe, shots=ShotUse(kept, k=len(shown), style=use.style))


def encode_recipe(recipe: Recipe) -> str:
    """The JSON of a recipe; empty when it holds what is no text, half a surrogate pair from a broken paste."""
    try:
        return msgspec.json.encode(recipe, enc_hook=_plain).decode()
    except UnicodeEncodeError:
        return ""


def decode_recipe(text: str) -> Recipe:
    """The recipe that `text` holds.

    Raises:
        UsageError: it is none, or one of another llmlab.
    """
    try:
        return msgspec.json.decode(text, type=Recipe)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise UsageError(
            say("The recipe of this answer cannot be read: {reason}", reason=str(error)),
            hint=say("It may have been made by another version of llmlab; ask anew."),
        ) from None


def decode_kept(text: RecipeText) -> Recipe:
    """The recipe of a file; that of a card draws as its answer was drawn.

    Raises:
        UsageError: as `decode_recipe` does.
    """
    recipe = decode_recipe(text.json)
    return replace(recipe, sampling=text.sampling.over(recipe.sampling))


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise NotImplementedError(type(value).__name__)
