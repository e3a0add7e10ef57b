"""What the log-probabilities of a text say: perplexity, surprise, and which of several texts fits best."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from llmlab.domain.tokens import TokenScore


@dataclass(frozen=True, slots=True)
class ScoredText:
    """A text and how likely a model finds each of its tokens, given all before."""

    tokens: tuple[TokenScore, ...]
    """Those that were scored; a text that nothing precedes is scored from its second token on."""
    context: int = 0
    """Tokens that came before the first that was scored: prompt, BOS, or the text's own first token."""
    reused: int = 0
    """Of these, tokens whose state was already in the cache."""

    @property
    def logprob(self) -> float:
        """Of the whole text: the sum over its tokens, in nats."""
        return math.fsum(token.logprob for token in self.tokens)


def joined(parts: Sequence[ScoredText]) -> ScoredText:
    """One text whose measured tokens came in several parts."""
    first = parts[0] if parts else ScoredText(())
    return ScoredText(tuple(token for part in parts for token in part.tokens), first.context, first.reused)


Measure = Literal["total", "per token", "per byte"]
"""How texts of different length compare: by their probability, or by its mean over tokens or UTF-8 bytes."""


def mean_logprob(text: ScoredText) -> float:
    """Log-probability of a token on average, in nats; 0 for a text without tokens."""
    return text.logprob / len(text.tokens) if text.tokens else 0.0


def perplexity(text: ScoredText) -> float:
    """The exponential of the mean surprise; 1 for a text without tokens, infinity for an impossible one."""
    try:
        return math.exp(-mean_logprob(text))
    except OverflowError:
        return math.inf


def surprises(text: ScoredText) -> tuple[float, ...]:
    """The surprise of each token in bits."""
    return tuple(-token.logprob / math.log(2) for token in text.tokens)


def worth(text: ScoredText, measure: Measure) -> float:
    """The figure by which `choose` compares; higher is likelier."""
    match measure:
        case "total":
            return text.logprob
        case "per token":
            return mean_logprob(text)
        case "per byte":
            size = sum(len(token.text.encode("utf-8")) for token in text.tokens)
            return text.logprob / size if size else 0.0


def choose(texts: Sequence[ScoredText], measure: Measure = "total") -> int:
    """Index of the text that the model finds likeliest; of equals the first.

    Raises:
        ValueError: there is none.
    """
    return max(range(len(texts)), key=lambda index: worth(texts[index], measure))


def shares(texts: Sequence[ScoredText], measure: Measure = "total") -> tuple[float, ...]:
    """The probability of each text if it must be one of them: a softmax over `worth`; sums to 1."""
    worths = [worth(text, measure) for text in texts]
    best = max(worths, default=0.0)
    weights = [math.exp(each - best) for each in worths]
    total = math.fsum(weights)
    return tuple(weight / total for weight in weights)
