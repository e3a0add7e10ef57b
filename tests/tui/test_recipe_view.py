"""The recipe at a glance: how the window is shared, what differs, what is told when a prompt does not fit."""

from __future__ import annotations

from dataclasses import replace

import pytest

from llmlab.domain.assembly import Assembled
from llmlab.domain.budget import Budget, LeftOut, Section, WayOut
from llmlab.domain.model import ModelSpec
from llmlab.domain.prompting import RenderedPrompt
from llmlab.domain.recipe import OverflowPolicy, Recipe
from llmlab.domain.sampling import Sampling
from llmlab.services.preview import Prepared
from llmlab.tui.panes.recipe_view import STYLES, budget_lines
from llmlab.tui.panes.recipe_words import changed_parts, recipe_lines

RECIPE = Recipe(model=ModelSpec(name="one", path="/one.gguf"))
SECTIONS = (Section("system", 10), Section("history", 60), Section("question", 1))
WAYS = (WayOut("drop_turns", 2, 31), WayOut("fewer_examples", 3, 40), WayOut("larger_window", 512, 19))


def prepared(window: int, reserved: int = 20, ways: tuple[WayOut, ...] = ()) -> Prepared:
    """A prompt of 71 tokens."""
    budget = Budget(window, reserved, SECTIONS)
    return Prepared(RECIPE, Assembled(()), RenderedPrompt("", (), ()), (), budget, ways)


def told(of: Prepared, width: int = 40, key: str = "") -> list[str]:
    return [line.plain for line in budget_lines(of, width, key)]


@pytest.mark.parametrize("width", [20, 37, 80])
@pytest.mark.parametrize(("window", "reserved"), [(1000, 20), (91, 20), (72, 20), (40, 20), (71, 0)])
def test_the_bar_is_as_wide_as_it_may_be_and_shows_every_part(width: int, window: int, reserved: int) -> None:
    bar = budget_lines(prepared(window, reserved), width)[0]
    assert len(bar.plain) == width
    assert bar.plain == "█" * bar.plain.count("█") + "░" * bar.plain.count("░") + "·" * bar.plain.count("·")
    shown = {str(span.style) for span in bar.spans if span.end > span.start}
    assert {STYLES[section.origin] for section in SECTIONS} <= shown
    assert ("░" in bar.plain) == (reserved > 0)
    assert ("·" in bar.plain) == (window > 71 + reserved)


def test_the_bar_shares_the_window() -> None:
    assert told(prepared(100), 100)[0] == "█" * 71 + "░" * 20 + "·" * 9


def test_every_section_is_told_with_its_tokens_and_what_is_left() -> None:
    lines = told(prepared(100))
    assert [line.split()[1] for line in lines[1:5]] == ["10", "60", "1", "20"]
    assert "9  left of 100" in lines[5]
    assert not any("too much" in line for line in lines)


def test_over_the_window_it_is_told_by_how_much_and_what_would_help() -> None:
    lines = told(prepared(72, ways=WAYS), key="ctrl+o")
    over = next(place for place, line in enumerate(lines) if "too much by 19 tokens" in line)
    assert lines[over].endswith("ctrl+o")
    assert lines[over + 1 :] == [
        "→ leave out the oldest 2 messages (31 tokens)",
        "→ show 3 examples (40 tokens less)",
        "→ load the model again with a window of 512 tokens",
    ]


def test_what_a_policy_left_out_is_told() -> None:
    of = replace(prepared(100), left_out=LeftOut(turns=4, examples=1))
    assert told(of)[-1] == "left out: 4 messages, 1 examples"


@pytest.mark.parametrize(
    ("changed", "part"),
    [
        (replace(RECIPE, overflow="drop_turns"), "overflow"),
        (replace(RECIPE, keep_thinking=True), "earlier"),
        (replace(RECIPE, system="Be brief."), "system"),
        (replace(RECIPE, thinking=False), "reasoning"),
        (replace(RECIPE, schema="{}"), "shape"),
        (replace(RECIPE, sampling=Sampling(temperature=0.5)), "sampling"),
    ],
)
def test_what_differs_is_named_both_ways(changed: Recipe, part: str) -> None:
    assert changed_parts(changed, RECIPE) == changed_parts(RECIPE, changed) == {part}
    assert changed_parts(changed, changed) == changed_parts(changed, None) == frozenset()


@pytest.mark.parametrize(
    ("overflow", "words"),
    [("ask", ""), ("drop_turns", "oldest turns left out"), ("fewer_examples", "fewer examples shown")],
)
def test_what_is_left_out_is_a_line_where_it_is_not_as_usual(overflow: OverflowPolicy, words: str) -> None:
    line = next(line for line in recipe_lines(replace(RECIPE, overflow=overflow)) if line.part == "overflow")
    assert line.quiet
    assert (line.text if line.on else "") == words
