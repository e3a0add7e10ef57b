"""Which passages of documents a question is about: an index that grows in slices, fusion with vectors, a budget."""

from __future__ import annotations

import heapq
import math
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Final

from llmlab.domain.bm25 import terms_of
from llmlab.domain.document import Document
from llmlab.domain.passages import SIZE, Passage, passages_of
from llmlab.domain.wording import asked, asked_pairs, stemmed

SLICE: Final = 20_000
"""Characters that are indexed in one go: some tens of milliseconds."""
_K1: Final = 1.2
_B: Final = 0.75
ALIKE: Final = 60
"""How little the first places count more than those behind them (Cormack, Clarke and Buettcher 2009)."""
UNLIKE: Final = 10
"""The same for rankings of different kinds: what one puts first must not fall behind all that both merely know."""
_REREAD: Final = 48
"""The best passages, which are read once more for words that follow each other."""
_COUNT_BITS: Final = 8
_MOST: Final = (1 << _COUNT_BITS) - 1


@dataclass(frozen=True, slots=True)
class Found:
    """A passage that may answer a question."""

    document: int
    """Which of the documents, from 0."""
    passage: Passage
    score: float
    """Higher is better; comparable within one result alone."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Passages of one document that follow each other."""

    document: int
    """Which of the documents, from 0."""
    passages: tuple[Passage, ...]
    """One or more, in order."""

    @property
    def start(self) -> int:
        """Offset into the text, in characters."""
        return self.passages[0].start

    @property
    def end(self) -> int:
        """Offset after its last character."""
        return self.passages[-1].end


class PassageIndex:
    """The passages of one document and what they are found by.

    One thread may let it grow while others search: what a search reads is only ever appended to.

    Args:
        document: what is indexed; nothing is done before `grow` is called.
        size: what a passage weighs at the most.
    """

    def __init__(self, document: Document, size: int = SIZE) -> None:
        self.document = document
        self._waiting = passages_of(document, size)
        self._passages: list[Passage] = []
        self._lengths = array("I")
        self._terms = 0
        self._complete = False
        # Most terms of a text occur in one passage of it: those have no array of their own.
        self._postings: dict[str, int | array[int]] = {}

    @property
    def passages(self) -> Sequence[Passage]:
        """Those that are indexed by now, in order."""
        return self._passages

    @property
    def complete(self) -> bool:
        """The whole document is indexed."""
        return self._complete

    @property
    def share(self) -> float:
        """How much of the text is indexed, 0 to 1."""
        if self._complete:
            return 1.0
        return self._passages[-1].end / len(self.document.text) if self._passages else 0.0

    def grow(self, characters: int = SLICE) -> bool:
        """Index the next passages, about so many characters of them; whether there is more to do."""
        begun = None
        for passage in self._waiting:
            begun = passage.start if begun is None else begun
            self._add(passage)
            if passage.end - begun >= characters:
                return True
        self._complete = True
        return False

    def _add(self, passage: Passage) -> None:
        counts = Counter(stemmed(terms_of(self.document.text[passage.start : passage.end])))
        row, length = len(self._passages), sum(counts.values())
        self._passages.append(passage)
        self._lengths.append(length)
        self._terms += length
        postings = self._postings
        for term, count in counts.items():
            packed = row << _COUNT_BITS | min(count, _MOST)
            before = postings.get(term)
            if before is None:
                postings[term] = packed
            elif isinstance(before, int):
                postings[term] = array("I", (before, packed))
            else:
                before.append(packed)

    def postings_of(self, term: str) -> Sequence[int]:
        """Where `term` occurs, in order: the row times 256, plus how often it occurs there, 255 at the most."""
        found = self._postings.get(term, ())
        # A copy: the array may grow while it is read.
        return (found,) if isinstance(found, int) else found[:]

    @property
    def lengths(self) -> Sequence[int]:
        """Terms of each passage."""
        return self._lengths

    @property
    def terms(self) -> int:
        """Terms of all passages."""
        return self._terms


