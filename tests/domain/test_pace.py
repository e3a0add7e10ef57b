"""The speed of a reading: over the last seconds, silent while it is too early to tell."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab.domain.pace import LEAST, SPAN, Pace, time_left


def paced(*marks: tuple[float, int]) -> Pace:
    pace = Pace()
    for now, tokens in marks:
        pace = pace.after(now, tokens)
    return pace


def test_the_speed_is_that_of_the_last_seconds() -> None:
    assert paced((0.0, 0), (1.0, 100)).speed == 100.0
    slower = paced((0.0, 0), (1.0, 1000), (SPAN, 1010), (SPAN + 1, 1012), (SPAN + 2, 1014))
    assert slower.speed == pytest.approx(4 / 2)
    assert slower.left(1114) == pytest.approx(50.0)


def test_nothing_is_said_too_early() -> None:
    assert paced().speed == 0.0
    assert paced((0.0, 512)).left(1000) is None
    assert paced((0.0, 0), (LEAST / 2, 512)).left(1000) is None


def test_the_same_count_again_is_no_news() -> None:
    once = paced((0.0, 0), (1.0, 512))
    assert once.after(2.0, 512) is once


def test_two_marks_far_apart_are_still_a_speed() -> None:
    assert paced((0.0, 0), (60.0, 512), (120.0, 1024)).speed == pytest.approx(512 / 60)


@given(st.lists(st.tuples(st.floats(0.01, 20), st.integers(0, 2048)), min_size=1, max_size=40), st.integers(0, 10**6))
def test_speed_and_time_are_never_negative_and_few_marks_are_kept(steps: list[tuple[float, int]], more: int) -> None:
    now, tokens, pace = 0.0, 0, Pace()
    for seconds, read in steps:
        now, tokens = now + seconds, tokens + read
        pace = pace.after(now, tokens)
        assert pace.speed >= 0.0
        left = pace.left(tokens + more)
        assert left is None or left >= 0.0
        assert all(before < after for before, after in pairwise(time for time, _ in pace.marks))
        assert pace.marks[-1][0] - pace.marks[0][0] <= SPAN or len(pace.marks) == 2


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "0:00"), (7.4, "0:07"), (59.6, "1:00"), (750, "12:30"), (3723, "1:02:03")]
)
def test_a_time_left_is_read_at_a_glance(seconds: float, text: str) -> None:
    assert time_left(seconds) == text
