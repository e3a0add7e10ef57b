"""Texts as vectors: what an embedding model makes of them, and how alike two of them are."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

Pooling = Literal["mean", "cls", "last"]
"""How the vectors of a text's tokens become one: their mean, that of the first token, or that of the last."""

POOLINGS: Final[dict[int, Pooling]] = {1: "mean", 2: "cls", 3: "last"}
"""The numbers by which model files name them; 0 is none, 4 ranks pairs of texts and gives no vectors."""


@dataclass(frozen=True, slots=True)
class Embeddings:
    """The vectors of some texts, in their order."""

    vectors: tuple[array[float], ...]
    """Each of the model's width in 32-bit floats, of length 1."""
    tokens: tuple[int, ...]
    """How many tokens each text had, those included that the model adds."""
    pooling: Pooling
    declared: bool = True
    """The model file names the pooling; else the mean was taken, for which it may not have been trained."""


def cosine(first: Sequence[float], second: Sequence[float]) -> float:
    """How alike two vectors are: 1 for one direction, 0 for none in common, -1 for opposite ones; 0 if one is zero.

    Raises:
        ValueError: they differ in length.
    """
    lengths = math.sqrt(math.fsum(x * x for x in first)) * math.sqrt(math.fsum(y * y for y in second))
    product = math.fsum(x * y for x, y in zip(first, second, strict=True))
    return max(-1.0, min(1.0, product / lengths)) if lengths else 0.0
