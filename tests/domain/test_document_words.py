"""Places of a document as a person can look them up."""

from __future__ import annotations

import pytest

from llmlab.domain.document import Document, Page, Unit
from llmlab.domain.document_words import place_in_words

TEXT = "before\nfirst\nsecond\n"


def document(unit: Unit, titles: tuple[str, str] = ("", "")) -> Document:
    pages = (Page(0, "", 0, 7), Page(1, titles[0], 7, 13), Page(2, titles[1], 13, 20)) if unit else ()
    return Document("a", "", "text", TEXT, pages, unit)


@pytest.mark.parametrize(
    ("unit", "place"),
    [
        ("", ""),
        ("page", "page 1 · "),
        ("chapter", "chapter 1 · "),
        ("section", "section 1 · "),
        ("slide", "slide 1 · "),
    ],
)
def test_a_page_without_a_title_is_named_by_what_it_is(unit: Unit, place: str) -> None:
    assert place_in_words(document(unit), 8) == f"{place}line 2 · 40%"


def test_a_title_stands_for_a_chapter_and_is_the_printed_label_of_a_page() -> None:
    assert place_in_words(document("chapter", ("The \x1bKey", "")), 8) == "The ␛Key · line 2 · 40%"
    assert place_in_words(document("page", ("xii", "")), 8) == "page 1 (xii) · line 2 · 40%"


def test_what_precedes_the_first_chapter_is_in_none() -> None:
    assert place_in_words(document("chapter", ("One", "Two")), 0) == "line 1 · 0%"


def test_a_sheet_has_rows() -> None:
    sheet = Document("a", "", "xlsx", "7\tx\n9\ty", (Page(1, "Sums", 0, 7),), "sheet")
    assert place_in_words(sheet, 5) == "Sums · row 9 · 71%"
