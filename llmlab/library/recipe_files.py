"""Recipes under a name: what a card holds, kept in a file of its own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from llmlab.errors import ConfigError
from llmlab.library.checks import meant
from llmlab.library.tomlfile import quoted, read_toml
from llmlab.library.writing import write_whole
from llmlab.words import say

_NAME: Final = re.compile(r"[\w][\w. -]{0,63}")


def save_recipe(folder: Path, name: str, recipe: str, about: Sequence[str]) -> Path:
    """Keep a recipe under `name`, in place of an older one; the file.

    Args:
        folder: where recipes are kept; made when it is not there.
        name: letters, digits, `-`, `_`, `.` and spaces.
        recipe: as JSON.
        about: what is in it, a line each, for whoever opens the file.

    Raises:
        ConfigError: the name cannot be a file's, or the file cannot be written.
    """
    path = _path(folder, name)
    lines = [*(f"# {line}" for line in about), "", "[recipe]", f"json = {quoted(recipe)}", ""]
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(path, "\n".join(lines))
    except OSError as error:
        raise ConfigError(
            say("The recipe cannot be kept: {reason}", reason=error.strerror or str(error)), where=str(path)
        ) from None
    return path


def load_recipe(folders: Sequence[Path], wanted: str) -> str:
    """The JSON of a recipe.

    Args:
        folders: where recipes are kept, the later ones over the earlier.
        wanted: a name, or the path of a file that has a table `[recipe]`: a kept one, or a card that was copied.

    Raises:
        ConfigError: there is none, or its file holds something else.
    """
    as_path = Path(wanted).expanduser()
    if as_path.suffix == ".toml" or len(as_path.parts) > 1:
        path = as_path
    else:
        path = next((path for folder in reversed(folders) if (path := _path(folder, wanted)).is_file()), as_path)
    if not path.is_file():
        names = recipe_names(folders)
        raise ConfigError(
            say("There is no recipe {name}", name=wanted) + meant(wanted, names),
            hint=say("They are: {names}", names=", ".join(names))
            if names
            else say("In the lab, /keep NAME keeps one."),
        )
    file = read_toml(path)
    if file.broken:
        raise ConfigError(str(file.broken[0]))
    table = file.values.get("recipe")
    recipe = table.get("json") if isinstance(table, dict) else None
    if not isinstance(recipe, str):
        raise ConfigError(
            say("This file holds no recipe."),
            where=str(path),
            hint=say("A recipe has a table [recipe] with a key json."),
        )
    return recipe


def recipe_names(folders: Sequence[Path]) -> list[str]:
    """The names of all recipes that are kept."""
    return sorted({file.stem for folder in folders for file in folder.glob("*.toml")})


def _path(folder: Path, name: str) -> Path:
    if not _NAME.fullmatch(name) or name.endswith((".", " ")):
        raise ConfigError(
            say("{name} cannot be the name of a recipe.", name=name),
            hint=say("Use letters, digits, - and _, at most 64 of them."),
        )
    return folder / f"{name}.toml"
