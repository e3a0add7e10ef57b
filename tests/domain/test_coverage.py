"""Which part of a text is in use, and the line of blocks that shows it."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab.domain.coverage import NOTHING, Span, covered, merged, shares, strip

SPANS = st.lists(st.tuples(st.integers(0, 200), st.integers(0, 200)), max_size=12)


@given(SPANS)
def test_merging_keeps_every_character_once(spans: list[Span]) -> None:
    inside = {at for start, end in spans for at in range(start, end)}
    found = merged(spans)
    assert [at for start, end in found for at in range(start, end)] == sorted(inside)
    assert all(before[1] < after[0] for before, after in pairwise(found))
    assert covered(spans) == len(inside)


@given(st.integers(1, 200), SPANS, st.integers(1, 60))
def test_shares_add_up_to_what_is_covered(length: int, spans: list[Span], cells: int) -> None:
    found = shares(length, spans, cells)
    inside = covered([(start, min(end, length)) for start, end in spans])
    assert sum(found) * length / cells == pytest.approx(inside)
    assert all(0 <= share <= 1 for share in found)


@pytest.mark.parametrize(
    ("length", "spans", "cells", "drawn"),
    [
        (100, [], 5, NOTHING * 5),
        (100, [(0, 100)], 5, "█████"),
        (100, [(0, 20), (50, 60)], 5, f"█{NOTHING}▅{NOTHING}{NOTHING}"),
        (1_000_000, [(500_000, 500_001)], 4, f"{NOTHING}{NOTHING}▁{NOTHING}"),
        (0, [(0, 5)], 3, NOTHING * 3),
        (10, [(0, 10)], 0, ""),
        (2, [(1, 2)], 4, f"{NOTHING}{NOTHING}██"),
    ],
)
def test_a_strip_shows_anything_at_all(length: int, spans: list[Span], cells: int, drawn: str) -> None:
    assert strip(length, spans, cells) == drawn
