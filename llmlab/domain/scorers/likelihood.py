"""Scorers that read log-probabilities instead of text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from llmlab.domain.experiment import Item
from llmlab.domain.outcomes import Answer, Measurement, Scored
from llmlab.domain.scorers.base import Need, measured
from llmlab.domain.scoring import Measure, bits_per_byte, choose, mean_logprob, perplexity, shares
from llmlab.words import say


@dataclass(frozen=True, slots=True)
class LikeliestChoice:
    """The choice that the model finds likeliest after the prompt is a gold one."""

    measure: Measure = "total"
    """How choices of different length compare: acc, acc_norm and acc_bytes of the field."""
    name: str = "choice_logprob"
    needs: Need = "choices"

    def measurements(self, item: Item) -> tuple[Measurement, ...]:
        """Its choices, in their order."""
        return tuple(map(Measurement, item.choices))

    def score(self, item: Item, answer: Answer) -> tuple[Scored, ...]:
        """Of the likelihood of each choice after the prompt."""
        likelihoods = map(answer.likelihood, self.measurements(item))
        choices = [one for one in likelihoods if one is not None]
        if len(choices) != len(item.choices) or not choices:
            why = say("The choices were not measured.")
            return (Scored(scorer=self.name, outcome="error", why=why),)
        place = choose(choices, self.measure)
        share = shares(choices, self.measure)[place]
        found, right = item.choices[place], item.choices[place] in item.gold
        return (
            Scored(
                scorer=self.name,
                outcome="correct" if right else "wrong",
                value=float(right),
                found=found,
                why=say("{found} is the likeliest, with {share:.0%} of the choices.", found=found[:60], share=share),
            ),
        )


@dataclass(frozen=True, slots=True)
class Likelihood:
    """How likely the model finds a text: the gold answer after the prompt, or a text by itself."""

    of: Literal["gold", "document", "question"] = "gold"
    figure: Literal["perplexity", "bits_per_byte", "mean_logprob", "logprob"] = "perplexity"
    name: str = "perplexity"
    needs: Need = "likelihood"

    def measurements(self, item: Item) -> tuple[Measurement, ...]:
        """Its text: the gold answer after the prompt, any other by itself; none where the item has no such text."""
        text = {"gold": next(iter(item.gold), ""), "document": item.document, "question": item.question}[self.of]
        return (Measurement(text, alone=self.of != "gold"),) if text else ()

    def score(self, item: Item, answer: Answer) -> tuple[Scored, ...]:
        """Of the likelihood of its text."""
        text = next(map(answer.likelihood, self.measurements(item)), None)
        if text is None or not text.tokens:
            return (Scored(scorer=self.name, outcome="error", why=say("The text was not measured.")),)
        match self.figure:
            case "perplexity":
                value = perplexity(text)
            case "bits_per_byte":
                value = bits_per_byte(text)
            case "mean_logprob":
                value = mean_logprob(text)
            case "logprob":
                value = text.logprob
        why = say("{figure} {value:.3f} over {count:,} tokens", figure=self.figure, value=value, count=len(text.tokens))
        return (measured(self, value, why),)
