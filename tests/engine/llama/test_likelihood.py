from __future__ import annotations

import numpy as np
import pytest

from llmlab.engine.llama.likelihood import largest


@pytest.mark.parametrize("size", [1, 5, 64, 1000, 151_936])
@pytest.mark.parametrize("count", [0, 1, 20, 100])
@pytest.mark.parametrize("kinds", [2, 50, 10**9])
def test_the_largest_are_those_of_a_full_sort(size: int, count: int, kinds: int) -> None:
    random = np.random.default_rng(size + count)
    values = random.integers(0, kinds, size).astype(np.float32)
    expected = np.argsort(-values, kind="stable")[:count]
    assert largest(values, count).tolist() == expected.tolist()


def test_impossible_values_come_last() -> None:
    values = np.full(10_000, -np.inf, np.float32)
    values[[7, 9_999]] = (1.0, 2.0)
    assert largest(values, 3).tolist() == [9_999, 7, 0]
