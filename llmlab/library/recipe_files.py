"""Recipes under a name: what a card holds, kept in a file of its own."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from llmlab.domain.recipe import Recipe
from llmlab.domain.sampling import Sampling
from llmlab.errors import ConfigError, LlmlabError
from llmlab.library.checks import check_sampling, meant
from llmlab.library.prompt_files import BadPrompt, PromptFile, PromptKind, prompt_roots
from llmlab.library.tomlfile import Problem, parse_toml, quoted, read_toml
from llmlab.library.writing import write_whole
from llmlab.words import say

FOLDER: Final = "recipes"
"""Below `prompts/`."""

_NAME: Final = re.compile(r"[\w][\w. -]{0,63}")


@dataclass(frozen=True, slots=True)
class RecipeText:
    """A recipe as its file holds it."""

    json: str
    sampling: Sampling = field(default_factory=Sampling)
    """In a card: the settings that its answer was drawn with, the seed among them."""


@dataclass(frozen=True, slots=True)
class KeptRecipe:
    """A recipe as one of the prompt files."""

    name: str
    title: str
    """Its model."""
    source: str
    language: str = ""
    """A recipe is of none."""

    @property
    def key(self) -> str:
        """Its name."""
        return self.name


def recipe_folders(config: Path, folder: Path) -> tuple[Path, ...]:
    """Where recipes are kept, the later over the earlier, as seen from the working directory `folder`."""
    return tuple(root / FOLDER for root in prompt_roots(config, folder))


def save_recipe(folder: Path, name: str, recipe: str, about: Sequence[str], *, over: bool = False) -> Path:
    """Keep a recipe under `name`; the file.

    Args:
        folder: where recipes are kept; made when it is not there.
        name: letters, digits, `-`, `_`, `.` and spaces.
        recipe: as JSON.
        about: what is in it, a line each, for whoever opens the file.
        over: in place of an older one.

    Raises:
        ConfigError: the name cannot be a file's, another recipe has it, or the file cannot be written.
    """
    path = _path(folder, name)
    if path.exists() and not over:
        raise ConfigError(
            say("There is a recipe {name} already.", name=name),
            where=str(path),
            hint=say("Take another name, or remove its file."),
        )
    lines = [*(f"# {line}" for line in about), "", "[recipe]", f"json = {quoted(recipe)}", ""]
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(path, "\n".join(lines))
    except OSError as error:
        raise ConfigError(
            say("The recipe cannot be kept: {reason}", reason=error.strerror or str(error)), where=str(path)
        ) from None
    return path


def is_kept(folder: Path, name: str) -> bool:
    """Whether `folder` holds a recipe of this name.

    Raises:
        ConfigError: the name cannot be a file's.
    """
    return _path(folder, name).exists()


def load_recipe(folders: Sequence[Path], wanted: str) -> RecipeText:
    """A recipe as its file holds it.

    Args:
        folders: where recipes are kept, the later ones over the earlier.
        wanted: a name, or the path of a file: a kept recipe, a card that was copied (TOML), or what `ask --json`
            printed (JSON).

    Raises:
        ConfigError: there is none, or its file holds something else.
    """
    as_path = Path(wanted).expanduser()
    if as_path.suffix in (".toml", ".json") or len(as_path.parts) > 1:
        path = as_path
    else:
        path = next((path for folder in reversed(folders) if (path := _path(folder, wanted)).is_file()), as_path)
    if not path.is_file():
        names = recipe_names(folders)
        raise ConfigError(
            say("There is no recipe {name}", name=wanted) + meant(wanted, names),
            hint=say("They are: {names}", names=", ".join(names))
            if names
            else say("/keep NAME in the lab keeps one, and so does --keep NAME."),
        )
    if path.suffix == ".json":
        return _text_in(_object_in(path), path)
    file = read_toml(path)
    if file.broken:
        raise ConfigError(str(file.broken[0]))
    return _text_in(file.values, path)


def recipe_names(folders: Sequence[Path]) -> list[str]:
    """The names of all recipes that are kept."""
    return sorted({file.stem for folder in folders for file in folder.glob("*.toml")})


def recipe_kind(decode: Callable[[RecipeText], Recipe]) -> PromptKind[KeptRecipe]:
    """Kept recipes as a kind of prompt file; `decode` makes the recipe, or raises an `LlmlabError`."""

    def parse(file: PromptFile) -> KeptRecipe | BadPrompt:
        name, source = file.path.stem, str(file.path)
        toml = parse_toml(file.text, file.path)
        if toml.broken:
            return BadPrompt(name, "", source, "\n".join(map(str, toml.broken)))
        try:
            recipe = decode(_text_in(toml.values, file.path))
        except LlmlabError as error:
            problem = Problem(file.path, error.what, line=toml.line_of("recipe", "json"))
            return BadPrompt(name, "", source, str(problem))
        return KeptRecipe(name, recipe.model.name, source)

    return PromptKind(FOLDER, parse)


def _object_in(path: Path) -> Mapping[str, object]:
    """The card in a JSON file, which is one or has one under `card`.

    Raises:
        ConfigError: it cannot be read, or is no JSON object.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        reason = (error.strerror if isinstance(error, OSError) else "") or str(error)
        raise ConfigError(say("The file cannot be read: {reason}", reason=reason), where=str(path)) from None
    card = values.get("card", values) if isinstance(values, dict) else None
    return card if isinstance(card, dict) else {}


def _text_in(values: Mapping[str, object], path: Path) -> RecipeText:
    """The recipe and the settings in the tables of a file.

    Raises:
        ConfigError: there is no recipe, or a setting is none.
    """
    table, settings = values.get("recipe"), values.get("sampling", {})
    recipe = table.get("json") if isinstance(table, dict) else None
    if not isinstance(recipe, str):
        raise ConfigError(
            say("This file holds no recipe."),
            where=str(path),
            hint=say("A recipe has a table [recipe] with a key json."),
        )
    sampling, faults = check_sampling(settings if isinstance(settings, dict) else {}, ("sampling",))
    if faults:
        raise ConfigError(f"{'.'.join(faults[0].path)}: {faults[0].what}", where=str(path))
    return RecipeText(recipe, sampling)


def _path(folder: Path, name: str) -> Path:
    if not _NAME.fullmatch(name) or name.endswith((".", " ")):
        raise ConfigError(
            say("{name} cannot be the name of a recipe.", name=name),
            hint=say("Use letters, digits, - and _, at most 64 of them."),
        )
    return folder / f"{name}.toml"