def search(indexes: Sequence[PassageIndex], question: str, limit: int) -> list[Found]:
    """The passages that share the rarest words with `question`, the best first and the earlier of equals first.

    The documents count as one collection, so that their passages compete (BM25, Robertson and Zaragoza 2009). Among the
    best, words that follow each other in the question as in the passage count once more, so that a person is found by
    both names at once (after Metzler and Croft 2005).

    Args:
        indexes: one a document, complete or not.
        question: any text.
        limit: at most so many.
    """
    size = sum(len(index.passages) for index in indexes)
    mean = max(1.0, sum(index.terms for index in indexes) / max(1, size))
    scores: dict[tuple[int, int], float] = {}
    rarities: dict[str, float] = {}
    for term, times in Counter(asked(question)).items():
        places = [index.postings_of(term) for index in indexes]
        holding = sum(map(len, places))
        rarity = rarities[term] = times * math.log(1 + max(0.0, size - holding + 0.5) / (holding + 0.5))
        for document, (index, packed) in enumerate(zip(indexes, places, strict=True)):
            lengths = index.lengths
            for place in packed:
                row, count = place >> _COUNT_BITS, place & _MOST
                part = count * (_K1 + 1) / (count + _K1 * (1 - _B + _B * lengths[row] / mean))
                scores[document, row] = scores.get((document, row), 0.0) + rarity * part
    found = _best(indexes, scores, max(limit, _REREAD) if limit > 0 else 0)
    pairs = {pair: (rarities[pair[0]] + rarities[pair[1]]) / 2 for pair in asked_pairs(question)}
    if pairs:
        for item in found:
            shared = pairs.keys() & _neighbours(indexes[item.document].document.text, item.passage)
            scores[item.document, item.passage.number - 1] += sum(map(pairs.__getitem__, shared))
        chosen = {(item.document, item.passage.number - 1) for item in found}
        found = _best(indexes, {place: scores[place] for place in chosen}, limit)
    return found[: max(0, limit)]


def _best(indexes: Sequence[PassageIndex], scores: Mapping[tuple[int, int], float], limit: int) -> list[Found]:
    best = heapq.nsmallest(limit, scores, key=lambda place: (-scores[place], place))
    return [Found(document, indexes[document].passages[row], scores[document, row]) for document, row in best]


def _neighbours(text: str, passage: Passage) -> set[tuple[str, str]]:
    """Terms of a passage that follow each other."""
    return set(pairwise(stemmed(terms_of(text[passage.start : passage.end]))))


def fused(rankings: Iterable[Sequence[Found]], limit: int, flatness: int = ALIKE) -> list[Found]:
    """Several rankings as one, by reciprocal rank: what many put in front comes first.

    Args:
        rankings: each the best first, as `search` and `by_likeness` give them.
        limit: at most so many.
        flatness: how little the first places count more than those behind them.
    """
    scores: dict[tuple[int, Passage], float] = {}
    for ranking in rankings:
        for rank, found in enumerate(ranking, 1):
            key = (found.document, found.passage)
            scores[key] = scores.get(key, 0.0) + 1 / (flatness + rank)
    best = heapq.nsmallest(max(0, limit), scores, key=lambda key: (-scores[key], key[0], key[1].number))
    return [Found(document, passage, scores[document, passage]) for document, passage in best]


def by_likeness(indexes: Sequence[PassageIndex], likeness: Sequence[Sequence[float]], limit: int) -> list[Found]:
    """The passages whose vectors point the way the question's does, the best first and the earlier of equals first.

    Args:
        indexes: one a document.
        likeness: for each document, how alike each of its passages is to the question, in order.
        limit: at most so many.
    """
    scores = {(document, row): score for document, rows in enumerate(likeness) for row, score in enumerate(rows)}
    return _best(indexes, scores, max(0, limit))


def within(ranked: Sequence[Found], tokens: Sequence[int], budget: int) -> list[Found]:
    """The first of `ranked` that fit together, the best first; never a worse one in place of a better one.

    Args:
        ranked: the best first.
        tokens: what each of them takes in the prompt.
        budget: tokens that there are for all.
    """
    chosen, used = [], 0
    for found, size in zip(ranked, tokens, strict=True):
        used += size
        if used > budget:
            break
        chosen.append(found)
    return chosen


def stretches(found: Iterable[Found]) -> tuple[Stretch, ...]:
    """What was found in the order of the documents, neighbours as one stretch; each passage once."""
    places = sorted({(item.document, item.passage.number): item.passage for item in found}.items())
    runs = groupby(enumerate(places), key=lambda item: (item[1][0][0], item[1][0][1] - item[0]))
    return tuple(Stretch(document, tuple(passage for _, (_, passage) in run)) for (document, _), run in runs)
