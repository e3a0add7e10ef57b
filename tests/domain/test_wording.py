"""A question is cut down to what it is about, and words to what their forms share."""

from __future__ import annotations

import pytest

from llmlab.domain.wording import asked, asked_pairs, stem


@pytest.mark.parametrize(
    "forms",
    [
        ["price", "prices", "priced", "pricing"],
        ["walk", "walks", "walked", "walking"],
        ["stop", "stops", "stopped", "stopping"],
        ["marry", "marries"],
        ["house", "houses"],
        ["call", "calls", "called", "calling"],
    ],
)
def test_forms_of_a_word_are_one(forms: list[str]) -> None:
    assert len(set(map(stem, forms))) == 1


@pytest.mark.parametrize(
    "word", ["is", "us", "ing", "red", "king", "string", "bus", "class", "this", "x86", "2010s", "a"]
)
def test_short_words_and_numbers_stay(word: str) -> None:
    assert stem(word) == word


def test_words_that_only_ask_are_left_out() -> None:
    assert asked("How much did the silver harp cost Ann?") == ["silver", "harp", "cost", "ann"]
    assert asked("请问青萍剑是谁的？") == ["青", "萍", "剑", "青萍", "萍剑", "的"]
    assert asked("那间酒楼叫什么名字") == [*"那间酒楼叫", "那间", "间酒", "酒楼", "楼叫", "名", "字", "名字"]


@pytest.mark.parametrize(
    ("question", "terms"), [("Who is this?", ["who", "is", "this"]), ("什么", ["什", "么", "什么"])]
)
def test_a_question_of_nothing_else_stays_whole(question: str, terms: list[str]) -> None:
    assert asked(question) == terms


def test_words_that_follow_each_other() -> None:
    assert asked_pairs("When did Oliver Vane of Tenby go to the Red Lion?") == [
        ("oliver", "van"),
        ("tenby", "go"),
        ("red", "lion"),
    ]
    assert asked_pairs("青萍剑 由何人锻造 Mr Bean") == [("mr", "bean")]
