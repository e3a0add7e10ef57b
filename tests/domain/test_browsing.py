"""Looking through trials: which are wanted, where arms disagree, what was taken out of an answer."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab.domain.browsing import (
    Judged,
    Wanted,
    chosen,
    disagreements,
    outcomes_of,
    readings,
    stretches,
    ways_to_judge,
)
from llmlab.domain.experiment import ScorerUse
from llmlab.domain.outcomes import OUTCOMES, Outcome, TrialResult
from tests.support.made_runs import NUMBER, made_experiment, made_result, made_results

EXPERIMENT = made_experiment(4, (0, 2), twin=False)
STRICT, FLEXIBLE = Judged(NUMBER, "strict"), Judged(NUMBER, "flexible")
PERPLEXITY = ScorerUse(kind="perplexity", name="perplexity", graded=True)


def trials(*outcomes: Outcome) -> list[TrialResult]:
    """One trial of the first item an outcome, each in an arm of its own."""
    item = EXPERIMENT.arms[0].items[0]
    return [made_result(arm, item, outcome) for arm, outcome in zip(EXPERIMENT.arms, outcomes, strict=False)]


def test_the_way_that_counts_comes_first_and_every_scorer_has_its_ways() -> None:
    loose = replace(NUMBER, counts="flexible")
    ways = ways_to_judge(replace(EXPERIMENT, scorers=(loose, PERPLEXITY)))
    assert [(way.use.name, way.extractor) for way in ways] == [
        ("number", "flexible"), ("number", "strict"), ("perplexity", ""),
    ]  # fmt: skip


def test_strict_and_flexible_may_tell_different_outcomes() -> None:
    (result,) = trials("unparsed")
    assert (STRICT.outcome(result), FLEXIBLE.outcome(result)) == ("unparsed", "wrong")


@pytest.mark.parametrize(
    ("outcomes", "apart"),
    [
        (("correct", "correct"), False),
        (("correct", "wrong"), True),
        (("wrong", "truncated"), True),
        (("error", "error"), False),
        (("correct",), False),
    ],
)
def test_arms_disagree_where_their_outcomes_differ(outcomes: tuple[Outcome, ...], apart: bool) -> None:
    results = trials(*outcomes)
    assert bool(disagreements(results, outcomes_of(results, STRICT))) == apart


def test_repeats_of_an_item_are_questions_of_their_own() -> None:
    first, second = trials("correct", "wrong")
    later = replace(second, repeat=1)
    assert disagreements([first, later], ["correct", "wrong"]) == frozenset()


@given(
    outcome=st.none() | st.sampled_from(OUTCOMES),
    arm=st.sampled_from(["", *(arm.name for arm in EXPERIMENT.arms), "no such arm"]),
    disagreeing=st.booleans(),
    text=st.sampled_from(["", "SUM-01", "what is 2", "nowhere"]),
)
def test_what_is_chosen_is_all_that_is_wanted_and_nothing_else(
    outcome: Outcome | None, arm: str, disagreeing: bool, text: str
) -> None:
    results = made_results(EXPERIMENT)
    outcomes = outcomes_of(results, STRICT)
    apart = disagreements(results, outcomes)
    wanted = Wanted(outcome=outcome, arm=arm, disagreeing=disagreeing, text=text)
    found = chosen(results, outcomes, apart, wanted)
    assert list(found) == sorted(set(found))
    for place, result in enumerate(results):
        fits = (
            outcome in (None, outcomes[place])
            and arm in ("", result.arm)
            and (not disagreeing or (result.item, result.repeat) in apart)
            and any(text.lower() in one.lower() for one in (result.item, result.question, result.answer))
        )
        assert (place in found) == fits


places = st.tuples(st.integers(-5, 40), st.integers(-5, 40))


@given(st.text(max_size=30), places, places)
def test_the_stretches_of_an_answer_are_the_answer_and_each_way_has_what_it_took_out(
    answer: str, strict: tuple[int, int], flexible: tuple[int, int]
) -> None:
    (made,) = trials("wrong")
    scores = tuple(
        replace(score, start=start, end=end)
        for score, (start, end) in zip(made.scores, (strict, flexible), strict=True)
    )
    cut = stretches(replace(made, answer=answer, scores=scores), (STRICT, FLEXIBLE))
    assert "".join(stretch.text for stretch in cut) == answer
    assert all(stretch.text for stretch in cut)
    for way, (start, end) in ((STRICT, strict), (FLEXIBLE, flexible)):
        taken = "".join(stretch.text for stretch in cut if way in stretch.ways)
        assert taken == (answer[start:end] if 0 <= start < end <= len(answer) else "")


def test_the_readings_beside_a_way_are_the_other_extractors_of_its_scorer() -> None:
    asked = replace(EXPERIMENT, scorers=(PERPLEXITY, NUMBER))
    assert readings(FLEXIBLE, asked) == (FLEXIBLE, STRICT)
    assert readings(Judged(PERPLEXITY, ""), asked) == (Judged(PERPLEXITY, ""),)
