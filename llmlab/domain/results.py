"""Results as figures: one value a trial under one scorer and extractor, gathered by what hangs together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from llmlab.domain.experiment import ScorerUse
from llmlab.domain.outcomes import Extractor, Outcome, Scored, TrialResult
from llmlab.domain.statistics import Cluster, clusters_of


class Key(NamedTuple):
    """What two arms are paired by."""

    item: str
    repeat: int


def extractors_of(use: ScorerUse) -> tuple[Extractor, ...]:
    """The readings of a scorer."""
    return ("strict", "flexible") if use.counts else ("",)


def scored_by(result: TrialResult, use: ScorerUse, extractor: Extractor) -> Scored | None:
    """What a scorer said under a reading; a failure counts for every reading."""
    fits = (score for score in result.scores if score.scorer == use.name)
    return next((score for score in fits if score.extractor == extractor or score.outcome == "error"), None)


def outcome_of(result: TrialResult, use: ScorerUse, extractor: Extractor) -> Outcome:
    """The outcome of a trial; `error` where there is no answer or the scorer said nothing."""
    scored = scored_by(result, use, extractor)
    return "error" if result.problem or scored is None else scored.outcome


def figure_of(result: TrialResult, use: ScorerUse, extractor: Extractor) -> float | None:
    """Its figure: of a graded scorer the value, else 1 for correct and 0 for the rest; `None` for a failure."""
    scored = scored_by(result, use, extractor)
    if result.problem or scored is None or scored.outcome == "error":
        return None
    return scored.value if use.graded else float(scored.correct)


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of one arm under one scorer and one extractor."""

    values: Mapping[Key, float]
    """Of the trials that have one."""
    cluster: Mapping[str, str]
    """By item."""

    @classmethod
    def of(cls, use: ScorerUse, extractor: Extractor, results: Sequence[TrialResult]) -> Figures:
        """The figures of `results`."""
        found = {
            Key(result.item, result.repeat): figure
            for result in results
            if (figure := figure_of(result, use, extractor)) is not None
        }
        return cls(found, {result.item: result.cluster or result.item for result in results})

    @property
    def stand_alone(self) -> bool:
        """No two trials hang together: each has a cluster of its own."""
        return len({self.cluster[key.item] for key in self.values}) == len(self.values)

    def clusters(self) -> dict[str, Cluster]:
        """By what hangs together."""
        return clusters_of(list(self.values.values()), [self.cluster[key.item] for key in self.values])

    def less(self, other: Figures) -> Figures:
        """The differences on the trials that both have."""
        both = [key for key in self.values if key in other.values]
        return Figures({key: self.values[key] - other.values[key] for key in both}, self.cluster)
