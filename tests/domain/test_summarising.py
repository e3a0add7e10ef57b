"""Results of a run become figures: counts, intervals, pairs, noise, thresholds."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from llmlab.domain.experiment import Arm, Experiment, Item, ScorerUse, Threshold
from llmlab.domain.model import ModelSpec
from llmlab.domain.outcomes import Extractor, Outcome, Scored, TrialResult
from llmlab.domain.recipe import Recipe
from llmlab.domain.statistics import mcnemar, wilson
from llmlab.domain.summarising import summarise

MODEL = ModelSpec(name="m", path="/m.gguf")
EXACT = ScorerUse(kind="exact", name="exact", counts="strict")
AGREEMENT = ScorerUse(kind="agreement", name="agreement", graded=True)


def experiment(count: int, *names: str, repeats: int = 1, scorers: tuple[ScorerUse, ...] = (EXACT,)) -> Experiment:
    items = tuple(Item(id=f"i{number:03}", question="?", gold=("1",)) for number in range(count))
    arms = [
        Arm(
            name=name,
            settings={"arm": name},
            recipe=Recipe(model=MODEL),
            items=items,
            twin_of="base" * ("twin" in name),
        )
        for name in names
    ]
    return Experiment(name="x", arms=tuple(arms), scorers=scorers, repeats=repeats, seed=7, resamples=2_000)


def result(arm: str, item: str, outcome: Outcome, *, loose: Outcome | None = None, repeat: int = 0) -> TrialResult:
    readings: tuple[tuple[Extractor, Outcome], ...] = (("strict", outcome), ("flexible", loose or outcome))
    scores = tuple(
        Scored(scorer="exact", extractor=extractor, outcome=one, value=float(one == "correct"))
        for extractor, one in readings
    )
    return TrialResult(
        id=f"{arm}{item}{repeat}",
        arm=arm,
        model="m",
        item=item,
        cluster=item,
        repeat=repeat,
        seed=1,
        answer=outcome,
        scores=scores,
        prompt_tokens=10,
        generated_tokens=4,
        seconds=0.5,
    )


def run(plan: Experiment, outcome: Callable[[str, int, int], Outcome]) -> list[TrialResult]:
    return [
        result(arm.name, item.id, outcome(arm.name, number, repeat), repeat=repeat)
        for arm in plan.arms
        for number, item in enumerate(arm.items)
        for repeat in range(plan.repeats)
    ]


def test_an_arm_counts_outcomes_apart_and_has_wilson_s_interval() -> None:
    outcomes: Sequence[Outcome] = ("correct", "wrong", "unparsed", "truncated", "abstained")
    plan = experiment(50, "base")
    summary = summarise(plan, run(plan, lambda _arm, number, _repeat: outcomes[number % 5]))
    score = summary.arms[0].score("exact")
    assert score is not None
    assert score.outcomes == dict.fromkeys(outcomes, 10)
    assert score.score == wilson(10, 50)
    assert (summary.done, summary.failed, summary.planned) == (50, 0, 50)
    assert (summary.arms[0].prompt_tokens, summary.arms[0].seconds) == (10, 0.5)


def test_the_order_of_results_changes_nothing() -> None:
    plan = experiment(30, "base", "other", "base again (twin)", repeats=2)
    results = run(plan, lambda arm, number, repeat: "correct" if hash((len(arm), number * 3 + repeat)) % 3 else "wrong")
    shuffled = list(results)
    random.Random(3).shuffle(shuffled)
    assert summarise(plan, results) == summarise(plan, shuffled)


def test_failures_are_in_every_count_and_in_no_score() -> None:
    plan = experiment(10, "base")
    results = run(plan, lambda _arm, _number, _repeat: "correct")
    results[0] = replace(results[0], problem="it died", scores=())
    results[1] = replace(results[1], scores=(Scored(scorer="exact", outcome="error", why="boom"),))
    summary = summarise(plan, results)
    score = summary.arms[0].score("exact")
    assert score is not None
    assert score.outcomes == {"correct": 8, "error": 2}
    assert (score.n, score.score.value) == (8, 1.0)
    assert summary.failed == summary.arms[0].failed == 2
    assert "2 of 10" in summary.remarks[0]


def test_pairs_are_tested_by_mcnemar_and_corrected_by_holm() -> None:
    plan = experiment(40, "base", "better", "same")

    def outcome(arm: str, number: int, _repeat: int) -> Outcome:
        if arm == "better":
            return "wrong" if number == 39 else "correct"
        return "correct" if number < 25 or number == 39 else "wrong"

    better, same = (one for one in summarise(plan, run(plan, outcome)).contrasts if one.extractor == "strict")
    assert (better.only_arm, better.only_baseline, better.items) == (14, 1, 40)
    assert (better.p_exact, better.p) == mcnemar(14, 1)
    assert better.p_holm == pytest.approx(2 * better.p)
    assert better.verdict == "better"
    assert same.verdict == "cannot distinguish"
    assert same.difference.value == 0
    assert same.difference.low < 0 < same.difference.high
    assert 0 < same.smallest < 0.3


def test_a_run_that_was_interrupted_compares_what_both_arms_have() -> None:
    plan = experiment(40, "base", "other")
    results = [one for one in run(plan, lambda *_: "correct") if one.arm == "base" or one.item < "i010"]
    summary = summarise(plan, results)
    assert summary.contrasts[0].items == 10
    assert any("50 of 80" in remark for remark in summary.remarks)


def test_several_answers_an_item_are_drawn_as_one_cluster() -> None:
    plan = experiment(20, "base", "other", repeats=5)
    summary = summarise(
        plan, run(plan, lambda arm, number, _repeat: "correct" if number < 10 or arm == "other" else "wrong")
    )
    score, contrast = summary.arms[0].score("exact"), summary.contrasts[0]
    assert score is not None
    assert score.n == 100
    assert score.repeat_spread == 0
    # Five equal answers are no five items: as wide as twenty items are.
    assert score.score.high - score.score.low > 0.35
    assert (contrast.test, contrast.only_arm) == ("sign flip", None)
    assert contrast.verdict == "better"


def test_an_arm_that_is_repeated_tells_the_noise() -> None:
    plan = experiment(20, "base", "base again (twin)")
    summary = summarise(
        plan, run(plan, lambda arm, number, _repeat: "correct" if arm == "base" or number > 3 else "wrong")
    )
    assert summary.contrasts == ()
    strict = next(floor for floor in summary.noise if floor.extractor == "strict")
    assert (strict.flips, strict.items, strict.changed) == (4, 20, 4)
    assert strict.rate == wilson(4, 20)


def test_agreement_among_votes_is_a_detector_with_its_prevalence() -> None:
    plan = experiment(40, "base", scorers=(EXACT, AGREEMENT))
    results = []
    for number, one in enumerate(run(plan, lambda _arm, number, _repeat: "wrong" if number < 10 else "correct")):
        share = 0.4 if number < 8 else 0.9
        votes = ("1", "1", "2", "3") if number < 8 else ("1",) * 4
        scores = (*one.scores, Scored(scorer="agreement", outcome="measured", value=share))
        results.append(replace(one, scores=scores, samples=votes))
    summary = summarise(plan, results)
    (detector,) = summary.detectors
    assert detector.auroc.value == pytest.approx(0.9)
    assert detector.auroc.low > 0.5
    assert (detector.prevalence, detector.n) == (0.25, 40)
    agreement, entropy = summary.arms[0].agreement, summary.arms[0].entropy
    assert agreement is not None
    assert entropy is not None
    assert agreement.value == pytest.approx((8 * 0.5 + 32) / 40)
    assert agreement.low < agreement.value < agreement.high <= 1
    assert entropy.value == pytest.approx(8 * 1.5 / 40)
    assert 0 < entropy.low < entropy.value < entropy.high


@pytest.mark.parametrize(
    ("threshold", "met"),
    [
        (Threshold(least=0.7), (True, True)),
        (Threshold(least=0.7, bound="low"), (False, True)),
        (Threshold(arm="other", least=0.95), (True,)),
        (Threshold(measure="difference", least=0.1), (True,)),
        (Threshold(measure="difference", least=0.1, bound="low"), (False,)),
        (Threshold(measure="tokens", most=3), (False, False)),
        (Threshold(measure="error", most=0), (True, True)),
        (Threshold(scorer="agreement", least=0), (False, False)),
    ],
)
def test_thresholds_are_met_or_missed(threshold: Threshold, met: tuple[bool, ...]) -> None:
    plan = replace(experiment(40, "base", "other"), thresholds=(threshold,))
    summary = summarise(
        plan, run(plan, lambda arm, number, _repeat: "correct" if arm == "other" or number < 30 else "wrong")
    )
    assert tuple(one.met for one in summary.thresholds) == met
    assert summary.passed == all(met)


@pytest.mark.parametrize(
    ("options", "found"), [({"of": "question"}, True), ({}, False), ({"of": "gold", "after": "answer"}, False)]
)
def test_only_what_needs_no_gold_answer_is_a_detector(options: dict[str, object], found: bool) -> None:
    likely = ScorerUse(kind="perplexity", name="likely", graded=True, higher=False, options=options)
    plan = experiment(20, "base", scorers=(EXACT, likely))
    results = [
        replace(one, scores=(*one.scores, Scored(scorer="likely", outcome="measured", value=float(place))))
        for place, one in enumerate(run(plan, lambda _arm, number, _repeat: "wrong" if number < 5 else "correct"))
    ]
    assert bool(summarise(plan, results).detectors) is found
