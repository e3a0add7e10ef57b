"""The flags that make a recipe: every pane of the lab has its own here, the same for each command that asks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from llmlab.commands.kit import Session, chosen_model, option, working_folder
from llmlab.commands.reading import ReadingFlags, reading_of, reading_options
from llmlab.commands.shots import ShotFlags, shot_options, shots_of
from llmlab.commands.templates import TemplateFlags, template_of, template_options
from llmlab.domain.modes import MOST_VOTES, ReasoningUse
from llmlab.domain.recipe import Recipe
from llmlab.domain.terminal import encodable
from llmlab.words import current_language, say


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipeFlags:
    """What stood on the command line, not yet checked; the names are those of the flags."""

    model: str | None
    system: str | None
    options: tuple[tuple[str, str], ...]
    seed: int | None
    max_tokens: int | None
    deterministic: bool
    thinking: bool | None
    schema: Path | None
    grammar: Path | None
    reasoning: str | None
    votes: int | None
    thinking_budget: int | None
    shots: ShotFlags
    template: TemplateFlags
    documents: ReadingFlags
    recipe: str | None
    overflow: str | None

    @classmethod
    def take(cls, given: dict[str, Any]) -> RecipeFlags:
        """These flags, taken out of all that a command was given."""
        parts: dict[str, Any] = {
            "shots": ShotFlags.take(given),
            "template": TemplateFlags.take(given),
            "documents": ReadingFlags.take(given),
        }
        return cls(**{name: given.pop(name) for name in cls.__slots__ if name not in parts}, **parts)


def recipe_options() -> list[click.Parameter]:
    """The options, in the order of the help."""
    return [
        option(
            "--recipe", metavar="NAME", help=say("A recipe that was kept, or a copied card; other options change it.")
        ),
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
            "--reasoning",
            metavar="MODE",
            help=say("Reasoning mode, such as steps, votes or self-check; see: llmlab prompts list"),
        ),
        option(
            "--votes",
            type=click.IntRange(1, MOST_VOTES),
            metavar="N",
            help=say("Draw N answers together; the final answer that most of them give wins."),
        ),
        option(
            "--thinking-budget",
            type=click.IntRange(min=0),
            metavar="N",
            help=say("Tokens of thinking at most; then the model is told to answer."),
        ),
        option(
            "--overflow",
            type=click.Choice(["ask", "fewer_examples"]),
            help=say("When the prompt does not fit: send nothing, or show fewer examples and say so."),
        ),
        *reading_options(),
        *template_options(),
        *shot_options(),
    ]


def recipe_of(session: Session, flags: RecipeFlags, base: Recipe | None = None) -> Recipe:
    """The recipe that the flags ask for.

    Args:
        session: the folders.
        flags: what stood on the command line.
        base: what holds where they say nothing, unless they name a kept recipe.

    Raises:
        LlmlabError: one of them cannot be; the message names it.
    """
    from llmlab.headless.options import sampling_of, shape_of

    # A command line may hold bytes that are no text; nothing further on can carry them.
    sampling = sampling_of([(key, encodable(value)) for key, value in flags.options], flags.seed, flags.max_tokens)
    grammar, schema = shape_of(flags.grammar, flags.schema)
    kept = _kept(session, flags.recipe) if flags.recipe else base
    spec = kept.model if kept and not flags.model else chosen_model(session, flags.model)
    template = template_of(session, flags.template)
    if template is not None and grammar is None:
        schema = schema or template.template.schema or None
    recipe = Recipe(
        model=replace(spec, deterministic=True) if flags.deterministic else spec,
        system=None if flags.system is None else encodable(flags.system),
        sampling=sampling,
        thinking=flags.thinking,
        grammar=grammar,
        schema=schema,
        template=template,
        shots=shots_of(session, flags.shots),
        reasoning=_reasoning(session, flags),
        reading=reading_of(session, flags.documents),
        overflow="fewer_examples" if flags.overflow == "fewer_examples" else "ask",
    )
    return recipe.over(kept) if kept else recipe


def _kept(session: Session, name: str) -> Recipe:
    """The recipe that was kept under a name.

    Raises:
        LlmlabError: there is none, or it cannot be read.
    """
    from llmlab.library.recipe_files import load_recipe
    from llmlab.services.recipe_codec import decode_recipe

    folders = [session.paths.recipes, working_folder(session.paths) / "prompts" / "recipes"]
    return decode_recipe(load_recipe(folders, name))


def _reasoning(session: Session, flags: RecipeFlags) -> ReasoningUse | None:
    """The reasoning mode that the flags ask for; votes and a budget alone name the mode that they are about.

    Raises:
        ConfigError: there is no such mode, or its file holds something wrong.
    """
    if flags.reasoning is None and flags.votes is None and flags.thinking_budget is None:
        return None
    from llmlab import wiring

    name = flags.reasoning or ("thinking-on" if flags.votes is None else "votes")
    shelf = wiring.open_reasoning(session.paths, working_folder(session.paths))
    return ReasoningUse(shelf.find(name, current_language()), votes=flags.votes, budget=flags.thinking_budget)
