"""Which examples of a set are nearest to a question, by what they mean where a model for that is named."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from llmlab.domain.shots import ShotSet, ShotUse
from llmlab.errors import LlmlabError
from llmlab.services.vectors import Vectors

SPARE: Final = 8
"""Rows beside those shown: the question itself is none of them."""


async def ranked(vectors: Vectors | None, use: ShotUse, question: str) -> ShotUse:
    """`use` with the rows nearest to `question`; as it is where nobody asks for them, or they are not embedded yet.

    Args:
        vectors: makes vectors; `None` leaves it to the words that rows share with the question.
        use: the examples.
        question: as it was typed.
    """
    spec = vectors.model if vectors else None
    if vectors is None or spec is None or use.choice != "nearest" or use.k <= 0 or not question.strip():
        return use
    like = vectors.likeness(f"inputs {use.set.inputs_mark}", spec, _Inputs(use.set))
    if vectors.problem is None:
        like.begin()
    if vectors.problem is not None or not await like.wait():
        return replace(use, ranked=(), ranked_by="")
    try:
        scores = await like.scores(question)
    except LlmlabError as error:
        vectors.fail(spec, error)
        return replace(use, ranked=(), ranked_by="")
    rows = (place for place, row in enumerate(use.set.rows) if row.on)
    best = heapq.nsmallest(use.k + SPARE, rows, key=lambda place: (-scores[place], place))
    return replace(use, ranked=tuple(best), ranked_by=spec.name)


class _Inputs:
    """The inputs of a set."""

    def __init__(self, shots: ShotSet) -> None:
        self._shots = shots

    async def __call__(self) -> Sequence[str]:
        return [row.input for row in self._shots.rows]
