"""Variants of a recipe: each changes one factor, which is what its column is called."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from llmlab.domain.model import BadModel, ModelSpec
from llmlab.domain.modes import ReasoningMode, ReasoningUse
from llmlab.domain.reading import WAYS
from llmlab.domain.recipe import Recipe
from llmlab.domain.sampling import PRESETS, Sampling, with_preset
from llmlab.domain.shots import LabelControl, ShotChoice, ShotOrder, ShotSet, ShotStyle, ShotUse
from llmlab.domain.template import PromptTemplate, TemplateUse
from llmlab.tui.panes.document_words import way_name
from llmlab.tui.panes.recipe_words import recipe_lines
from llmlab.words import say

COUNTS: Final = (0, 1, 2, 4, 8, 16)
"""Examples of the set in use that are offered."""
FIRST_COUNTS: Final = (1, 4)
"""Examples of each set that are offered where none are in use."""
VOTES: Final = (1, 5, 9)
"""Answers to draw that are offered."""
TEMPERATURES: Final = (0.0, 0.4, 0.8, 1.2)

STYLES: Final[dict[ShotStyle, str]] = {"turns": "examples: as turns", "inline": "examples: inline"}
CHOICES: Final[dict[ShotChoice, str]] = {
    "first": "examples: the first", "random": "examples: drawn", "nearest": "examples: the nearest",
}  # fmt: skip
ORDERS: Final[dict[ShotOrder, str]] = {
    "chosen": "examples: order as chosen", "reversed": "examples: order reversed",
    "shuffled": "examples: order shuffled",
}  # fmt: skip
LABELS: Final[dict[LabelControl, str]] = {
    "gold": "examples: labels as they are", "shuffled": "examples: labels shuffled",
    "random": "examples: labels at random", "flipped": "examples: labels flipped",
}  # fmt: skip
"""These four: keys of the catalogue of words."""


@dataclass(frozen=True, slots=True)
class Variant:
    """A recipe that differs from another in one factor."""

    group: str
    """The part of the recipe that it changes, as a heading."""
    title: str
    recipe: Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelves:
    """What there is that a recipe can have instead."""

    models: Sequence[ModelSpec | BadModel] = ()
    modes: Sequence[ReasoningMode] = ()
    sets: Sequence[ShotSet] = ()
    templates: Sequence[PromptTemplate] = ()


def variants_of(recipe: Recipe, shelves: Shelves, language: str) -> tuple[Variant, ...]:
    """What can be changed about `recipe`, one thing at a time; of `shelves` what is written in `language`."""
    groups = (
        (say("Reasoning"), _reasoning(recipe, [mode for mode in shelves.modes if mode.language == language])),
        (say("Examples"), _shots(recipe, [shots for shots in shelves.sets if shots.language == language])),
        (say("Template"), _templates(recipe, [one for one in shelves.templates if one.language == language])),
        (say("Sampling"), _sampling(recipe)),
        (say("Thinking"), _thinking(recipe)),
        (say("Documents"), _reading(recipe)),
        (say("System"), _system(recipe)),
        (say("Model"), _models(recipe, shelves.models)),
    )
    return tuple(
        Variant(group, title, changed) for group, titled in groups for title, changed in titled if changed != recipe
    )


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


Titled = Iterator[tuple[str, Recipe]]


def _reasoning(recipe: Recipe, modes: Iterable[ReasoningMode]) -> Titled:
    use = recipe.reasoning
    if use is not None:
        yield say("reasoning: none"), replace(recipe, reasoning=None)
        for count in VOTES:
            if count != use.vote_count:
                yield _votes(use.mode, count), replace(recipe, reasoning=replace(use, votes=count))
    for mode in modes:
        if use is not None and mode == use.mode:
            continue
        yield say("reasoning: {title}", title=mode.title), replace(recipe, reasoning=ReasoningUse(mode))
        for count in VOTES if mode.votes > 1 else ():
            if count not in (1, mode.votes):
                yield _votes(mode, count), replace(recipe, reasoning=ReasoningUse(mode, votes=count))


def _votes(mode: ReasoningMode, count: int) -> str:
    if count == 1:
        return say("reasoning: {title}, one answer", title=mode.title)
    return say("reasoning: {title}, {count} votes", title=mode.title, count=count)


def _shots(recipe: Recipe, sets: Iterable[ShotSet]) -> Titled:
    use = recipe.shots
    if use is not None:
        yield from _own_shots(recipe, use)
    counts = (use.k,) if use is not None and use.k > 0 else FIRST_COUNTS
    for shots in sets:
        if use is not None and shots.key == use.set.key:
            continue
        # What was found nearest was found in the set in use.
        other = ShotUse(shots) if use is None else replace(use, set=shots, ranked=(), ranked_by="")
        for k in sorted({min(count, other.most) for count in counts} - {0}):
            yield say("examples: {title}, {k}", title=shots.title, k=k), replace(recipe, shots=replace(other, k=k))


def _own_shots(recipe: Recipe, use: ShotUse) -> Titled:
    def other(changed: ShotUse) -> Recipe:
        return replace(recipe, shots=changed)

    for k in COUNTS:
        if k <= use.most:
            yield say("examples: {k}", k=k), other(replace(use, k=k))
    if use.k > 0:
        yield from ((say(title), other(replace(use, choice=choice))) for choice, title in CHOICES.items())
        yield from ((say(title), other(replace(use, order=order))) for order, title in ORDERS.items())
        yield from ((say(title), other(replace(use, labels=labels))) for labels, title in LABELS.items())
        yield from ((say(title), other(replace(use, style=style))) for style, title in STYLES.items())


def _templates(recipe: Recipe, templates: Iterable[PromptTemplate]) -> Titled:
    """Those that can be sent once there is a question; texts that were filled in stay where the name fits."""
    if recipe.template is not None:
        yield say("no template"), replace(recipe, template=None, schema=_own_schema(recipe))
    texts = recipe.template.values if recipe.template else {}
    for template in templates:
        if recipe.template is not None and template.key == recipe.template.template.key:
            continue
        fitting = {name for name in texts if (hole := template.variable(name)) and hole.kind == "text"}
        use = TemplateUse(template, MappingProxyType({name: texts[name] for name in fitting}))
        if not use.missing("?"):
            shape = _own_schema(recipe) or (None if recipe.grammar else template.schema or None)
            yield say("template: {title}", title=template.title), replace(recipe, template=use, schema=shape)


def _own_schema(recipe: Recipe) -> str | None:
    """The schema, unless it came with the template: then it goes with it."""
    by_template = recipe.template is not None and recipe.schema == (recipe.template.template.schema or None)
    return None if by_template else recipe.schema


def _sampling(recipe: Recipe) -> Titled:
    for temperature in TEMPERATURES:
        changed = Sampling(temperature=temperature).over(recipe.sampling)
        yield say("temperature {value:g}", value=temperature), replace(recipe, sampling=changed)
    for preset in PRESETS:
        title = say("preset: {name}", name=say(preset.name))
        yield title, replace(recipe, sampling=with_preset(recipe.sampling, preset))
    if recipe.schema or recipe.grammar:
        yield say("no schema or grammar"), replace(recipe, schema=None, grammar=None)


def _thinking(recipe: Recipe) -> Titled:
    """Nothing where the reasoning mode decides it."""
    if recipe.reasoning is not None and recipe.reasoning.thinking is not None:
        return
    if recipe.thinks is not True:
        yield say("thinking on"), replace(recipe, thinking=True)
    if recipe.thinks is not False:
        yield say("thinking off"), replace(recipe, thinking=False)


def _reading(recipe: Recipe) -> Titled:
    use = recipe.reading
    if use is None or not use.documents:
        return
    for way in WAYS:
        yield say("read: {way}", way=way_name(way)), replace(recipe, reading=replace(use, way=way))
    yield say("no documents"), replace(recipe, reading=None)


def _system(recipe: Recipe) -> Titled:
    if recipe.system_prompt:
        yield say("no system prompt"), replace(recipe, system="")


def _models(recipe: Recipe, models: Iterable[ModelSpec | BadModel]) -> Titled:
    for model in models:
        if isinstance(model, ModelSpec) and model.name != recipe.model.name:
            yield say("model: {name}", name=model.name), replace(recipe, model=model)
