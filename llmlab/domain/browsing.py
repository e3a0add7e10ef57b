"""Looking through trials: where arms disagree, which outcome they had, where in an answer the final answer stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Marked:
    """An answer with the stretch that was taken out of it."""

    before: str
    found: str
    """Empty where nothing was taken out, or it stands nowhere as it is."""
    after: str


def marked(result: TrialResult, judged: Judged) -> Marked:
    """The answer of a trial, cut where its final answer stands."""
    scored, text = scored_by(result, judged.use, judged.extractor), result.answer
    if scored is None or not 0 <= scored.start < scored.end <= len(text):
        return Marked(text, "", "")
    return Marked(text[: scored.start], text[scored.start : scored.end], text[scored.end :])
