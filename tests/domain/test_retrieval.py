"""A question finds its passages, also while the index grows; what is chosen fits and stands in the documents' order."""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.novels import Language, novel
from llmlab.domain.bm25 import Bm25
from llmlab.domain.document import Document
from llmlab.domain.passages import Passage, split
from llmlab.domain.retrieval import ALIKE, UNLIKE, Found, PassageIndex, by_likeness, fused, search, stretches, within
from llmlab.domain.wording import stemmed


def indexed(*texts: str, size: int = 60) -> list[PassageIndex]:
    indexes = [PassageIndex(Document("a", "", "text", text), size) for text in texts]
    for index in indexes:
        while index.grow():
            pass
    return indexes


def shown(found: Sequence[Found], *texts: str) -> list[str]:
    return [texts[item.document][item.passage.start : item.passage.end].strip() for item in found]


def passage(number: int) -> Passage:
    return Passage(number, number * 10, number * 10 + 10)


def test_the_passage_that_answers_comes_first() -> None:
    text = "薛蟠在渡口买了一方青玉砚台。\n\n众人在园中饮酒赏花，薛蟠也来了。\n\n那日下着大雪，渡口无人。\n\n"
    assert shown(search(indexed(text), "薛蟠的砚台是在哪里买的？", 1), text) == ["薛蟠在渡口买了一方青玉砚台。"]


def test_documents_compete() -> None:
    one, two = "Tea was served.\n\nThe harp is gold.", "The flute is silver.\n\nTea again."
    found = search(indexed(one, two, size=20), "Of what is the flute?", 2)
    assert shown(found, one, two)[0] == "The flute is silver."
    assert found[0].document == 1


def test_both_names_at_once_find_a_person() -> None:
    text = "Vane, said Oliver, you are a Vane!\n\nOliver Vane left the town today.\n\nOliver Gray met Ann Vane, a Vane."
    assert shown(search(indexed(text, size=40), "Where was Oliver Vane?", 1), text) == [
        "Oliver Vane left the town today."
    ]


@pytest.mark.parametrize("question", ["", "?!", "xylophone"])
def test_nothing_is_found_where_nothing_is_shared(question: str) -> None:
    assert search(indexed("The cat sat."), question, 3) == []
    assert search([], question, 3) == []
    assert search(indexed("xylophone"), "xylophone", 0) == []


WORDS = st.sampled_from(["red", "lions", "green", "houses", "桥", "河水", "船", "the"])


@given(st.lists(st.lists(WORDS, max_size=8).map(" ".join), min_size=1, max_size=12), WORDS)
def test_it_weighs_as_the_index_that_is_made_at_once(paragraphs: list[str], word: str) -> None:
    text = "\n\n".join(paragraphs)
    (index,) = indexed(text, size=30)
    parts = [" ".join(stemmed(text[part.start : part.end].split())) for part in index.passages]
    expected = [(hit.row + 1, hit.score) for hit in Bm25(parts).search(" ".join(stemmed([word])), 99)]
    found = [(item.passage.number, item.score) for item in search([index], word, 99)]
    assert dict(found) == pytest.approx(dict(expected), rel=1e-5)


def test_it_grows_in_slices_and_is_searched_meanwhile() -> None:
    text = "".join(f"Paragraph {number} tells of item{number}.\n\n" for number in range(200))
    index = PassageIndex(Document("a", "", "text", text), 40)
    assert index.share == 0.0
    assert search([index], "item3", 1) == []
    shares = []
    while index.grow(500):
        shares.append(index.share)
    assert len(shares) > 10
    assert shares == sorted(shares)
    assert index.complete
    assert index.share == 1.0
    assert not index.grow()
    assert tuple(index.passages) == split(index.document, 40)
    assert shown(search([index], "item199", 1), text)[0].startswith("Paragraph 199")


def test_a_thread_lets_it_grow_while_another_searches() -> None:
    text = "".join(f"The common words of {number} stand here.\n\n" for number in range(3000))
    index = PassageIndex(Document("a", "", "text", text), 50)
    grower = threading.Thread(target=lambda: [None for _ in iter(lambda: index.grow(200), False)])
    grower.start()
    while not index.complete:
        for found in search([index], "common words", 3):
            assert text[found.passage.start :].startswith("The common")
    grower.join()
    assert len(search([index], "common", 9999)) == len(index.passages)


