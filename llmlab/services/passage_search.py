"""Which passages of documents a question is about: by their words, and by what they mean where a model for it is named.

What is found is brought into the room that a prompt has for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from llmlab.domain.model import ModelSpec
from llmlab.domain.reading import Excerpt
from llmlab.domain.retrieval import ALIKE, UNLIKE, Found, by_likeness, fused, search, stretches, within
from llmlab.domain.terminal import visible_line
from llmlab.engine.protocol import Engine
from llmlab.errors import LlmlabError
from llmlab.services.open_document import OpenDocument
from llmlab.services.vectors import Likeness, Vectors, by_words_alone
from llmlab.words import say

CANDIDATES: Final = 24
"""Passages among which those that fit are taken."""
FRAME: Final = 32
"""Tokens that the frame of a document may take."""
MOST_NAMED: Final = 5
"""Documents that are named in a warning."""
BY_WORDS: Final = "BM25"
"""What a search by words alone is called."""


@dataclass(frozen=True, slots=True)
class Search:
    """What was found."""

    found: list[Found]
    """The best first."""
    by: str
    """How it was searched for, as part of a sentence."""
    opened: Sequence[OpenDocument]
    """The documents that were searched, in order."""
    warnings: tuple[str, ...] = ()
    """What should be known of the search, a sentence each."""


class PassageSearch:
    """Finds passages.

    Args:
        patience: seconds that a question waits for a document to be indexed; `None` waits until it is.
        vectors: makes vectors of passages; `None` searches by words alone.
    """

    def __init__(self, patience: float | None, vectors: Vectors | None) -> None:
        self._patience, self._vectors = patience, vectors

    def embedded(self, opened: OpenDocument) -> float:
        """Share of a document's passages whose vectors are made, 0 to 1; 1 where none are being made."""
        like = self._vectors.find(_name(opened)) if self._vectors else None
        return like.share if like is not None and like.going_on else 1.0

    async def search(self, opened: Sequence[OpenDocument], questions: Sequence[str]) -> Search:
        """The passages that questions are about.

        Args:
            opened: the documents.
            questions: the last of them holds those before it.
        """
        opened, warnings = await self._indexed(opened)
        indexes = [each.index for each in opened]
        rankings = [await asyncio.to_thread(search, indexes, question, CANDIDATES) for question in questions]
        by = BY_WORDS
        spec = self._vectors.model if self._vectors else None
        if spec is not None and self._vectors is not None:
            alike, told = await self._alike(self._vectors, spec, opened, questions)
            warnings += told
            if alike is not None:
                rankings += [by_likeness(indexes, likeness, CANDIDATES) for likeness in alike]
                by = say("BM25 + embeddings ({model})", model=spec.name)
        flatness = ALIKE if by == BY_WORDS else UNLIKE
        found = rankings[0] if len(rankings) == 1 else fused(rankings, CANDIDATES, flatness)
        if not found:
            warnings.append(say("Nothing in the documents is like the question; their beginning is read."))
            beginnings = [each.passages[:CANDIDATES] for each in opened]
            found = [Found(place, passage, 0.0) for place, each in enumerate(beginnings) for passage in each]
            found.sort(key=lambda each: (each.passage.number, each.document))
        return Search(found, by, opened, tuple(warnings))

    async def _indexed(self, opened: Sequence[OpenDocument]) -> tuple[Sequence[OpenDocument], list[str]]:
        """The documents that can be searched by now, and what that lacks.

        The numbers of a document go on from those of the one before it: behind one that is not whole none is searched.
        """
        waiting = asyncio.ensure_future(_complete(opened))
        try:
            await asyncio.wait({waiting}, timeout=self._patience)
            if waiting.done():
                waiting.result()
        finally:
            waiting.cancel()
        whole = next((place for place, each in enumerate(opened) if not each.index.complete), len(opened))
        if whole == len(opened):
            return opened, []
        sizes = [len(each.document.text) for each in opened]
        share = (sum(sizes[:whole]) + opened[whole].index.share * sizes[whole]) / max(1, sum(sizes))
        warnings = [say("Only the first {share:.0%} of the text could be searched by now.", share=share)]
        if unsearched := [visible_line(each.document.name) for each in opened[whole + 1 :]]:
            names = ", ".join(unsearched[:MOST_NAMED]) + (", …" if len(unsearched) > MOST_NAMED else "")
            warnings.append(say("Not searched yet: {names}.", names=names))
        return opened[: whole + 1], warnings

    async def _alike(
        self, vectors: Vectors, spec: ModelSpec, opened: Sequence[OpenDocument], questions: Sequence[str]
    ) -> tuple[list[list[list[float]]] | None, list[str]]:
        """For each question and document, how alike its passages are to it; `None` where that is not known, and why."""
        likes = [vectors.likeness(_name(each), spec, _Texts(each)) for each in opened]
        if vectors.problem is None:
            for like in likes:
                like.begin()
            for like in likes:
                await like.wait()
        problem = vectors.problem or next((like.problem for like in likes if like.problem), None)
        if problem is not None:
            return None, [by_words_alone(spec, problem)]
        if not all(like.complete for like in likes):
            return None, [_still_making(spec, likes)]
        try:
            # A draft that is empty yet is like nothing.
            asked = [question for question in questions if question.strip()]
            alike = [[await like.scores(question) for like in likes] for question in asked]
        except LlmlabError as error:
            vectors.fail(spec, error)
            return None, [by_words_alone(spec, error)]
        return alike, [] if vectors.unkept is None else [str(vectors.unkept)]


async def _complete(opened: Sequence[OpenDocument]) -> None:
    for each in opened:
        await each.complete()


class _Texts:
    """The passages of a document, once all are found."""

    def __init__(self, opened: OpenDocument) -> None:
        self._opened = opened

    async def __call__(self) -> Sequence[str]:
        await self._opened.complete()
        return [self._opened.text_of(passage) for passage in self._opened.passages]


def _name(opened: OpenDocument) -> str:
    return f"document {opened.document.digest} in passages of {opened.size}"


def _still_making(spec: ModelSpec, likes: Sequence[Likeness]) -> str:
    share = min(0.99, sum(like.done for like in likes) / max(1, sum(like.count for like in likes)))
    return say(
        "Passages are found by their words alone for now: {model} has embedded {share:.0%} of them.",
        model=spec.name,
        share=share,
    )


async def fitting(
    engine: Engine, opened: Sequence[OpenDocument], found: Sequence[Found], *, room: int, share: int, k: int | None
) -> tuple[Excerpt, ...]:
    """The best of what was found that fit into `room`, and into their `share` of it; in the order of the documents."""
    firsts = [sum(len(each.passages) for each in opened[:place]) for place in range(len(opened))]
    ranked = found[:k]

    def excerpt(document: int, one: Found) -> Excerpt:
        return opened[document].excerpt(one.passage, document=document, first=firsts[document])

    sizes = await engine.count([f"[{(part := excerpt(one.document, one)).number}] {part.text}\n" for one in ranked])
    framed: set[int] = set()
    for place, one in enumerate(ranked):
        # The first passage of a document brings its frame.
        sizes[place] += 0 if one.document in framed else FRAME
        framed.add(one.document)
    chosen = within(ranked, sizes, room if k is not None else min(room, max(share, sizes[0] if sizes else 0)))
    places = [(run.document, passage) for run in stretches(chosen) for passage in run.passages]
    return tuple(opened[place].excerpt(passage, document=place, first=firsts[place]) for place, passage in places)
