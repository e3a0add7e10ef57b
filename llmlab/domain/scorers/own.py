"""Somebody else's scorer, found as a Python entry point in the group `llmlab.scorers`.

A scorer is a function of an item and an answer that returns whether it is right, or a figure from 0 to 1, or a `Scored`
with its outcome; options of the experiment file come as keywords:

    def polite(item: Item, answer: Answer, *, word: str = "please") -> bool:
        return word in answer.text
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from llmlab.domain.experiment import Item
from llmlab.domain.outcomes import Answer, Scored
from llmlab.domain.scorers.base import Need, measured, right_or_wrong
from llmlab.words import say

GROUP: Final = "llmlab.scorers"

Function = Callable[..., object]


@dataclass(frozen=True, slots=True)
class Own:
    """A scorer from an entry point."""

    function: Function
    name: str
    options: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    needs: Need = ""

    def score(self, item: Item, answer: Answer) -> tuple[Scored, ...]:
        """What the function says.

        Raises:
            TypeError: it says something that is no verdict.
        """
        said = self.function(item, answer, **self.options)
        if isinstance(said, Scored):
            return (replace(said, scorer=self.name),)
        if isinstance(said, bool):
            return (right_or_wrong(self, said, ""),)
        if isinstance(said, int | float):
            return (measured(self, float(said), ""),)
        raise TypeError(say("a scorer returns true, false, a number or a Scored, not {kind}", kind=type(said).__name__))
