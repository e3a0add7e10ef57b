"""Prompt lookup: guesses what an answer says next from where its last tokens stood before, in the prompt or itself.

Source: Saxena, "Prompt Lookup Decoding" (2023), which takes the first match of a fixed length; here it is the longest
one, the latest of several. A guess costs no computation of a model, so one is made at every token, used or not: how
often guesses come true is known before any of them is used.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

import numpy as np

from llmlab.engine.llama.payoff import Odds
from llmlab.engine.llama.prefix import Tokens

SHORTEST: Final = 2
"""Tokens that must have stood before in the same order."""
LONGEST: Final = 32
"""Longer matches are no better than this."""
GRADES: Final = (2, 3, 4, 6, 8, 12, 16, 24, 32)
"""Lengths of a match from which on its guesses are counted apart."""
PRIORS: Final = (0.1, 0.2, 0.3, 0.5, 0.65, 0.75, 0.85, 0.9, 0.95)
"""Share of guesses that come true, by grade, before any was seen."""


class Lookup:
    """The guesses for one answer."""

    def __init__(self, odds: Odds) -> None:
        """Begin; `odds` learns, by grade, how often guesses come true."""
        self._odds = odds
        self._seen = 0
        """Tokens that were looked at."""
        self._place = -1
        """Where in the tokens the guess for the next one stands; -1 where there is none."""
        self._match = 0
        """Tokens before `_place` that are also the last ones, up to `LONGEST`."""

    def follow(self, tokens: Tokens, length: int) -> None:
        """Look at what was written since the last call; the text is `tokens[:length]`, which only ever grows."""
        for place in range(self._seen, length) if self._place >= 0 else ():
            right = bool(tokens[self._place] == tokens[place])
            self._odds.note(grade(self._match), right=right)
            if not right:
                self._place = -1
                break
            self._place += 1
            self._match = min(self._match + 1, LONGEST)
        if self._place < 0 and length > self._seen:
            self._place, self._match = find(tokens[:length])
        self._seen = length

    @property
    def matches(self) -> bool:
        """The last tokens stood somewhere before."""
        return self._place >= 0

    def guess(self, tokens: Tokens, count: int) -> tuple[Tokens, list[float]]:
        """Up to `count` next tokens, and for each the chance that it and all before it are right."""
        if self._place < 0 or count <= 0:
            return tokens[:0], []
        guessed = tokens[self._place : min(self._place + count, self._seen)]
        if len(guessed) < count:
            # The match reaches the end of the text: what repeats is what lies between the two.
            guessed = np.resize(guessed, count)
        chances, chance = [], 1.0
        for step in range(count):
            chance *= self._odds.of(grade(min(self._match + step, LONGEST)))
            chances.append(chance)
        return guessed, chances


def grade(match: int) -> int:
    """The index in `GRADES` of a match of `match` tokens."""
    return bisect_right(GRADES, match) - 1


def find(tokens: Tokens) -> tuple[int, int]:
    """Where the longest earlier occurrence of the end of `tokens` goes on, and its length; (-1, 0) when none does.

    Of several of the same length it is the last; lengths above `LONGEST` count as that.
    """
    length = len(tokens)
    if length <= SHORTEST:
        return -1, 0
    ends = np.flatnonzero(tokens[:-1] == tokens[-1])
    match = 1
    while match < LONGEST and len(ends):
        longer = ends[ends >= match]
        longer = longer[tokens[longer - match] == tokens[length - 1 - match]]
        if not len(longer):
            break
        ends = longer
        match += 1
    return (int(ends[-1]) + 1, match) if len(ends) and match >= SHORTEST else (-1, 0)
