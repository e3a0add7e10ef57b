"""Arms against the baseline on the same items, and one arm against itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from llmlab.domain.experiment import Arm, Experiment, ScorerUse
from llmlab.domain.outcomes import Extractor, TrialResult
from llmlab.domain.results import Figures, Key, extractors_of, outcome_of
from llmlab.domain.scorers.registry import unit_of
from llmlab.domain.statistics import (
    Interval,
    bootstrap_mean,
    holm,
    mcnemar,
    paired_shares,
    sign_flip,
    smallest_mean,
    smallest_share,
    spread,
    wilson,
)
from llmlab.domain.summary import Contrast, NoiseFloor, Verdict

ByArm = Mapping[str, Sequence[TrialResult]]
"""Results by the name of their arm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Test:
    """One comparison before it is corrected for the others."""

    arm: str
    against: str
    pairs: int
    failed: int
    difference: Interval
    counts: tuple[int, int] | None
    p: float
    p_exact: float | None
    smallest: float


def contrasts_of(experiment: Experiment, by_arm: ByArm) -> tuple[Contrast, ...]:
    """Every arm against the one it is compared with, under each scorer and extractor, where both have figures."""
    found: list[Contrast] = []
    for use in experiment.scorers:
        for extractor in extractors_of(use):
            tests = _tests(experiment, use, extractor, by_arm)
            corrected = holm([test.p for test in tests])
            found += [_contrast(experiment, use, extractor, test, p) for test, p in zip(tests, corrected, strict=True)]
    return tuple(found)


def _tests(experiment: Experiment, use: ScorerUse, extractor: Extractor, by_arm: ByArm) -> list[_Test]:
    figures = {arm.name: Figures.of(use, extractor, by_arm[arm.name]) for arm in experiment.arms}
    tests = []
    for arm in experiment.arms:
        if reference := experiment.reference(arm):
            pairs = figures[arm.name].less(figures[reference])
            if pairs.values:
                failed = _failed(use, extractor, [*by_arm[arm.name], *by_arm[reference]])
                tests.append(_test(experiment, use, arm, pairs, failed))
    return tests


def _failed(use: ScorerUse, extractor: Extractor, results: Sequence[TrialResult]) -> int:
    return sum(outcome_of(result, use, extractor) == "error" for result in results)


def _test(experiment: Experiment, use: ScorerUse, arm: Arm, pairs: Figures, failed: int) -> _Test:
    values = list(pairs.values.values())
    if not use.graded and pairs.stand_alone:
        ours, theirs = sum(value > 0 for value in values), sum(value < 0 for value in values)
        exact, middle = mcnemar(ours, theirs)
        return _Test(
            arm=arm.name,
            against=experiment.reference(arm),
            pairs=len(values),
            failed=failed,
            difference=paired_shares(ours, theirs, len(values), experiment.alpha),
            counts=(ours, theirs),
            p=middle,
            p_exact=exact,
            smallest=smallest_share(len(values), (ours + theirs + 1) / (len(values) + 2), experiment.alpha),
        )
    clusters = pairs.clusters()
    drawn = {"resamples": experiment.resamples, "seed": experiment.seed}
    difference = bootstrap_mean(clusters, alpha=experiment.alpha, **drawn)
    if not use.graded and difference.low == difference.high:
        # Every cluster says the same: drawing them anew shows no doubt, their number does.
        doubt = paired_shares(0, 0, len(clusters), experiment.alpha)
        low, high = difference.value + doubt.low, difference.value + doubt.high
        difference = Interval(difference.value, max(-1.0, low), min(1.0, high))
    deviation = spread([one.total / one.count for one in clusters.values()])
    known = deviation > 0 or use.graded
    return _Test(
        arm=arm.name,
        against=experiment.reference(arm),
        pairs=len(values),
        failed=failed,
        difference=difference,
        counts=None,
        p=sign_flip(clusters, **drawn),
        p_exact=None,
        smallest=smallest_mean(len(clusters), deviation, experiment.alpha)
        if known
        else smallest_share(len(clusters), 1 / (len(clusters) + 2), experiment.alpha),
    )


def _contrast(experiment: Experiment, use: ScorerUse, extractor: Extractor, test: _Test, corrected: float) -> Contrast:
    verdict: Verdict = "cannot distinguish"
    if corrected < experiment.alpha and test.difference.value:
        verdict = "better" if (test.difference.value > 0) == use.higher else "worse"
    return Contrast(
        arm=test.arm,
        baseline=test.against,
        scorer=use.name,
        extractor=extractor,
        unit=unit_of(use),
        items=test.pairs,
        failed=test.failed,
        difference=test.difference,
        only_arm=test.counts[0] if test.counts else None,
        only_baseline=test.counts[1] if test.counts else None,
        p=test.p,
        p_exact=test.p_exact,
        p_holm=corrected,
        test="mcnemar mid-p" if test.counts else "sign flip",
        smallest=test.smallest,
        verdict=verdict,
    )


def noise_of(experiment: Experiment, by_arm: ByArm) -> tuple[NoiseFloor, ...]:
    """What differs between an arm and its twin: nothing that was set, so it is what cannot be told apart."""
    return tuple(
        floor
        for twin in experiment.arms
        if twin.twin_of
        for use in experiment.scorers
        for extractor in extractors_of(use)
        if (floor := _floor(experiment, use, extractor, twin, by_arm)) is not None
    )


def _floor(experiment: Experiment, use: ScorerUse, extractor: Extractor, twin: Arm, by_arm: ByArm) -> NoiseFloor | None:
    """Of an arm and its twin under one scorer; `None` where they have no trial in common."""
    first, again = by_arm.get(twin.twin_of, ()), by_arm[twin.name]
    figures = [Figures.of(use, extractor, results) for results in (first, again)]
    change = figures[1].less(figures[0])
    if not change.values:
        return None
    said = [{Key(result.item, result.repeat): result for result in results} for results in (first, again)]
    pairs = [(said[0][key], said[1][key]) for key in change.values]
    flips, rate, difference = None, None, None
    if use.graded:
        drawn = {"resamples": experiment.resamples, "seed": experiment.seed}
        difference = bootstrap_mean(change.clusters(), alpha=experiment.alpha, **drawn)
    else:
        flips = sum(outcome_of(a, use, extractor) != outcome_of(b, use, extractor) for a, b in pairs)
        rate = wilson(flips, len(pairs), experiment.alpha)
    return NoiseFloor(
        arm=twin.twin_of,
        scorer=use.name,
        extractor=extractor,
        unit=unit_of(use),
        items=len(pairs),
        failed=_failed(use, extractor, [*first, *again]),
        flips=flips,
        rate=rate,
        difference=difference,
        changed=sum(a.answer != b.answer for a, b in pairs),
    )
