"""Figures of a run as sentences: each in its own unit, with its doubt, and with what failed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import pytest

from llmlab.domain.experiment import Arm, Experiment, Item, ScorerUse, Threshold
from llmlab.domain.model import ModelSpec
from llmlab.domain.outcomes import Outcome, Scored, TrialResult
from llmlab.domain.recipe import Recipe
from llmlab.domain.scorers.registry import KINDS, unit_of
from llmlab.domain.summarising import summarise
from llmlab.domain.summary import Summary
from llmlab.domain.summary_words import contrast_line, detector_line, findings, noise_line, score_text, threshold_line

TWIN = "base again"
CHOICE = ScorerUse(kind="choice_logprob", name="choice")


def graded(kind: str, **options: object) -> ScorerUse:
    return ScorerUse(kind=kind, name=kind, graded=True, options=options)


def run(use: ScorerUse, *arms: tuple[str, Sequence[float | Outcome]], **settings: object) -> Summary:
    """A run of arms by name, each with a value or an outcome of every item; the first one is the baseline."""
    items = tuple(Item(id=f"i{number:02}", question="?", gold=("1",)) for number in range(len(arms[0][1])))
    recipe = Recipe(model=ModelSpec(name="m", path="/m.gguf"))
    asked = Experiment(
        name="x",
        arms=tuple(
            Arm(name=name, settings={}, recipe=recipe, items=items, twin_of="base" * (name == TWIN)) for name, _ in arms
        ),
        scorers=(use,),
        resamples=500,
    )
    results = [
        result(use, name, item, value) for name, values in arms for item, value in zip(items, values, strict=True)
    ]
    return summarise(replace(asked, **settings), results)  # type: ignore[arg-type]  # fields of an experiment


def result(use: ScorerUse, arm: str, item: Item, value: float | Outcome) -> TrialResult:
    outcome: Outcome = value if isinstance(value, str) else "measured"
    number = float(value == "correct") if isinstance(value, str) else value
    return TrialResult(
        id=f"{arm} {item.id}", arm=arm, model="m", item=item.id, cluster=item.id, repeat=0, seed=1,
        answer=f"{arm}'s {value}", scores=(Scored(scorer=use.name, outcome=outcome, value=number),),
    )  # fmt: skip


def raised(by: float) -> tuple[tuple[str, list[float]], tuple[str, list[float]]]:
    """Two arms whose values differ by about so much, all of them below 1."""
    base = [0.4 + number / 100 for number in range(21)]
    other = [value + by + (number % 3 - 1) * by / 10 for number, value in enumerate(base)]
    return ("base", base), ("other", other)


@pytest.mark.parametrize(
    "use",
    [
        graded("perplexity"), graded("perplexity", figure="bits_per_byte"), graded("perplexity", figure="mean_logprob"),
        graded("judge", scale=(0, 1)), graded("agreement", figure="entropy"), graded("somebody else's"),
    ],
    ids=lambda use: f"{use.kind} {use.options.get('figure', '')}",
)  # fmt: skip
def test_values_stay_as_they_are_however_small(use: ScorerUse) -> None:
    (contrast,) = run(use, *raised(0.011)).contrasts
    line = contrast_line(contrast)
    assert line.startswith("other against base: +0.011 [+0.01")
    assert "points" not in line


@pytest.mark.parametrize("kind", ["f1", "chrf", "bleu", "quotes", "agreement"])
def test_graded_shares_are_told_in_percent_and_points(kind: str) -> None:
    summary = run(graded(kind), *raised(0.1))
    assert re.match(r"other against base: \+10 points \[\+9\.\d+, \+10\.\d\], p", contrast_line(summary.contrasts[0]))
    assert re.match(r"50 % \[4\d, 5\d\]$", score_text(summary.arms[0].scores[0], 21))


def test_large_values_are_told_in_digits() -> None:
    summary = run(graded("perplexity"), ("base", [1200.0, 1300.0, 1400.0]), ("other", [5200.0, 5300.0, 5400.0]))
    assert score_text(summary.arms[0].scores[0], 3).startswith("1,300 [1,2")
    assert contrast_line(summary.contrasts[0]).startswith("other against base: +4,000 [+4,000, +4,000], p")


def test_a_score_tells_its_trials_where_they_are_not_those_of_the_arm() -> None:
    outcomes: list[Outcome] = ["correct", "error", "wrong", "correct"]
    (arm,) = run(CHOICE, ("base", outcomes)).arms
    assert score_text(arm.scores[0], arm.trials).endswith("] n=3")
    assert score_text(arm.scores[0], 3).endswith("]")


def test_what_is_not_graded_is_a_share_whatever_its_kind() -> None:
    for kind in KINDS:
        assert unit_of(ScorerUse(kind=kind, name=kind)) == "share"


def test_a_difference_that_does_not_show_is_told_with_the_smallest_that_would_in_the_same_unit() -> None:
    values = [2.0 + (number % 5) / 100 for number in range(20)]
    moved = [value + (-1) ** number * 0.01 for number, value in enumerate(values)]
    (contrast,) = run(graded("perplexity"), ("base", values), ("other", moved)).contrasts
    assert "cannot distinguish; so many items show 0.00" in contrast_line(contrast)


def test_items_that_can_show_nothing_say_so_in_plain_digits() -> None:
    (contrast,) = run(CHOICE, ("base", ["correct"]), ("other", ["wrong"])).contrasts
    assert contrast_line(contrast).endswith("so many items show 100 points or more")


def test_a_comparison_tells_what_failed_in_either_arm() -> None:
    base: list[Outcome] = ["correct", "error", "wrong", "correct"]
    other: list[Outcome] = ["error", "error", "correct", "correct"]
    (contrast,) = run(CHOICE, ("base", base), ("other", other)).contrasts
    assert (contrast.items, contrast.failed) == (2, 3)
    assert contrast_line(contrast).endswith("; failed and left out: 3")
    (sound,) = run(CHOICE, ("base", base[2:]), ("other", other[2:])).contrasts
    assert "failed" not in contrast_line(sound)


def test_the_noise_of_values_is_their_paired_difference() -> None:
    base = [2.0, 2.5, 3.0, 3.5]
    again = [2.1, 2.4, 3.1, 3.4]
    (noise,) = run(graded("perplexity"), ("base", base), (TWIN, again)).noise
    assert (noise.flips, noise.rate, noise.items) == (None, None, 4)
    assert noise.difference is not None
    assert noise.difference.low < 0 < noise.difference.high
    assert noise_line(noise).startswith("base twice: the means differ by ")
    assert "outcomes" not in noise_line(noise)
    (moved,) = run(graded("perplexity"), ("base", base), (TWIN, [value + 0.5 for value in base])).noise
    assert "the means differ by +0.5 [+0.5, +0.5] on 4 items" in noise_line(moved)


def test_the_noise_of_outcomes_tells_flips_and_answers_that_differ_beyond_them() -> None:
    base: list[Outcome] = ["correct", "wrong", "correct", "error"]
    again: list[Outcome] = ["correct", "correct", "correct", "correct"]
    (noise,) = run(CHOICE, ("base", base), (TWIN, again)).noise
    # Whether a trial failed is no outcome of the model's.
    assert (noise.flips, noise.items, noise.failed, noise.changed) == (1, 3, 1, 3)
    line = noise_line(noise)
    assert "base twice: 1 of 3 outcomes differ" in line
    assert "3 of 3 answers differ in words" in line
    assert line.endswith("; failed and left out: 1")
    assert "in words" not in noise_line(replace(noise, changed=1))


def test_a_detector_is_among_the_findings_with_its_counts() -> None:
    items = 40
    outcomes: list[Outcome] = ["wrong" if number % 4 == 0 else "correct" for number in range(items)]
    agreement = graded("agreement")
    summary = run(CHOICE, ("base", outcomes))
    assert not summary.detectors
    recipe = Recipe(model=ModelSpec(name="m", path="/m.gguf"))
    asked = Item(id="i", question="?")
    results = [
        replace(
            (made := result(CHOICE, "base", replace(asked, id=f"i{number:02}"), outcome)),
            scores=(
                *made.scores,
                Scored(scorer="agreement", outcome="measured", value=0.3 if number % 5 == 0 else 0.9),
            ),
        )
        for number, outcome in enumerate(outcomes)
    ]
    arm = Arm(name="base", settings={}, recipe=recipe, items=tuple(replace(asked, id=one.item) for one in results))
    told = summarise(Experiment(name="x", arms=(arm,), scorers=(CHOICE, agreement), resamples=500), results)
    (detector,) = told.detectors
    line = detector_line(detector)
    assert line.startswith("base: agreement tells wrong answers from right ones: AUROC 0.")
    assert line.endswith("], 10 of 40 wrong by choice")
    assert line in findings(told)


@pytest.mark.parametrize(
    ("threshold", "said"),
    [
        (Threshold(least=0.5), "MISSED: base: score 0.250 [0.089, 0.532] n=12, wanted ≥ 0.5"),
        (
            Threshold(most=0.5, bound="high"),
            "MISSED: base: score 0.250 [0.089, 0.532] n=12, wanted its upper end ≤ 0.5",
        ),
        (Threshold(measure="error", most=0.1), "met: base: error 0.000, 0 of 12 trials, wanted ≤ 0.1"),
        (Threshold(measure="tokens", most=9), "met: base: tokens 0.000, the mean of 12 trials, wanted ≤ 9"),
    ],
)
def test_a_threshold_tells_the_doubt_of_its_figure(threshold: Threshold, said: str) -> None:
    outcomes: list[Outcome] = ["correct", "wrong", "wrong", "wrong"] * 3
    summary = run(CHOICE, ("base", outcomes), thresholds=(threshold,))
    assert [threshold_line(one) for one in summary.thresholds] == [said]


def test_a_threshold_and_a_remark_tell_counts_of_what_went_wrong() -> None:
    outcomes: list[Outcome] = ["error", "truncated", "correct", "correct"]
    summary = run(CHOICE, ("base", outcomes), thresholds=(Threshold(least=0.1),))
    assert threshold_line(summary.thresholds[0]).endswith("≥ 0.1; 1 of 4 trials failed")
    assert "base: 1 of 4 answers were cut off; raise sampling.max_tokens." in summary.remarks
