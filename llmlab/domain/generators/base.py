"""What every generator is, and how items are drawn from one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Final, TypeVar

from llmlab.domain.experiment import Item, Value
from llmlab.domain.generators.world import ENGLISH

HELD_OUT_SHARE: Final = 12
"""One instance in this many was kept out of the training of the pocket models."""
PATIENCE: Final = 5_000
"""Draws for one item until there is no other."""


def held_out(key: str) -> bool:
    """No pocket model was trained on the instance; the same rule as in their training."""
    return hashlib.sha256(key.encode()).digest()[0] % HELD_OUT_SHARE == 0


def sum_key(kind: str, a: int, b: int) -> str:
    """The instance of a sum (`add`, `sub`, `mul`) of two numbers in either order."""
    return f"number|{kind}|{min(a, b)}|{max(a, b)}"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument of a generator."""

    name: str
    default: Value
    help: str
    """One line in English for the documentation."""
    low: float = 0
    high: float = 0
    """Bounds of a number."""
    choices: tuple[str, ...] = ()
    """Of a text."""


LANGUAGE: Final = Parameter("language", "en", "of questions and answers", choices=("en", "zh"))


@dataclass(frozen=True, slots=True)
class Made:
    """One item before it has an id."""

    key: str
    """The instance; it alone decides between training and held out."""
    item: Callable[[], Item]
    """Writes it out, without an id; only for instances that are taken."""
    apart: str = ""
    """What makes it different from other items of the same instance; empty: an instance comes once."""


class TokenSizes:
    """How many tokens texts have; a guess until they are counted, all that were asked about together.

    Args:
        count: tokens of each text by the vocabulary of a model.
    """

    def __init__(self, count: Callable[[Sequence[str]], Sequence[int]]) -> None:
        self._count = count
        self._known: dict[str, int] = {}
        self._guessed: set[str] = set()

    def of(self, text: str) -> int:
        """Tokens of a text."""
        if text not in self._known:
            self._guessed.add(text)
        return self._known.get(text, max(1, len(text) // 4))

    def settle(self) -> bool:
        """Count what was guessed; whether anything was, so that what was made by it has to be made anew."""
        texts = sorted(self._guessed)
        self._guessed.clear()
        if texts:
            self._known.update(zip(texts, self._count(texts), strict=True))
        return bool(texts)


@dataclass(frozen=True, slots=True)
class Arguments:
    """What a generator is asked for."""

    values: Mapping[str, Value]
    sizes: TokenSizes | None = None
    """Where lengths are told in tokens."""

    def number(self, name: str) -> int:
        """A whole number."""
        value = self.values[name]
        return int(value) if isinstance(value, int | float) else 0

    def share(self, name: str) -> float:
        """A number."""
        value = self.values[name]
        return float(value) if isinstance(value, int | float) else 0.0

    def text(self, name: str) -> str:
        """One of the choices."""
        return str(self.values[name])

    def is_on(self, name: str) -> bool:
        """A switch."""
        return self.values[name] is True

    @property
    def chinese(self) -> bool:
        """The language is Chinese."""
        return self.values.get("language") == "zh"


Make = Callable[[Random, Arguments, int], Made]
"""Draws one item; the number is its place, from 0. What two sets of arguments have in common has to be drawn first."""


@dataclass(frozen=True, slots=True)
class Generator:
    """One family of items."""

    name: str
    help: str
    """One line in English for the documentation."""
    parameters: tuple[Parameter, ...]
    make: Make

    def parameter(self, name: str) -> Parameter | None:
        """The parameter of this name."""
        return next((one for one in (*self.parameters, HELD_OUT) if one.name == name), None)


TOKENS: Final = "tokens"
UNIT: Final = Parameter("unit", "characters", "of lengths; tokens of the first model", choices=("characters", TOKENS))
HELD_OUT: Final = Parameter("held_out", True, "only instances that no pocket model was trained on")
"""Every generator takes it."""


class TooFew(Exception):
    """A generator has not as many different items.

    Args:
        found: how many it has.
    """

    def __init__(self, found: int) -> None:
        super().__init__(found)
        self.found = found


def generate(
    generator: Generator, count: int, seed: int, given: Mapping[str, Value], sizes: TokenSizes | None = None
) -> tuple[Item, ...]:
    """`count` different items; the same for the same seed and arguments.

    An item keeps its place, and what its question is about, when an argument such as a length or a depth changes, so
    that arms over such an argument are compared in pairs.

    Args:
        generator: the family.
        count: how many.
        seed: of all that is drawn.
        given: arguments by name; those left out are at their defaults.
        sizes: counts tokens, for `unit = "tokens"`.

    Raises:
        TooFew: there are not as many.
    """
    defaults = {one.name: one.default for one in (*generator.parameters, HELD_OUT)}
    arguments = Arguments({**defaults, **given})
    if arguments.values.get("unit") == TOKENS and sizes is not None:
        while items := _drawn(generator, count, seed, replace(arguments, sizes=sizes)):
            if not sizes.settle():
                return items
    return _drawn(generator, count, seed, arguments)


def _drawn(generator: Generator, count: int, seed: int, arguments: Arguments) -> tuple[Item, ...]:
    wants_held_out = arguments.is_on("held_out")
    items: list[Item] = []
    seen: set[tuple[str, str]] = set()
    for place in range(count):
        for attempt in range(PATIENCE):
            made = generator.make(Random(f"{generator.name}|{seed}|{place}|{attempt}"), arguments, place)
            mark = (made.key, made.apart)
            if mark not in seen and (not wants_held_out or held_out(made.key)):
                break
        else:
            raise TooFew(len(items))
        seen.add(mark)
        items.append(replace(made.item(), id=f"{generator.name}-{seed}-{place}"))
    return tuple(items)


T = TypeVar("T")


def trained(draw: Callable[[], T], key: Callable[[T], str]) -> T:
    """Something of the training side, for examples that are shown."""
    while held_out(key(made := draw())):
        pass
    return made


def invented(rng: Random, least: int = 3, most: int = 5) -> str:
    """A word of random letters."""
    return "".join(rng.choice(LETTERS) for _ in range(rng.randint(least, most)))


LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"


def any_word(rng: Random) -> str:
    """An English word, or sometimes one of random letters."""
    return invented(rng) if rng.random() < 0.35 else rng.choice(ENGLISH)
