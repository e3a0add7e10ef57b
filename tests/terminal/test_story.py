"""What the lab is for, by keys alone on the embedded models: examples, steps and votes change what comes out."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.terminal.driver import Terminal

OpenLab = Callable[..., Terminal]
F7, F8 = "\x1b[18~", "\x1b[19~"
PROBLEM = "Ann has 12 apples. She buys 5 more, then gives away 3, then buys 4. How many apples does she have?"

HARDER = (
    "Sam has 9 cups. Sam buys 17 more. Sam buys 18 more. Sam loses 8. Then the number of cups doubles. "
    "How many cups does Sam have now?"
)


@dataclass(frozen=True, kw_only=True)
class Story:
    """What a model is asked, and what it says; story_search.py finds others for other weights."""

    model: str
    word: str
    """An animal or a plant, which the set of examples tells apart."""
    one: str
    """The label that it gets after one example: the wrong one."""
    four: str
    """The label after four: the right one."""
    alone: str = "I do not know what to do with that"
    """What the model says to it without examples."""
    problem: str = PROBLEM
    step: str = "12 + 5 = 17"
    """Stands in the answer once steps are asked for."""
    right: str = "18"
    """The answer that steps find, and none but they."""
    harder: str = HARDER
    temperature: str = "1.2"
    seed: str = "1"
    slip: str
    """Where one draw with this seed ends."""
    majority: str = "72"
    """Where most of nine draws from this seed on end: the right answer."""


STORIES = (
    Story(model="pocket-m", word="sheep", one="bar", four="foo", seed="5", temperature="1.6", slip="66"),
    Story(
        model="pocket-l",
        word="carrot",
        one="foo",
        four="bar",
        problem="Emma has 4 stones. Emma loses 1. Emma gets 15 more. Emma gives away 1. "
        "How many stones does Emma have now?",
        step="4 - 1 = 3",
        right="17",
        seed="5",
        slip="76",
    ),
)


def settle(lab: Terminal) -> None:
    """The one answer that is shown has come to its end: its figures stand below it."""
    lab.until_shows("first token after")


def again(lab: Terminal, version: str, outcome: Callable[[str], object]) -> str:
    """Answer again under the recipe of now; the screen once the new version has this outcome."""
    lab.press("alt+up", "r")
    # A screen is read while it is painted: all that is wanted has to stand there at once.
    shown = lab.until(lambda text: version in text and "first token after" in text and outcome(text), version)
    lab.press("escape")
    lab.until(lambda text: text.splitlines()[-1].startswith(" F1 help"), "the composer")
    return shown


def labelled(screen: str, label: str) -> object:
    """A chosen answer that consists of this label word, which comes from the examples alone."""
    return re.search(rf"^.{{20,40}}█ {label}\b", screen, re.MULTILINE)


def ends_in(screen: str, answer: str) -> object:
    """An answer that closes with this number."""
    return re.search(rf"The answer is {answer}\b", screen)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.model)
def test_examples_steps_and_votes_each_change_the_outcome(open_lab: OpenLab, story: Story) -> None:
    with open_lab("", "-m", story.model, columns=140, rows=45) as lab:
        lab.until_shows("Ask something", "ready")
        lab.press("/set temperature 0", "enter")
        lab.until_shows("T 0")
        lab.press("/think off", "enter")
        lab.until_shows("thinking off")
        examples_change_the_label(lab, story)
        steps_change_the_answer(lab, story)
        votes_change_the_answer(lab, story)


def examples_change_the_label(lab: Terminal, story: Story) -> None:
    """Without examples no label, with one the wrong one, with four the right one."""
    lab.press(story.word, "enter")
    lab.until_shows(story.alone)
    settle(lab)
    lab.press("/shots foo-bar:1", "enter")
    lab.until_shows("* Examples", "1 of")
    # One example tells nothing of what the other label is for.
    again(lab, "2/2", lambda text: labelled(text, story.one))
    lab.press("/shots foo-bar:4", "enter")
    lab.until_shows("4 of")
    four = again(lab, "3/3", lambda text: labelled(text, story.four))
    price = re.search(r"E +(\d+) +examples", four)
    assert price is not None
    assert int(price[1]) > 10
    lab.press("/shots off", "enter")
    lab.until_shows("Examples  none")


def steps_change_the_answer(lab: Terminal, story: Story) -> None:
    """A wrong answer at once, the right one after steps."""
    lab.press("ctrl+n", story.problem, "enter")
    lab.until_shows("The answer is")
    settle(lab)
    assert not ends_in(lab.text, story.right)
    lab.press(F8)
    lab.until_shows("Step by step", "enter uses it")
    lab.press(*["down"] * 5)
    lab.until_shows("Zero-shot chain of thought: one sentence")
    lab.press("enter")
    lab.until_shows("* Reasoning", "Step by step")
    again(lab, "2/2", lambda text: story.step in text and ends_in(text, story.right))


def votes_change_the_answer(lab: Terminal, story: Story) -> None:
    """Hot enough and from all tokens, one draw slips; of nine from the same seed, that one among them, most do not."""
    for name, value, shown in (
        # The seed first: the row of settings soon has no room for it.
        ("seed", story.seed, "seed"),
        ("temperature", story.temperature, "T"),
        ("top_p", "1", "p"),
        ("min_p", "0", "min-p"),
    ):
        lab.press(f"/set {name} {value}", "enter")
        lab.until_shows(f"{shown} {value}")
    lab.press("ctrl+n", story.harder, "enter")
    lab.until(lambda text: ends_in(text, story.slip), "a slip")
    settle(lab)
    assert not ends_in(lab.text, story.majority)
    lab.press("/reason votes 9", "enter")
    lab.until_shows("9 votes")

    def voted(screen: str) -> object:
        votes = re.search(rf"9 votes: {story.majority} ×[2-9].*\b{story.slip} ×\d", screen)
        return votes and ends_in(screen, story.majority)

    again(lab, "2/2", voted)
