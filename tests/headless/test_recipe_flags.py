"""The flags that make a recipe, from the command line to what the engine is asked, on the scripted engine."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest

from llmlab import wiring
from llmlab.domain.card import Card, card_as_toml
from llmlab.domain.recipe import OverflowPolicy, Recipe
from llmlab.domain.sampling import PRESETS, Sampling
from llmlab.engine.scripted import Reply, Script, ScriptedEngine, Step
from llmlab.library.tomlfile import parse_toml
from llmlab.services.host import EngineHost
from tests.headless.conftest import Command

TEMPLATE = """title = "Mail"
main = "text"
system = "You write mails."
user = "In a {{ tone }} tone: {{ text }}"
schema = '{"type": "object"}'
[variables.text]
[variables.tone]
default = "plain"
"""
SHOTS = "".join(f'[[rows]]\ninput = "in {letter}"\noutput = "out {letter}"\n' for letter in "abc")
MODEL = ("-m", "pocket:pocket-s")

Engines = Callable[..., ScriptedEngine]
Recipes = Callable[..., Recipe]


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engines:
    """Makes the engine of the next command, which says these replies."""

    def make(*replies: tuple[Step, ...], **values: Any) -> ScriptedEngine:
        made = ScriptedEngine(Script(replies=tuple(map(Reply, replies)) or (Reply(),), **values))
        monkeypatch.setattr(wiring, "make_host", lambda _paths: EngineHost(lambda: made))
        return made

    return make


@pytest.fixture
def recipe(llmlab: Command, monkeypatch: pytest.MonkeyPatch) -> Recipes:
    """Gives the recipe that flags of `ask` make."""
    made: list[Recipe] = []

    def answer(_host: object, _preparing: object, recipe: Recipe, *_rest: object, **_options: object) -> int:
        made.append(recipe)
        return 0

    def ask(*flags: str) -> Recipe:
        assert llmlab("ask", "q", *flags) == 0, llmlab.err
        return made[-1]

    monkeypatch.setattr("llmlab.headless.ask.answer", answer)
    return ask


def own(llmlab: Command, kind: str, name: str, text: str) -> Path:
    """A prompt file of the user's."""
    folder = llmlab.paths.config / "prompts" / kind
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def asked(llmlab: Command, *arguments: str) -> dict[str, Any]:
    """What `ask --json` prints."""
    found = llmlab.json("ask", *arguments)
    assert isinstance(found, dict)
    return found


