"""Untrusted text in a terminal."""

from __future__ import annotations

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab.domain.terminal import KEPT_FORMATS, encodable, pasted, visible, visible_line

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=200)


@pytest.mark.parametrize(
    ("given_text", "shown"),
    [
        ("plain, 中文, é, 👨‍👩‍👧, نمی‌خواهم\n\tx", "plain, 中文, é, 👨‍👩‍👧, نمی‌خواهم\n\tx"),
        ("\x1b[2J\x1b]0;title\x07", "␛[2J␛]0;title␇"),
        ("over\rwritten\r\n", "over␍written␍\n"),
        ("\x9b31m\x90q\x9c", "<U+009B>31m<U+0090>q<U+009C>"),
        ("\x00\x7f\x85", "␀␡<U+0085>"),
        ("a\u202eb\u2066c\u200bd\ufeff", "a<U+202E>b<U+2066>c<U+200B>d<U+FEFF>"),
        ("\u2028\u2029", "<U+2028><U+2029>"),
        ("\ud800x\udfff", "<U+D800>x<U+DFFF>"),
        ("hidden\U000e0041\U000e007f", "hidden<U+E0041><U+E007F>"),
        ("", ""),
    ],
)
def test_what_steers_a_terminal_becomes_visible(given_text: str, shown: str) -> None:
    assert visible(given_text) == shown


def test_every_control_and_format_character_is_replaced_unless_it_is_kept_on_purpose() -> None:
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp"):
            kept = character in KEPT_FORMATS or character in "\t\n"
            assert (visible(character) == character) is kept, f"U+{code:04X}"


def test_a_character_is_treated_alike_whatever_stands_beside_it() -> None:
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        assert visible(character + "\x1b") == visible(character) + "␛", f"U+{code:04X}"


def test_selectors_that_choose_the_form_of_a_letter_stay() -> None:
    assert visible("葛\U000e0100 ❤\ufe0f") == "葛\U000e0100 ❤\ufe0f"


@given(ANY_TEXT)
def test_nothing_unsafe_is_left_and_twice_is_once(text: str) -> None:
    shown = visible(text)
    assert visible(shown) == shown
    assert all(c in "\t\n" or c in KEPT_FORMATS or unicodedata.category(c) not in ("Cc", "Cf", "Cs") for c in shown)
    shown.encode("utf-8")


@given(ANY_TEXT, st.integers(0, 200))
def test_a_stream_may_be_cut_anywhere(text: str, cut: int) -> None:
    assert visible(text[:cut]) + visible(text[cut:]) == visible(text)


@given(ANY_TEXT)
def test_one_line_is_one_line(text: str) -> None:
    assert len(visible_line(text).splitlines()) <= 1
    assert "\t" not in visible_line(text)


@given(ANY_TEXT)
def test_encodable_text_can_be_encoded_and_differs_in_surrogates_alone(text: str) -> None:
    written = encodable(text)
    assert len(written) == len(text)
    assert all(a == b or 0xD800 <= ord(a) <= 0xDFFF for a, b in zip(text, written, strict=True))
    written.encode("utf-8")


def test_a_paste_keeps_its_lines_whatever_ends_them() -> None:
    assert pasted("one\r\ntwo\rthree\nfour\x1b[2J\x07") == "one\ntwo\nthree\nfour␛[2J␇"
