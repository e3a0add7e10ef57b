"""How likely tokens are: log-probabilities, rank, entropy and the likeliest tokens of one row of logits."""

from __future__ import annotations

import math
from collections.abc import Iterable
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


def largest(values: Floats, count: int) -> Whole:
    """Indices of the `count` largest entries, largest first; of equals the first.

    The vector is folded into columns; the largest `count` entries lie in the `count` columns with the largest maxima.
    That touches the whole vector once, where a partition of it costs ten times as much.
    """
    count = min(count, len(values))
    if count <= 0:
        return np.zeros(0, np.intp)
    width = len(values) // _STRIDES
    if width <= 2 * count:
        return np.argsort(-values, kind="stable")[:count]
    folded = values[: width * _STRIDES].reshape(_STRIDES, width)
    peaks = folded.max(axis=0)
    columns = np.sort(np.argpartition(peaks, width - count)[width - count :])
    # Equal peaks at the border: all of them are looked at, so that the first is found.
    border = peaks[columns].min()
    if np.count_nonzero(peaks == border) > 1:
        columns = np.flatnonzero(peaks >= border)
    places = (np.arange(_STRIDES)[:, None] * width + columns).ravel()
    places = np.concatenate((places, np.arange(width * _STRIDES, len(values))))
    return places[np.argsort(-values[places], kind="stable")[:count]]


class Likelihood:
    """Measures rows of logits of one vocabulary; its work space is made once."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._shifted = np.empty(vocabulary.size, np.float32)
        self._weights = np.empty(vocabulary.size, np.float32)

    def score(self, logits: Floats, token: int, top: int) -> TokenScore:
        """What the model thought of `token`.

        Args:
            logits: of all tokens, shape (n_vocab,); numbers or minus infinity.
            token: the one that came.
            top: how many of the likeliest are wanted.

        Raises:
            EngineError: these are no numbers.
        """
        shifted, weights = self._shifted, self._weights
        best = logits.max()
        if not math.isfinite(best):
            raise no_number()
        np.subtract(logits, best, out=shifted)
        np.exp(shifted, out=weights)
        total = float(weights.sum())
        # BLAS would compute this on threads of its own, which take the cores from llama.cpp.
        with np.errstate(invalid="ignore"):  # impossible tokens: none times minus infinity
            np.multiply(weights, shifted, out=shifted)
            moment = float(shifted.sum())
        if math.isnan(moment):
            moment = float(np.nansum(shifted))
        log_total = math.log(total)
        own = logits[token]
        likeliest = largest(logits, top)
        exact = logits[likeliest].astype(np.float64) - float(best) - log_total
        return TokenScore(
            token=token,
            text=self.text(token),
            logprob=max(float(own) - float(best) - log_total, IMPOSSIBLE),
            rank=int(np.count_nonzero(logits > own)) + 1,
            entropy=max(log_total - moment / total, 0.0),
            top=self.alternatives(zip(likeliest.tolist(), exact.tolist(), strict=True)),
        )

    def alternatives(self, pairs: Iterable[tuple[int, float]]) -> tuple[Alternative, ...]:
        """Tokens with their log-probabilities, as they are told."""
        text = self.text
        return tuple(Alternative(token, text(token), max(logprob, IMPOSSIBLE)) for token, logprob in pairs)

    def text(self, token: int) -> str:
        """What `token` stands for, for people."""
        return self._vocabulary.shown(token)


def no_number() -> EngineError:
    """The failure of a model whose output holds NaN."""
    return EngineError(
        say("The model computed something that is not a number."),
        hint=say("The file may be damaged: get it again, or try cache_type_k and cache_type_v at f16."),
    )
