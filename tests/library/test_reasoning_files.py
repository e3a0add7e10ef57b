"""Reasoning modes as files: what is shipped, what is wrong in one, and how it is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmlab.domain.extraction import extract
from llmlab.domain.modes import Extraction, ReasoningMode, Stage
from llmlab.library.prompt_files import BadPrompt, parse_prompt
from llmlab.library.reasoning_files import REASONING, ReasoningShelf
from llmlab.library.shipped import shipped_prompts_folder

SHIPPED = (
    "direct",
    "few-shot-steps",
    "plan",
    "self-check",
    "steps",
    "thinking-off",
    "thinking-on",
    "two-stage",
    "votes",
)


def parsed(text: str) -> ReasoningMode | BadPrompt:
    return parse_prompt(text, Path("mine.en.toml"), REASONING)


def problem(text: str) -> str:
    found = parsed(text)
    assert isinstance(found, BadPrompt)
    return found.problem


def shipped() -> ReasoningShelf:
    return ReasoningShelf([shipped_prompts_folder()])


def test_every_shipped_mode_is_good_in_both_languages() -> None:
    shelf = shipped()
    assert shelf.problems() == ()
    assert [mode.key for mode in shelf.good()] == [
        f"{name}.{language}" for name in SHIPPED for language in ("en", "zh")
    ]
    assert all(mode.title and mode.description for mode in shelf.good())


def test_the_languages_of_a_mode_do_the_same() -> None:
    shelf = shipped()
    for name in SHIPPED:
        english, chinese = shelf.find(name, "en"), shelf.find(name, "zh")
        for one, other in ((english, chinese), (chinese, english)):
            assert bool(one.question) == bool(other.question)
            assert (one.votes, one.temperature, one.thinking, one.shot_reasoning) == (
                other.votes, other.temperature, other.thinking, other.shot_reasoning,
            )  # fmt: skip
            assert [(stage.kind, stage.max_tokens) for stage in one.stages] == [
                (stage.kind, stage.max_tokens) for stage in other.stages
            ]


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize(
    ("language", "written"),
    [
        ("en", "2 + 3 = 5\nThe answer is 5.\nTherefore, the answer is 5."),
        ("en", "**The answer is 5 apples** (see step 2)"),
        ("zh", "2 + 3 = 5\n答案是5。\n因此，答案是5。"),
        ("zh", "所以答案是五个。"),
    ],
)
def test_a_shipped_rule_finds_the_answer(name: str, language: str, written: str) -> None:
    found = extract(written, shipped().find(name, language).extraction)
    assert found is not None
    assert found.text in {"5", "五", "五个"}


def test_a_mode_holds_what_its_file_says() -> None:
    text = (
        'title = "Mine"\nquestion = "Think."\nvotes = 3\ntemperature = 1\nbudget = 64\n'
        '[[stages]]\ncue = "So"\nkind = "question"\nmax_tokens = 8\n'
        '[extraction]\nrule = "letter"\nletters = "AB"\n'
    )
    mode = parsed(text)
    assert isinstance(mode, ReasoningMode)
    assert (mode.key, mode.title, mode.question, mode.votes, mode.temperature) == ("mine.en", "Mine", "Think.", 3, 1.0)
    assert mode.budget == 64
    assert mode.stages == (Stage("So", "question", 8),)
    assert mode.extraction == Extraction("letter", letters="AB")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('title = "a"\nquestoin = "x"\n', (":2:", "questoin", "question")),
        ("votes = 99\n", (":1:", "votes", "15")),
        ("thinking = 3\n", (":1:", "thinking", "true")),
        ('[[stages]]\ncue = "a"\nkind = "anwser"\n', (":1:", "stages", "stage 1", "kind", "answer")),
        ("[[stages]]\nmax_tokens = 3\n", ("stage 1", "cue")),
        ('[[stages]]\ncue = " "\n', ("stage 1", "cue")),
        ('[extraction]\nrule = "last_nubmer"\n', (":2:", "extraction.rule", "last_number")),
        ('[extraction]\nrule = "after"\n', (":1:", "extraction", "marker")),
        ("stages = 3\n", ("stages",)),
        ("title = \n", (":1:",)),
    ],
)
def test_what_is_wrong_names_line_key_and_near_miss(text: str, told: tuple[str, ...]) -> None:
    said = problem(text)
    assert all(word in said for word in told), said


def test_a_mode_of_the_user_is_a_file_more_and_nonsense_keeps_the_last_good_one(tmp_path: Path) -> None:
    folder = tmp_path / "reasoning"
    folder.mkdir()
    mine = folder / "steps.en.toml"
    mine.write_text('question = "Slowly."\n', encoding="utf-8")
    shelf = ReasoningShelf([shipped_prompts_folder(), tmp_path])
    assert shelf.find("steps", "en").question == "Slowly."
    mine.write_text("question = [\n", encoding="utf-8")
    assert shelf.changed_on_disk()
    shelf.reload()
    assert shelf.find("steps", "en").question == "Slowly."
    assert shelf.problems()
