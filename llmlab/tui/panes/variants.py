"""Variants of a recipe: each changes one factor, which is what its column is called."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from llmlab.domain.model import BadModel, ModelSpec
from llmlab.domain.modes import ReasoningMode, ReasoningUse
from llmlab.domain.recipe import Recipe
from llmlab.domain.sampling import Sampling
from llmlab.domain.shots import ShotStyle
from llmlab.tui.panes.recipe_words import recipe_lines
from llmlab.words import say


@dataclass(frozen=True, slots=True)
class Variant:
    """A recipe that differs from another in one factor."""

    title: str
    recipe: Recipe


def variants_of(
    recipe: Recipe, models: Sequence[ModelSpec | BadModel], modes: Sequence[ReasoningMode], language: str
) -> tuple[Variant, ...]:
    """What can be changed about `recipe`, one thing at a time."""
    found = (
        *_reasoning(recipe, modes, language),
        *_shots(recipe),
        *_without(recipe),
        *_sampling(recipe),
        *_models(recipe, models),
    )
    return tuple(variant for variant in found if variant.recipe != recipe)


def factor(recipe: Recipe, base: Recipe) -> str:
    """In words what `recipe` changes about `base`; its model where nothing is."""
    if recipe == base:
        return say("as it is")
    words: list[str] = []
    if recipe.model.name != base.model.name:
        words.append(recipe.model.name)
    for now, then in zip(recipe_lines(recipe), recipe_lines(base), strict=True):
        if now.text != then.text:
            words.append(f"{now.title}: {now.text}")
    return ", ".join(words) or say("other settings")


def _reasoning(recipe: Recipe, modes: Iterable[ReasoningMode], language: str) -> Iterator[Variant]:
    if recipe.reasoning is not None:
        yield Variant(say("reasoning: none"), replace(recipe, reasoning=None))
    for mode in modes:
        if mode.language == language:
            yield Variant(say("reasoning: {title}", title=mode.title), replace(recipe, reasoning=ReasoningUse(mode)))


def _shots(recipe: Recipe) -> Iterator[Variant]:
    use = recipe.shots
    if use is None:
        return
    for k in (0, 1, 2, 4, 8):
        if k <= len(use.set.rows):
            yield Variant(say("examples: {k}", k=k), replace(recipe, shots=replace(use, k=k)))
    yield Variant(say("examples: labels shuffled"), replace(recipe, shots=replace(use, labels="shuffled")))
    other: ShotStyle = "inline" if use.style == "turns" else "turns"
    title = say("examples: inline") if other == "inline" else say("examples: as turns")
    yield Variant(title, replace(recipe, shots=replace(use, style=other)))


def _without(recipe: Recipe) -> Iterator[Variant]:
    if recipe.template is not None:
        yield Variant(say("no template"), replace(recipe, template=None))
    if recipe.system_prompt:
        yield Variant(say("no system prompt"), replace(recipe, system=""))
    if recipe.schema or recipe.grammar:
        yield Variant(say("no schema or grammar"), replace(recipe, schema=None, grammar=None))
    yield Variant(say("thinking on"), replace(recipe, thinking=True))
    yield Variant(say("thinking off"), replace(recipe, thinking=False))


def _sampling(recipe: Recipe) -> Iterator[Variant]:
    for temperature in (0.0, 0.4, 0.8, 1.2):
        yield Variant(
            say("temperature {value:g}", value=temperature),
            replace(recipe, sampling=Sampling(temperature=temperature).over(recipe.sampling)),
        )


def _models(recipe: Recipe, models: Iterable[ModelSpec | BadModel]) -> Iterator[Variant]:
    for model in models:
        if isinstance(model, ModelSpec) and model.name != recipe.model.name:
            yield Variant(say("model: {name}", name=model.name), replace(recipe, model=model))