def written(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_votes_are_drawn_together_and_counted(llmlab: Command, engine: Engines) -> None:
    made = engine(("The answer is 4.",), ("The answer is 5.",), ("So the answer is 5.",))
    told = asked(llmlab, "How many?", *MODEL, "--votes", "3")
    (request,) = made.requests
    assert (request.samples, request.sampling.temperature) == (3, 0.7)
    assert (told["reasoning"], told["answer"], told["text"]) == ("votes.en", "5", "The answer is 5.")
    assert told["votes"] == [{"answer": "5", "count": 2}, {"answer": "4", "count": 1}]
    assert [sample["answer"] for sample in told["samples"]] == ["4", "5"]


def test_a_reasoning_mode_adds_its_cue_and_finds_the_answer(llmlab: Command, engine: Engines) -> None:
    made = engine(("2 + 3 = 5. ", "The answer is 5."))
    told = asked(llmlab, "How many?", *MODEL, "--reasoning", "steps")
    assert made.prompts[0][-1].text == "How many?\n\nLet's think step by step."
    assert (told["reasoning"], told["answer"], told["stages"], told["votes"]) == ("steps.en", "5", 1, [])


def test_a_thinking_budget_cuts_the_thinking(llmlab: Command, engine: Engines) -> None:
    made = engine((" one", " two", " three"), ("The answer is 5.",), opens_thinking=True)
    told = asked(llmlab, "How many?", *MODEL, "--thinking-budget", "2")
    assert [request.sampling.max_tokens for request in made.requests] == [2, None]
    assert (told["text"], told["thinking_cut"], told["reasoning"]) == ("The answer is 5.", 1, "thinking-on.en")


@pytest.mark.parametrize("flag", ["--schema", "--grammar"])
def test_a_shape_reaches_the_engine_and_thinking_stays_off(
    llmlab: Command, engine: Engines, tmp_path: Path, flag: str
) -> None:
    text = {"--schema": '{"type": "integer"}', "--grammar": 'root ::= "5"\n'}[flag]
    made = engine(("5",), opens_thinking=True)
    told = asked(llmlab, "How many?", *MODEL, flag, written(tmp_path / "shape", text))
    (request,) = made.requests
    assert {"--schema": request.schema, "--grammar": request.grammar}[flag] == text
    assert None in (request.schema, request.grammar)
    assert (told["text"], told["thinking"]) == ("5", "")


@pytest.mark.parametrize(("thinking", "opens"), [((), False), (("--thinking",), True)])
def test_a_preview_with_a_shape_thinks_as_the_answer_would(
    llmlab: Command, engine: Engines, tmp_path: Path, thinking: tuple[str, ...], opens: bool
) -> None:
    engine(opens_thinking=True)
    shape = written(tmp_path / "s.json", "{}")
    told = llmlab.json("preview", "How many?", *MODEL, "--schema", shape, *thinking)
    assert isinstance(told, dict)
    assert ("<think>" in told["text"]) is opens


def test_settings_reach_the_engine(llmlab: Command, engine: Engines) -> None:
    made = engine(("one", " two", " three"))
    flags = ("-o", "top_k", "3", "-o", "temperature", "0.2", "--max-tokens", "2", "--seed", "5", "--deterministic")
    told = asked(llmlab, "q", *MODEL, *flags)
    (request,) = made.requests
    assert (request.sampling.top_k, request.sampling.temperature, request.sampling.seed) == (3, 0.2, 5)
    assert made.spec is not None
    assert made.spec.deterministic
    assert (told["text"], told["finish"], told["seed"], told["usage"]["generated"]) == ("one two", "length", 5, 2)


def test_a_template_is_filled_and_examples_are_shown(llmlab: Command, engine: Engines) -> None:
    own(llmlab, "templates", "mail.en.toml", TEMPLATE)
    own(llmlab, "shots", "letters.en.toml", SHOTS)
    made = engine(("{}",))
    told = asked(llmlab, "Come.", *MODEL, "-t", "mail", "-p", "tone", "warm", "--shots", "letters:2")
    assert [(message.role, message.text) for message in made.prompts[0]] == [
        ("system", "You write mails."),
        ("user", "In a warm tone: in a"),
        ("assistant", "out a"),
        ("user", "In a warm tone: in b"),
        ("assistant", "out b"),
        ("user", "In a warm tone: Come."),
    ]
    assert made.requests[0].schema == '{"type": "object"}'
    assert told["text"] == "{}"


def test_a_prompt_that_does_not_fit_is_made_smaller_only_under_a_policy(llmlab: Command, engine: Engines) -> None:
    rows = "".join(f'[[rows]]\ninput = "{"word " * 30}"\noutput = "out"\n' for _ in range(3))
    own(llmlab, "shots", "long.en.toml", rows)
    flags = ("q", *MODEL, "--shots", "long:3", "--max-tokens", "4")
    engine(n_ctx=100)
    told = asked(llmlab, *flags, "--overflow", "fewer_examples")
    assert told["left_out"] == {"turns": 0, "examples": 1}
    assert "left out: 0 messages, 1 examples" in llmlab.err
    for policy in ((), ("--overflow", "ask"), ("--overflow", "drop_turns")):
        made = engine(n_ctx=100)
        assert llmlab("ask", *flags, *policy) == 2
        assert "nothing was sent" in llmlab.err
        assert made.requests == []


def test_every_policy_can_be_named_and_holds_over_that_of_a_kept_recipe(recipe: Recipes) -> None:
    for policy in get_args(OverflowPolicy):
        assert recipe(*MODEL, "--overflow", policy).overflow == policy
    recipe(*MODEL, "--overflow", "fewer_examples", "--keep", "fewer")
    assert recipe("--recipe", "fewer").overflow == "fewer_examples"
    assert recipe("--recipe", "fewer", "--overflow", "ask").overflow == "ask"


def test_a_preset_is_a_flag_and_what_is_set_beside_it_counts_more(recipe: Recipes) -> None:
    for preset in PRESETS:
        assert recipe(*MODEL, "--preset", preset.name).sampling == preset.sampling
    made = recipe(*MODEL, "--preset", "creative", "-o", "temperature", "0.5", "--seed", "3").sampling
    creative = next(preset.sampling for preset in PRESETS if preset.name == "creative")
    assert made == replace(creative, temperature=0.5, seed=3)


def test_a_preset_takes_the_place_of_the_settings_of_a_kept_recipe(recipe: Recipes) -> None:
    recipe(*MODEL, "-o", "typical_p", "0.5", "-o", "temperature", "2", "--seed", "3", "--keep", "wild")
    assert recipe("--recipe", "wild").sampling == Sampling(typical_p=0.5, temperature=2.0, seed=3)
    assert recipe("--recipe", "wild", "--preset", "model").sampling == Sampling(seed=3)
    assert recipe("--recipe", "wild", "--preset", "precise").sampling == Sampling(temperature=0.0, seed=3)


def test_a_recipe_is_kept_by_name_and_never_replaced(llmlab: Command, recipe: Recipes) -> None:
    own(llmlab, "shots", "letters.en.toml", SHOTS)
    made = recipe(*MODEL, "-s", "Be brief.", "--shots", "letters:2", "--reasoning", "steps", "--keep", "short")
    assert "--recipe short" in llmlab.err
    assert recipe("--recipe", "short") == made
    file = llmlab.paths.recipes / "short.toml"
    before = file.read_text("utf-8")
    assert llmlab("ask", "q", *MODEL, "-s", "Be long.", "--keep", "short") == 2
    assert str(file) in llmlab.err
    assert file.read_text("utf-8") == before
    assert llmlab("ask", "q", *MODEL, "--keep", "../up") == 2
    assert "cannot be the name" in llmlab.err


def test_flags_that_say_how_change_what_a_kept_recipe_has(llmlab: Command, recipe: Recipes, tmp_path: Path) -> None:
    own(llmlab, "templates", "mail.en.toml", TEMPLATE)
    own(llmlab, "shots", "letters.en.toml", SHOTS)
    notes = written(tmp_path / "notes.txt", "All is well.")
    flags = ("-t", "mail", "-p", "tone", "warm", "--shots", "letters:2", "--reasoning", "steps", "-f", notes)
    recipe(*MODEL, *flags, "--keep", "full")
    made = recipe("--recipe", "full", "--shot-style", "inline", "--votes", "3", "--reading", "passages")
    assert made.template is not None
    assert made.shots is not None
    assert made.reasoning is not None
    assert made.reading is not None
    assert (made.shots.style, made.shots.k, made.shots.set.name) == ("inline", 2, "letters")
    assert (made.reasoning.mode.name, made.reasoning.votes) == ("steps", 3)
    assert (made.reading.way, [document.name for document in made.reading.documents]) == ("passages", ["notes.txt"])
    assert dict(made.template.values) == {"tone": "warm"}
    cold = recipe("--recipe", "full", "-p", "tone", "cold")
    assert cold.template is not None
    assert dict(cold.template.values) == {"tone": "cold"}
    # The schema was that of the template: another template has its own.
    assert (cold.schema, recipe("--recipe", "full", "-t", "summarise").schema) == ('{"type": "object"}', None)


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (("--shot-style", "inline"), "--shots SET:K"),
        (("--shot-seed", "0"), "--shots SET:K"),
        (("-p", "tone", "warm"), "-t NAME"),
        (("--reading", "whole"), "-f FILE"),
    ],
)
def test_flags_that_say_how_need_something_that_they_are_about(
    llmlab: Command, flags: tuple[str, ...], told: str
) -> None:
    assert llmlab("ask", "q", *MODEL, *flags) == 2
    assert told in llmlab.err


