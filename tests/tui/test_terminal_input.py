"""Pastes from the terminal, in whatever pieces and with whatever inside."""

from __future__ import annotations

import sys

import pytest
from textual import events

if sys.platform == "win32":
    pytest.skip("Windows has a driver of its own", allow_module_level=True)

from llmlab.tui.terminal_input import PASTE_END, PASTE_START, PasteParser


def parse(pieces: list[str]) -> list[str]:
    """Keys by name and pastes in brackets."""
    parser = PasteParser()
    found: list[str] = []
    for piece in pieces:
        for event in parser.feed(piece):
            if isinstance(event, events.Key):
                found.append(event.key)
            elif isinstance(event, events.Paste):
                found.append(f"<{event.text}>")
    return found


def test_alt_and_a_digit_is_a_key_also_where_the_terminal_sends_an_escape_first() -> None:
    assert parse(["\x1b1a\x1b4", "\x1b[50;3u"]) == ["alt+1", "a", "alt+4", "alt+2"]
    assert parse(["£", "\x1b0"]) == ["pound_sign", "alt+0"]


NASTY = "one \x1b[31mtwo\r\x1b]0;title\x07 three \x1b[A\x1bOP /delete\r" + "x" * 50


@pytest.mark.parametrize("text", ["", "a", "two\rlines", NASTY, "[201~", "\x1b[201", "中文 \x1b"])
def test_a_paste_is_one_event_however_it_arrives(text: str) -> None:
    stream = f"a{PASTE_START}{text}{PASTE_END}b"
    expected = ["a", f"<{text}>", "b"]
    assert parse([stream]) == expected
    assert parse(list(stream)) == expected
    for cut in range(1, len(stream)):
        assert parse([stream[:cut], stream[cut:]]) == expected, cut


def test_two_pastes_and_keys_between_them() -> None:
    assert parse([f"{PASTE_START}x{PASTE_END}\r{PASTE_START}y{PASTE_END}"]) == ["<x>", "enter", "<y>"]


def test_keys_outside_pastes_are_textuals_own() -> None:
    assert parse(["\x1b[A", "\x1b[1;3A", "q", "\x1b[20~"]) == ["up", "alt+up", "q", "f9"]
