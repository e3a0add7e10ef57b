"""Whether a figure that needs no gold answer tells right answers from wrong ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from llmlab.domain.experiment import Experiment, ScorerUse
from llmlab.domain.extraction import Tally, tally
from llmlab.domain.outcomes import TrialResult
from llmlab.domain.results import figure_of, outcome_of, scored_by
from llmlab.domain.statistics import Interval, bootstrap_auroc, bootstrap_mean, clusters_of, entropy
from llmlab.domain.summary import Detector

REPEATS = "agreement over repeats"
"""The figure of a trial: share of the item's repeats that say the same as most."""
ABOUT = ("agreement", "perplexity", "judge")
"""Kinds of scorers whose figure may give a wrong answer away."""


def agreement_of(experiment: Experiment, results: Sequence[TrialResult]) -> tuple[Interval | None, Interval | None]:
    """Mean share of an item's answers that say what most say, and their mean entropy in bits, over votes and repeats.

    `None` where no item has two answers; intervals are from drawing items, or what hangs together, anew.
    """
    counted = {item: votes for item, votes in _tallies(experiment, results).items() if _cast(votes) > 1}
    if not counted:
        return None, None
    cluster = {result.item: result.cluster or result.item for result in results}
    names = [cluster[item] for item in counted]

    def mean(values: list[float]) -> Interval:
        drawn = {"resamples": experiment.resamples, "seed": experiment.seed}
        return bootstrap_mean(clusters_of(values, names), alpha=experiment.alpha, **drawn)

    return mean([votes.share for votes in counted.values()]), mean([_entropy(votes) for votes in counted.values()])


def _tallies(experiment: Experiment, results: Sequence[TrialResult]) -> dict[str, Tally]:
    answers: dict[str, list[str | None]] = {}
    for result in results:
        said = result.samples or (_final(experiment, result),)
        answers.setdefault(result.item, []).extend(one or None for one in said)
    return {item: tally(said) for item, said in answers.items()}


def _final(experiment: Experiment, result: TrialResult) -> str:
    """The final answer of a trial as its first scorer read it, else all that was said."""
    for use in experiment.scorers[:1]:
        scored = scored_by(result, use, use.counts)
        if scored is not None and scored.found:
            return scored.found
    return result.answer


def _cast(votes: Tally) -> int:
    return sum(vote.count for vote in votes.votes) + votes.silent


def _entropy(votes: Tally) -> float:
    return entropy([*(vote.count for vote in votes.votes), *(1 for _ in range(votes.silent))])


def detectors_of(experiment: Experiment, by_arm: Mapping[str, Sequence[TrialResult]]) -> tuple[Detector, ...]:
    """For each arm, every figure against the first scorer that knows right and wrong, where both occur."""
    judge = next((use for use in experiment.scorers if not use.graded), None)
    if judge is None:
        return ()
    found = []
    for name, results in by_arm.items():
        told = [result for result in results if outcome_of(result, judge, judge.counts) in ("correct", "wrong")]
        for use in experiment.scorers:
            if use is not judge and use.kind in ABOUT and not _knows_gold(use):
                # High is suspicious: what is better high is turned round.
                sign = -1.0 if use.higher else 1.0
                figures = [(result, figure_of(result, use, use.counts)) for result in told]
                known = [(result, sign * figure) for result, figure in figures if figure is not None]
                found += _detector(experiment, name, use.name, judge, known)
        if experiment.repeats > 1:
            votes = _tallies(experiment, told)
            shares = [(result, -votes[result.item].share) for result in told]
            found += _detector(experiment, name, REPEATS, judge, shares)
    return tuple(found)


def _knows_gold(use: ScorerUse) -> bool:
    """It measures the gold answer, so that what it says of right and wrong is no discovery."""
    return use.kind == "perplexity" and use.options.get("of", "gold") == "gold"


def _detector(
    experiment: Experiment, arm: str, figure: str, judge: ScorerUse, known: Sequence[tuple[TrialResult, float]]
) -> list[Detector]:
    wrong = [outcome_of(result, judge, judge.counts) == "wrong" for result, _ in known]
    if not any(wrong) or all(wrong):
        return []
    auroc = bootstrap_auroc(
        [value for _, value in known],
        wrong,
        [result.cluster or result.item for result, _ in known],
        resamples=experiment.resamples,
        seed=experiment.seed,
        alpha=experiment.alpha,
    )
    return [
        Detector(
            arm=arm,
            figure=figure,
            scorer=judge.name,
            auroc=auroc,
            prevalence=sum(wrong) / len(wrong),
            n=len(wrong),
        )
    ]
