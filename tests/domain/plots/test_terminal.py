"""Figures in a terminal: never wider than it is, and readable without colour."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmlab.domain.plots.canvas import Row, plain
from llmlab.domain.plots.cells import cells, fitted, padded
from llmlab.domain.plots.figure import Bar, Figure, Graph, Point, Scale, Series
from llmlab.domain.plots.svg import svg
from llmlab.domain.plots.terminal import LEAST_WIDTH, MARKS, SEVERAL, as_text, draw
from llmlab.domain.terminal import visible
from tests.domain.plots.figures import BARS, HEAT, SHARE, curve, estimate, figures


@given(figures, st.integers(1, 120), st.integers(1, 30))
@settings(max_examples=150, deadline=None)
def test_no_row_is_wider_than_the_terminal_or_steers_it(figure: Figure, width: int, height: int) -> None:
    for row in draw(figure, width, height):
        text = "".join(piece.text for piece in row)
        assert cells(text) <= width
        assert visible(text) == text
        assert "\n" not in text


def marks_of(rows: list[Row], mark: str) -> list[tuple[int, int]]:
    """Column and row of each mark in the plot; the legend, which ends the picture, left out."""
    found = []
    for y, row in enumerate(rows[:-1]):
        text = "".join(piece.text for piece in row)
        found += [(cells(text[:x]), y) for x, character in enumerate(text) if character == mark]
    return found


def test_a_curve_rises_where_its_values_do() -> None:
    marks = marks_of(draw(curve("one"), 80), MARKS[0])
    assert len(marks) == 5
    columns, rows = zip(*sorted(marks), strict=True)
    assert list(rows) == sorted(rows, reverse=True)
    steps = [after - before for before, after in pairwise(columns)]
    assert steps[3] == pytest.approx(4 * steps[0], abs=2), "4 to 8 is four times as wide as 0 to 1"


def test_each_curve_has_a_mark_of_its_own_that_the_legend_names() -> None:
    rows = draw(curve("gold", "shuffled", "wrong"), 80)
    legend = plain(rows[-1])
    assert legend == "● gold   ▲ shuffled   ■ wrong"
    assert [len(marks_of(rows, mark)) for mark in MARKS[:3]] == [5, 5, 5]
    inks = {piece.ink.number for row in rows for piece in row if piece.ink.role == "series"}
    assert inks == {0, 1, 2}


def test_one_curve_has_a_band_and_several_have_none() -> None:
    def bands(figure: Figure) -> int:
        return sum(piece.ink.role == "band" for row in draw(figure, 80) for piece in row)

    assert bands(curve("one")) > 0
    assert bands(curve("one", "two")) == 0


def test_marks_at_one_place_are_told() -> None:
    at = Point(x=5, y=estimate(0.5))
    series = tuple(Series(name=name, points=(at,)) for name in ("a", "b"))
    text = as_text(Graph(title="t", x=Scale(title="tokens"), y=SHARE, series=series, joined=False), 60)
    assert text.count(SEVERAL) == 2, "in the plot and in the legend"
    assert "several at one place" in text


def test_bars_tell_figure_interval_and_trials() -> None:
    lines = as_text(BARS, 80).splitlines()
    assert "20 % [10, 30] n=40" in lines[3]
    assert "分步思考" in lines[4]
    assert lines[3].index("┃") < lines[4].index("┃")
    assert all("█" in line and "▓" in line and "░" in line for line in lines[3:5])


def test_a_heatmap_shows_every_number_and_what_is_missing() -> None:
    lines = as_text(HEAT, 80).splitlines()
    found = [re.findall(r"[░▒▓█]*\d+ %|·", line[4:]) for line in lines[5:8]]
    assert found == [["█100 %", "▒▒50 %"], ["░░40 %", "·"], ["▓▓90 %", "0 %"]]


@pytest.mark.parametrize(
    ("figure", "told"),
    [
        (curve("gold", "wrong"), "40 trials a point, with 95 % intervals"),
        (BARS, "40 trials a bar, with 95 % intervals"),
        (HEAT, "40 trials a cell; 95 % intervals reach up to 10 points from the figure"),
        (replace(BARS, level=0.999), "40 trials a bar, with 99.9 % intervals"),
        (replace(HEAT, scale=Scale(title="bits")), "40 trials a cell; 95 % intervals reach up to 0.1 from the figure"),
        (replace(BARS, bars=(*BARS.bars, Bar(name="x", estimate=estimate(0.5, n=7)))), "7…40 trials a bar"),
    ],
)
def test_no_figure_stands_without_its_trials_and_the_level_of_its_intervals(figure: Figure, told: str) -> None:
    assert told in as_text(figure, 80)
    assert told in "".join(ElementTree.fromstring(svg(figure, "f")).itertext())


def test_a_figure_without_values_claims_no_trials() -> None:
    assert "trials" not in as_text(replace(BARS, bars=()), 80)


def test_a_heatmap_wider_than_the_terminal_goes_on_below() -> None:
    wide = as_text(
        type(HEAT)(
            title="t", scale=SHARE, x_title="x", y_title="y", columns=tuple(str(n) for n in range(30)), rows=("a",),
            cells=(tuple(estimate(n / 30) for n in range(30)),),
        ),
        40,
    )  # fmt: skip
    assert all(f"{100 * n / 30:.0f} %" in wide for n in range(30))


@pytest.mark.parametrize("figure", [curve("gold", "wrong"), BARS, HEAT])
def test_a_narrow_terminal_gets_sentences_with_the_same_figures(figure: Figure) -> None:
    text = " ".join(as_text(figure, LEAST_WIDTH - 1).split())
    assert "40 % [30, 50]" in text or "20 % [10, 30]" in text


@given(st.text(max_size=60), st.integers(0, 40), st.booleans())
def test_padded_text_is_exactly_as_wide_as_asked(text: str, width: int, right: bool) -> None:
    assert cells(padded(text, width, right=right)) == width
    assert cells(fitted(text, width)) <= width
