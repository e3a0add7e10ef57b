"""The index finds what shares the rarest words, and finds exactly what reading everything would."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from unittest import mock

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from llmlab.domain import bm25
from llmlab.domain.bm25 import Bm25, terms_of


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("Ann has 12 Apples!", ["ann", "has", "12", "apples"]),
        ("退货政策", ["退", "货", "政", "策", "退货", "货政", "政策"]),
        ("用Python写", ["用", "python", "写"]),
        ("ＡＢＣ１２", ["abc12"]),
        ("snake_case", ["snake", "case"]),
        ("Straße déjà", ["straße", "déjà"]),
        ("한국어", ["한", "국", "어", "한국", "국어"]),
        ("  ?! ", []),
    ],
)
def test_terms(text: str, terms: list[str]) -> None:
    assert terms_of(text) == terms


def test_the_rarest_shared_word_decides() -> None:
    index = Bm25(["the cat sat on the mat", "the dog sat on the log", "the bird sat on the mat"])
    assert [hit.row for hit in index.search("the dog", 2)] == [1, 0]


@pytest.mark.parametrize(
    ("question", "row"), [("我想退掉这件商品", 0), ("快递到哪里了", 1), ("怎么开发票呢", 2), ("Wifi密码", 3)]
)
def test_chinese_is_found_without_words(question: str, row: int) -> None:
    rows = ["这件衣服我要退货，请退款", "我的快递到哪了？", "请问如何开具发票？", "WIFI 的密码是多少"]
    assert Bm25(rows).search(question, 1)[0].row == row


def test_equals_are_told_in_their_order_and_the_refused_left_out() -> None:
    index = Bm25(["a b", "a b", "c", "a b", "a b"])
    assert [hit.row for hit in index.search("a", 3)] == [0, 1, 3]
    assert [hit.row for hit in index.search("a", 3, fits=lambda row: row not in (0, 3))] == [1, 4]
    assert len(index) == 5


def test_nothing_is_found_where_nothing_is_shared() -> None:
    assert Bm25(["a"]).search("b", 3) == []
    assert Bm25(["a"]).search("", 3) == []
    assert Bm25(["a"]).search("a", 0) == []
    assert Bm25([]).search("a", 3) == []
    assert Bm25(["", "?"]).search("a", 3) == []


def by_hand(texts: Sequence[str], query: str, row: int) -> float:
    """The formula, read off the page."""
    k1, b = 1.2, 0.75
    documents = [terms_of(text) for text in texts]
    mean = max(1.0, sum(map(len, documents)) / len(documents))
    total = 0.0
    for term in terms_of(query):
        holding = sum(term in document for document in documents)
        count = Counter(documents[row])[term]
        idf = math.log(1 + (len(documents) - holding + 0.5) / (holding + 0.5))
        total += idf * count * (k1 + 1) / (count + k1 * (1 - b + b * len(documents[row]) / mean))
    return total


WORDS = st.sampled_from(["the", "the", "the", "the", "of", "of", "cat", "dog", "bird", "退", "货", "退货", "12", "x"])
TEXTS = st.lists(st.lists(WORDS, max_size=7).map(" ".join), max_size=120)


@given(
    TEXTS, st.lists(WORDS, max_size=6).map(" ".join), st.integers(1, 9), st.integers(1, 5), st.sampled_from([0, 9, 512])
)
@example(["the"] * 100 + ["the x"], "the x", 1, 5, 0)
@example(["x"] * 3 + ["the " * 5] * 100 + ["the"], "x the the the the", 2, 5, 9)
@settings(deadline=None)
def test_the_best_are_those_that_reading_everything_finds(
    texts: list[str], query: str, limit: int, every: int, plenty: int
) -> None:
    def fits(row: int) -> bool:
        return row % every == 0

    index = Bm25(texts)
    with mock.patch.object(bm25, "PLENTY", plenty):
        hits = index.search(query, limit, fits)
    wanted = {row: by_hand(texts, query, row) for row in range(len(texts)) if fits(row)}
    found = sum(score > 0 for score in wanted.values())
    assert len(hits) == min(limit, found)
    for hit in hits:
        assert hit.score == pytest.approx(wanted[hit.row], rel=1e-5)
    # The same scores in the same order, whatever was skipped on the way.
    everything = index.search(query, len(texts), fits)
    assert [hit.row for hit in everything[: len(hits)]] == [hit.row for hit in hits]
    assert everything == sorted(everything, key=lambda hit: (-hit.score, hit.row))
