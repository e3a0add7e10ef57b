from __future__ import annotations

import numpy as np
import pytest

from llmlab.domain.tokens import IMPOSSIBLE
from llmlab.engine.llama.likelihood import Likelihood, largest
from llmlab.errors import EngineError


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


class Letters:
    """As much of a vocabulary as is needed."""

    size = 1000

    def shown(self, token: int) -> str:
        return str(token)


def test_impossible_tokens_have_a_finite_figure_and_leave_the_entropy_alone() -> None:
    logits = np.full(1000, -np.inf, np.float32)
    logits[[3, 4]] = 2.0
    score = Likelihood(Letters()).score(logits, 9, 3)  # type: ignore[arg-type]
    assert (score.logprob, score.rank) == (IMPOSSIBLE, 3)
    assert score.entropy == pytest.approx(np.log(2), abs=1e-5)
    assert [other.token for other in score.top[:2]] == [3, 4]
    assert [other.logprob for other in score.top[:2]] == pytest.approx([-np.log(2)] * 2)
    assert score.top[2].logprob == IMPOSSIBLE


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_no_number_is_an_error(bad: float) -> None:
    logits = np.zeros(1000, np.float32)
    logits[500] = bad
    with pytest.raises(EngineError):
        Likelihood(Letters()).score(logits, 1, 0)  # type: ignore[arg-type]
