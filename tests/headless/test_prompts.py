"""`llmlab prompts`: what there is, what one file says, what is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

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
