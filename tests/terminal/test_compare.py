"""Recipes side by side in a real terminal, and the keys around them."""

from __future__ import annotations

import re
from collections.abc import Callable

from tests.terminal.driver import Terminal

OpenLab = Callable[..., Terminal]
F3, F7, F8, F9, F10 = "\x1bOR", "\x1b[18~", "\x1b[19~", "\x1b[20~", "\x1b[21~"
ALT_2 = "\x1b2"
ANSWER = "Hi, you."


def test_a_variant_is_asked_voted_for_blind_and_taken_into_the_lab(open_lab: OpenLab) -> None:
    with open_lab("short", columns=120) as lab:
        lab.until_shows("Ask something", "ready")
        lab.press("good morning", F3)
        lab.until_shows("Change one thing", "reasoning: Step by step")
        lab.press("temperature 0.4")
        lab.until(lambda text: "temperature 0.4" in text and "reasoning:" not in text, "one variant")
        lab.press("enter")
        lab.until_shows("1 as it is", "2 Sampling: T 0.4", "good morning")
        lab.press(F8)
        lab.until_shows("1 hidden", "2 hidden")
        lab.press("enter")
        blind = lab.until(lambda text: text.count(ANSWER) == 2 and "Which answer is better" in text, "both answers")
        assert "tok/s" not in blind
        assert "0.4" not in blind
        lab.press(ALT_2)
        voted = lab.until(lambda text: "1 vote" in text and text.count("tok/s") == 2, "the vote")
        taken = re.search(r"2 (as it is|Sampling: T 0.4) 1 vote", voted)
        assert taken is not None
        lab.press(F9)
        lab.until_shows("What this answer came from", "file_mark", "y copies it")
        lab.press("escape")
        lab.until_gone("What this answer came from")
        lab.press(F10)
        lab.until_shows("Recipe", "the model's own" if taken[1] == "as it is" else "T 0.4")


def test_the_column_at_the_right_and_the_samplers_open_by_their_keys(open_lab: OpenLab) -> None:
    with open_lab("short", columns=120) as lab:
        lab.until_shows("Ask something", "ready", "Recipe")
        lab.press("hello", F9)
        lab.until_shows("<|im_start|>user", "hello")
        lab.press(F10)
        lab.until_shows("Preset", "keep the k likeliest tokens")
        lab.press("escape")
        lab.until_gone("keep the k likeliest tokens")
        lab.press(F9, F9)
        lab.until_gone("Recipe")
