from __future__ import annotations

import math

import pytest

from llmlab.domain.scoring import (
    MEASURES,
    Measure,
    ScoredText,
    bits_per_byte,
    choose,
    joined,
    mean_logprob,
    perplexity,
    shares,
    surprises,
    worth,
)
from llmlab.domain.tokens import IMPOSSIBLE, TokenScore


def text(*logprobs: float, word: str = "ab") -> ScoredText:
    scores = [TokenScore(token=1, text=word, logprob=logprob, rank=1, entropy=0.5) for logprob in logprobs]
    size = len(word.encode()) * len(scores)
    return ScoredText(tuple(scores), 3, 2, size, len(word) * len(scores))


def test_the_figures_of_a_text() -> None:
    half = text(math.log(0.5), math.log(0.125))
    assert half.logprob == pytest.approx(math.log(1 / 16))
    assert mean_logprob(half) == pytest.approx(math.log(0.25))
    assert perplexity(half) == pytest.approx(4.0)
    assert surprises(half) == pytest.approx((1.0, 3.0))


def test_a_text_without_tokens_and_one_that_is_impossible() -> None:
    assert (mean_logprob(text()), perplexity(text()), surprises(text())) == (0.0, 1.0, ())
    assert perplexity(text(IMPOSSIBLE)) == math.inf


@pytest.mark.parametrize(("measure", "chosen"), [("total", 0), ("per token", 1), ("per byte", 2)])
def test_choices_by_three_measures(measure: Measure, chosen: int) -> None:
    # One short and unlikely token, three likely ones, and one of many bytes.
    texts = [text(-2.0), text(-1.0, -1.0, -1.0), text(-2.5, word="a long word")]
    assert choose(texts, measure) == chosen
    assert sum(shares(texts, measure)) == pytest.approx(1.0)
    assert max(range(3), key=shares(texts, measure).__getitem__) == chosen


def test_of_equals_the_first_is_chosen_and_no_choice_is_an_error() -> None:
    assert choose([text(-1.0), text(-1.0)]) == 0
    with pytest.raises(ValueError, match="empty"):
        choose([])
    assert shares([]) == ()


def test_bytes_are_those_of_utf_8() -> None:
    assert worth(text(-6.0, word="语"), "per byte") == pytest.approx(-2.0)
    assert worth(text(-6.0, word=""), "per byte") == 0.0


def test_the_other_figures_of_length() -> None:
    assert worth(text(-6.0, word="语言"), "per character") == pytest.approx(-3.0)
    assert worth(text(-6.0, word=""), "per character") == 0.0
    assert bits_per_byte(text(-3 * math.log(2), -math.log(2), word="ab")) == pytest.approx(1.0)
    assert bits_per_byte(text(-1.0, word="")) == 0.0
    assert MEASURES == ("total", "per token", "per character", "per byte")


def test_parts_make_one_text() -> None:
    whole = joined([text(-1.0), text(-2.0, -3.0)])
    assert [token.logprob for token in whole.tokens] == [-1.0, -2.0, -3.0]
    assert (whole.context, whole.reused) == (3, 2)
    assert joined([]) == ScoredText(())
