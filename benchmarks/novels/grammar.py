"""What the novels of every language share: facts, a cast, and sentences drawn from pools of phrases."""

from __future__ import annotations

import random
import re
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Pools = Mapping[str, Sequence[str]]
CAST: Final = 80
"""Those whom a whole book is about."""
_SLOT: Final = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that one sentence of a novel says, and a question that a reader would put in other words."""

    question: str
    answer: str
    """Stands in the sentence."""
    sentence: str
    mentions: tuple[str, ...] = ()
    """Sentences about the same thing that do not answer the question."""


def read_pools(language: str) -> Pools:
    """The words and phrases of `language` by kind; what is written without bars is a pool of characters."""
    written = tomllib.loads((Path(__file__).parent / f"{language}.toml").read_text(encoding="utf-8"))
    return {
        kind: tuple(part.strip() for part in text.split("|")) if "|" in text else text for kind, text in written.items()
    }


class Grammar(ABC):
    """The grammar of a language; what it makes depends on the generator that it draws from."""

    joint = " "
    """What stands between two sentences."""
    indent = ""
    """What a paragraph begins with."""

    def __init__(self, rng: random.Random, pools: Pools, names: list[str]) -> None:
        self.rng, self.pools = rng, pools
        rng.shuffle(names)
        self.names = iter(names)
        """Those who were not met yet."""
        self.cast = [next(self.names) for _ in range(CAST)]
        self._used: set[str] = set()

    @property
    @abstractmethod
    def kinds(self) -> Sequence[Callable[[], Fact]]:
        """What makes facts, each of another kind."""

    @abstractmethod
    def heading(self, number: int) -> str:
        """The heading of a chapter."""

    def paragraph(self) -> list[str]:
        """Three to nine sentences."""
        return [self.sentence() for _ in range(self.rng.randrange(3, 10))]

    def sentence(self) -> str:
        """A sentence of the pool, its slots filled with phrases, and with two of the cast."""
        who, other = self.rng.sample(self.cast, 2)
        people = {"who": who, "other": other}
        return _SLOT.sub(
            lambda slot: people.get(slot[1]) or self.one(self.pools[slot[1]]), self.one(self.pools["sentences"])
        )

    def facts(self, count: int) -> list[Fact]:
        """So many facts, the kinds in turn."""
        kinds = self.kinds
        return [kinds[place % len(kinds)]() for place in range(count)]

    def one(self, pool: Sequence[str]) -> str:
        """Any of them."""
        return self.rng.choice(pool)

    def fresh(self, make: Callable[[], str]) -> str:
        """What `make` makes, and made never before."""
        while (name := make()) in self._used:
            pass
        self._used.add(name)
        return name
