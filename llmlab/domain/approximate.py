"""Where a long text holds something nearly like a short one: anchors that both share, then the fewest edits."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Final

TOLERANCE: Final = 1 / 4
"""Edits for each character of the pattern with which it still counts as found."""
_GRAMS: Final = 48
"""Anchors that are looked up, spread over the pattern."""
_PLENTY: Final = 64
"""Occurrences of an anchor that are looked at."""
_TRIED: Final = 6
"""Places that are compared edit by edit."""
_WIDE_FROM: Final = "\u2e80"


@dataclass(frozen=True, slots=True)
class Match:
    """A stretch of a text that is nearly the pattern."""

    start: int
    end: int
    edits: int
    """Characters put in, left out or changed."""


def find_near(pattern: str, text: str, start: int = 0, end: int | None = None) -> Match | None:
    """The stretch of `text[start:end]` with the fewest edits from `pattern`; `None` when it takes too many.

    Every stretch is considered that shares a run of a few characters with `pattern` at about the place where it should
    stand: reading for anchors runs at the speed of a search for words, and edits are counted around the best places.
    """
    end = len(text) if end is None else end
    most = int(len(pattern) * TOLERANCE)
    best: Match | None = None
    for place in _candidates(pattern, text, start, end):
        low = max(start, place - most - 1)
        high = min(end, place + len(pattern) + most + 1)
        found = fewest_edits(pattern, text[low:high])
        if found is not None and found.edits <= most and (best is None or found.edits < best.edits):
            best = Match(found.start + low, found.end + low, found.edits)
    return best


def fewest_edits(pattern: str, text: str) -> Match | None:
    """The stretch of `text` with the fewest edits from all of `pattern`, the first of equals; `None` without a pattern.

    Myers' bit vectors (1999), one machine step for each character of `text` and word of `pattern`.
    """
    if not pattern:
        return None
    edits, end = _best_end(pattern, text)
    # Backwards from where it ends, the same search tells where it starts.
    reach = text[max(0, end - len(pattern) - edits) : end][::-1]
    _, length = _best_end(pattern[::-1], reach, anchored=True)
    return Match(end - length, end, edits)


def _best_end(pattern: str, text: str, *, anchored: bool = False) -> tuple[int, int]:
    """The fewest edits with which `pattern` ends somewhere in `text`, and where, the first of equals.

    Args:
        pattern: at least a character.
        text: any text.
        anchored: what is matched begins where `text` begins.
    """
    length = len(pattern)
    masks: dict[str, int] = {}
    for at, character in enumerate(pattern):
        masks[character] = masks.get(character, 0) | 1 << at
    full, last = (1 << length) - 1, 1 << (length - 1)
    more, less, edits = full, 0, length
    best, best_end = length, 0
    for end, character in enumerate(text, 1):
        here = masks.get(character, 0)
        flat = (((here & more) + more) ^ more) | here | less
        rise, fall = less | ~(flat | more) & full, more & flat
        edits += bool(rise & last) - bool(fall & last)
        rise, fall = (rise << 1 | anchored) & full, fall << 1 & full
        cross = here | less
        more, less = fall | ~(cross | rise) & full, rise & cross
        if edits < best:
            best, best_end = edits, end
    return best, best_end


def _candidates(pattern: str, text: str, start: int, end: int) -> list[int]:
    """Where `pattern` may begin, the most promising place first."""
    wide = sum(character >= _WIDE_FROM for character in pattern) * 2 > len(pattern)
    for length in (4, 3, 2) if wide else (8, 6, 4):
        votes = _votes(pattern, text, start, end, length)
        if votes:
            bucket = max(1, len(pattern) // 3)
            together: defaultdict[int, float] = defaultdict(float)
            for place, share in votes.items():
                together[place // bucket] += share
            scored = {at: together[at // bucket] + together.get(at // bucket + 1, 0.0) for at in votes}
            return _apart(scored, bucket)
    return []


def _votes(pattern: str, text: str, start: int, end: int, length: int) -> dict[int, float]:
    """For each place where `pattern` may begin, its anchors of `length` characters that say so; the rare count more."""
    last = len(pattern) - length
    step = max(1, last // _GRAMS)
    votes: dict[int, float] = {}
    for at in range(0, last + 1, step):
        gram = pattern[at : at + length]
        found: list[int] = []
        place = text.find(gram, start, end)
        while place >= 0 and len(found) < _PLENTY:
            found.append(place - at)
            place = text.find(gram, place + 1, end)
        for begin in found:
            votes[begin] = votes.get(begin, 0.0) + 1 / len(found)
    return votes


def _apart(scored: dict[int, float], distance: int) -> list[int]:
    """The best places, each at least `distance` from the better ones."""
    chosen: list[int] = []
    for place in sorted(scored, key=lambda place: (-scored[place], place)):
        if all(abs(place - other) >= distance for other in chosen):
            chosen.append(place)
            if len(chosen) == _TRIED:
                break
    return chosen
