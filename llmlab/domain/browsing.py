"""Looking through trials: where arms disagree, which outcome they had, where in an answer the final answer stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from llmlab.domain.experiment import Experiment, ScorerUse
from llmlab.domain.outcomes import Extractor, Outcome, TrialResult
from llmlab.domain.results import extractors_of, outcome_of, scored_by


@dataclass(frozen=True, slots=True)
class Judged:
    """By which scorer and extractor outcomes are told."""

    use: ScorerUse
    extractor: Extractor

    def outcome(self, result: TrialResult) -> Outcome:
        """The outcome of a trial."""
        return outcome_of(result, self.use, self.extractor)


def ways_to_judge(experiment: Experiment) -> tuple[Judged, ...]:
    """Every scorer with every extractor; the one that counts first."""
    ways = [
        Judged(use, extractor)
        for use in experiment.scorers
        for extractor in sorted(extractors_of(use), key=lambda extractor: extractor != use.counts)
    ]
    return tuple(ways)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which trials are shown; what is left empty does not matter."""

    outcome: Outcome | None = None
    arm: str = ""
    disagreeing: bool = False
    """Only questions on which the arms have not all the same outcome."""
    text: str = ""
    """Stands in question, answer or name of the item, in any case."""


Key = tuple[str, int]
"""Item and repeat: what arms are paired by."""


def outcomes_of(results: Sequence[TrialResult], judged: Judged) -> tuple[Outcome, ...]:
    """The outcome of each result."""
    return tuple(map(judged.outcome, results))


def disagreements(results: Sequence[TrialResult], outcomes: Sequence[Outcome]) -> frozenset[Key]:
    """The questions on which arms have different outcomes; an arm that did not answer yet says nothing."""
    first: dict[Key, Outcome] = {}
    apart: set[Key] = set()
    for result, outcome in zip(results, outcomes, strict=True):
        key = result.item, result.repeat
        if first.setdefault(key, outcome) != outcome:
            apart.add(key)
    return frozenset(apart)


def chosen(
    results: Sequence[TrialResult], outcomes: Sequence[Outcome], apart: frozenset[Key], wanted: Wanted
) -> tuple[int, ...]:
    """The places of the results that are wanted, in their order.

    Args:
        results: all of them.
        outcomes: of each.
        apart: what `disagreements` found.
        wanted: which.
    """
    text = wanted.text.casefold().strip()
    return tuple(
        place
        for place, (result, outcome) in enumerate(zip(results, outcomes, strict=True))
        if (wanted.outcome is None or outcome == wanted.outcome)
        and (not wanted.arm or result.arm == wanted.arm)
        and (not wanted.disagreeing or (result.item, result.repeat) in apart)
        and (not text or _says(result, text))
    )


def _says(result: TrialResult, text: str) -> bool:
    return any(text in part.casefold() for part in (result.item, result.question, result.answer))


def readings(judged: Judged, experiment: Experiment) -> tuple[Judged, ...]:
    """A way to judge, and the other extractors of its scorer after it."""
    return (judged, *(way for way in ways_to_judge(experiment) if way.use == judged.use and way != judged))


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of an answer."""

    text: str
    ways: tuple[Judged, ...] = ()
    """Which took it out as final answer, or as part of that."""


def stretches(result: TrialResult, ways: Sequence[Judged]) -> tuple[Stretch, ...]:
    """The answer of a trial, cut where what each of `ways` took out of it begins and ends; all of it, in order.

    What a way took out that stands nowhere in the answer as it is is no stretch.
    """
    spans = [(way, span) for way in ways if (span := _span(result, way))]
    edges = sorted({0, len(result.answer), *(edge for _, span in spans for edge in span)})
    return tuple(
        Stretch(result.answer[start:end], tuple(way for way, span in spans if span[0] <= start and end <= span[1]))
        for start, end in pairwise(edges)
    )


def _span(result: TrialResult, judged: Judged) -> tuple[int, int] | None:
    scored = scored_by(result, judged.use, judged.extractor)
    if scored is None or not 0 <= scored.start < scored.end <= len(result.answer):
        return None
    return scored.start, scored.end
