"""Problems of several steps: stories with numbers, last letters, two hops, heads and legs, long sums."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

from llmlab.domain.experiment import Item
from llmlab.domain.generators.base import LANGUAGE, Generator, Made, Parameter, held_out, invented, sum_key, trained
from llmlab.domain.generators.world import CHINESE, ENGLISH, NAMES_EN, NAMES_ZH, PLACES, RELATIONS, THINGS
from llmlab.domain.shots import Shot

EXAMPLES: Final = 8
"""Worked examples that an item brings along, all of the training side."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A question with its worked steps."""

    key: str
    question: str
    steps: tuple[str, ...]
    answer: str
    chinese: bool
    bare: bool = False
    """It is answered by the value alone."""

    @property
    def final(self) -> str:
        """The closing sentence."""
        if self.bare:
            return self.answer
        return f"答案是{self.answer}。" if self.chinese else f"The answer is {self.answer}."

    def shot(self) -> Shot:
        """As a worked example."""
        return Shot(self.question, self.final, "\n".join(self.steps))


def _made(rng: Random, draw: Callable[[Random], Problem]) -> Made:
    """A problem with examples of its kind, drawn apart from it."""
    asked = draw(rng)

    def item() -> Item:
        others = Random(f"examples {asked.question}")
        return Item(
            id="",
            question=asked.question,
            gold=(asked.answer,),
            shots=tuple(trained(lambda: draw(others), lambda one: one.key).shot() for _ in range(EXAMPLES)),
            fields={"steps": "\n".join(asked.steps)},
        )

    return Made(asked.key, item)


_SIGNS: Final = {"+": "add", "-": "sub", "*": "mul"}
_VERBS_EN: Final = {"+": ("buys", "finds", "gets", "receives"), "-": ("gives away", "loses", "sells"), "*": ("",)}
_VERBS_ZH: Final = {"+": ("买", "找到", "得到", "收到"), "-": ("送出", "丢", "卖掉"), "*": ("",)}


def _story(rng: Random, steps: int, *, chinese: bool) -> Problem:
    """Somebody's number of things changes; values stay within 0 and 99. Both languages tell of the same numbers."""
    value = rng.randint(2, 20)
    start, key, sums, changes = value, f"story|{value}", list[str](), list[tuple[str, int]]()
    for _ in range(steps):
        sign, amount = _change(rng, value)
        after = {"+": value + amount, "-": value - amount, "*": value * 2}[sign]
        sums.append(f"{value} {sign} {amount} = {after}")
        changes.append((sign, amount))
        key += f"{sign}{amount}"
        value = after
    told = _told_in_chinese(rng, start, changes) if chinese else _told_in_english(rng, start, changes)
    return Problem(key, told, tuple(sums), str(value), chinese)


def _told_in_english(rng: Random, start: int, changes: list[tuple[str, int]]) -> str:
    name, things = rng.choice(NAMES_EN), rng.choice(THINGS)[0]
    parts = [f"{name} has {start} {things}."]
    for sign, amount in changes:
        verb = rng.choice(_VERBS_EN[sign])
        endings = {"+": f" {verb} {amount} more.", "-": f" {verb} {amount}."}
        parts.append(f"Then the number of {things} doubles." if sign == "*" else name + endings[sign])
    return " ".join([*parts, f"How many {things} does {name} have now?"])


def _told_in_chinese(rng: Random, start: int, changes: list[tuple[str, int]]) -> str:
    name, things = rng.choice(NAMES_ZH), rng.choice(THINGS)[1]
    parts = [f"{name}有{start}个{things}。"]
    for sign, amount in changes:
        verb = rng.choice(_VERBS_ZH[sign])
        endings = {"+": f"又{verb}了{amount}个。", "-": f"{verb}了{amount}个。"}
        parts.append(f"然后{things}的数量翻倍。" if sign == "*" else name + endings[sign])
    return "".join([*parts, f"{name}现在有几个{things}？"])


def _change(rng: Random, value: int) -> tuple[str, int]:
    """A change whose sum alone is of the training side: what is new is how the steps are put together."""
    choices = "++--*" if 2 <= value <= 40 else "+" if value < 2 else "-"
    while True:
        sign = rng.choice(choices)
        amount = 2 if sign == "*" else rng.randint(1, min(19, value if sign == "-" else 19))
        if not held_out(sum_key(_SIGNS[sign], value, amount)):
            return sign, amount


def _last_letters(rng: Random, count: int, *, chinese: bool) -> Problem:
    if chinese:
        words = rng.sample(CHINESE, count)
        question = f"把“{'、'.join(words)}”每个词的最后一个字连起来。"
    else:
        words = [invented(rng) if rng.random() < 0.3 else rng.choice(ENGLISH) for _ in range(count)]
        shown = ", ".join(words)
        forms = (
            f"Take the last letters of the words {shown} and join them.",
            f"Join the last letters of: {shown}.",
            f"What do you get when you join the last letters of {shown}?",
        )
        question = rng.choice(forms)
    steps = tuple(f"{word} -> {word[-1]}" for word in words)
    return Problem(f"last-letters|{'|'.join(words)}", question, steps, "".join(word[-1] for word in words), chinese)


