"""What the log-probabilities of a text say: perplexity, surprise, and which of several texts fits best."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

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
    size: int = 0
    """UTF-8 bytes of what was scored."""
    characters: int = 0

    @property
    def logprob(self) -> float:
        """Of the whole text: the sum over its tokens, in nats."""
        return math.fsum(token.logprob for token in self.tokens)


def joined(parts: Sequence[ScoredText]) -> ScoredText:
    """One text whose measured tokens came in several parts."""
    first = parts[0] if parts else ScoredText(())
    return replace(first, tokens=tuple(token for part in parts for token in part.tokens))


Measure = Literal["total", "per token", "per character", "per byte"]
"""How texts of different length compare: by their probability, or by its mean over tokens, characters or UTF-8 bytes.

The field calls picking the best of each acc, acc_norm (per character) and acc_bytes.
"""

MEASURES: Final[tuple[Measure, ...]] = ("total", "per token", "per character", "per byte")


def mean_logprob(text: ScoredText) -> float:
    """Log-probability of a token on average, in nats; 0 for a text without tokens."""
    return text.logprob / len(text.tokens) if text.tokens else 0.0


def perplexity(text: ScoredText) -> float:
    """The exponential of the mean surprise; 1 for a text without tokens, infinity for an impossible one."""
    try:
        return math.exp(-mean_logprob(text))
    except OverflowError:
        return math.inf


def bits_per_byte(text: ScoredText) -> float:
    """Surprise in bits for each byte of text: comparable between models with different vocabularies; 0 without text."""
    return -text.logprob / math.log(2) / text.size if text.size else 0.0


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
        case "per character":
            return text.logprob / text.characters if text.characters else 0.0
        case "per byte":
            return text.logprob / text.size if text.size else 0.0


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
