"""`llmlab prompts`: what there is, what one file says, what is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from llmlab.domain.model import ModelSpec
from llmlab.domain.recipe import Recipe
from llmlab.library.recipe_files import save_recipe
from llmlab.services.recipe_codec import encode_recipe
from tests.headless.conftest import Command

SOUND = 'title = "Reply"\nmain = "mail"\nuser = "Answer: {{ mail }}"\n[variables.mail]\n'
BROKEN = 'title = "Broken"\nusr = "Answer"\n'


def own(llmlab: Command, name: str, text: str, kind: str = "templates") -> Path:
    folder = llmlab.paths.config / "prompts" / kind
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def entries(llmlab: Command) -> list[dict[str, object]]:
    found = llmlab.json("prompts", "list")
    assert isinstance(found, dict)
    return list(found["prompts"])


def test_every_kind_is_listed_and_the_users_file_takes_the_place_of_a_shipped_one(llmlab: Command) -> None:
    place = own(llmlab, "summarise.en.toml", SOUND)
    found = entries(llmlab)
    assert {"templates", "shots", "reasoning"} <= {entry["kind"] for entry in found}
    (one,) = [
        entry
        for entry in found
        if (entry["kind"], entry["name"], entry["language"]) == ("templates", "summarise", "en")
    ]
    assert (one["title"], one["source"], one["ok"]) == ("Reply", str(place), True)
    assert llmlab("prompts", "list") == 0
    assert "summarise.en" in llmlab.out
    assert llmlab.err == ""


def test_a_bad_file_is_listed_and_told_beside_the_good_ones(llmlab: Command) -> None:
    own(llmlab, "reply.en.toml", BROKEN)
    assert llmlab("prompts", "list") == 0
    assert "cannot be used" in llmlab.out
    assert "reply.en.toml" in llmlab.err
    assert "user" in llmlab.err, "the near miss"
    (one,) = [entry for entry in entries(llmlab) if entry["name"] == "reply"]
    assert one["ok"] is False


def test_a_file_is_shown_as_it_stands(llmlab: Command) -> None:
    place = own(llmlab, "reply.en.toml", SOUND)
    assert llmlab("prompts", "show", "reply") == 0
    assert llmlab.out == f"# {place}\n{SOUND}"
    shown = llmlab.json("prompts", "show", "reply")
    assert shown == {"kind": "templates", "key": "reply.en", "source": str(place), "text": SOUND}


def test_one_name_of_several_kinds_is_told_and_shown_with_its_kind(llmlab: Command) -> None:
    for name, kinds in (
        ("sentiment", ("templates", "shots")),
        ("explain-code.zh", ("templates", "shots")),
        ("votes", ("reasoning", "experiments")),
    ):
        assert llmlab("prompts", "show", name) == 2
        told = llmlab.err
        for kind in kinds:
            assert f"{kind}/{name}" in told
            shown = llmlab.json("prompts", "show", f"{kind}/{name}")
            assert isinstance(shown, dict)
            assert shown["kind"] == kind
            assert Path(shown["source"]).parent.name == kind
            assert shown["key"].startswith(name)


def test_an_unknown_name_of_a_kind_is_told_with_the_near_miss(llmlab: Command) -> None:
    for wanted in ("shots/sentimnt", "shot/sentiment"):
        assert llmlab("prompts", "show", wanted) == 2
        assert "did you mean shots/sentiment?" in llmlab.err


def test_kept_recipes_are_prompt_files(llmlab: Command) -> None:
    recipe = Recipe(model=ModelSpec(name="small", path="/small.gguf"))
    place = save_recipe(llmlab.paths.recipes, "short", encode_recipe(recipe), ["small"])
    bad = own(llmlab, "broken.toml", '# small\n[recipe]\njson = "{}"\n', "recipes")
    found = {str(entry["name"]): entry for entry in entries(llmlab) if entry["kind"] == "recipes"}
    assert {name: (entry["title"], entry["source"], entry["ok"]) for name, entry in found.items()} == {
        "short": ("small", str(place), True),
        "broken": ("", str(bad), False),
    }
    assert llmlab("prompts", "show", "recipes/short") == 0
    assert llmlab.out == f"# {place}\n{place.read_text('utf-8')}"
    assert llmlab("prompts", "check") == 1
    assert f"{bad}:3: " in llmlab.out
    assert llmlab("prompts", "check", str(place)) == 0
    assert llmlab("prompts", "check", str(bad)) == 1


def test_an_unknown_name_is_told_with_the_near_miss(llmlab: Command) -> None:
    assert llmlab("prompts", "show", "sumarise") != 0
    assert "summarise" in llmlab.err
    assert "llmlab prompts list" in llmlab.err


def test_the_shipped_files_are_sound(llmlab: Command) -> None:
    assert llmlab("prompts", "check") == 0, llmlab.out
    found = llmlab.json("prompts", "check")
    assert isinstance(found, dict)
    assert found["problems"] == []
    assert found["checked"] > 80


@pytest.mark.parametrize(
    ("kind", "text", "told"),
    [
        ("templates", BROKEN, "user"),
        ("templates", 'title = "x"\nuser = "{% for %}"\n', "reply.en.toml:2"),
        ("shots", "[[rows]]\ninput = 3\n", "reply.en.toml"),
        ("reasoning", "title = 3\n", "reply.en.toml"),
    ],
)
def test_what_is_wrong_in_one_file_ends_with_1(llmlab: Command, kind: str, text: str, told: str) -> None:
    place = own(llmlab, "reply.en.toml", text, kind)
    assert llmlab("prompts", "check", str(place)) == 1
    assert told in llmlab.out
    assert llmlab("prompts", "check", str(place), "--json") == 1
    assert json.loads(llmlab.out)["problems"]


def test_a_sound_file_anywhere_is_taken_for_a_template(llmlab: Command, tmp_path: Path) -> None:
    place = tmp_path / "elsewhere.toml"
    place.write_text(SOUND, encoding="utf-8")
    assert llmlab("prompts", "check", str(place)) == 0, llmlab.out
    assert "1 prompt files" in llmlab.out
