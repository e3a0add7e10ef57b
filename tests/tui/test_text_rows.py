"""Rows of a long text: nothing is lost, nothing is too wide, and a million characters are cut in slices."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import get_character_cell_size

from llmlab.tui.widgets.text_rows import NARROW, NOT_FIRST, NOT_LAST, WIDE, TextRows, cells_of

LETTERS = st.text(alphabet="ab 中文，。\n\té\x1b👍\u0301\u202eＡ.", max_size=400)


def laid(text: str, width: int) -> TextRows:
    """All rows of `text`."""
    rows = TextRows(text, width)
    rows.cut(lambda: False)
    return rows


def shown_rows(text: str, width: int) -> list[str]:
    rows = laid(text, width)
    return [text[slice(*rows.span(row))].rstrip(" ") for row in range(rows.count)]


def ranges(pattern: str) -> list[str]:
    """Every character of the ranges of a character class."""
    pairs = re.findall("(.)-(.)", pattern)
    return [chr(code) for low, high in pairs for code in range(ord(low), ord(high) + 1)]


@pytest.mark.parametrize(("pattern", "size"), [(WIDE, 2), (NARROW, 1)])
def test_the_ranges_have_the_width_that_they_are_taken_for(pattern: str, size: int) -> None:
    characters = ranges(pattern)
    assert len(characters) > 300
    assert [one for one in characters if get_character_cell_size(one) != size or not one.isprintable()] == []


@given(LETTERS, st.integers(10, 40))
def test_rows_hold_all_of_the_text_and_fit(text: str, width: int) -> None:
    rows = laid(text, width)
    spans = [rows.span(row) for row in range(rows.count)]
    # Between two rows there is nothing, or the line end.
    assert spans[0][0] == 0
    assert spans[-1][1] in (len(text), len(text) - 1)
    for (_, end), (start, _) in itertools.pairwise(spans):
        assert text[end:start] in ("", "\n")
    for start, end in spans:
        assert "\n" not in text[start:end]
        assert sum(map(cells_of, text[start:end].rstrip(" "))) <= width


@given(LETTERS, st.integers(10, 40), st.data())
def test_each_character_is_in_the_row_that_is_told(text: str, width: int, data: st.DataObject) -> None:
    offset = data.draw(st.integers(0, max(0, len(text) - 1)))
    rows = TextRows(text, width)
    row = rows.row_of(offset)
    start, end = rows.span(row)
    assert start <= offset <= end or not text
    assert row == laid(text, width).row_of(offset)


def test_english_is_cut_between_words_and_chinese_between_characters() -> None:
    assert shown_rows("the quick brown fox", 10) == ["the quick", "brown fox"]
    assert shown_rows("一二三四五六七八九十", 10) == ["一二三四五", "六七八九十"]
    assert shown_rows("一二三四五，六七", 10) == ["一二三四", "五，六七"]
    assert shown_rows("a" * 25, 10) == ["a" * 10, "a" * 10, "a" * 5]
    assert shown_rows("one\n\ntwo\n", 10) == ["one", "", "two"]


def test_a_sign_that_ends_a_sentence_begins_no_row() -> None:
    text = "他说：“今天的天气很好，我们去河边走走吧。”她笑了，点点头。" * 40
    rows = shown_rows(text, 30)
    for row in rows[1:]:
        assert row[0] not in NOT_FIRST
    for row in rows[:-1]:
        assert row[-1] not in NOT_LAST


def test_a_long_text_is_cut_in_pieces_and_told_ahead() -> None:
    text = "很长的一段文字。" * 50_000
    rows = TextRows(text, 80)
    steps = 0

    def enough() -> bool:
        nonlocal steps
        steps += 1
        return steps % 10 == 0

    rows.cut(enough)
    assert not rows.done
    assert 0.9 < rows.expected / laid(text, 80).count < 1.1
    assert rows.row_of(len(text) - 1) == rows.count - 1
