"""How likely tokens are: log-probabilities, rank, entropy and the likeliest tokens of one row of logits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from llmlab.domain.tokens import IMPOSSIBLE, Alternative, TokenScore
from llmlab.engine.llama.vocabulary import Vocabulary
from llmlab.errors import EngineError
from llmlab.words import say

Floats = npt.NDArray[np.float32]
Whole = npt.NDArray[np.intp]

_STRIDES: Final = 64
"""Rows into which a vocabulary is folded to find its largest entries."""
_BLOCK: Final = 32_768
"""Logits that are worked on at once: they and what is made of them stay in a core's own cache."""


class Folded:
    """A vector folded into columns whose maxima are known.

    The largest entries lie in the columns with the largest maxima. Finding them so touches the whole vector once, where
    a partition of it costs ten times as much.
    """

    def __init__(self, values: Floats) -> None:
        self._values = values
        width = len(values) // _STRIDES
        self._body = values[: width * _STRIDES].reshape(_STRIDES, width)
        self._rest = values[width * _STRIDES :]
        self._peaks = self._body.max(axis=0) if width else self._body[0]

    @property
    def peak(self) -> float:
        """The largest entry; NaN when any is."""
        parts = [float(part.max()) for part in (self._peaks, self._rest) if len(part)]
        return math.nan if any(map(math.isnan, parts)) else max(parts)

    def largest(self, count: int) -> Whole:
        """Indices of the `count` largest entries, largest first; of equals the first."""
        values, width = self._values, len(self._peaks)
        if count <= 0 or width <= 2 * count:
            return _sorted(values, count)
        # As many entries as are wanted are no smaller than the peak that comes last, and few others are.
        border = np.partition(self._peaks, width - count)[width - count]
        columns = np.flatnonzero(self._peaks >= border)
        row, column = np.divmod(np.flatnonzero(self._body.take(columns, axis=1) >= border), len(columns))
        places = row * width + columns[column]
        if len(self._rest):
            places = np.concatenate((places, np.flatnonzero(self._rest >= border) + _STRIDES * width))
        return places[_sorted(values[places], count)]


def largest(values: Floats, count: int) -> Whole:
    """Indices of the `count` largest entries, largest first; of equals the first."""
    return _sorted(values, count) if len(values) <= 2 * _STRIDES * count else Folded(values).largest(count)


def _sorted(values: Floats, count: int) -> Whole:
    return np.argsort(-values, kind="stable")[: max(count, 0)]


class Likelihood:
    """Measures rows of logits of one vocabulary; its work space is made once."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._shifted = np.empty(_BLOCK, np.float32)
        self._weights = np.empty(_BLOCK, np.float32)
        self._ones = np.ones(_BLOCK, np.float32)

    def score(self, logits: Floats, token: int, top: int) -> TokenScore:
        """What the model thought of `token`.

        Args:
            logits: of all tokens, shape (n_vocab,); numbers or minus infinity.
            token: the one that came.
            top: how many of the likeliest are wanted.

        Raises:
            EngineError: these are no numbers.
        """
        folded = Folded(logits)
        best = folded.peak
        if not math.isfinite(best):
            raise no_number()
        total, moment = self._sums(logits, best)
        log_total = math.log(total)
        own = float(logits[token])
        likeliest = folded.largest(top)
        found = logits[likeliest].astype(np.float64)
        shares = np.maximum(found - best - log_total, IMPOSSIBLE).tolist()
        return TokenScore(
            token=token,
            text=self.text(token),
            logprob=max(own - best - log_total, IMPOSSIBLE),
            rank=_rank(logits, own, found),
            entropy=max(log_total - moment / total, 0.0),
            top=self.alternatives(likeliest.tolist(), shares),
        )

    def _sums(self, logits: Floats, best: float) -> tuple[float, float]:
        """Sums over all tokens of w and w log w, with w = exp(logit - best)."""
        total = moment = 0.0
        with np.errstate(invalid="ignore"):  # impossible tokens: none times minus infinity
            for start in range(0, len(logits), _BLOCK):
                part = logits[start : start + _BLOCK]
                shifted, weights = self._shifted[: len(part)], self._weights[: len(part)]
                np.subtract(part, np.float32(best), out=shifted)
                np.exp(shifted, out=weights)
                # A product with ones takes half as long as a sum.
                total += float(weights.dot(self._ones[: len(part)]))
                product = float(shifted.dot(weights))
                if math.isnan(product):
                    possible = weights > 0
                    product = float(weights[possible].dot(shifted[possible]))
                moment += product
        return total, moment

    def alternatives(self, tokens: Sequence[int], logprobs: Sequence[float]) -> tuple[Alternative, ...]:
        """Tokens with their log-probabilities, `IMPOSSIBLE` at least, as they are told."""
        text = self._vocabulary.shown
        return tuple([Alternative(token, text(token), share) for token, share in zip(tokens, logprobs, strict=True)])

    def text(self, token: int) -> str:
        """What `token` stands for, for people."""
        return self._vocabulary.shown(token)


def _rank(logits: Floats, own: float, found: npt.NDArray[np.float64]) -> int:
    """The rank of a token with logit `own`, `found` being the largest logits."""
    if len(found) and own >= found[-1]:
        return int(np.count_nonzero(found > own)) + 1
    return int(np.count_nonzero(logits > np.float32(own))) + 1


def no_number() -> EngineError:
    """The failure of a model whose output holds NaN."""
    return EngineError(
        say("The model computed something that is not a number."),
        hint=say("The file may be damaged: get it again, or try cache_type_k and cache_type_v at f16."),
    )
