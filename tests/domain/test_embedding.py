from __future__ import annotations

import math
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab.domain.embedding import cosine

NUMBERS = st.lists(st.floats(-1e3, 1e3, allow_subnormal=False), min_size=3, max_size=3)


@pytest.mark.parametrize(
    ("first", "second", "alike"),
    [((1, 0), (2, 0), 1.0), ((1, 0), (0, 3), 0.0), ((1, 1), (-1, -1), -1.0), ((0, 0), (1, 1), 0.0)],
)
def test_alike_by_direction_alone(first: tuple[float, ...], second: tuple[float, ...], alike: float) -> None:
    assert cosine(array("f", first), array("f", second)) == pytest.approx(alike)


@given(NUMBERS, NUMBERS)
def test_it_is_symmetric_and_never_beyond_one(first: list[float], second: list[float]) -> None:
    assert cosine(first, second) == cosine(second, first)
    assert abs(cosine(first, second)) <= 1.0
    assert not math.isnan(cosine(first, second))


def test_vectors_of_two_models_do_not_compare() -> None:
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        cosine((1.0, 2.0), (1.0,))
