"""Scorers that read log-probabilities: which text they ask about, and what they make of its figures."""

from __future__ import annotations

from dataclasses import replace

import pytest

from llmlab.domain.fingerprint import fingerprint
from llmlab.domain.modes import Extraction
from llmlab.domain.outcomes import Answer, Measurement
from llmlab.domain.scorers.likelihood import LikeliestChoice, Likelihood, before_final
from llmlab.domain.scoring import ScoredText
from llmlab.domain.tokens import TokenScore
from tests.domain.test_scorers import COLOUR, KING, score


def measured(*logprobs: float) -> ScoredText:
    tokens = tuple(
        TokenScore(token=place, text="x", logprob=value, rank=1, entropy=0.0) for place, value in enumerate(logprobs)
    )
    return ScoredText(tokens, size=len(tokens), characters=len(tokens))


def test_the_likeliest_choice_is_compared_as_asked() -> None:
    found = (measured(-1.0), measured(-0.6, -0.6), measured(-9.0))
    asked = LikeliestChoice().measurements(COLOUR, Answer(text=""))
    answer = Answer(text="", likelihoods={one.key: text for one, text in zip(asked, found, strict=True)})
    assert score("choice_logprob", COLOUR, answer)[""].outcome == "wrong"
    assert score("choice_logprob", COLOUR, answer, measure="per token")[""].outcome == "correct"
    assert score("choice_logprob", COLOUR, Answer(text=""))[""].outcome == "error"
    others = replace(COLOUR, choices=("red", "blue", "pale green"))
    assert score("choice_logprob", others, answer)[""].outcome == "error"


@pytest.mark.parametrize(("figure", "value"), [("perplexity", 2.718281828), ("mean_logprob", -1.0), ("logprob", -2.0)])
def test_a_text_has_a_perplexity(figure: str, value: float) -> None:
    answer = Answer(text="", likelihoods={Measurement("Paul").key: measured(-1.5, -0.5)})
    one = score("perplexity", KING, answer, figure=figure)[""]
    assert one.outcome == "measured"
    assert one.value == pytest.approx(value)


ENGLISH, CHINESE = (
    Extraction("after", marker="The answer is", take="value"),
    Extraction("after", marker="答案是", take="value", numerals=True),
)


@pytest.mark.parametrize(
    ("text", "rule", "before"),
    [
        ("3 + 4 = 7\nThe answer is 7.", ENGLISH, "3 + 4 = 7\nThe answer is "),
        ("The answer is 7. No: the answer is 8.", ENGLISH, "The answer is "),
        ("So the **Answer is: 8**.", ENGLISH, "So the **Answer is: "),
        ("3 + 4 = 7\n7 - 2 = 5", ENGLISH, "3 + 4 = 7\n7 - 2 = 5\nThe answer is "),
        ("3 + 4 = 7\nThe answer is", ENGLISH, "3 + 4 = 7\nThe answer is "),
        ("7", ENGLISH, ""),
        ("", ENGLISH, "The answer is "),
        ("3 + 4 = 7\n答案是7。", CHINESE, "3 + 4 = 7\n答案是"),
        ("我算一下\n3 + 4", CHINESE, "我算一下\n3 + 4\n答案是"),
        ("Paul", None, ""),
        ("it is 4 or 5", Extraction("last_number"), "it is 4 or "),
        ("none\nat all", Extraction("last_number"), "none\nat all\n"),
    ],
)
def test_a_gold_answer_stands_where_the_final_one_was_given(text: str, rule: Extraction | None, before: str) -> None:
    answer = Answer(text=text, extraction=rule)
    (asked,) = Likelihood(after="answer").measurements(KING, answer)
    assert asked == Measurement(KING.gold[0], lead=before)
    found = replace(answer, likelihoods={asked.key: measured(-1.0, -3.0)})
    assert score("perplexity", KING, found, after="answer", figure="mean_logprob")[""].value == -2.0
    other = replace(answer, text="Who knows?", likelihoods=found.likelihoods)
    if before:
        assert score("perplexity", KING, other, after="answer")[""].outcome == "error", "measured after another answer"


def test_a_line_that_was_cut_off_is_no_final_answer() -> None:
    answer = Answer(text="3 + 4 =", extraction=ENGLISH, finish="length")
    assert before_final(answer) == "3 + 4 =\nThe answer is "


def test_a_text_without_a_lead_is_known_by_the_key_that_it_always_had() -> None:
    assert Measurement("x").key == fingerprint(("x", False))
    assert Measurement("x", lead="y").key != Measurement("x").key


@pytest.mark.parametrize("gold", [(), ("",)])
def test_an_item_without_a_gold_answer_says_so_and_not_that_its_window_is_full(gold: tuple[str, ...]) -> None:
    why = score("perplexity", replace(KING, gold=gold), Answer(text="7"), after="answer")[""].why
    assert why == "There is no right answer that could be measured."
    assert "window" in score("perplexity", KING, Answer(text="7"), after="answer")[""].why
