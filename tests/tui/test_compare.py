"""Recipes side by side, by keys alone."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from textual.content import Content
from textual.widgets import Input, Label, OptionList, Static

from llmlab.engine.scripted import Fail, Hold, Reply, Script
from llmlab.paths import Paths
from llmlab.tui.panes.compare_column import FOUND_STYLE, OTHER_STYLE, Column
from llmlab.tui.panes.compare_picker import VariantPicker
from llmlab.tui.screens.card import CardScreen
from llmlab.tui.screens.compare import CompareScreen
from tests.tui.laboratory import Laboratory, laboratory
from tests.tui.test_card import card, verdict


def parts(lab: Laboratory, name: str) -> list[str]:
    """The text of one part of every column."""
    columns = [column for column in lab.app.screen.query(Column) if column.display]
    return [str(column.query_one(f".{name}", Static).content) for column in columns]


def heads(lab: Laboratory) -> list[str]:
    return parts(lab, "head")


def answers(lab: Laboratory) -> list[str]:
    return parts(lab, "answer")


def feet(lab: Laboratory) -> list[str]:
    return parts(lab, "foot")


def note(lab: Laboratory) -> str:
    return str(lab.app.screen.query_one("#compare-note", Label).content)


def marked(lab: Laboratory, place: int = 0, style: str = FOUND_STYLE) -> list[str]:
    """What is marked in an answer."""
    shown = lab.app.screen.query(Column)[place].query_one(".answer", Static).content
    assert isinstance(shown, Content)
    return [shown.plain[span.start : span.end] for span in shown.spans if span.style == style and span.end > span.start]


async def compare(lab: Laboratory, *variant: str, question: str = "hi") -> None:
    """Open the comparison with the first variant that is left when these keys are typed into the filter."""
    await lab.pilot.press(*question, "f3")
    await lab.until(lambda: isinstance(lab.app.screen, VariantPicker))
    await lab.pilot.press(*variant, "enter")
    await lab.until(lambda: isinstance(lab.app.screen, CompareScreen) and len(heads(lab)) == 2)


@asynccontextmanager
async def half_blind(paths: Paths) -> AsyncIterator[tuple[Laboratory, Hold]]:
    """Two hidden recipes were asked: one answer is "c", the other goes on from "a" to "b" once the hold is let go."""
    hold = Hold()
    script = Script(replies=(Reply(("a", hold, "b")), Reply(("c",))))
    async with laboratory(paths, script=script, size=(140, 40)) as lab:
        await compare(lab)
        await lab.pilot.press("f8", "enter")
        await lab.until(lambda: "1 of 2 answers" in note(lab))
        yield lab, hold


async def test_a_variant_is_asked_beside_the_recipe_voted_better_and_taken(paths: Paths) -> None:
    script = Script(replies=(Reply(("the cat",)), Reply(("the dog",))))
    async with laboratory(paths, script=script, size=(140, 40)) as lab:
        await compare(lab, *"temp", "space", "0")
        assert heads(lab) == ["1 as it is", "2 Sampling: T 0"]
        assert lab.app.screen.query_one(Input).value == "hi"
        await lab.pilot.press("enter")
        await lab.until(lambda: sorted(answers(lab)) == ["the cat", "the dog"])
        await lab.pilot.press("f10")
        await lab.until(lambda: "Say first" in note(lab))
        await lab.until(lambda: "1 token" in feet(lab)[1])
        await lab.pilot.press("alt+2")
        await lab.until(lambda: "1 vote" in heads(lab)[1])
        vote = json.loads(paths.votes.read_text("utf-8"))
        assert (vote["better"], vote["blind"], vote["arms"][1]["factor"]) == (1, False, "Sampling: T 0")
        await lab.pilot.press("f10")
        await lab.until(lambda: not isinstance(lab.app.screen, CompareScreen))
        assert lab.bench.desk.sampling.temperature == 0


async def test_votes_between_the_same_recipes_stand_in_the_heads_of_later_comparisons(paths: Paths) -> None:
    async with laboratory(paths, script=Script(replies=(Reply(("a",)),)), size=(140, 40)) as lab:
        await compare(lab, *"temp", "space", "0")
        await lab.pilot.press("enter")
        await lab.until(lambda: answers(lab) == ["a", "a"] and "1 token" in feet(lab)[1])
        await lab.pilot.press("alt+2")
        await lab.until(lambda: "1 vote" in heads(lab)[1])
        await lab.pilot.press("escape")
        await lab.until(lambda: not isinstance(lab.app.screen, CompareScreen))
        await compare(lab, *"temp", "space", "0", question="")
        await lab.until(lambda: heads(lab) == ["1 as it is", "2 Sampling: T 0 1 vote"])
        await lab.pilot.press("f6", "f4")
        await lab.until(lambda: isinstance(lab.app.screen, VariantPicker))
        await lab.pilot.press(*"0.4", "enter")
        await lab.until(lambda: len(heads(lab)) == 2)
        assert heads(lab) == ["1 as it is", "2 Sampling: T 0.4"]


async def test_words_that_the_first_answer_does_not_have_are_marked(paths: Paths) -> None:
    script = Script(replies=(Reply(("the cat sat",)), Reply(("the dog sat",))))
    async with laboratory(paths, script=script, size=(140, 40)) as lab:
        await compare(lab)
        await lab.pilot.press("enter")
        await lab.until(lambda: sorted(answers(lab)) == ["the cat sat", "the dog sat"])
        other = answers(lab)[1].split()[1]
        await lab.pilot.press("f7")
        await lab.until(lambda: marked(lab, 1, OTHER_STYLE) == [other])
        assert marked(lab, 0, OTHER_STYLE) == []
        await lab.pilot.press("f7")
        await lab.until(lambda: marked(lab, 1, OTHER_STYLE) == [])


async def test_nothing_tells_which_is_which_until_the_vote(paths: Paths) -> None:
    async with half_blind(paths) as (lab, hold):
        assert heads(lab) == ["1 hidden", "2 hidden"]
        assert (answers(lab), feet(lab)) == (["", ""], ["…", "…"]), "which is written first tells the recipe"
        hold.gate.set()
        await lab.until(lambda: sorted(answers(lab)) == ["ab", "c"])
        assert heads(lab) == ["1 hidden", "2 hidden"]
        assert feet(lab) == ["done", "done"]
        await lab.pilot.press("alt+1")
        await lab.until(lambda: "hidden" not in "".join(heads(lab)))
        assert all("token" in foot for foot in feet(lab))
        assert json.loads(paths.votes.read_text("utf-8"))["blind"] is True
        await lab.pilot.press("escape")
        await lab.until(lambda: not isinstance(lab.app.screen, CompareScreen))


async def test_neither_thinking_nor_final_answers_nor_failures_tell_a_recipe(paths: Paths) -> None:
    script = Script(replies=(Reply(("<think>", "hm", "</think>", "3 + 4\nThe answer is 7.")), Reply((Fail("model"),))))
    async with laboratory(paths, script=script, size=(140, 40)) as lab:
        await lab.command("/reason steps")
        await lab.until(lambda: lab.bench.desk.reasoning is not None)
        await compare(lab, *"temperature")
        await lab.pilot.press("f8", "enter")
        await lab.until(lambda: feet(lab) == ["done", "done"])
        assert sorted(answers(lab)) == ["3 + 4\nThe answer is 7.", "no answer"]
        place = answers(lab).index("3 + 4\nThe answer is 7.")
        assert marked(lab, place) == []
        await lab.pilot.press(f"alt+{place + 1}")
        await lab.until(lambda: marked(lab, place) == ["7"])
        assert answers(lab)[place].startswith("hm")
        assert "model" in answers(lab)[1 - place]


async def test_a_vote_on_answers_that_were_seen_is_not_blind(paths: Paths) -> None:
    async with laboratory(paths, script=Script(replies=(Reply(("a",)),)), size=(140, 40)) as lab:
        await compare(lab)
        await lab.pilot.press("enter")
        await lab.until(lambda: answers(lab) == ["a", "a"] and "1 token" in feet(lab)[1])
        await lab.pilot.press("f8")
        await lab.until(lambda: heads(lab) == ["1 hidden", "2 hidden"])
        await lab.pilot.press("alt+1")
        await lab.until(lambda: "1 vote" in heads(lab)[0])
        await lab.pilot.press("f8", "f8", "alt+1")
        await lab.pilot.pause()
        [vote] = paths.votes.read_text("utf-8").splitlines()
        assert json.loads(vote)["blind"] is False


async def test_the_card_of_the_answer_with_the_focus_is_shown_copied_and_run_again(paths: Paths) -> None:
    script = Script(replies=(*(Reply(("same",)),) * 3, Reply(("other",))))
    async with laboratory(paths, script=script, size=(140, 40)) as lab:
        await compare(lab, *"temp", "space", "0")
        await lab.pilot.press("f9")
        await lab.until(lambda: "no answer yet" in note(lab))
        await lab.pilot.press("enter")
        await lab.until(lambda: all("1 token ·" in foot for foot in feet(lab)))
        await lab.pilot.press("f9")
        await lab.until(lambda: isinstance(lab.app.screen, CardScreen))
        assert "temperature = 0.0" not in card(lab)
        await lab.pilot.press("escape")
        await lab.until(lambda: isinstance(lab.app.screen, CompareScreen))
        await lab.pilot.press("tab", "tab")
        await lab.until(lambda: lab.app.screen.query(Column)[1].has_focus_within)
        await lab.pilot.press("i")
        await lab.until(lambda: isinstance(lab.app.screen, CardScreen))
        assert "temperature = 0.0" in card(lab)
        await lab.pilot.press("y")
        await lab.until(lambda: "temperature = 0.0" in lab.app.clipboard)
        await lab.pilot.press("r")
        await lab.until(lambda: verdict(lab).startswith("Same"))
        await lab.pilot.press("r")
        await lab.until(lambda: verdict(lab).startswith("Different from character 1 on: …other"))
        await lab.pilot.press("escape")
        await lab.until(lambda: isinstance(lab.app.screen, CompareScreen))


async def test_a_card_does_not_tell_a_recipe_before_the_vote(paths: Paths) -> None:
    async with half_blind(paths) as (lab, hold):
        await lab.pilot.press("f9")
        await lab.until(lambda: "being written" in note(lab))
        hold.gate.set()
        await lab.until(lambda: feet(lab) == ["done", "done"])
        await lab.pilot.press("f9")
        await lab.until(lambda: "A card would tell the recipe" in note(lab))
        await lab.pilot.press("alt+1", "f9")
        await lab.until(lambda: isinstance(lab.app.screen, CardScreen))


async def test_the_final_answer_is_marked_inside_the_answer(paths: Paths) -> None:
    script = Script(replies=(Reply(("3 + 4 = 7\n", "The answer is 7.")),))
    async with laboratory(paths, script=script, size=(140, 40)) as lab:
        await lab.command("/reason steps")
        await lab.until(lambda: lab.bench.desk.reasoning is not None)
        await compare(lab)
        await lab.pilot.press("enter")
        await lab.until(lambda: marked(lab) == ["7"])
        assert answers(lab)[0].endswith("The answer is 7.")


async def test_what_a_vote_came_to_stands_below_the_answer(paths: Paths) -> None:
    script = Script(replies=tuple(Reply((f"The answer is {number}.",)) for number in (7, 8, 8)))
    async with laboratory(paths, script=script, size=(140, 40)) as lab:
        await lab.command("/reason votes 3")
        await lab.until(lambda: lab.bench.desk.reasoning is not None)
        await lab.pilot.press(*"hi", "f3")
        await lab.until(lambda: isinstance(lab.app.screen, VariantPicker))
        await lab.pilot.press("escape")
        await lab.until(lambda: isinstance(lab.app.screen, CompareScreen))
        await lab.pilot.press("enter")
        await lab.until(lambda: feet(lab)[0].endswith("answer: 8\n3 votes: 8 ×2, 7 ×1"))
        assert answers(lab) == ["The answer is 8."]


async def test_what_a_policy_left_out_stands_below_the_answer(paths: Paths) -> None:
    script = Script(replies=(Reply(("yes",)),), n_ctx=128)
    async with laboratory(paths, script=script, size=(140, 40)) as lab:
        await lab.command("/overflow turns")
        await lab.until(lambda: lab.bench.desk.overflow == "drop_turns")
        for _ in range(2):
            await lab.ask("word " * 40)
        await compare(lab, *"temperature")
        await lab.pilot.press("enter")
        await lab.until(lambda: all("left out: 2 messages, 0 examples" in foot for foot in feet(lab)))


async def test_the_list_of_variants_is_filtered_and_fits_a_small_terminal(paths: Paths) -> None:
    async with laboratory(paths, script=Script(replies=(Reply(("a",)),)), size=(80, 24)) as lab:
        await lab.pilot.press(*"hi", "f3")
        await lab.until(lambda: isinstance(lab.app.screen, VariantPicker))
        picker = lab.app.screen
        listed = picker.query_one(OptionList)
        await lab.until(lambda: listed.size.height > 5)
        assert listed.option_count > 60
        assert picker.query_one(".dialog-keys").region.bottom <= 24
        await lab.pilot.press("pagedown", "pagedown")
        await lab.until(lambda: listed.scroll_offset.y > 0)
        await lab.pilot.press(*"nobody", "space", "4")
        await lab.until(lambda: listed.option_count == 2)
        heading, variant = listed.options
        assert (str(heading.prompt), heading.disabled) == ("Examples", True)
        assert str(variant.prompt) == "  examples: A rule that nobody told, 4"
        await lab.pilot.press("down", "up", "enter")
        await lab.until(lambda: isinstance(lab.app.screen, CompareScreen) and len(heads(lab)) == 2)
        assert heads(lab)[1] == "2 Examples: A rule that nobody told: 4 of 20"
        await lab.pilot.press("f4")
        await lab.until(lambda: isinstance(lab.app.screen, VariantPicker))
        await lab.pilot.press(*"nothing", "space", "fits", "enter", "escape")
        await lab.until(lambda: isinstance(lab.app.screen, CompareScreen))
        assert len(heads(lab)) == 2
