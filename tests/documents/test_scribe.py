"""The scribe: line breaks come only between texts, and pages tile the text whatever is written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab.documents.scribe import Scribe
from llmlab.domain.document import Document, Page
from llmlab.errors import DocumentError


def test_breaks_come_once_and_only_between_texts() -> None:
    scribe = Scribe(100)
    scribe.blank()
    scribe.write("a")
    scribe.line()
    scribe.blank()
    scribe.line()
    scribe.write("b")
    scribe.line()
    assert scribe.finish() == ("a\n\nb", ())


def test_forced_breaks_add_up() -> None:
    scribe = Scribe(100)
    scribe.write("a")
    scribe.feed()
    scribe.feed()
    scribe.feed()
    scribe.write("b")
    assert scribe.finish()[0] == "a\n\n\nb"


def test_pages_without_a_number_count_what_has_text() -> None:
    scribe = Scribe(100)
    scribe.write("before")
    scribe.turn("empty")
    scribe.turn()
    scribe.line()
    scribe.write("One")
    scribe.entitle("One")
    scribe.entitle("too late")
    scribe.turn("Two")
    scribe.write("!")
    assert scribe.finish() == ("before\nOne!", (Page(0, "", 0, 7), Page(1, "One", 7, 10), Page(2, "Two", 10, 11)))


def test_pages_with_a_number_stay_when_they_are_empty() -> None:
    scribe = Scribe(100)
    for number in range(1, 5):
        scribe.line()
        scribe.turn(number=number)
        scribe.write("x" if number == 2 else "")
    text, pages = scribe.finish()
    assert [(page.number, text[page.start : page.end]) for page in pages] == [(1, ""), (2, "x"), (3, ""), (4, "")]
    assert scribe.finish() == (text, pages)


def test_a_text_without_room_is_an_error() -> None:
    scribe = Scribe(3)
    scribe.write("abc")
    with pytest.raises(DocumentError, match="longer than 3 characters"):
        scribe.write("d")


STEPS = st.one_of(
    st.tuples(st.just("write"), st.text("ab\n ", max_size=4)),
    st.tuples(st.sampled_from(["line", "blank", "feed"]), st.just("")),
    st.tuples(st.sampled_from(["turn", "entitle"]), st.text("T", max_size=2)),
)


@given(st.lists(STEPS, max_size=30))
def test_pages_tile_the_text(steps: list[tuple[str, str]]) -> None:
    scribe = Scribe(10_000)
    for verb, text in steps:
        getattr(scribe, verb)(*([text] if verb in ("write", "turn", "entitle") else []))
    text, pages = scribe.finish()
    assert "".join(text[page.start : page.end] for page in pages) == (text if pages else "")
    assert [page.number for page in pages] == list(range(len(pages))) or [page.number for page in pages] == list(
        range(1, len(pages) + 1)
    )
    document = Document("n", "", "text", text, pages)
    for offset in range(len(text)):
        page = document.page_at(offset)
        assert page is None or page.start <= offset < page.end
    assert document.anchor(len(text)).line == text.count("\n") + 1
