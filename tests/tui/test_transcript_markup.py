from __future__ import annotations

import unicodedata
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from llmlab.tui.markup.code import LONGEST, ColourCache, colour, uncoloured
from llmlab.tui.markup.lines import Line, clipboard_text
from llmlab.tui.markup.pieces import MarkdownPieces, PlainPieces
from llmlab.tui.markup.segments import LIMIT, Segmenter, plain_segments
from llmlab.tui.markup.wrapping import chop, estimated_rows, wrap
from tests.tui.transcript_host import ANSWER, CHINESE


def rows(text: str, width: int) -> list[str]:
    return [text[piece.start : piece.end] for piece in wrap(text, width)]


def drawn(text: str, width: int = 40) -> list[Line]:
    pieces = MarkdownPieces()
    pieces.update(text)
    return [line for piece in pieces.pieces for line in piece.rows(width, uncoloured)]


def shown(text: str, width: int = 40) -> list[str]:
    return [line.text.rstrip() for line in drawn(text, width)]


@pytest.mark.parametrize(
    ("text", "width", "expected"),
    [
        ("", 5, [""]),
        ("one two three", 7, ["one two", "three"]),
        ("one  two", 3, ["one", "two"]),
        ("abcdefghij", 4, ["abcd", "efgh", "ij"]),
        ("ab cdefghij", 4, ["ab", "cdef", "ghij"]),
        ("  indented text", 10, ["  indented", "text"]),
        ("中文字符", 4, ["中文", "字符"]),
        ("中文字符", 5, ["中文", "字符"]),
        ("中文字，符", 6, ["中文", "字，符"]),
        ("中文（字）符", 6, ["中文", "（字）", "符"]),
        ("说“好的”。", 7, ["说“好", "的”。"]),
        ("中a文b", 3, ["中a", "文b"]),
        ("👍🏽好👍🏽", 4, ["👍🏽好", "👍🏽"]),
    ],
)
def test_text_is_wrapped_between_words_and_never_before_closing_punctuation(
    text: str, width: int, expected: list[str]
) -> None:
    assert rows(text, width) == expected


@given(st.text(alphabet="ab ，。（）中文字👍\u200d\u0301", max_size=60), st.integers(2, 12))
def test_rows_fit_and_glued_together_are_the_text(text: str, width: int) -> None:
    pieces = wrap(text, width)
    assert all(cell_len(text[piece.start : piece.end]) <= width or piece.end - piece.start == 1 for piece in pieces)
    rebuilt = "".join((piece.glue or "") + text[piece.start : piece.end] for piece in pieces)
    # Blanks at its ends have no row of their own where they do not fit.
    assert rebuilt.strip(" ") == text.strip(" ")


@given(st.text(alphabet="ab  中文\u0301", max_size=60), st.integers(2, 12))
def test_code_is_cut_without_losing_a_blank(text: str, width: int) -> None:
    assert "".join(text[piece.start : piece.end] for piece in chop(text, width)) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# Head", ["Head"]),
        ("a **b** *c* ~~d~~ `e`", ["a b c d e"]),
        ("one\ntwo", ["one", "two"]),
        ("one\n\n\n\ntwo", ["one", "", "two"]),
        ("text\n# Head\nmore", ["text", "", "Head", "more"]),
        ("- a\n- b", ["• a", "• b"]),
        ("- a\n  - b\n    - c", ["• a", "  ◦ b", "    ▪ c"]),
        ("1. a\n1. b\n1. c", ["1. a", "2. b", "3. c"]),
        ("3) a\n4) b", ["3) a", "4) b"]),
        ("0. a\n1. b", ["0. a", "1. b"]),
        ("- [ ] a\n- [x] b", ["• ☐ a", "• ☑ b"]),
        ("intro:\n- a\n\nafter", ["intro:", "• a", "", "after"]),
        ("> a\n> b\n>> c", ["│ a", "│ b", "│ │ c"]),
        ("[text](http://x.y)", ["text (http://x.y)"]),
        ("<http://x.y>", ["http://x.y"]),
        ("![alt](pic.png)", ["[alt] (pic.png)"]),
        ("<b>html</b> &lt;", ["<b>html</b> <"]),
        ("[1]: http://x.y", ["[1]: http://x.y"]),
        ("[bold]x[/bold] [@click=app.quit]y[/]", ["[bold]x[/bold] [@click=app.quit]y[/]"]),
        ("```\ncode  x\n\n\ty\n```", [" code  x", "", "     y"]),
        ("~~~py\n```\n~~~", [" " * 37 + "py", " ```"]),
        ("- ```\n  x\n\n  y\n  ```\n- b", ["•", "   x", "", "   y", "• b"]),
        ("```\nnever closed", [" never closed"]),
        ("    indented", [" indented"]),
        ("Title\n---\ntext", ["Title", "text"]),
    ],
)
def test_a_block_is_drawn(text: str, expected: list[str]) -> None:
    assert shown(text) == expected


