"""Scorers that ask whether a model knows what it says: abstention, quotes, agreement among samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from llmlab.domain.experiment import Item
from llmlab.domain.extraction import tally
from llmlab.domain.outcomes import Answer, Scored
from llmlab.domain.scorers.base import Need, abstaining, cut_off, measured, right_or_wrong
from llmlab.domain.statistics import entropy
from llmlab.words import say


@dataclass(frozen=True, slots=True)
class Abstention:
    """It admits not to know where nobody can, and answers where somebody can, rightly or not."""

    name: str = "abstention"
    needs: Need = ""

    def score(self, item: Item, answer: Answer) -> tuple[Scored, ...]:
        """Of the whole text."""
        if admitted := abstaining(self, item, answer):
            return (admitted,)
        if item.answerable:
            return (cut_off(self, answer) or right_or_wrong(self, True, say("It answers, as it should.")),)
        return (right_or_wrong(self, False, say("Nobody can know this, and it answers all the same.")),)


@dataclass(frozen=True, slots=True)
class Agreement:
    """How much the answers that were drawn for one question agree, whether right or wrong (Wang et al. 2022)."""

    figure: Literal["share", "entropy"] = "share"
    """Share of the votes that say what most say, or the entropy of all votes in bits."""
    name: str = "agreement"
    needs: Need = ""

    def score(self, item: Item, answer: Answer) -> tuple[Scored, ...]:
        """Of the final answers of all votes; votes without one count as an answer of their own."""
        if len(answer.samples) < 2:
            why = say("One answer was drawn; only several can agree.")
            return (Scored(scorer=self.name, outcome="measured", why=why),)
        counted = tally([sample or None for sample in answer.samples])
        if self.figure == "share":
            value = counted.share
        else:
            value = entropy([*(vote.count for vote in counted.votes), *(1 for _ in range(counted.silent))])
        said = ", ".join(f"{vote.answer[:30]} × {vote.count}" for vote in counted.votes[:5])
        return (measured(self, value, say("The votes: {votes}", votes=said or say("none"))),)
