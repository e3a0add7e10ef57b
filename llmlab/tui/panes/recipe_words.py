"""The recipe in words: a line for each part that a pane edits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from llmlab.domain.recipe import OverflowPolicy, Recipe
from llmlab.domain.sampling import Sampling
from llmlab.domain.shots import ShotUse
from llmlab.tui.panes.document_words import reading_in_words
from llmlab.tui.panes.reasoning_words import reasoning_in_words
from llmlab.words import say

SHORT: Final = {
    "temperature": "T", "top_k": "k", "top_p": "p", "min_p": "min-p", "max_tokens": "max", "logit_bias": "bias",
}  # fmt: skip
"""How settings are shortened where room is scarce."""


@dataclass(frozen=True, slots=True)
class RecipeLine:
    """One part of the recipe."""

    part: str
    """Which: `template`, `shots`, `reasoning`, `reading`, `sampling`, `shape`, `system`, `overflow`, `earlier`."""
    title: str
    text: str
    on: bool = True
    """It changes what is sent."""
    command: str = ""
    """Id of the command that edits it."""
    quiet: bool = False
    """It is worth a line only where it is on, or has changed."""


def recipe_lines(recipe: Recipe) -> tuple[RecipeLine, ...]:
    """Every part of `recipe`, in the order in which it stands in the prompt."""
    return (
        RecipeLine("system", say("System"), *_or_none(recipe.system_prompt or ""), "chat.system"),
        RecipeLine("template", say("Template"), *_or_none(_template(recipe)), "lab.templates"),
        RecipeLine("shots", say("Examples"), *_or_none(shots_in_words(recipe.shots)), "lab.examples"),
        RecipeLine("reasoning", say("Reasoning"), *_or_none(_reasoning(recipe)), "lab.reasoning"),
        RecipeLine("reading", say("Documents"), *_or_none(reading_in_words(recipe.reading)), "lab.documents"),
        RecipeLine("shape", say("Shape"), *_or_none(_shape(recipe)), "lab.sampling"),
        RecipeLine("sampling", say("Sampling"), *_or_own(recipe.sampling), "lab.sampling"),
        RecipeLine("overflow", say("Overflow"), *_overflow(recipe), "lab.overflow", quiet=True),
        RecipeLine("earlier", say("Thoughts"), *_earlier(recipe), "lab.remember", quiet=True),
    )


def changed_parts(recipe: Recipe, before: Recipe | None) -> frozenset[str]:
    """The parts in which `recipe` differs from the one before."""
    if before is None:
        return frozenset()
    pairs = zip(recipe_lines(recipe), recipe_lines(before), strict=True)
    changed = {now.part for now, then in pairs if now.text != then.text}
    values = {
        "template": recipe.template != before.template,
        "shots": recipe.shots != before.shots,
        "reasoning": (recipe.reasoning, recipe.thinks) != (before.reasoning, before.thinks),
        "reading": recipe.reading != before.reading,
        "system": recipe.system_prompt != before.system_prompt,
        "shape": (recipe.grammar, recipe.schema) != (before.grammar, before.schema),
    }
    return frozenset(changed | {part for part, differs in values.items() if differs})


def sampling_words(sampling: Sampling) -> str:
    """The settings that are set, shortened."""
    return "  ".join(
        f"{SHORT.get(name, name)} {value:g}" if isinstance(value, int | float) else f"{SHORT.get(name, name)} {value}"
        for name, value in sampling.changed().items()
    )


def _or_none(text: str) -> tuple[str, bool]:
    return (" ".join(text.split()), True) if text else (say("none"), False)


def _or_own(sampling: Sampling) -> tuple[str, bool]:
    text = sampling_words(sampling)
    return (text, True) if text else (say("the model's own"), False)


def _template(recipe: Recipe) -> str:
    return f"{recipe.template.template.title} ({recipe.template.template.language})" if recipe.template else ""


def shots_in_words(use: ShotUse | None) -> str:
    """Which examples are shown, and how; empty when none are."""
    if use is None or use.k < 1:
        return ""
    rows = sum(row.on for row in use.set.rows)
    words = [say("{title}: {k} of {rows}", title=use.set.title, k=min(use.k, rows), rows=rows)]
    words += [say("inline")] if use.style == "inline" else []
    words += {"gold": [], "shuffled": [say("labels shuffled")], "random": [say("labels at random")]}.get(
        use.labels, [say("labels flipped")]
    )
    words += {"first": [], "random": [say("drawn, seed {seed}", seed=use.seed)]}.get(use.choice, [say("nearest")])
    words += {"chosen": [], "reversed": [say("order reversed")]}.get(use.order, [say("order shuffled")])
    return ", ".join(words)


def _reasoning(recipe: Recipe) -> str:
    words: list[str] = []
    if recipe.reasoning is not None:
        words.append(reasoning_in_words(recipe.reasoning))
    if recipe.thinks is not None:
        words.append(say("thinking on") if recipe.thinks else say("thinking off"))
    return ", ".join(words)


def _overflow(recipe: Recipe) -> tuple[str, bool]:
    """What happens to a prompt that does not fit."""
    words: dict[OverflowPolicy, str] = {
        "ask": say("nothing is left out"),
        "drop_turns": say("oldest turns left out"),
        "fewer_examples": say("fewer examples shown"),
    }
    return words[recipe.overflow], recipe.overflow != "ask"


def _earlier(recipe: Recipe) -> tuple[str, bool]:
    """What becomes of the thinking of earlier answers."""
    words = say("earlier ones sent again") if recipe.keep_thinking else say("earlier ones left out")
    return words, recipe.keep_thinking


def _shape(recipe: Recipe) -> str:
    return say("JSON schema") if recipe.schema else say("grammar") if recipe.grammar else ""