def test_the_card_is_that_of_the_lab_and_draws_the_same_again(llmlab: Command, engine: Engines, tmp_path: Path) -> None:
    own(llmlab, "shots", "letters.en.toml", SHOTS)
    flags = (*MODEL, "--shots", "letters:2", "--shot-choice", "random", "--reasoning", "steps")
    first = engine()
    told = asked(llmlab, "How many?", *flags, "-o", "temperature", "1.5", "-o", "stop", "END")
    card = told["card"]
    assert card["sampling"]["seed"] == told["seed"] == first.requests[0].sampling.seed
    text = as_toml(card)
    assert parse_toml(text, Path("card.toml")).values == card
    for name, content in (("card.toml", text), ("answer.json", json.dumps(told)), ("card.json", json.dumps(card))):
        again = engine()
        asked(llmlab, "How many?", "--recipe", written(tmp_path / name, content))
        assert again.requests == first.requests, name
    other = engine()
    asked(llmlab, "How many?", "--recipe", str(tmp_path / "card.toml"), "--seed", "5")
    assert other.requests[0].sampling == replace(first.requests[0].sampling, seed=5)


def as_toml(card: dict[str, Any]) -> str:
    """The card of `--json` as the lab copies it."""
    rest = {name: value for name, value in card.items() if name not in ("sampling", "recipe", "lora")}
    settings: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in card["sampling"].items()
    }
    made = Card(
        **rest,
        sampling=Sampling(**settings),
        recipe=card["recipe"]["json"],
        lora=tuple(card.get("lora", {}).items()),
    )
    return card_as_toml(made)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("card.toml", '[recipe]\njson = "{}"\n[sampling]\ntemprature = 1\n', "did you mean temperature"),
        ("card.toml", '[recipe]\njson = "{}"\n', "cannot be read"),
        ("a.json", '{"card": null}', "no recipe"),
        ("a.json", "[]", "no recipe"),
        ("a.json", "{", "cannot be read"),
    ],
)
def test_a_card_that_is_none_is_told_with_its_file(
    llmlab: Command, tmp_path: Path, name: str, content: str, told: str
) -> None:
    assert llmlab("ask", "q", "--recipe", written(tmp_path / name, content)) == 2
    assert told in llmlab.err
