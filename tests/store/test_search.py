"""Search: what is found, how it is shown, and that the index never changes the answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from llmlab.store.chats import ChatStore
from llmlab.store.search import Query
from tests.store.memory import make_chat, make_message

TEXTS = {
    "apples": "Ann has 12 apples,\ngets 5 and eats 4. How many?",
    "chinese": "我们今天学习大语言模型的上下文窗口。",
    "signs": "100% of my_file is \"quoted\" OR 'not' (NEAR) * -x",
    "umlaut": "ÜBER allen Gipfeln",
}


@pytest.fixture(params=[True, False], ids=["trigrams", "scan"])
def filled(request: pytest.FixtureRequest, path: Path) -> Iterator[ChatStore]:
    store = ChatStore(path, trigrams=request.param)
    for name, text in TEXTS.items():
        store.create(make_chat(name, f"Chat of {name}"))
        store.save(name, make_message("m", None, text))
    yield store
    store.close()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("apples", {"apples"}),
        ("APPLES 12", {"apples"}),
        ("pple", {"apples"}),
        ("apples Gipfeln", set()),
        ("12", {"apples"}),
        ("窗", {"chinese"}),
        ("窗口", {"chinese"}),
        ("上下文窗口", {"chinese"}),
        ("模型 窗", {"chinese"}),
        ("%", {"signs"}),
        ("_", {"signs"}),
        ('"', {"signs"}),
        ("'", {"signs"}),
        ("0% of my_", {"signs"}),
        ('"quoted" OR', {"signs"}),
        ("(NEAR) * -x", {"signs"}),
        ("über", {"umlaut"}),
        ("Über AL", {"umlaut"}),
        ("chat of", set(TEXTS)),
        ("chat of umlaut", {"umlaut"}),
        ("nowhere", set()),
        ("\0", set(TEXTS)),
        ("apples" * 100_000, set()),
    ],
)
def test_what_is_found(filled: ChatStore, query: str, found: set[str]) -> None:
    assert {summary.id for summary in filled.list(query)} == found


def test_versions_that_are_not_shown_are_found_and_deleted_chats_are_not(filled: ChatStore) -> None:
    filled.save("apples", make_message("other", None, "pears"))
    assert [summary.id for summary in filled.list("apples gets")] == ["apples"]
    filled.delete("apples")
    assert filled.list("apples gets") == ()
    filled.restore("apples")
    assert [summary.id for summary in filled.list("pears")] == ["apples"]


def test_an_answer_is_found_while_it_streams_and_its_old_words_are_not(filled: ChatStore) -> None:
    filled.save("apples", make_message("a", "m", "first pear", state="writing"))
    assert [summary.id for summary in filled.list("pear")] == ["apples"]
    filled.save("apples", make_message("a", "m", "then plum"))
    assert filled.list("pear") == ()
    assert [summary.id for summary in filled.list("plum")] == ["apples"]
    filled.save("apples", make_message("a", "m", "then plum and fig", state="writing"))
    assert [summary.id for summary in filled.list("plum fig")] == ["apples"]


def test_a_store_without_trigrams_leaves_the_index_usable(path: Path) -> None:
    with_index, without = ChatStore(path), ChatStore(path, trigrams=False)
    with_index.create(make_chat())
    with_index.save("c", make_message("m", None, "apples"))
    without.save("c", make_message("m", None, "pears"))
    without.save("c", make_message("n", "m", "plums"))
    assert with_index.list("apples") == ()
    assert with_index.list("pears")
    assert with_index.list("plums")
    with_index.recover()
    assert with_index.list("apples") == ()
    assert with_index.list("pears")
    assert with_index.list("plums")
    with_index.close()
    without.close()


def test_the_newest_match_of_a_chat_is_shown(filled: ChatStore) -> None:
    filled.save("apples", make_message("n", "m", "More apples?"))
    assert filled.list("apples more")[0].snippet == "More \x02apples\x03?"


@pytest.mark.parametrize(
    ("query", "text", "snippet"),
    [
        ("apples", TEXTS["apples"], "Ann has 12 \x02apples\x03, gets 5 and eats 4. How many?"),
        ("apples, gets", TEXTS["apples"], "Ann has 12 \x02apples, gets\x03 5 and eats 4. How many?"),
        ("gets apples", TEXTS["apples"], "Ann has 12 apples, \x02gets\x03 5 and eats 4. How many?"),
        ("窗口", TEXTS["chinese"], "我们今天学习大语言模型的上下文\x02窗口\x03。"),
        ("end", "x" * 200 + " the end", "…" + "x" * 19 + " the \x02end\x03"),
        ("start", "start " + "x" * 200, "\x02start\x03 " + "x" * 71 + "…"),
        ("i̇", "İstanbul", "\x02İ\x03stanbul"),
        ("a", "\x02\x03a\x1b", "\x02a\x03\x1b"),
        ("gone", "short", "short"),
    ],
)
def test_snippet(query: str, text: str, snippet: str) -> None:
    assert Query.parse(query).snippet(text) == snippet
