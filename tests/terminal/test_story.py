"""What the lab is for, by keys alone on the embedded models: examples and steps change what comes out."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.terminal.driver import Terminal

OpenLab = Callable[..., Terminal]
PROBLEM = "Ann has 12 apples. She buys 5 more, then gives away 3, then buys 4. How many apples does she have?"


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


def answered(screen: str, label: str) -> object:
    """A chosen answer that consists of this label word, which comes from the examples alone."""
    return re.search(rf"^.{{20,40}}█ {label}\b", screen, re.MULTILINE)


@pytest.mark.parametrize(("model", "word"), [("pocket-m", "cow"), ("pocket-l", "sheep")])
def test_examples_and_steps_each_change_the_outcome(open_lab: OpenLab, model: str, word: str) -> None:
    with open_lab("", "-m", model, columns=140, rows=45) as lab:
        lab.until_shows("Ask something", "ready")
        lab.press("/set temperature 0", "enter")
        lab.until_shows("T 0")
        lab.press("/think off", "enter")
        lab.until_shows("thinking off")
        lab.press(word, "enter")
        lab.until_shows("I do not know what to do with that")
        settle(lab)

        lab.press("/shots foo-bar:1", "enter")
        lab.until_shows("* Examples", "1 of")
        # One example shows one label only; it takes more to tell what the other is for.
        again(lab, "2/2", lambda text: answered(text, "bar"))
        lab.press("/shots foo-bar:4", "enter")
        lab.until_shows("4 of")
        four = again(lab, "3/3", lambda text: answered(text, "foo"))
        price = re.search(r"E +(\d+) +examples", four)
        assert price is not None
        assert int(price[1]) > 10

        lab.press("/shots off", "enter")
        lab.until_shows("Examples  none")
        lab.press("ctrl+n", PROBLEM, "enter")
        lab.until_shows("The answer is")
        settle(lab)
        assert "The answer is 18" not in lab.text
        lab.press("\x1b[19~")  # F8
        lab.until_shows("Step by step", "enter uses it")
        lab.press(*["down"] * 5)
        lab.until_shows("Zero-shot chain of thought: one sentence")
        lab.press("enter")
        lab.until_shows("* Reasoning", "Step by step")
        again(lab, "2/2", lambda text: "12 + 5 = 17" in text and "The answer is 18" in text)
        lab.press("/reason votes 9", "enter")
        lab.until_shows("9 votes")
        lab.press("/set temperature 0.8", "enter")
        lab.until_shows("T 0.8")
        lab.press("alt+up", "r")
        lab.until(lambda text: "3/3" in text and re.search(r"9 votes: 18 ×\d", text), "a vote")
