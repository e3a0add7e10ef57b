"""The scorers of one experiment, as a run uses them: what they must be told, and what they say together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llmlab.domain.experiment import Item
from llmlab.domain.outcomes import Answer, Scored
from llmlab.domain.scorers.base import Need, Scorer, judged
from llmlab.domain.scorers.judge import Judge
from llmlab.domain.scorers.likelihood import Likelihood


@dataclass(frozen=True, slots=True)
class Measurement:
    """A text whose likelihood is asked."""

    text: str
    alone: bool
    """By itself, not after the prompt."""


class Scoring:
    """Every scorer of an experiment over one answer; the first one decides."""

    def __init__(self, scorers: Sequence[Scorer]) -> None:
        self._scorers = tuple(scorers)
        self.needs: frozenset[Need] = frozenset(scorer.needs for scorer in self._scorers)

    def __call__(self, item: Item, answer: Answer) -> tuple[Scored, ...]:
        """What all of them say; never raises."""
        return tuple(scored for scorer in self._scorers for scored in self._said(scorer, item, answer))

    @staticmethod
    def _said(scorer: Scorer, item: Item, answer: Answer) -> tuple[Scored, ...]:
        if isinstance(scorer, Judge) and not answer.verdict and not answer.problem:
            return ()  # It is asked once all have answered; until then nothing has failed.
        return judged(scorer, item, answer)

    @property
    def reads(self) -> bool:
        """One of them looks at what the model writes."""
        return bool(self.needs & {"", "judge"})

    @property
    def judge(self) -> Judge | None:
        """The scorer that asks another model."""
        return next((scorer for scorer in self._scorers if isinstance(scorer, Judge)), None)

    def measurement(self, item: Item) -> Measurement | None:
        """The text of an item whose likelihood is to be measured."""
        for scorer in self._scorers:
            if isinstance(scorer, Likelihood) and (text := scorer.text(item)):
                return Measurement(text, alone=scorer.of != "gold")
        return None

    def satisfied(self, item: Item, answer: Answer) -> bool:
        """`answer`, of an earlier run, holds everything that the scorers look at; a judge is asked afterwards."""
        if "choices" in self.needs and item.choices and not answer.choices:
            return False
        if self.reads and not answer.text and not answer.finish:
            return False
        return answer.gold is not None or self.measurement(item) is None
