"""Which of many texts are most like a question: BM25 over words, and over pairs of characters where none are marked."""

from __future__ import annotations

import heapq
import math
import re
import unicodedata
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

_UNSPACED: Final = "\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
"""Scripts whose words have no blanks between them, or endings that hide them: Chinese, Japanese, Korean."""
_TERM: Final = re.compile(rf"([{_UNSPACED}]+)|[^\W_{_UNSPACED}]+")
_LOOKUP: Final = 16
"""Postings that are read in the time that one of them is looked up."""
PLENTY: Final = 512
"""Postings from which it pays to ask first what can still be among the best."""
_ROUNDING: Final = 1e-9
"""Sums of weights that are equal on paper differ by less than this."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A text that was found."""

    row: int
    """Its place among the texts, from 0."""
    score: float


def terms_of(text: str) -> list[str]:
    """What `text` is found by: words in lower case; of unspaced scripts each character and each pair of neighbours."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    terms: list[str] = []
    for match in _TERM.finditer(text.lower()):
        run = match.group()
        if match.group(1) is None:
            terms.append(run)
        else:
            terms += run
            terms += (run[at : at + 2] for at in range(len(run) - 1))
    return terms


class Bm25:
    """An index of texts, made once and asked many times (Robertson and Zaragoza 2009; Lucene's idf, never negative).

    Args:
        texts: what can be found, in order.
        k1: how soon more occurrences of a word stop to count.
        b: how much long texts are held back, 0 to 1.
    """

    def __init__(self, texts: Iterable[str], *, k1: float = 1.2, b: float = 0.75) -> None:
        rows: dict[str, array[int]] = {}
        counts: dict[str, array[int]] = {}
        lengths: list[int] = []
        for row, text in enumerate(texts):
            terms = terms_of(text)
            lengths.append(len(terms))
            for term, count in Counter(terms).items():
                if term not in rows:
                    rows[term], counts[term] = array("I"), array("I")
                rows[term].append(row)
                counts[term].append(count)
        self._size = len(lengths)
        mean = max(1.0, sum(lengths) / max(1, self._size))
        held = [k1 * (1 - b + b * length / mean) for length in lengths]
        # One pair of arrays for all terms: a vocabulary of 100,000 would else cost as many small objects.
        self._spans: dict[str, tuple[int, int]] = {}
        self._rows = array("I")
        self._weights = array("f")
        for term, found in rows.items():
            start = len(self._rows)
            self._rows.extend(found)
            self._weights.extend(
                count * (k1 + 1) / (count + held[row]) for row, count in zip(found, counts.pop(term), strict=True)
            )
            self._spans[term] = (start, len(self._rows))

    def __len__(self) -> int:
        return self._size

    def search(self, query: str, limit: int, fits: Callable[[int], bool] | None = None) -> list[Hit]:
        """The texts most like `query`, the best first and the earlier of equals first; none that shares no term.

        Args:
            query: any text.
            limit: at most so many.
            fits: rows it refuses are left out.
        """
        if limit <= 0:
            return []
        wanted = [
            (self._idf(last - first) * times, first, last)
            for term, times in Counter(terms_of(query)).items()
            for first, last in [self._spans.get(term, (0, 0))]
            if last > first
        ]
        # The rarest first: what is common can then be skipped for texts that it could not bring up among the best.
        wanted.sort(key=lambda item: (-item[0], item[1]))
        bounds = [weight * max(self._weights[first:last]) for weight, first, last in wanted]
        scores: dict[int, float] = {}
        for place, (weight, first, last) in enumerate(wanted):
            left = sum(bounds[place:]) + _ROUNDING
            bar = self._bar(scores, limit, fits) if last - first > PLENTY else 0.0
            if bar > left:
                # Nothing that was not met yet can come up among the best, nor what is too far behind.
                scores = {row: score for row, score in scores.items() if score + left >= bar}
                self._add_to_known(scores, weight, first, last)
                continue
            for row, part in zip(self._rows[first:last], self._weights[first:last], strict=True):
                scores[row] = scores.get(row, 0.0) + weight * part
        fitting = scores if fits is None else [row for row in scores if fits(row)]
        best = heapq.nsmallest(limit, fitting, key=lambda row: (-scores[row], row))
        return [Hit(row, scores[row]) for row in best]

    def _idf(self, found: int) -> float:
        return math.log(1 + (self._size - found + 0.5) / (found + 0.5))

    def _bar(self, scores: Mapping[int, float], limit: int, fits: Callable[[int], bool] | None) -> float:
        """The score that is among the best for now; 0 while there are too few."""
        if len(scores) < limit:
            return 0.0
        known = scores.values() if fits is None else (score for row, score in scores.items() if fits(row))
        best = heapq.nlargest(limit, known)
        return best[-1] if len(best) == limit else 0.0

    def _add_to_known(self, scores: dict[int, float], weight: float, first: int, last: int) -> None:
        """A term's part of the scores there are; its rows ascend, so that few are looked up one by one."""
        if len(scores) * _LOOKUP > last - first:
            for row, part in zip(self._rows[first:last], self._weights[first:last], strict=True):
                if row in scores:
                    scores[row] += weight * part
            return
        for row in scores:
            at = bisect_left(self._rows, row, first, last)
            if at < last and self._rows[at] == row:
                scores[row] += weight * self._weights[at]
