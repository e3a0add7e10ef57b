"""A model as judge, with a rubric that the experiment states."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from llmlab.domain.experiment import Item
from llmlab.domain.extraction import Extracted, extract
from llmlab.domain.modes import Extraction
from llmlab.domain.outcomes import Answer, Scored
from llmlab.domain.scorers.base import Need, cut_off
from llmlab.words import say

PROMPT: Final = "{rubric}\n\nQuestion:\n{question}\n\nReference:\n{gold}\n\nAnswer to judge:\n{answer}\n\n{form}"
"""What a judge is asked, unless the experiment says otherwise."""
HOLES: Final = ("rubric", "question", "gold", "answer", "document", "form")
"""What may stand in braces in a prompt of one's own."""

_HOLE: Final = re.compile(r"\{(" + "|".join(HOLES) + r")\}")
_YES_NO: Final = re.compile(r"(?<![A-Za-z])(yes|no)(?![A-Za-z])|(不是|不对|否|错)|(是|对)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Judge:
    """Another model says whether an answer is good, or how good on a scale."""

    rubric: str
    """What makes an answer good."""
    model: str
    """Who judges."""
    scale: tuple[int, int] | None = None
    """From bad to good; `None` asks for yes or no."""
    passes: float | None = None
    """From which point of the scale an answer counts as right; `None` only measures on a scale."""
    prompt: str = PROMPT
    name: str = "judge"
    needs: Need = "judge"

    def question(self, item: Item, text: str) -> str:
        """What the judge is asked about an answer."""
        low, high = self.scale or (0, 1)
        form = f"Answer with one whole number from {low} to {high}." if self.scale else "Answer with Yes or No."
        filled = {
            "rubric": self.rubric,
            "question": item.question,
            "gold": " | ".join(item.gold),
            "answer": text,
            "document": item.document,
            "form": form,
        }
        # In one pass: what an answer says in braces stays as it is.
        return _HOLE.sub(lambda match: filled[match.group(1)], self.prompt)

    def score(self, item: Item, answer: Answer) -> tuple[Scored, ...]:
        """Of `answer.verdict`: what the judge wrote; `found` is the judge's word, its place is in the verdict."""
        if cut := cut_off(self, answer):
            return (cut,)
        found = self._on_scale(answer.verdict) if self.scale else self._yes_or_no(answer.verdict)
        why = say("The judge says: {verdict}", verdict=" ".join(answer.verdict.split())[:200])
        if found is None:
            return (Scored(scorer=self.name, outcome="unparsed", why=why),)
        value, word = found
        if self.scale and self.passes is None:
            return (Scored(scorer=self.name, outcome="measured", value=value, found=word, why=why),)
        right = value >= (self.passes if self.scale and self.passes is not None else 1)
        return (Scored(scorer=self.name, outcome="correct" if right else "wrong", value=value, found=word, why=why),)

    def _on_scale(self, verdict: str) -> tuple[float, str] | None:
        low, high = self.scale or (0, 1)
        found: Extracted | None = extract(verdict, Extraction("last_number"))
        try:
            value = float(found.text.replace(",", "")) if found else None
        except ValueError:  # a fraction such as 4/5
            first = extract(verdict, Extraction("first_number"))
            head = first.text.partition("/")[0] if first else ""
            value = float(head) if head.isdigit() else None
        return (value, found.text) if found and value is not None and low <= value <= high else None

    @staticmethod
    def _yes_or_no(verdict: str) -> tuple[float, str] | None:
        """The last yes or no: judges that reason first decide at the end."""
        words = list(_YES_NO.finditer(verdict))
        if not words:
            return None
        english, no, yes = words[-1].groups()
        good = english.casefold() == "yes" if english else yes is not None and no is None
        return float(good), words[-1].group()
