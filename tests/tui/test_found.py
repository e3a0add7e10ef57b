"""The final answer inside the answer's own text: marked where it stands, whatever Markdown stands around it."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.color import Color

from llmlab.domain.extraction import extract
from llmlab.domain.messages import Message, Reasoned, Text
from llmlab.domain.modes import Extraction
from llmlab.tui.markup.code import colour, uncoloured
from llmlab.tui.markup.lines import Line
from llmlab.tui.markup.pieces import MarkdownPieces
from llmlab.tui.widgets.transcript_reasoned import answer_place
from tests.tui.transcript_host import ANSWER, CHINESE, Host, question


def drawn(text: str, marked: tuple[int, int] | None, width: int = 40) -> list[Line]:
    pieces = MarkdownPieces()
    pieces.update(text, marked)
    return [line for piece in pieces.pieces for line in piece.rows(width, uncoloured)]


def marked_in(lines: list[Line]) -> list[str]:
    """What is marked in each row that has something marked."""
    rows = ["".join(text for text, look in line.spans if look.found) for line in lines]
    return [row for row in rows if row]


def place_of(bracketed: str) -> tuple[str, tuple[int, int]]:
    """A text with ⟦the answer⟧ in brackets: without them, and where it stands."""
    before, _, rest = bracketed.partition("⟦")
    answer, _, after = rest.partition("⟧")
    return before + answer + after, (len(before), len(before) + len(answer))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5 + 5 = 10. The answer is ⟦5⟧. Not 5.", ["5"]),
        ("The answer is **⟦18⟧**.", ["18"]),
        ("The answer is ⟦**18**⟧.", ["18"]),
        ("It is __⟦18⟧ apples__, not *18*.", ["18"]),
        ("所以答案是⟦二十三个苹果，还有四个⟧。", ["二十三个苹果，还有四个"]),
        ("The answer is `⟦x = 3⟧`.", ["x = 3"]),
        ("# The answer is ⟦18⟧", ["18"]),
        ("Steps:\n\n1. one 18\n2. ⟦two⟧ 18", ["two"]),
        ("Steps:\n\n- one\n⟦- the second⟧", ["the second"]),
        ("So:\n\n⟦> it was said⟧", ["it was said"]),
        ("| a | b |\n|---|---|\n| 1 | ⟦18⟧ |", ["18"]),
        ('Here:\n```json\n⟦{"a": 1,\n "b": 2}⟧\n```\nDone.', ['{"a": 1,', ' "b": 2}']),
        ("- in a list\n  ```\n  x\n  ⟦y⟧\n  ```\n", ["y"]),
        ("costs \\$⟦18⟧ &amp; more", ["18"]),
        ("[⟦18⟧](https://example.org/18) 18", ["18"]),
        ("First ⟦one.\n\nThen two⟧.", ["one.", "Then two"]),
    ],
)
def test_the_answer_is_marked_where_it_stands(text: str, expected: list[str]) -> None:
    source, place = place_of(text)
    assert marked_in(drawn(source, place)) == expected


def test_a_wide_answer_is_marked_in_every_row_it_is_wrapped_to() -> None:
    text, place = place_of(f"答案是⟦{CHINESE}⟧")
    rows = drawn(text, place, 20)
    assert "".join(marked_in(rows)).replace(" ", "") == CHINESE.replace(" ", "")
    assert all(cell_len(line.text) <= 20 for line in rows)


def test_an_answer_in_coloured_code_is_marked_in_its_colours() -> None:
    source, place = place_of("```python\nx = 1\ny = ⟦23 + x⟧\n```")
    pieces = MarkdownPieces()
    pieces.update(source, place)
    rows = pieces.pieces[0].rows(40, colour)
    assert marked_in(rows) == ["23 + x"]
    assert {look.role for line in rows for _, look in line.spans if look.found} >= {"number", "operator"}


@given(st.data())
@example(None)
def test_marking_moves_nothing(data: st.DataObject | None) -> None:
    words = [
        "18",
        "**",
        "*",
        "`",
        "_",
        "\n",
        "\n\n",
        "- ",
        "1. ",
        "> ",
        "# ",
        "| a |",
        "|-|",
        "```",
        " ",
        "字",
        "[",
        "](u)",
        "\\",
    ]
    text = ANSWER if data is None else "".join(data.draw(st.lists(st.sampled_from(words), max_size=30)))
    first = 0 if data is None else data.draw(st.integers(0, len(text)))
    last = len(text) if data is None else data.draw(st.integers(first, len(text)))
    plain, with_marks = drawn(text, None, 24), drawn(text, (first, last), 24)
    assert [(line.text, line.glue, line.lead) for line in plain] == [
        (line.text, line.glue, line.lead) for line in with_marks
    ]


def reasoned(text: str, found: Reasoned) -> Message:
    return Message(id="a1", parent="q1", role="assistant", parts=(Text(text), found), created=1.0)


@pytest.mark.parametrize(
    ("text", "found", "place"),
    [
        ("It is 5.", Reasoned(mode="m", answer="5", start=6, end=7), (6, 7)),
        ("It is 6.", Reasoned(mode="m", answer="5", start=6, end=7), None),
        ("It is 5.", Reasoned(mode="m", answer="5"), None),
        ("5", Reasoned(mode="m", answer="5", start=0, end=1), None),
        ("It is 5.", Reasoned(mode="m"), None),
    ],
)
def test_only_an_answer_that_stands_there_is_pointed_at(text: str, found: Reasoned, place: object) -> None:
    assert answer_place(reasoned(text, found)) == place


def lightness(colour: Color) -> float:
    """Relative luminance, WCAG 2.2."""
    parts = [part / 255 for part in colour.get_truecolor()]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: Color, other: Color) -> float:
    """The contrast ratio of WCAG 2.2."""
    high, low = sorted((lightness(one), lightness(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["textual-dark", "textual-light"])
async def test_it_can_be_read_in_both_themes_and_does_not_depend_on_colour(theme: str) -> None:
    text = "所以 5 + `5` 等于十个苹果。\n\n**答案**是 `10` 个苹果。"
    found = extract(text, Extraction("after", marker="答案"))
    assert found is not None
    place = Reasoned(mode="m", answer=found.text, start=found.start, end=found.end)
    host = Host((question(1, "?"), reasoned(text, place)))
    host.theme = theme
    async with host.run_test(size=(60, 20)) as pilot:
        await pilot.pause()
        transcript = host.transcript
        cells = [one for y in range(transcript.size.height) for one in transcript.render_line(y)]
        around = next(one for one in cells if "等于" in one.text).style
        styles = [one.style for one in cells if one.style and one.style.underline]
        assert "".join(one.text for one in cells if one.style and one.style.underline) == found.text.replace("`", "")
    assert around is not None
    assert around.bgcolor is not None
    for style in styles:
        assert style.bold
        assert style.color is not None
        assert style.bgcolor is not None
        assert style.bgcolor != around.bgcolor
        assert contrast(style.color, style.bgcolor) >= 4.5