def test_a_list_item_continues_below_its_text() -> None:
    assert shown("- one two three four\n- b", 10) == ["• one two", "  three", "  four", "• b"]


def test_a_rule_spans_the_row() -> None:
    assert shown("---", 12) == ["─" * 12]


TABLE = "| a | 说明 | n |\n|---|:-:|--:|\n| x | 很长的单元格内容 | 1 |\n| `y` | z | 234 |"


@pytest.mark.parametrize("width", [60, 30, 24])
def test_the_columns_of_a_table_stand_in_line(width: int) -> None:
    lines = [line.text for line in drawn(TABLE, width)]
    places = {tuple(cell_len(line[:at]) for at, mark in enumerate(line) if mark in "│┼") for line in lines}
    assert len(places) == 1
    assert all(cell_len(line) <= width for line in lines)


def test_a_table_in_a_narrow_pane_becomes_records() -> None:
    assert shown(TABLE, 14)[:4] == ["─" * 14, "a: x", "说明: 很长的单", "元格内容"]


def test_a_closed_fence_takes_its_colours_when_they_are_there() -> None:
    colours = {("py", "x = 1"): colour("py", "x = 1")}
    pieces = MarkdownPieces()
    pieces.update("```py\nx = 1\n```")
    lines = pieces.pieces[0].rows(40, lambda language, code: colours.get((language, code)))
    assert "number" in {look.role for _, look in lines[1].spans}


@pytest.mark.parametrize("language", ["python", "json", "html", "no-such-language", "bash"])
@pytest.mark.parametrize("code", ["x = '''\na\n\n'''", "", "\n\n{", "def f():\n    return 1  # c"])
def test_colours_change_no_character(language: str, code: str) -> None:
    assert "\n".join("".join(text for text, _ in line) for line in colour(language, code)) == code


def test_colours_are_asked_for_once_and_not_for_a_huge_block() -> None:
    asked: list[tuple[str, str]] = []
    cache = ColourCache(lambda language, code: asked.append((language, code)))
    assert cache("py", "x") is None
    assert cache("py", "x") is None
    assert cache("", "x") is None
    assert cache("py", "x" * (LONGEST + 1)) is None
    assert asked == [("py", "x")]
    colours = colour("py", "x")
    cache.put("py", "x", colours)
    assert cache("py", "x") == colours


SAMPLES = [
    ANSWER,
    CHINESE * 3,
    "```python\ndef f():\n\n    return 1\n```\nafter",
    "- a\n\n  more\n  ```js\n  x\n  ```\n- b\n1. c\n2. d\n\ntext\n===\n# h\n***\n> q\nlazy\n",
    "a\r\nb\r\n\r\n```\r\nx\r\n```\r\n",
    "word " * 1_100,
    "x" * 9_000,
]


@pytest.mark.parametrize("text", SAMPLES, ids=range(len(SAMPLES)))
def test_a_text_that_grew_is_drawn_as_one_that_came_at_once(text: str) -> None:
    growing = MarkdownPieces()
    step = 1 if len(text) < 2_000 else 97
    for length in [*range(1, len(text), step), len(text)]:
        growing.update(text[:length])
        lines = [line for piece in growing.pieces for line in piece.rows(40, uncoloured)]
        assert lines == drawn(text[:length])


def test_only_the_last_block_of_a_growing_text_is_new() -> None:
    pieces = MarkdownPieces()
    pieces.update("# head\n\nfirst\n\n- a\n- b")
    before = list(pieces.pieces)
    assert pieces.update("# head\n\nfirst\n\n- a\n- b and more") == 3
    assert pieces.pieces[:3] == before[:3]
    assert pieces.update("other") == 0


