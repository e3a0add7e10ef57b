"""The flags that make a recipe: every pane of the lab has its own here, the same for each command that asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

import click

from llmlab.commands.kit import Session, chosen_model, option, prepare, working_folder
from llmlab.commands.reading import ReadingFlags, reading_of, reading_options
from llmlab.commands.shots import ShotFlags, shot_options, shots_of
from llmlab.commands.templates import TemplateFlags, template_of, template_options
from llmlab.domain.model import ModelSpec
from llmlab.domain.modes import MOST_VOTES, ReasoningUse
from llmlab.domain.recipe import OverflowPolicy, Recipe
from llmlab.domain.sampling import PRESETS, with_preset
from llmlab.domain.terminal import encodable
from llmlab.errors import UsageError
from llmlab.words import current_language, say


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipeFlags:
    """What stood on the command line, not yet checked; the names are those of the flags."""

    model: str | None
    system: str | None
    preset: str | None
    options: tuple[tuple[str, str], ...]
    seed: int | None
    max_tokens: int | None
    lora: tuple[tuple[str, str], ...]
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
    overflow: OverflowPolicy | None

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
            "--recipe",
            metavar="NAME",
            help=say("A recipe that was kept, a copied card, or the output of ask --json; other options change it."),
        ),
        option("-m", "--model", help=say("Name of a model, or a GGUF file.")),
        option("-s", "--system", help=say("System prompt; an empty one is none.")),
        *_sampling_options(),
        option(
            "--lora",
            nargs=2,
            type=str,
            multiple=True,
            metavar="NAME SCALE",
            help=say("How strongly a LoRA adapter of the model's table works, 0 for not at all; may be repeated."),
        ),
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
            type=click.Choice(get_args(OverflowPolicy)),
            help=say("When the prompt does not fit: send nothing, or leave out old turns or examples and say so."),
        ),
        *reading_options(),
        *template_options(),
        *shot_options(),
    ]


def _sampling_options() -> list[click.Parameter]:
    return [
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
        option(
            "--preset",
            type=click.Choice([preset.name for preset in PRESETS]),
            help=say("Sampler settings by name; model is the model's own. -o counts more."),
        ),
        option("--seed", type=int, help=say("Same seed, same answer. Without it: drawn anew.")),
        option("--max-tokens", type=int, help=say("Longest answer in tokens.")),
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
    options = [(key, encodable(value)) for key, value in flags.options]
    sampling = sampling_of(options, flags.seed, flags.max_tokens, flags.preset)
    grammar, schema = shape_of(flags.grammar, flags.schema)
    kept = _kept(session, flags.recipe) if flags.recipe else base
    kept = _without_what_is_replaced(kept, flags) if kept else None
    spec = kept.model if kept and not flags.model else chosen_model(session, flags.model)
    spec = _with_adapters(replace(spec, deterministic=True) if flags.deterministic else spec, flags.lora)
    template = template_of(session, flags.template, kept.template if kept else None)
    if flags.template.template is not None and template is not None and grammar is None:
        schema = schema or template.template.schema or None
    recipe = Recipe(
        model=spec,
        system=None if flags.system is None else encodable(flags.system),
        sampling=sampling,
        thinking=flags.thinking,
        grammar=grammar,
        schema=schema,
        template=template,
        shots=shots_of(session, flags.shots, kept.shots if kept else None),
        reasoning=_reasoning(session, flags, kept.reasoning if kept else None),
        reading=reading_of(session, flags.documents, kept.reading if kept else None),
        overflow=flags.overflow or (kept.overflow if kept else "ask"),
    )
    # A policy that is named holds, the usual one too.
    return replace(recipe.over(kept), overflow=recipe.overflow) if kept else recipe


def _with_adapters(spec: ModelSpec, scales: Sequence[tuple[str, str]]) -> ModelSpec:
    """`spec` with other scales for some of its LoRA adapters, as they are typed.

    Raises:
        UsageError: it has no such adapter, or the scale is none.
    """
    from llmlab.library.checks import Unfit, meant
    from llmlab.library.models import adapter_scale

    wished = {}
    names = [adapter.name for adapter in spec.lora]
    for name, scale in scales:
        where = f"--lora {name} {scale}"
        if name not in names:
            what = say("Model {model} has no LoRA adapter {name}", model=spec.name, name=name) + meant(name, names)
            known = say("It has: {names}.", names=", ".join(names))
            none = say("Name adapters under lora in the model's table of models.toml.")
            raise UsageError(what, where=where, hint=known if names else none)
        try:
            wished[name] = adapter_scale(scale)
        except Unfit as unfit:
            raise UsageError(str(unfit), where=where) from None
    lora = tuple(replace(adapter, scale=wished.get(adapter.name, adapter.scale)) for adapter in spec.lora)
    return replace(spec, lora=lora)


def _without_what_is_replaced(kept: Recipe, flags: RecipeFlags) -> Recipe:
    """`kept` without what a flag stands for as a whole: the settings of a preset, the schema of a template."""
    preset = next((preset for preset in PRESETS if preset.name == flags.preset), None)
    if preset is not None:
        kept = replace(kept, sampling=with_preset(kept.sampling, preset))
    if flags.template.template is not None and kept.template and kept.schema == kept.template.template.schema:
        kept = replace(kept, schema=None)
    return kept


def _kept(session: Session, name: str) -> Recipe:
    """The recipe that was kept under a name.

    Raises:
        LlmlabError: there is none, or it cannot be read.
    """
    from llmlab.library.recipe_files import load_recipe, recipe_folders
    from llmlab.services.recipe_codec import decode_kept

    return decode_kept(load_recipe(recipe_folders(session.paths.config, working_folder(session.paths)), name))


def keep_option() -> click.Option:
    """`--keep`."""
    return option("--keep", "keep_as", metavar="NAME", help=say("Keep these options as a recipe, for --recipe NAME."))


def keep(session: Session, name: str | None, recipe: Recipe) -> None:
    """Keep `recipe` under what `--keep` names, and tell where.

    Raises:
        ConfigError: the name cannot be a file's, another recipe has it, or the file cannot be written.
    """
    if name is None:
        return
    from llmlab.library.recipe_files import save_recipe
    from llmlab.services.recipe_codec import encode_recipe

    prepare(session.paths)
    path = save_recipe(session.paths.recipes, name, encode_recipe(recipe), [recipe.model.name])
    session.err.note(say("Kept: {path}. Use it with llmlab ask --recipe {name}", path=str(path), name=name))


def _reasoning(session: Session, flags: RecipeFlags, base: ReasoningUse | None) -> ReasoningUse | None:
    """The reasoning mode that the flags ask for.

    Votes and a budget alone change the mode of `base`; without one they name the mode that they are about.

    Raises:
        ConfigError: there is no such mode, or its file holds something wrong.
    """
    if flags.reasoning is None and flags.votes is None and flags.thinking_budget is None:
        return None
    if flags.reasoning is None and base is not None:
        votes = base.votes if flags.votes is None else flags.votes
        budget = base.budget if flags.thinking_budget is None else flags.thinking_budget
        return ReasoningUse(base.mode, votes=votes, budget=budget)
    from llmlab import wiring

    name = flags.reasoning or ("thinking-on" if flags.votes is None else "votes")
    shelf = wiring.open_reasoning(session.paths, working_folder(session.paths))
    return ReasoningUse(shelf.find(name, current_language()), votes=flags.votes, budget=flags.thinking_budget)
