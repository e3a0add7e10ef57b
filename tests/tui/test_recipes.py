"""Recipes in the lab: kept under a name, never replaced unasked, taken from the same places as on the command line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from textual.widgets import Input

from llmlab.domain.recipe import Recipe
from llmlab.library.recipe_files import recipe_names, save_recipe
from llmlab.paths import Paths
from llmlab.services.recipe_codec import encode_recipe
from llmlab.tui.screens.line import LineDialog
from llmlab.tui.start import Wish
from tests.tui.laboratory import laboratory, spec


async def test_a_recipe_is_replaced_only_after_asking(paths: Paths) -> None:
    async with laboratory(paths) as lab:
        file = paths.recipes / "short.toml"
        await lab.command("/keep short")
        await lab.until(file.exists)
        first = file.read_text("utf-8")
        lab.bench.desk.sampling = replace(lab.bench.desk.sampling, top_k=7)
        await lab.command("/keep short")
        await lab.until(lambda: isinstance(lab.app.screen, LineDialog))
        assert file.read_text("utf-8") == first
        await lab.pilot.press("escape")
        await lab.until(lambda: lab.app.screen is lab.screen)
        assert file.read_text("utf-8") == first
        await lab.command("/keep short")
        await lab.until(lambda: isinstance(lab.app.screen, LineDialog))
        assert lab.app.screen.query_one(Input).value == "short"
        await lab.pilot.press("enter")
        await lab.until(lambda: '\\"top_k\\":7' in file.read_text("utf-8"))


async def test_another_name_keeps_both(paths: Paths) -> None:
    async with laboratory(paths) as lab:
        await lab.command("/keep short")
        await lab.until((paths.recipes / "short.toml").exists)
        await lab.command("/keep short")
        await lab.until(lambda: isinstance(lab.app.screen, LineDialog))
        await lab.pilot.press("2", "enter")
        await lab.until((paths.recipes / "short2.toml").exists)
        assert recipe_names([paths.recipes]) == ["short", "short2"]


async def test_the_working_folders_recipe_is_found_and_wins(paths: Paths, tmp_path: Path) -> None:
    mine, theirs = (Recipe(model=spec("one"), system=system) for system in ("mine", "theirs"))
    save_recipe(paths.recipes, "short", encode_recipe(mine), [])
    save_recipe(tmp_path / "work" / "prompts" / "recipes", "short", encode_recipe(theirs), [])
    async with laboratory(paths, wish=Wish(export_folder=tmp_path / "work")) as lab:
        await lab.command("/recipe short")
        await lab.until(lambda: lab.bench.desk.recipe().system == "theirs")