MARKS = st.sampled_from(
    ["#", "```", "~~~", "- ", "1. ", "> ", "|", "---", "\n", "\n\n", "    ", "\t", "**", "`", "[", "](", ")", "中。",
     "\x1b[31m", "\x9b", "\u202e", "\x07", "&#x202e;", "a b", "<", "\r", "\0", "[@click=x]", "https://e.org", "\\"]
)  # fmt: skip


@given(st.lists(MARKS, max_size=40).map("".join), st.integers(8, 40))
@example("- ```中。中。", 8)
@settings(max_examples=200, deadline=None)
def test_nothing_hostile_reaches_a_row_and_rows_fit(text: str, width: int) -> None:
    for line in drawn(text, width):
        assert not [mark for mark in line.text if unicodedata.category(mark) in ("Cc", "Cf", "Cs")]
        assert cell_len(line.text) <= width


@given(st.lists(MARKS, max_size=40), st.integers(8, 30))
@settings(max_examples=100, deadline=None)
def test_growth_in_any_steps_ends_in_the_same_rows(parts: list[str], width: int) -> None:
    growing = MarkdownPieces()
    text = ""
    for part in parts:
        text += part
        growing.update(text)
        for piece in growing.pieces:
            piece.rows(width, uncoloured)
    assert [line for piece in growing.pieces for line in piece.rows(width, uncoloured)] == drawn(text, width)


@given(st.text(alphabet="ab \n", max_size=200))
def test_blocks_are_in_order_and_cover_all_that_is_no_blank(text: str) -> None:
    segments = Segmenter().update(text)
    assert all(first.end <= second.start for first, second in pairwise(segments))
    covered = "".join(text[segment.start : segment.end] for segment in segments)
    assert covered.replace("\n", "").replace(" ", "") == text.replace("\n", "").replace(" ", "")


def test_no_block_grows_without_bound() -> None:
    for text in ("word " * 20_000, "x" * 50_000, "line\n" * 20_000):
        assert max(segment.end - segment.start for segment in Segmenter().update(text)) <= LIMIT + 10
        assert max(segment.end - segment.start for segment in plain_segments(text)) <= LIMIT


@given(st.text(alphabet="ab \n", max_size=60).map(lambda text: text * 150))
@settings(max_examples=30, deadline=None)
def test_plain_text_in_blocks_copies_as_it_was(text: str) -> None:
    pieces = PlainPieces()
    pieces.update(text)
    lines = [line for piece in pieces.pieces for line in piece.rows(50, uncoloured)]
    copied = clipboard_text([(line, 0, len(line.text)) for line in lines])
    assert copied == "\n".join(line.rstrip() for line in text.split("\n"))


def test_a_copy_has_no_bars_and_no_blanks_at_line_ends_and_is_not_wrapped() -> None:
    lines = drawn("one two three four five\n\n> quoted text that is wrapped\n\n```py\nx = 1\n\n  y\n```", 14)
    copied = clipboard_text([(line, 0, len(line.text)) for line in lines])
    assert copied == "one two three four five\n\nquoted text that is wrapped\n\nx = 1\n\n  y"


@pytest.mark.parametrize("text", ["", "one line", "x" * 500, CHINESE * 5, "a\n\nb\n" * 30])
def test_a_guessed_height_is_near(text: str) -> None:
    pieces = PlainPieces()
    pieces.update(text)
    exact = sum(len(piece.rows(40, uncoloured)) for piece in pieces.pieces)
    assert abs(estimated_rows(text, 40) - exact) <= max(2, exact // 8)


def test_a_block_too_long_to_be_parsed_is_shown_as_it_is() -> None:
    text = "- " + "[a](b) " * 2_000
    lines = drawn(text, 50)
    assert clipboard_text([(line, 0, len(line.text)) for line in lines]) == text.rstrip()


def test_nesting_without_end_is_drawn() -> None:
    for text in (">" * 3_000 + " deep", "- " * 300 + "deep", "*" * 2_000 + " deep", "[" * 2_000 + " deep"):
        assert "deep" in shown(text, 30)[-1]
