"""Flags of `llmlab ask` on the smallest model that ships: what only a real engine can show."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llmlab.pocket import pocket_names, pocket_path
from tests.headless.conftest import Command
from tests.headless.test_recipe_flags import as_toml

pytestmark = pytest.mark.skipif("pocket-s" not in pocket_names(), reason="the pocket model was not trained yet")

QUESTION = "Who are you?"


def asked(llmlab: Command, *arguments: str) -> dict[str, Any]:
    """What `ask --json` prints."""
    found = llmlab.json("ask", QUESTION, *arguments)
    assert isinstance(found, dict)
    return found


def model() -> tuple[str, ...]:
    """A hot model that may say anything: another seed gives another answer."""
    hot = {"temperature": "2", "top_k": "0", "top_p": "1", "min_p": "0"}
    settings = [word for name, value in hot.items() for word in ("-o", name, value)]
    return ("-m", str(pocket_path("pocket-s")), "--deterministic", *settings, "--max-tokens", "24")


def test_a_card_that_was_copied_gives_the_same_answer(llmlab: Command, tmp_path: Path) -> None:
    first = asked(llmlab, *model(), "--shots", "antonyms:2", "--shot-choice", "random", "--shot-seed", "5")
    toml, answer = tmp_path / "card.toml", tmp_path / "answer.json"
    toml.write_text(as_toml(first["card"]), encoding="utf-8")
    answer.write_text(json.dumps(first), encoding="utf-8")
    for file in (toml, answer):
        again = asked(llmlab, "--recipe", str(file))
        assert (again["text"], again["seed"]) == (first["text"], first["seed"])
        for key in ("prompt_hash", "file_mark", "sampling"):
            assert again["card"][key] == first["card"][key]
    other = asked(llmlab, "--recipe", str(toml), "--seed", str(first["seed"] ^ 1))
    assert other["seed"] == first["seed"] ^ 1
    assert other["text"] != first["text"]


def test_an_answer_follows_its_shape(llmlab: Command, tmp_path: Path) -> None:
    schema, grammar = tmp_path / "s.json", tmp_path / "g.gbnf"
    schema.write_text('{"type": "object", "properties": {"n": {"enum": [1, 2]}}, "required": ["n"]}', "utf-8")
    grammar.write_text('root ::= "yes" | "no"\n', "utf-8")
    assert json.loads(asked(llmlab, *model(), "--schema", str(schema))["text"])["n"] in (1, 2)
    assert asked(llmlab, *model(), "--grammar", str(grammar))["text"] in ("yes", "no")


def test_votes_are_counted(llmlab: Command, tmp_path: Path) -> None:
    grammar = tmp_path / "g.gbnf"
    grammar.write_text('root ::= "The answer is " [1-9] "."\n', "utf-8")
    told = asked(llmlab, *model(), "--votes", "3", "--grammar", str(grammar), "--seed", "1")
    assert sum(vote["count"] for vote in told["votes"]) == 3
    assert (told["silent"], len(told["samples"])) == (0, 2)
    assert told["answer"] == max(told["votes"], key=lambda vote: vote["count"])["answer"]


def test_a_bias_holds_and_stands_on_the_card(llmlab: Command, tmp_path: Path) -> None:
    told = asked(llmlab, *model(), "-o", "logit_bias", '"Q" = 1000.0')
    assert set(told["text"].strip()) == {"Q"}
    assert told["card"]["sampling"]["logit_bias"] == '"Q"=1000'
    card = tmp_path / "card.toml"
    card.write_text(as_toml(told["card"]), encoding="utf-8")
    assert asked(llmlab, "--recipe", str(card))["text"] == told["text"]
