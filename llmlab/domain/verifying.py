"""Whether the thresholds of an experiment are met."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from llmlab.domain.experiment import Experiment, Threshold
from llmlab.domain.statistics import Interval
from llmlab.domain.summary import ArmScore, ArmSummary, Contrast, Verified
from llmlab.words import say


def verify(experiment: Experiment, arms: Sequence[ArmSummary], contrasts: Sequence[Contrast]) -> tuple[Verified, ...]:
    """Every threshold in every arm that it names."""
    return tuple(
        _verified(experiment, threshold, arm, contrasts)
        for threshold in experiment.thresholds
        for arm in _meant(experiment, threshold, arms)
    )


def _meant(experiment: Experiment, threshold: Threshold, arms: Sequence[ArmSummary]) -> Iterator[ArmSummary]:
    # Without an arm of its own, a difference is meant of every arm that is compared with another.
    compared = {arm.name for arm in experiment.arms if experiment.reference(arm) or threshold.measure != "difference"}
    for arm in arms:
        if threshold.arm == arm.name or (not threshold.arm and not arm.twin_of and arm.name in compared):
            yield arm


def _verified(experiment: Experiment, threshold: Threshold, arm: ArmSummary, contrasts: Sequence[Contrast]) -> Verified:
    value = _value(experiment, threshold, arm, contrasts)
    low = threshold.least is None or (value is not None and value >= threshold.least)
    high = threshold.most is None or (value is not None and value <= threshold.most)
    wanted = _wanted(threshold)
    if value is None:
        why = say(
            "{arm}: there is no {measure} to compare with {wanted}.",
            arm=arm.name,
            measure=threshold.measure,
            wanted=wanted,
        )
    else:
        why = say(
            "{arm}: {measure} {value:.3f}, wanted {wanted}",
            arm=arm.name,
            measure=threshold.measure,
            value=value,
            wanted=wanted,
        )
    return Verified(threshold=threshold, arm=arm.name, value=value, met=value is not None and low and high, why=why)


def _wanted(threshold: Threshold) -> str:
    parts = [f"≥ {threshold.least:g}"] if threshold.least is not None else []
    parts += [f"≤ {threshold.most:g}"] if threshold.most is not None else []
    return " ".join(parts)


def _value(
    experiment: Experiment, threshold: Threshold, arm: ArmSummary, contrasts: Sequence[Contrast]
) -> float | None:
    if not arm.trials:
        return None
    scorer = threshold.scorer or experiment.scorers[0].name
    score = arm.score(scorer, threshold.extractor or None)
    match threshold.measure:
        case "tokens":
            return arm.generated_tokens
        case "seconds":
            return arm.seconds
        case "score":
            return _bound(threshold, score.score) if score and score.n else None
        case "difference":
            return _difference(threshold, arm, score, contrasts)
        case "unparsed" | "truncated" | "abstained" | "error":
            return score.outcomes.get(threshold.measure, 0) / arm.trials if score else None


def _difference(
    threshold: Threshold, arm: ArmSummary, score: ArmScore | None, contrasts: Sequence[Contrast]
) -> float | None:
    if score is None:
        return None
    same = (
        one for one in contrasts if (one.arm, one.scorer, one.extractor) == (arm.name, score.scorer, score.extractor)
    )
    found = next(same, None)
    return _bound(threshold, found.difference) if found else None


def _bound(threshold: Threshold, interval: Interval) -> float:
    match threshold.bound:
        case "low":
            return interval.low
        case "high":
            return interval.high
        case "value":
            return interval.value
