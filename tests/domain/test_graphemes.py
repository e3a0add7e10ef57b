"""No cut takes apart what a reader sees as one character."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab.domain.graphemes import boundary_near, is_boundary

WHOLE = [
    "e\u0301",
    "\r\n",
    "👨\u200d👩\u200d👧",
    "👍🏽",
    "🇨🇳",
    "한",
    "\u1112\u1161\u11ab",
    "가\u11a8",
    "क\u094dष",
    "क\u094d\u200dष",
    "நி",
    "กำ",
    "ｶﾞ",
    "葛\U000e0100",
    "\u0600\u0661",
    "Z\u0351\u036b\u0343",
    "🏴\U000e0067\U000e0062\U000e007f",
]
"""Each is one character to a reader."""


@pytest.mark.parametrize("whole", WHOLE)
def test_a_character_is_not_cut_inside(whole: str) -> None:
    text = f"a{whole}b"
    inside = range(2, 1 + len(whole))
    assert [place for place in inside if is_boundary(text, place)] == []
    assert is_boundary(text, 1 + len(whole)) or whole == "\u0600\u0661"
    assert is_boundary(text, 0)
    assert is_boundary(text, len(text))


def test_flags_are_cut_between_pairs() -> None:
    flags = "🇨🇳🇫🇷🇩🇪"
    assert [place for place in range(len(flags) + 1) if is_boundary(flags, place)] == [0, 2, 4, 6]
    assert [place for place in range(2, len(flags) + 1) if is_boundary(flags, place, floor=2)] == [2, 4, 6]


@pytest.mark.parametrize(("text", "place"), [("ab", 1), ("中文", 1), ("\n\u0301", 1), ("a b", 2), ("か\u3099き", 2)])
def test_plain_neighbours_are_cut(text: str, place: int) -> None:
    assert is_boundary(text, place)


def test_the_nearest_boundary_is_before_and_else_beyond() -> None:
    assert boundary_near("abcdef", 4, 0, 0) == 4
    assert boundary_near("abc\u0301\u0302f", 4, 0, 0) == 2
    assert boundary_near("a" + "\u0301" * 50 + "b", 10, 0, 0) == 51
    assert boundary_near("a" + "\u0301" * 50, 10, 0, 0) == 51


@given(st.lists(st.sampled_from([*WHOLE, "a", "中", " "]), min_size=1), st.integers(0, 40), st.integers(0, 40))
def test_every_cut_leaves_the_characters_whole(characters: list[str], at: int, lowest: int) -> None:
    # A letter between them keeps one from joining the next.
    text, edges = "", {0}
    for character in characters:
        text += character
        edges.add(len(text))
        text += "x"
        edges.add(len(text))
    lowest = min(lowest, len(text) - 1)
    floor = max(edge for edge in edges if edge <= lowest)
    cut = boundary_near(text, max(lowest, min(at, len(text))), lowest, floor)
    assert lowest < cut <= len(text)
    assert cut in edges
