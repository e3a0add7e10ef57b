"""Rules that show in examples alone: of strings, of numbers, of kinds of things and labels for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

from llmlab.domain.experiment import Item
from llmlab.domain.generators.base import Arguments, Generator, Made, Parameter, any_word, held_out, invented
from llmlab.domain.generators.world import CATEGORIES, CHINESE, LABELS
from llmlab.domain.shots import Shot


@dataclass(frozen=True, slots=True)
class Rule:
    """A function of a word or number."""

    name: str
    draw: Callable[[Random], str]
    apply: Callable[[str], str]
    labels: tuple[str, ...] = ()
    """All that it answers, where that is one of a few."""


def _number(rng: Random) -> str:
    return str(rng.randint(1, 60) if rng.random() < 0.5 else rng.randint(1, 999))


def _chinese(rng: Random) -> str:
    return rng.choice(CHINESE)


STRINGS: Final = (
    Rule("reverse", any_word, lambda x: x[::-1]),
    Rule("first", any_word, lambda x: x[0]),
    Rule("last", any_word, lambda x: x[-1]),
    Rule("upper", any_word, str.upper),
    Rule("double", any_word, lambda x: f"{x} {x}"),
    Rule("plural", any_word, lambda x: f"{x}s"),
    Rule("ends", any_word, lambda x: x[0] + x[-1]),
    Rule("stars", any_word, lambda x: f"*{x}*"),
    Rule("length", any_word, lambda x: str(len(x))),
)
CHINESE_STRINGS: Final = (
    Rule("zh-first", _chinese, lambda x: x[0]),
    Rule("zh-last", _chinese, lambda x: x[-1]),
    Rule("zh-double", _chinese, lambda x: x + x),
    Rule("zh-reverse", _chinese, lambda x: x[::-1]),
    Rule("zh-very", _chinese, lambda x: f"很{x}"),
)
NUMBERS: Final = (
    Rule("plus1", _number, lambda x: str(int(x) + 1)),
    Rule("plus2", _number, lambda x: str(int(x) + 2)),
    Rule("plus5", _number, lambda x: str(int(x) + 5)),
    Rule("plus10", _number, lambda x: str(int(x) + 10)),
    Rule("minus1", _number, lambda x: str(int(x) - 1)),
    Rule("times2", _number, lambda x: str(int(x) * 2)),
)


def _kind(name: str, side: int) -> Rule:
    kinds = {pair[side]: kind[side] for kind, words in CATEGORIES.items() for pair in words}
    pool = sorted(kinds)
    return Rule(name, lambda rng: rng.choice(pool), lambda x: kinds[x])


KINDS: Final = (_kind("kind", 0), _kind("zh-kind", 1))


def _label(rng: Random, *, chinese: bool) -> Rule:
    """Two kinds of things under two words that say nothing by themselves."""
    left, right = rng.sample(list(CATEGORIES), 2)
    side = int(chinese)
    ones = {pair[side] for pair in CATEGORIES[left]}
    pool = sorted(ones) + sorted(pair[side] for pair in CATEGORIES[right])
    first, second = rng.choice(LABELS) if rng.random() < 0.6 else (invented(rng, 2, 3), invented(rng, 2, 3))
    second += "o" if first == second else ""
    if rng.random() < 0.5:
        first, second = second, first
    name = f"label|{left[0]}|{right[0]}|{first}|{second}"
    return Rule(name, lambda draw: draw.choice(pool), lambda x: first if x in ones else second, (first, second))


def _parity(rng: Random) -> Rule:
    first, second = rng.choice(LABELS)
    name = f"parity|{first}|{second}"
    return Rule(name, _number, lambda x: first if int(x) % 2 else second, (first, second))


def _rule(rng: Random, kind: str, *, chinese: bool) -> Rule:
    match kind:
        case "string":
            return rng.choice(CHINESE_STRINGS if chinese else STRINGS)
        case "number":
            return rng.choice(NUMBERS)
        case "kind":
            return KINDS[chinese]
        case "parity":
            return _parity(rng)
        case _:
            return _label(rng, chinese=chinese)


def _instance(rule: Rule, value: str) -> str:
    """Shared with instructions that name the same rule, so that a held-out one is unseen everywhere."""
    return f"rule|{rule.name}|{value}"


def _shots(rule: Rule, query: str, count: int) -> tuple[Shot, ...]:
    """Examples of the training side, the first ones as telling as they can be: every label among the first of them."""
    rng = Random(f"shots {rule.name} {query}")
    shots: list[Shot] = []
    shown = {query}
    for _ in range(400):
        if len(shots) == count:
            break
        value = rule.draw(rng)
        output = rule.apply(value)
        fresh = {shot.output for shot in shots}
        if value in shown or held_out(_instance(rule, value)):
            continue
        if len(shots) < len(rule.labels) and output in fresh:
            continue
        shown.add(value)
        shots.append(Shot(value, output))
    return tuple(shots)


def _make(rng: Random, given: Arguments, _place: int) -> Made:
    chinese = given.chinese
    rule = _rule(rng, given.text("kind"), chinese=chinese)
    query = rule.draw(rng)

    def item() -> Item:
        return Item(
            id="",
            question=query,
            gold=(rule.apply(query),),
            choices=rule.labels,
            cluster=rule.name,
            shots=_shots(rule, query, given.number("shots")),
            fields={"rule": rule.name.partition("|")[0]},
        )

    return Made(_instance(rule, query), item)


RULES: Final = Generator(
    "rules",
    'a rule that only the examples tell; they come with each item, for shots.set = "data"',
    (
        Parameter("kind", "label", "what the rule is about", choices=("string", "number", "label", "parity", "kind")),
        Parameter("shots", 16, "examples that each item brings along, at most", 1, 32),
        Parameter("language", "en", "of the words", choices=("en", "zh")),
    ),
    _make,
)
