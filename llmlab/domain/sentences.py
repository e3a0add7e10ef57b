"""Where sentences end, in Chinese and in Western scripts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_CLOSERS: Final = "”’」』）】》〉\"')\\]"
_END: Final = re.compile(rf"(?:[。！？…｡]|[!?.]{{1,9}}(?=[{_CLOSERS}]*(?:\s|$)))[。！？…!?.]*[{_CLOSERS}]*")
"""A mark that ends a sentence, with the quotation marks and brackets that close after it."""
_ABBREVIATION: Final = re.compile(
    r"mr|mrs|ms|mx|dr|prof|rev|hon|st|mt|messrs|gen|col|capt|lt|sgt|gov|sen|rep|jr|sr|inc|ltd|co|corp|vs|etc|cf|al"
    r"|nos?|vols?|figs?|pp|ch|sec|eds?|approx|dept|est|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec"
    r"|.*\..*|[^\W\d_]",
    re.IGNORECASE,
)
"""`Mr`, `e.g`, an initial; a dot after them ends no sentence."""
_WORD_BEFORE: Final = re.compile(r"[^\W\d_]+(?:\.[^\W\d_]+)*\Z")
_LONGEST_WORD: Final = 24


def sentence_ends(text: str, start: int, end: int) -> Iterator[int]:
    """Offsets right after the sentences of `text[start:end]`, in order; the rest after the last has no mark."""
    for match in _END.finditer(text, start, end):
        if text[match.start()] != "." or not _is_abbreviated(text, match.start(), start):
            yield match.end()


def _is_abbreviated(text: str, dot: int, start: int) -> bool:
    """The dot belongs to `Mr`, to `e.g`, or to an initial, and a sentence goes on after it."""
    found = _WORD_BEFORE.search(text[max(start, dot - _LONGEST_WORD) : dot])
    if found is None:
        return False
    return found.group() != "I" and _ABBREVIATION.fullmatch(found.group()) is not None
