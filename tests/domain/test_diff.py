"""Word by word."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from llmlab.domain.diff import word_diff, words


def test_words_that_are_new_are_marked() -> None:
    assert word_diff("the cat sat", "the dog sat") == [("the ", "same"), ("dog", "other"), (" sat", "same")]
    assert word_diff("答案是十二。", "答案是十三。") == [("答案是十", "same"), ("三", "other"), ("。", "same")]
    assert word_diff("", "new") == [("new", "other")]
    assert word_diff("old", "") == []


@given(st.text(), st.text())
def test_nothing_of_a_text_is_lost(before: str, now: str) -> None:
    assert "".join(words(now)) == now
    assert "".join(text for text, _ in word_diff(before, now)) == now
    assert all(kind == "same" for _, kind in word_diff(now, now))
