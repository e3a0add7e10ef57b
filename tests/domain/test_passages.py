"""Passages tile a document, keep to their size, and end where a reader would end them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from llmlab.domain.document import Document, Page
from llmlab.domain.graphemes import is_boundary
from llmlab.domain.passages import SIZE, Passage, chapters_of, split, weight


def document(text: str, pages: tuple[Page, ...] = ()) -> Document:
    return Document("a", "", "text", text, pages, "chapter" if pages else "")


def texts(text: str, size: int = SIZE) -> list[str]:
    return [text[passage.start : passage.end] for passage in split(document(text), size)]


SCRAPS = st.sampled_from(
    ["一二三四五六七。", "Some words here. ", "\n", "\n\n", "第三回 山中\n", "# Title\n", "CHAPTER II\n", " ",
     "e\u0301", "👨\u200d👩\u200d👧", "🇨🇳", "\r\n", "x" * 90, "，", "한국어", "\u0301" * 30, "　　"]
)  # fmt: skip


@given(st.lists(SCRAPS, max_size=60).map("".join), st.integers(1, 200))
@example("\u0301" * 50, 5)
@example("🇨🇳" * 50, 7)
def test_passages_tile_the_text_and_leave_characters_whole(text: str, size: int) -> None:
    found = split(document(text), size)
    assert "".join(text[passage.start : passage.end] for passage in found) == (text if text.strip() else "")
    assert [passage.number for passage in found] == list(range(1, len(found) + 1))
    for passage in found:
        part = text[passage.start : passage.end]
        assert part
        assert is_boundary(text, passage.start)
        assert passage.line == text.count("\n", 0, passage.start) + 1
        # Beyond the quarter that ends a chapter there is nothing to cut: one character as readers see it.
        too_much = weight(part) * 4 > size * 5
        assert not too_much or not any(is_boundary(text, place, passage.start) for place in _inside(passage))


def _inside(passage: Passage) -> Iterator[int]:
    return iter(range(passage.start + 1, passage.end))


@given(st.lists(SCRAPS, max_size=40).map("".join), st.integers(1, 200))
def test_the_same_text_has_the_same_passages(text: str, size: int) -> None:
    assert split(document(text), size) == split(document(text), size)


def test_nothing_comes_of_a_blank_text() -> None:
    assert texts("") == []
    assert texts(" \n\u3000\n") == []


@pytest.mark.parametrize(
    ("text", "size", "parts"),
    [
        ("一二三四。五六七八。九十一二。", 18, ["一二三四。", "五六七八。", "九十一二。"]),
        ("One two. Three four. Five six.", 14, ["One two. ", "Three four. ", "Five six."]),
        ("One two.\n\nThree. Four five.", 16, ["One two.\n\n", "Three. Four five."]),
        ("aaaa bbbb cccc dddd", 10, ["aaaa bbbb ", "cccc dddd"]),
        ("aaaaaaaaaaaaaaaaaaaa", 8, ["aaaaaaaa", "aaaaaaaa", "aaaa"]),
        ("if x:\n    y()\n    z()\n    w()\n", 16, ["if x:\n    y()\n", "    z()\n    w()\n"]),
        ("Pay Mr. Brown 3.50 now and then.", 20, ["Pay Mr. Brown 3.50 ", "now and then."]),
    ],
)
def test_where_passages_end(text: str, size: int, parts: list[str]) -> None:
    assert texts(text, size) == parts


def test_a_chapter_begins_a_passage_and_names_those_in_it() -> None:
    first, second = "甲" * 60 + "。", "乙" * 200 + "。"
    text = f"第一回 灵根育孕\n{first}\n第二回　悟彻菩提\n{second}\n"
    found = split(document(text), 300)
    assert [text[passage.start] for passage in found] == ["第", "第", "乙"]
    assert [passage.chapter for passage in found] == ["第一回 灵根育孕", *["第二回　悟彻菩提"] * 2]
    assert [passage.line for passage in found] == [1, 3, 4]


@pytest.mark.parametrize(
    "heading",
    ["第一百二十回 归结红楼", "第12章", "楔子", "# Title", "### 3.1 Deep", "CHAPTER XII", "Chapter 3: The Fall",
     "PART TWO", "Chapter the First", "Book IV. In Which", "EPILOGUE", "　第三卷 风起"],
)  # fmt: skip
def test_lines_that_are_headings(heading: str) -> None:
    text = "x " * 100 + "\n" + heading + "\n" + "y " * 100
    assert [passage.chapter for passage in split(document(text), 200)] == ["", heading.strip("# \u3000")]


@pytest.mark.parametrize(
    "line",
    ["第一次见面的时候，他没有说话。", "第三回合他输了，于是众人散去，各自回家。", "Part of the reason was money.",
     "Book a table", "#include <stdio.h>", "Chapter after chapter he read.", "Act one more time and you will see it."],
)  # fmt: skip
def test_lines_that_are_none(line: str) -> None:
    text = "x " * 100 + "\n" + line + "\n" + "y " * 100
    assert {passage.chapter for passage in split(document(text), 200)} == {""}


def test_a_comment_of_source_code_is_no_heading() -> None:
    source = "x = 1\n" * 50 + "# Some words about it\n" + "y = 2\n" * 50
    assert {passage.chapter for passage in split(Document("a.py", "", "code", source), 200)} == {""}


def test_a_table_of_contents_is_not_cut_into_lines() -> None:
    contents = "".join(f"第{number}回 某事\n" for number in range(10, 40))
    assert len(texts(contents + "甲" * 300, 600)) == 4


def test_chapters_are_cut_where_passages_begin() -> None:
    chapter = "话说那日天晴，众人出门去了。" * 12
    text = f"前面的话。{chapter}\n第一回 桃园\n{chapter}\n第二回 渡口\n{chapter}"
    pages = chapters_of(text)
    assert [(page.number, page.title) for page in pages] == [(0, ""), (1, "第一回 桃园"), (2, "第二回 渡口")]
    assert "".join(text[page.start : page.end] for page in pages) == text
    parts = [(each.start, each.end, each.chapter) for each in split(document(text))]
    assert [(each.start, each.end, each.chapter) for each in split(document(text, pages))] == parts
    assert {page.start for page in pages} <= {start for start, _, _ in parts}
    assert chapters_of(f"第一回 桃园\n{chapter}")[0].number == 1
    assert chapters_of(chapter) == ()
    assert chapters_of("") == ()


def test_headings_are_found_in_a_text_of_any_length() -> None:
    filler = "It was all quiet in the town, and nobody came.\n" * 400
    text = "".join(f"Chapter {number}\n{filler}" for number in range(1, 30))
    assert len(text) > 4 * 131_072
    assert [page.title for page in chapters_of(text)] == [f"Chapter {number}" for number in range(1, 30)]
    for edge in range(131_070, 131_075):
        text = "x" * edge + "\nChapter 7\n" + filler
        assert [page.title for page in chapters_of(text)] == ["", "Chapter 7"]


def test_pages_are_told_and_titled_ones_begin_a_passage() -> None:
    text = "a " * 100 + "b " * 100
    pages = (Page(1, "", 0, 200), Page(2, "Two", 200, 400))
    found = split(document(text, pages), 150)
    assert [(passage.start, passage.page, passage.chapter) for passage in found] == [
        (0, 1, ""), (150, 1, ""), (200, 2, "Two"), (350, 2, "Two")
    ]  # fmt: skip


def test_printed_pages_are_no_chapters() -> None:
    text = "a " * 200
    pages = (Page(1, "iv", 0, 110), Page(2, "v", 110, 400))
    found = split(Document("a", "", "pdf", text, pages, "page"), 200)
    assert [(passage.start, passage.page, passage.chapter) for passage in found] == [(0, 1, ""), (200, 2, "")]


@pytest.mark.parametrize(
    "piece",
    [
        "a",
        "\u0301",
        "🇨🇳",
        "第三回 山\n",
        "# T\n",
        "\r\n",
        ".",
        "。",
        "a ",
        "…",
        ") ",
        "क\u094d",
        "\u1100",
        "!?",
        "\n\ta",
    ],
)
def test_a_long_text_of_anything_is_cut(piece: str) -> None:
    text = piece * (200_000 // len(piece))
    assert "".join(texts(text)) == (text if text.strip() else "")
