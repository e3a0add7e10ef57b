"""Whether the thresholds of an experiment are met."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class _Figure:
    """What a threshold is compared with."""

    value: float
    told: str
    """It and its doubt: an interval with its trials, or of how many trials it is."""


def _verified(experiment: Experiment, threshold: Threshold, arm: ArmSummary, contrasts: Sequence[Contrast]) -> Verified:
    figure = _figure(experiment, threshold, arm, contrasts)
    met = figure is not None and (
        (threshold.least is None or figure.value >= threshold.least)
        and (threshold.most is None or figure.value <= threshold.most)
    )
    wanted = _wanted(threshold)
    if figure is None:
        why = say(
            "{arm}: there is no {measure} to compare with {wanted}.",
            arm=arm.name,
            measure=threshold.measure,
            wanted=wanted,
        )
    else:
        why = say(
            "{arm}: {measure} {figure}, wanted {wanted}",
            arm=arm.name,
            measure=threshold.measure,
            figure=figure.told,
            wanted=wanted,
        )
    if arm.failed:
        why += "; " + say("{failed:,} of {done:,} trials failed", failed=arm.failed, done=arm.trials)
    return Verified(threshold=threshold, arm=arm.name, value=figure.value if figure else None, met=met, why=why)


def _wanted(threshold: Threshold) -> str:
    parts = [f"≥ {threshold.least:g}"] if threshold.least is not None else []
    parts += [f"≤ {threshold.most:g}"] if threshold.most is not None else []
    wanted = " ".join(parts)
    match threshold.bound if threshold.measure in ("score", "difference") else "value":
        case "low":
            return say("its lower end {wanted}", wanted=wanted)
        case "high":
            return say("its upper end {wanted}", wanted=wanted)
        case _:
            return wanted


def _figure(
    experiment: Experiment, threshold: Threshold, arm: ArmSummary, contrasts: Sequence[Contrast]
) -> _Figure | None:
    if not arm.trials:
        return None
    scorer = threshold.scorer or experiment.scorers[0].name
    score = arm.score(scorer, threshold.extractor or None)
    match threshold.measure:
        case "tokens":
            return _mean(arm.generated_tokens, arm)
        case "seconds":
            return _mean(arm.seconds, arm)
        case "score":
            return _bound(threshold, score.score, score.n) if score and score.n else None
        case "difference":
            return _difference(threshold, arm, score, contrasts)
        case "unparsed" | "truncated" | "abstained" | "error":
            return _share(score.outcomes.get(threshold.measure, 0), arm) if score else None


def _mean(value: float, arm: ArmSummary) -> _Figure:
    return _Figure(value, say("{value:.3f}, the mean of {trials:,} trials", value=value, trials=arm.trials))


def _share(count: int, arm: ArmSummary) -> _Figure:
    value = count / arm.trials
    told = say("{value:.3f}, {count:,} of {trials:,} trials", value=value, count=count, trials=arm.trials)
    return _Figure(value, told)


def _difference(
    threshold: Threshold, arm: ArmSummary, score: ArmScore | None, contrasts: Sequence[Contrast]
) -> _Figure | None:
    if score is None:
        return None
    same = (
        one for one in contrasts if (one.arm, one.scorer, one.extractor) == (arm.name, score.scorer, score.extractor)
    )
    found = next(same, None)
    return _bound(threshold, found.difference, found.items) if found else None


def _bound(threshold: Threshold, interval: Interval, n: int) -> _Figure:
    # As the file states its bounds: a share from 0 to 1.
    told = f"{interval.value:.3f} [{interval.low:.3f}, {interval.high:.3f}] n={n:,}"
    match threshold.bound:
        case "low":
            return _Figure(interval.low, told)
        case "high":
            return _Figure(interval.high, told)
        case "value":
            return _Figure(interval.value, told)