def _two_hop(rng: Random, others: int, *, chinese: bool) -> Problem:
    """Where somebody's friend lives, told among the friends of others."""
    pairs = others + 1
    people = rng.sample(NAMES_ZH if chinese else NAMES_EN, 2 * pairs)
    places = [rng.choice(PLACES)]
    places += rng.sample([place for place in PLACES if place is not places[0]], others)
    relations = [rng.choice(RELATIONS)]
    relations += [rng.choice([one for one in RELATIONS if one is not relations[0]]) for _ in range(others)]
    side, facts = int(chinese), list[str]()
    for at in range(pairs):
        owner, other, relation, place = people[2 * at], people[2 * at + 1], relations[at][side], places[at][side]
        told = (
            (f"{owner}的{relation}是{other}。", f"{other}住在{place}。")
            if chinese
            else (f"{owner}'s {relation} is {other}.", f"{other} lives in {place}.")
        )
        facts += told
    wanted = tuple(facts[:2])
    rng.shuffle(facts)
    key = f"two-hop|{people[0]}|{relations[0][0]}|{people[1]}|{places[0][0]}"
    asked = (
        f"{people[0]}的{relations[0][1]}住在哪里？" if chinese else f"Where does {people[0]}'s {relations[0][0]} live?"
    )
    question = "".join([*facts, asked]) if chinese else " ".join([*facts, asked])
    return Problem(key, question, wanted, places[0][side], chinese)


def _cage(rng: Random, *, chinese: bool) -> Problem:
    """Chickens and rabbits in one cage."""
    while True:
        rabbits, chickens = rng.randint(1, 12), rng.randint(1, 12)
        heads, legs = rabbits + chickens, 4 * rabbits + 2 * chickens
        if not held_out(sum_key("mul", 2, heads)) and not held_out(sum_key("sub", legs, 2 * heads)):
            break
    rest = legs - 2 * heads
    sums = (f"2 * {heads} = {2 * heads}", f"{legs} - {2 * heads} = {rest}", f"{rest} / 2 = {rabbits}")
    question = (
        f"笼子里有鸡和兔，共有{heads}个头，{legs}条腿。兔有几只？"
        if chinese
        else f"A cage holds chickens and rabbits. There are {heads} heads and {legs} legs. How many rabbits are there?"
    )
    return Problem(f"cage|{heads}|{legs}", question, sums, str(rabbits), chinese)


def _sum(rng: Random, digits: int, operation: str, *, chinese: bool) -> Problem:
    """A sum of two numbers of as many digits."""
    low = 10 ** (digits - 1) if digits > 1 else 0
    a, b = rng.randint(low, 10**digits - 1), rng.randint(low, 10**digits - 1)
    if operation == "sub":
        a, b = max(a, b), min(a, b)
    result = {"add": a + b, "sub": a - b, "mul": a * b}[operation]
    sign = {"add": "+", "sub": "-", "mul": "x"}[operation]
    question = f"{a} {sign} {b} 等于多少？" if chinese else f"What is {a} {sign} {b}?"
    steps = (f"{a} {sign} {b} = {result}",)
    return Problem(sum_key(operation, a, b), question, steps, str(result), chinese, bare=True)


WORD_PROBLEMS: Final = Generator(
    "word_problems",
    "somebody's number of things changes several times",
    (Parameter("steps", 3, "changes", 1, 30), LANGUAGE),
    lambda rng, given, _: _made(rng, lambda draw: _story(draw, given.number("steps"), chinese=given.chinese)),
)
LAST_LETTERS: Final = Generator(
    "last_letters",
    "join the last letters of several words",
    (Parameter("words", 3, "words", 1, 12), LANGUAGE),
    lambda rng, given, _: _made(rng, lambda draw: _last_letters(draw, given.number("words"), chinese=given.chinese)),
)
TWO_HOP: Final = Generator(
    "two_hop",
    "where somebody's friend lives",
    (Parameter("others", 1, "pairs of people that do not matter", 0, 5), LANGUAGE),
    lambda rng, given, _: _made(rng, lambda draw: _two_hop(draw, given.number("others"), chinese=given.chinese)),
)
CAGE: Final = Generator(
    "cage",
    "heads and legs of chickens and rabbits",
    (LANGUAGE,),
    lambda rng, given, _: _made(rng, lambda draw: _cage(draw, chinese=given.chinese)),
)


ARITHMETIC: Final = Generator(
    "arithmetic",
    "one sum of two numbers",
    (
        Parameter("digits", 2, "of each number", 1, 12),
        Parameter("operation", "add", "what is done", choices=("add", "sub", "mul")),
        LANGUAGE,
    ),
    lambda rng, given, _: _made(
        rng, lambda draw: _sum(draw, given.number("digits"), given.text("operation"), chinese=given.chinese)
    ),
)
