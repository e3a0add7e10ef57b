"""Whether what an answer quotes stands in the document."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from llmlab.domain.experiment import Item
from llmlab.domain.grounding import Source, check
from llmlab.domain.outcomes import Answer, Scored
from llmlab.domain.scorers.base import Need, abstaining, cut_off
from llmlab.words import say


@dataclass(frozen=True, slots=True)
class Quotes:
    """The share of quotes that the document holds, word for word or nearly so."""

    passes: float = 1.0
    """Share from which an answer counts as right."""
    near: bool = True
    """A quote with small slips counts."""
    name: str = "quotes"
    needs: Need = ""

    def score(self, item: Item, answer: Answer) -> tuple[Scored, ...]:
        """Of the whole text; `found` is the first quote that the document lacks, else the first one."""
        if other := abstaining(self, item, answer):
            return (other,)
        grounding = check(answer.text, (_source(item.document),))
        if not grounding.quotes:
            nothing = Scored(scorer=self.name, outcome="unparsed", value=0.0, why=say("It quotes nothing."))
            return (cut_off(self, answer) or nothing,)
        fits = ("exact", "near") if self.near else ("exact",)
        held = sum(quote.verdict in fits for quote in grounding.quotes)
        value = held / len(grounding.quotes)
        shown = next((quote for quote in grounding.quotes if quote.verdict not in fits), grounding.quotes[0])
        return (
            Scored(
                scorer=self.name,
                outcome="correct" if value >= self.passes else "wrong",
                value=value,
                found=answer.text[shown.start : shown.end],
                start=shown.start,
                end=shown.end,
                why=say("{held} of {count} quotes stand in the document.", held=held, count=len(grounding.quotes)),
            ),
        )


@lru_cache(maxsize=4)
def _source(text: str) -> Source:
    return Source(text)
