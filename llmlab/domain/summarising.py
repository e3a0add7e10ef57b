"""From the results of a run to its figures. Pure: the same results, in whatever order, make the same summary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from llmlab.domain.comparing import contrasts_of, noise_of
from llmlab.domain.detecting import agreement_of, detectors_of
from llmlab.domain.experiment import Arm, Experiment, ScorerUse
from llmlab.domain.outcomes import OUTCOMES, Extractor, Outcome, TrialResult
from llmlab.domain.results import Figures, extractors_of, outcome_of
from llmlab.domain.scorers.registry import unit_of
from llmlab.domain.statistics import Cluster, Interval, bootstrap_mean, spread, wilson
from llmlab.domain.summary import ArmScore, ArmSummary, Summary
from llmlab.domain.verifying import verify
from llmlab.words import say

FEW_CLUSTERS: Final = 20
"""Below this many clusters a bootstrap interval is too narrow."""


def summarise(experiment: Experiment, results: Sequence[TrialResult]) -> Summary:
    """Every figure of a run.

    Args:
        experiment: what was asked for; its arms name what is planned.
        results: what is there; at most one a trial, those of other arms are left out.
    """
    ordered = sorted(results, key=lambda result: (result.item, result.repeat))
    by_arm = {arm.name: [result for result in ordered if result.arm == arm.name] for arm in experiment.arms}
    arms = tuple(_arm(experiment, arm, by_arm[arm.name]) for arm in experiment.arms)
    contrasts = contrasts_of(experiment, by_arm)
    done = [result for each in by_arm.values() for result in each]
    return Summary(
        experiment=experiment.key,
        title=experiment.title,
        hypothesis=experiment.hypothesis,
        alpha=experiment.alpha,
        seed=experiment.seed,
        planned=experiment.size,
        repeats=experiment.repeats,
        done=len(done),
        failed=sum(result.failed for result in done),
        arms=arms,
        contrasts=contrasts,
        noise=noise_of(experiment, by_arm),
        detectors=detectors_of(experiment, by_arm),
        thresholds=verify(experiment, arms, contrasts),
        remarks=tuple(_remarks(experiment, done, arms)),
    )


def _arm(experiment: Experiment, arm: Arm, results: Sequence[TrialResult]) -> ArmSummary:
    answered = [result for result in results if not result.problem]
    agreement, entropy = agreement_of(experiment, answered)

    def mean(values: Iterator[float]) -> float:
        return sum(values) / len(answered) if answered else 0.0

    return ArmSummary(
        name=arm.name,
        settings=arm.settings,
        model=arm.recipe.model.name,
        twin_of=arm.twin_of,
        trials=len(results),
        planned=len(arm.items) * experiment.repeats,
        failed=sum(result.failed for result in results),
        scores=tuple(
            _score(experiment, use, extractor, results)
            for use in experiment.scorers
            for extractor in extractors_of(use)
            if results
        ),
        prompt_tokens=mean(float(result.prompt_tokens) for result in answered),
        reused_tokens=mean(float(result.reused_tokens) for result in answered),
        generated_tokens=mean(float(result.generated_tokens) for result in answered),
        seconds=mean(result.seconds for result in answered),
        agreement=agreement,
        entropy=entropy,
    )


def _score(experiment: Experiment, use: ScorerUse, extractor: Extractor, results: Sequence[TrialResult]) -> ArmScore:
    figures = Figures.of(use, extractor, results)
    outcomes: dict[Outcome, int] = dict.fromkeys(OUTCOMES, 0)
    for result in results:
        outcomes[outcome_of(result, use, extractor)] += 1
    return ArmScore(
        scorer=use.name,
        extractor=extractor,
        counts=extractor == use.counts,
        graded=use.graded,
        unit=unit_of(use),
        n=len(figures.values),
        items=len({key.item for key in figures.values}),
        score=_interval(experiment, use, figures),
        outcomes={outcome: count for outcome, count in outcomes.items() if count},
        repeat_spread=_repeat_spread(figures),
    )


def _interval(experiment: Experiment, use: ScorerUse, figures: Figures) -> Interval:
    """Wilson's where each trial stands alone, else from drawing clusters; all of 0 to 1 where nothing was measured."""
    if not figures.values:
        return Interval(0.0, 0.0, 1.0)
    if not use.graded and figures.stand_alone:
        return wilson(round(sum(figures.values.values())), len(figures.values), experiment.alpha)
    clusters = figures.clusters()
    found = bootstrap_mean(clusters, resamples=experiment.resamples, seed=experiment.seed, alpha=experiment.alpha)
    if not use.graded and found.low == found.high:
        # All clusters say the same, so drawing them anew shows no doubt; their number does.
        return _all_the_same(clusters, found, experiment.alpha)
    return found


def _all_the_same(clusters: Mapping[str, Cluster], found: Interval, alpha: float) -> Interval:
    doubt = wilson(round(found.value * len(clusters)), len(clusters), alpha)
    return Interval(found.value, min(found.value, doubt.low), max(found.value, doubt.high))


def _repeat_spread(figures: Figures) -> float | None:
    repeats: dict[int, list[float]] = {}
    for key, value in figures.values.items():
        repeats.setdefault(key.repeat, []).append(value)
    if len(repeats) < 2:
        return None
    return spread([sum(values) / len(values) for values in repeats.values()])


def _remarks(experiment: Experiment, done: Sequence[TrialResult], arms: Sequence[ArmSummary]) -> Iterator[str]:
    failed = sum(result.failed for result in done)
    if failed:
        yield say(
            "{failed:,} of {done:,} trials failed: they are in no score, and every figure here lacks them.",
            failed=failed,
            done=len(done),
        )
    if len(done) < experiment.size:
        yield say("{done:,} of {planned:,} trials are measured.", done=len(done), planned=experiment.size)
    for arm in arms:
        for score in arm.scores:
            lost = score.outcomes.get("truncated", 0)
            if score.counts and lost * 10 > arm.trials:
                yield say(
                    "{arm}: {lost:,} of {trials:,} answers were cut off; raise sampling.max_tokens.",
                    arm=arm.name,
                    lost=lost,
                    trials=arm.trials,
                )
                break
    clusters = {result.cluster for result in done}
    items = {result.item for result in done}
    if 0 < len(clusters) < len(items) and len(clusters) < FEW_CLUSTERS:
        yield say(
            "The {items:,} items hang together in {clusters:,} clusters only: intervals come out too narrow.",
            items=len(items),
            clusters=len(clusters),
        )
