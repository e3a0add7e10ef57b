"""Recipes under a name."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmlab.domain.card import Card, card_as_toml
from llmlab.domain.sampling import Sampling
from llmlab.errors import ConfigError
from llmlab.library.recipe_files import RecipeText, is_kept, load_recipe, save_recipe

RECIPE = '{"model": "é \\" \\\\ \\n"}'


def test_what_was_kept_comes_back(tmp_path: Path) -> None:
    path = save_recipe(tmp_path / "a", "my recipe-1", RECIPE, ["Examples: none"])
    assert path.read_text("utf-8").startswith("# Examples: none\n")
    assert load_recipe([tmp_path / "a"], "my recipe-1") == RecipeText(RECIPE)
    assert load_recipe([], str(path)) == RecipeText(RECIPE)


def test_another_recipe_of_the_name_stays_unless_it_may_go(tmp_path: Path) -> None:
    save_recipe(tmp_path, "r", RECIPE, [])
    assert is_kept(tmp_path, "r")
    with pytest.raises(ConfigError, match="already"):
        save_recipe(tmp_path, "r", "other", [])
    assert load_recipe([tmp_path], "r").json == RECIPE
    save_recipe(tmp_path, "r", "other", [], over=True)
    assert load_recipe([tmp_path], "r").json == "other"


def test_the_working_directorys_recipe_wins(tmp_path: Path) -> None:
    save_recipe(tmp_path / "a", "r", "mine", [])
    save_recipe(tmp_path / "b", "r", "theirs", [])
    assert load_recipe([tmp_path / "a", tmp_path / "b"], "r").json == "theirs"


def test_a_copied_card_is_a_recipe(tmp_path: Path) -> None:
    card = Card(
        model="m", file="/m.gguf", file_bytes=1, file_mark="", quantisation="Q8_0", build="b", device="CPU", n_ctx=1,
        n_batch=1, n_ubatch=1, n_threads=1, n_gpu_layers=0, flash_attn="auto", cache_type_k="f16", cache_type_v="f16",
        chat_template="file", deterministic=False, sampling=Sampling(seed=7, top_p=1.0, stop=("a", "b")), recipe=RECIPE,
    )  # fmt: skip
    file = tmp_path / "card.toml"
    file.write_text(card_as_toml(card), "utf-8")
    assert load_recipe([], str(file)) == RecipeText(RECIPE, card.sampling)


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "x" * 65, "nul\0", "end.", "C:\\x"])
def test_a_name_never_leaves_its_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError):
        save_recipe(tmp_path, name, RECIPE, [])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ["", "[recipe]\njson = 3\n", "recipe = 1\n", "[recipe\n"])
def test_a_file_that_holds_something_else_is_named(tmp_path: Path, content: str) -> None:
    file = tmp_path / "x.toml"
    file.write_text(content, "utf-8")
    with pytest.raises(ConfigError) as caught:
        load_recipe([tmp_path], "x")
    assert str(file) in str(caught.value)


def test_a_missing_one_names_the_near_miss(tmp_path: Path) -> None:
    save_recipe(tmp_path, "translate", RECIPE, [])
    with pytest.raises(ConfigError, match="did you mean translate"):
        load_recipe([tmp_path], "transalte")
