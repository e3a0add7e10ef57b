"""Likeness of an answer to the gold ones as translation measures it; computed by the library sacrebleu."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from llmlab.domain.constraints import language_of
from llmlab.domain.experiment import Item
from llmlab.domain.outcomes import Answer, Scored
from llmlab.domain.scorers.base import Need, cut_off, measured
from llmlab.words import say


@dataclass(frozen=True, slots=True)
class Overlap:
    """chrF (Popović 2015) or sentence BLEU of the whole answer against its gold texts, 0 to 1."""

    measure: Literal["chrf", "bleu"] = "chrf"
    name: str = "chrf"
    passes: float | None = None
    """From which an answer counts as right; `None` only measures."""
    needs: Need = ""

    def score(self, item: Item, answer: Answer) -> tuple[Scored, ...]:
        """Of the whole text; Chinese is cut into characters for BLEU."""
        if cut := cut_off(self, answer):
            return (cut,)
        # An optional package, imported when something has to be measured by it.
        import sacrebleu

        golds = list(item.gold)
        if self.measure == "chrf":
            value = sacrebleu.sentence_chrf(answer.text, golds).score / 100
        else:
            cut_by = "zh" if language_of(" ".join(golds)) == "zh" else "13a"
            value = sacrebleu.sentence_bleu(answer.text, golds, tokenize=cut_by).score / 100
        why = say("{measure} {value:.2f} against {gold}", measure=self.measure, value=value, gold=golds[0][:60])
        return (measured(self, value, why, self.passes),)
