"""Scorers that read log-probabilities instead of text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from llmlab.domain.experiment import Item
from llmlab.domain.extraction import extract
from llmlab.domain.outcomes import Answer, Measurement, Scored
from llmlab.domain.scorers.base import WHOLE, Need, measured
from llmlab.domain.scoring import Measure, bits_per_byte, choose, mean_logprob, perplexity, shares
from llmlab.words import say


def before_final(answer: Answer) -> str:
    """What an answer says before its final answer; where it gives none, all of it and the cue that announces one.

    A single line that announces nothing is the final answer itself.
    """
    rule = answer.extraction or WHOLE
    if found := extract(answer.text, rule, guess=False):
        return answer.text[: found.start]
    if answer.finish != "length" and len(answer.text.strip().splitlines()) == 1:
        return ""
    text, cue = answer.text.rstrip(), rule.marker.rstrip() if rule.rule == "after" else ""
    if not text.endswith(cue):
        text = f"{text}\n{cue}".lstrip("\n")
    # What is announced in English stands behind a blank, in Chinese it follows at once; without a cue a line begins.
    return text + (" " if cue.isascii() and cue else "" if cue or not text else "\n")


@dataclass(frozen=True, slots=True)
class LikeliestChoice:
    """The choice that the model finds likeliest after the prompt is a gold one."""

    measure: Measure = "total"
    """How choices of different length compare: acc, acc_norm and acc_bytes of the field."""
    name: str = "choice_logprob"
    needs: Need = "choices"

    def measurements(self, item: Item, answer: Answer) -> tuple[Measurement, ...]:
        """Its choices, in their order, whatever was answered."""
        return tuple(map(Measurement, item.choices))

    def score(self, item: Item, answer: Answer) -> tuple[Scored, ...]:
        """Of the likelihood of each choice after the prompt."""
        likelihoods = map(answer.likelihood, self.measurements(item, answer))
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
    after: Literal["prompt", "answer"] = "prompt"
    """Where the gold answer stands: right after the prompt, or in place of the final answer that the model gave, after
    all that it wrote before that. This is a continuous measure of the very answers that others find right or wrong, and
    so does not make abilities emerge (Schaeffer et al. 2023)."""
    figure: Literal["perplexity", "bits_per_byte", "mean_logprob", "logprob"] = "perplexity"
    name: str = "perplexity"
    needs: Need = "likelihood"

    def measurements(self, item: Item, answer: Answer) -> tuple[Measurement, ...]:
        """Its text: the gold answer after the prompt, any other by itself; none where the item has no such text."""
        text = {"gold": next(iter(item.gold), ""), "document": item.document, "question": item.question}[self.of]
        lead = before_final(answer) if self.after == "answer" else ""
        return (Measurement(text, alone=self.of != "gold", lead=lead),) if text else ()

    def score(self, item: Item, answer: Answer) -> tuple[Scored, ...]:
        """Of the likelihood of its text."""
        text = next(map(answer.likelihood, self.measurements(item, answer)), None)
        if text is None or not text.tokens:
            return (Scored(scorer=self.name, outcome="error", why=self._why_not(item)),)
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

    def _why_not(self, item: Item) -> str:
        if self.of == "gold" and not any(item.gold[:1]):
            return say("There is no right answer that could be measured.")
        full = say("The right answer does not fit into the window behind this one.")
        return full if self.after == "answer" else say("The text was not measured.")