def test_rankings_are_fused_by_rank() -> None:
    first = [Found(0, passage(number), 9.0) for number in (1, 2, 3)]
    second = [Found(0, passage(number), 0.1) for number in (3, 2, 4)]
    assert [item.passage.number for item in fused([first, second], 9)] == [3, 2, 1, 4]
    assert [item.passage.number for item in fused([first, second], 1)] == [3]
    assert fused([], 3) == []


@pytest.mark.parametrize(
    ("likeness", "limit", "places"),
    [
        ([[0.1, 0.9], [0.8, -0.2]], 3, [(0, 2), (1, 1), (0, 1)]),
        ([[0.5, 0.5], [0.5, 0.5]], 3, [(0, 1), (0, 2), (1, 1)]),
        ([[-0.1, -0.9], [-0.5, -0.2]], 1, [(0, 1)]),
        ([[], [0.3]], 9, [(1, 1)]),
        ([[0.1], [0.2]], 0, []),
        ([[0.1], [0.2]], -1, []),
    ],
)
def test_vectors_rank_by_likeness(likeness: list[list[float]], limit: int, places: list[tuple[int, int]]) -> None:
    indexes = indexed("The harp is gold.\n\nTea was served.", "The flute is silver.\n\nTea again.", size=10)
    found = by_likeness(indexes, likeness, limit)
    assert [(item.document, item.passage.number) for item in found] == places


@pytest.mark.parametrize(
    ("words", "meaning", "flatness", "first"),
    [
        ((1, 2, 3), (3, 1, 2), ALIKE, [1, 3, 2]),
        ((1, 2, 3), (9, 2, 1), UNLIKE, [1, 2, 9, 3]),
        ((), (4, 1), UNLIKE, [4, 1]),
        ((4, 1), (), UNLIKE, [4, 1]),
        (tuple(range(1, 25)), (99, *range(1, 24)), UNLIKE, [*range(1, 12), 99]),
        (tuple(range(1, 25)), (99, *range(1, 24)), ALIKE, [*range(1, 24), 99]),
    ],
)
def test_words_and_meaning_are_fused(
    words: tuple[int, ...], meaning: tuple[int, ...], flatness: int, first: list[int]
) -> None:
    rankings = [[Found(0, passage(number), 1.0) for number in numbers] for numbers in (words, meaning)]
    found = [item.passage.number for item in fused(rankings, 99, flatness)]
    assert found[: len(first)] == first


def test_a_worse_passage_never_takes_the_room_of_a_better_one() -> None:
    found = [Found(0, passage(number), 1.0) for number in (5, 2, 9)]
    assert within(found, [50, 60, 10], 110) == found[:2]
    assert within(found, [50, 80, 10], 110) == found[:1]
    assert within(found, [50, 60, 10], 40) == []


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 20))))
def test_neighbours_are_one_stretch_in_the_order_of_the_documents(places: list[tuple[int, int]]) -> None:
    joined = stretches(Found(document, passage(number), 1.0) for document, number in places)
    flat = [(stretch.document, part.number) for stretch in joined for part in stretch.passages]
    assert flat == sorted(set(places))
    for stretch in joined:
        assert (stretch.start, stretch.end) == (stretch.passages[0].start, stretch.passages[-1].end)
    for one, other in pairwise(joined):
        assert one.document < other.document or one.passages[-1].number + 1 < other.passages[0].number


@pytest.mark.parametrize("language", ["zh", "en"])
def test_planted_facts_are_found_in_a_novel(language: Language) -> None:
    """A small one here; `benchmarks.documents` has the whole."""
    book = novel(language, letters=120_000, facts=60)
    (index,) = indexed(book.text, size=1200)
    found = 0
    for fact in book.facts:
        assert book.text.count(fact.sentence) == 1
        place = book.text.index(fact.sentence) + fact.sentence.index(fact.answer)
        hits = search([index], fact.question, 3)
        found += any(hit.passage.start <= place < hit.passage.end for hit in hits)
    assert found >= 57
    assert unicodedata.is_normalized("NFC", book.text)
