"""Where marks stand on an axis."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab.domain.plots.figure import Scale, short
from llmlab.domain.plots.span import Span, from_zero, span_of


@pytest.mark.parametrize(
    ("span", "most", "marks"),
    [
        (Span(0, 1), 6, (0, 0.2, 0.4, 0.6, 0.8, 1)),
        (Span(0, 1), 3, (0, 0.5, 1)),
        (Span(0, 8), 5, (0, 2, 4, 6, 8)),
        (Span(3, 97), 5, (20, 40, 60, 80)),
        (Span(1, 1000, log=True), 4, (1, 10, 100, 1000)),
        (Span(1, 100, log=True), 7, (1, 2, 5, 10, 20, 50, 100)),
        (Span(1.2e6, 3e7, log=True), 4, (2e6, 5e6, 1e7, 2e7)),
    ],
)
def test_marks_are_round(span: Span, most: int, marks: tuple[float, ...]) -> None:
    assert span.marks(most) == pytest.approx(marks)


@pytest.mark.parametrize(
    ("value", "share", "text"),
    [
        (0.5, True, "50 %"), (12, False, "12"), (0.123456, False, "0.123"), (1024, False, "1,024"),
        (16384, False, "16.4k"), (1_200_000, False, "1.2M"), (7e9, False, "7G"), (-3.5, False, "-3.5"),
    ],
)  # fmt: skip
def test_numbers_are_short(value: float, share: bool, text: str) -> None:
    assert short(value, Scale(title="", unit="share" if share else "value")) == text


values = st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=9)


@given(values, st.booleans(), st.integers(1, 12))
def test_marks_lie_within_and_are_few(numbers: list[float], log: bool, most: int) -> None:
    for span in (span_of(Scale(title="", log=log), numbers), from_zero(Scale(title="", log=log), numbers)):
        marks = span.marks(most)
        assert 1 <= len(marks) <= most
        assert list(marks) == sorted(set(marks))
        wide = (span.high - span.low) * 1e-6
        assert all(span.low - wide <= mark <= span.high + wide for mark in marks)


@given(values, st.booleans())
def test_places_keep_the_order_of_values(numbers: list[float], log: bool) -> None:
    span = span_of(Scale(title="", log=log), numbers)
    places = [span.part(number) for number in sorted(numbers)]
    assert places == sorted(places)
    assert all(0 <= place <= 1 for place in places)
