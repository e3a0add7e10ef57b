"""Recipes side by side, by keys alone."""

from __future__ import annotations

import json

from textual.content import Content
from textual.widgets import Input, Label, OptionList, Static

from llmlab.engine.scripted import Reply, Script
from llmlab.paths import Paths
from llmlab.tui.screens.compare import FOUND_STYLE, Column, CompareScreen, VariantPicker
from tests.tui.laboratory import Laboratory, laboratory


def heads(lab: Laboratory) -> list[str]:
    columns = [column for column in lab.app.screen.query(Column) if column.display]
    return [str(column.query_one(".head", Static).content) for column in columns]


def answers(lab: Laboratory) -> list[str]:
    columns = [column for column in lab.app.screen.query(Column) if column.display]
    return [str(column.query_one(".answer", Static).content) for column in columns]


def marked(lab: Laboratory) -> list[str]:
    """What is marked in the first answer."""
    shown = lab.app.screen.query(Column)[0].query_one(".answer", Static).content
    assert isinstance(shown, Content)
    return [
        shown.plain[span.start : span.end]
        for span in shown.spans
        if span.style == FOUND_STYLE and span.end > span.start
    ]


async def test_a_variant_is_asked_beside_the_recipe_voted_better_and_taken(paths: Paths) -> None:
    script = Script(replies=(Reply(("the cat",)), Reply(("the dog",))))
    async with laboratory(paths, script=script, size=(140, 40)) as lab:
        await lab.pilot.press("h", "i", "f3")
        await lab.until(lambda: isinstance(lab.app.screen, VariantPicker))
        options = lab.app.screen.query_one(OptionList)
        titles = [str(option.prompt) for option in options.options]
        options.highlighted = titles.index("temperature 0")
        await lab.pilot.press("enter")
        await lab.until(lambda: isinstance(lab.app.screen, CompareScreen) and len(heads(lab)) == 2)
        assert heads(lab) == ["1 as it is", "2 Sampling: T 0"]
        assert lab.app.screen.query_one(Input).value == "hi"
        await lab.pilot.press("enter")
        await lab.until(lambda: sorted(answers(lab)) == ["the cat", "the dog"])
        await lab.pilot.press("f7")
        await lab.pilot.press("f10")
        note = lab.app.screen.query_one("#compare-note", Label)
        await lab.until(lambda: "Say first" in str(note.content))
        await lab.until(lambda: "tokens" in str(lab.app.screen.query(Column)[1].query_one(".foot", Static).content))
        await lab.pilot.press("alt+2")
        await lab.until(lambda: "1 votes" in heads(lab)[1])
        vote = json.loads(paths.votes.read_text("utf-8"))
        assert (vote["better"], vote["arms"][1]["factor"]) == (1, "Sampling: T 0")
        await lab.pilot.press("f10")
        await lab.until(lambda: not isinstance(lab.app.screen, CompareScreen))
        assert lab.bench.desk.sampling.temperature == 0


async def test_blind_hides_which_is_which_until_the_vote(paths: Paths) -> None:
    async with laboratory(paths, script=Script(replies=(Reply(("a",)),)), size=(140, 40)) as lab:
        await lab.pilot.press("h", "i", "f3")
        await lab.until(lambda: isinstance(lab.app.screen, VariantPicker))
        await lab.pilot.press("enter")
        await lab.until(lambda: isinstance(lab.app.screen, CompareScreen) and len(heads(lab)) == 2)
        await lab.pilot.press("f8", "enter")
        await lab.until(lambda: answers(lab) == ["a", "a"])
        assert heads(lab) == ["1 hidden", "2 hidden"]
        await lab.until(lambda: "tokens" in str(lab.app.screen.query(Column)[1].query_one(".foot", Static).content))
        await lab.pilot.press("alt+1")
        await lab.until(lambda: "hidden" not in "".join(heads(lab)))
        await lab.pilot.press("escape")
        await lab.until(lambda: not isinstance(lab.app.screen, CompareScreen))


async def test_the_final_answer_is_marked_inside_the_answer(paths: Paths) -> None:
    script = Script(replies=(Reply(("3 + 4 = 7\n", "The answer is 7.")),))
    async with laboratory(paths, script=script, size=(140, 40)) as lab:
        await lab.command("/reason steps")
        await lab.until(lambda: lab.bench.desk.reasoning is not None)
        await lab.pilot.press("h", "i", "f3")
        await lab.until(lambda: isinstance(lab.app.screen, VariantPicker))
        await lab.pilot.press("enter")
        await lab.until(lambda: isinstance(lab.app.screen, CompareScreen) and len(heads(lab)) == 2)
        await lab.pilot.press("enter")
        await lab.until(lambda: marked(lab) == ["7"])
        assert answers(lab)[0].endswith("The answer is 7.")
