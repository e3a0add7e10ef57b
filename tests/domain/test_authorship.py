"""Who wrote which part of a text, through edits."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab.domain.authorship import HAND, UNKNOWN, Authors, Stretch, after_edit, generated, joined, part

TEXTS = st.text("ab ,苹", max_size=12)


def by(text: str, authors: Authors) -> list[tuple[str, int]]:
    """Each stretch of `text` with its author."""
    found, at = [], 0
    for one in authors:
        found.append((text[at : at + one.length], one.go))
        at += one.length
    assert at == len(text)
    return found


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        ("It is red.", "It is blue.", [("It is ", 1), ("blue", HAND), (".", 1)]),
        ("It is red.", "It is red. Really", [("It is red.", 1), (" Really", HAND)]),
        ("It is red.", "No! It is red.", [("No! ", HAND), ("It is red.", 1)]),
        ("one two three", "one three", [("one three", 1)]),
        ("one", "", []),
        ("", "one", [("one", HAND)]),
        ("red, green", "all, new", [("all, new", HAND)]),
        ("它是红的。", "它是蓝的。", [("它是", 1), ("蓝", HAND), ("的。", 1)]),
        ("a b c d e", "x b y d z", [("x", HAND), (" b ", 1), ("y", HAND), (" d ", 1), ("z", HAND)]),
    ],
)
def test_what_an_edit_leaves_stays_the_models(before: str, now: str, expected: list[tuple[str, int]]) -> None:
    assert by(now, after_edit((Stretch(len(before), 1),), before, now)) == expected


def test_an_edit_of_an_edit_keeps_every_author() -> None:
    first = after_edit((Stretch(7, UNKNOWN), Stretch(6, 2)), "one two three", "one two and three")
    assert by("one two and three", first) == [("one two", UNKNOWN), (" ", 2), ("and ", HAND), ("three", 2)]
    second = after_edit(first, "one two and three", "one two and four")
    assert by("one two and four", second) == [("one two", UNKNOWN), (" ", 2), ("and four", HAND)]
    assert generated(second) == 8


@given(TEXTS, TEXTS)
def test_the_authors_are_those_of_the_whole_text(before: str, now: str) -> None:
    authors = after_edit(joined([Stretch(len(before), 1)]), before, now)
    assert sum(one.length for one in authors) == len(now)
    assert all(one.length > 0 for one in authors)
    assert all(one.go != other.go for one, other in pairwise(authors))
    assert generated(authors) <= len(before)


@given(TEXTS)
def test_nothing_changed_is_nothing_by_hand(text: str) -> None:
    authors = joined([Stretch(len(text), 1)])
    assert after_edit(authors, text, text) == authors


def test_a_part_is_cut_at_its_ends() -> None:
    authors = (Stretch(3, 1), Stretch(2, HAND), Stretch(4, 2))
    assert list(part(authors, 2, 6)) == [Stretch(1, 1), Stretch(2, HAND), Stretch(1, 2)]
    assert list(part(authors, 3, 3)) == []
