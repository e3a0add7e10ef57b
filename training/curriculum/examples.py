"""In-context learning: the rule, or the meaning of the labels, shows in the examples alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from training.curriculum.words import CATEGORIES, CHINESE, WORDS, any_number, category_of, english_word, letters
from training.sample import Sample, Turn, held_out

LABELS = (
    ("foo", "bar"), ("A", "B"), ("X", "Y"), ("0", "1"), ("yes", "no"), ("up", "down"), ("left", "right"), ("P", "Q"),
    ("zig", "zag"), ("甲", "乙"), ("左", "右"), ("是", "否"), ("好", "坏"), ("alpha", "beta"), ("true", "false"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rule:
    """One function that examples can show."""

    name: str
    make: Callable[[Random], str]
    apply: Callable[[str], str]


def _number(rng: Random) -> str:
    return str(any_number(rng, 1))


def _chinese(rng: Random) -> str:
    return rng.choice(CHINESE)


def _thing(rng: Random) -> str:
    return rng.choice(WORDS)[0]


def _thing_zh(rng: Random) -> str:
    return rng.choice(WORDS)[1]


def _kind(word: str, side: int) -> str:
    category = category_of(word)
    if category is None:
        raise ValueError(f"no category for {word}")
    return category[side]


RULES = (
    Rule("reverse", english_word, lambda x: x[::-1]),
    Rule("first", english_word, lambda x: x[0]),
    Rule("last", english_word, lambda x: x[-1]),
    Rule("upper", english_word, str.upper),
    Rule("double", english_word, lambda x: f"{x} {x}"),
    Rule("plural", english_word, lambda x: f"{x}s"),
    Rule("ends", english_word, lambda x: x[0] + x[-1]),
    Rule("stars", english_word, lambda x: f"*{x}*"),
    Rule("length", english_word, lambda x: str(len(x))),
    Rule("plus1", _number, lambda x: str(int(x) + 1)),
    Rule("plus2", _number, lambda x: str(int(x) + 2)),
    Rule("plus5", _number, lambda x: str(int(x) + 5)),
    Rule("plus10", _number, lambda x: str(int(x) + 10)),
    Rule("minus1", _number, lambda x: str(int(x) - 1)),
    Rule("times2", _number, lambda x: str(int(x) * 2)),
    Rule("zh-first", _chinese, lambda x: x[0]),
    Rule("zh-last", _chinese, lambda x: x[-1]),
    Rule("zh-double", _chinese, lambda x: x + x),
    Rule("zh-reverse", _chinese, lambda x: x[::-1]),
    Rule("zh-very", _chinese, lambda x: f"很{x}"),
    Rule("kind", _thing, lambda x: _kind(x, 0)),
    Rule("zh-kind", _thing_zh, lambda x: _kind(x, 1)),
)


_NAMED = frozenset(rule.name for rule in RULES)


def _label_rule(rng: Random) -> Rule:
    """Two categories under two label words that say nothing by themselves."""
    (left, left_zh), (right, _) = rng.sample(list(CATEGORIES), 2)
    names = {key[0]: words for key, words in CATEGORIES.items()}
    language = rng.randrange(2)
    ones = {pair[language] for pair in names[left]}
    pool = sorted(ones) + sorted(pair[language] for pair in names[right])
    first, second = rng.choice(LABELS) if rng.random() < 0.6 else (letters(rng, 2, 3), letters(rng, 2, 3))
    if first == second:
        second += "o"
    if rng.random() < 0.5:
        first, second = second, first
    del left_zh
    name = f"label|{left}|{right}|{first}|{second}"
    return Rule(name, lambda r: r.choice(pool), lambda x: first if x in ones else second)


def _parity_rule(rng: Random) -> Rule:
    first, second = rng.choice(LABELS)
    return Rule(f"parity|{first}|{second}", _number, lambda x: first if int(x) % 2 else second)


def instance(rule: Rule, value: str) -> str:
    """Name one rule at one input; instructions share these names, so a held-out one is unseen everywhere."""
    return f"rule|{rule.name}|{value}"


def _fits(rule: Rule, shots: Sequence[tuple[str, str]], query: str) -> bool:
    """Say whether the examples determine the answer: no other rule explains them, or the label asked for is shown."""
    if rule.name not in _NAMED:
        return any(answer == rule.apply(query) for _, answer in shots)
    rivals = (other for other in RULES if other.make is rule.make and other is not rule)
    return not any(all(other.apply(value) == answer for value, answer in shots) for other in rivals)


def _draw_shots(rng: Random, rule: Rule, count: int, query: str) -> list[tuple[str, str]]:
    shots: list[tuple[str, str]] = []
    for _ in range(200):
        if len(shots) == count:
            break
        value = rule.make(rng)
        if value == query or held_out(instance(rule, value)) or any(value == seen for seen, _ in shots):
            continue
        answer = rule.apply(value)
        if len(shots) == 1 and rule.name not in _NAMED and answer == shots[0][1]:
            continue
        shots.append((value, answer))
    return shots


def _shots(rng: Random, rule: Rule, count: int, query: str) -> list[tuple[str, str]]:
    """Draw demonstrations from the training side that determine the answer, both labels among the first two."""
    shots = _draw_shots(rng, rule, count, query)
    while count and not _fits(rule, shots, query):
        shots = _draw_shots(rng, rule, count, query)
    return shots


INLINE = (
    ("Input: {x}\nOutput:", " {y}", "\n\n"), ("Input: {x}\nOutput:", " {y}", "\n"), ("Q: {x}\nA:", " {y}", "\n\n"),
    ("{x} ->", " {y}", "\n"), ("{x} =>", " {y}", "\n"), ("{x}: ", "{y}", "\n"), ("输入：{x}\n输出：", "{y}", "\n\n"),
    ("{x} → ", "{y}", "\n"), ("问：{x}\n答：", "{y}", "\n"),
)  # fmt: skip
"""Question form, answer form and separator of examples inside one message."""

HINTS = (
    "",
    "",
    "",
    "Follow the examples.",
    "Continue the pattern.",
    "Learn the rule from the examples.",
    "按照例子回答。",
    "找规律。",
)


def _inline(form: tuple[str, str, str], shots: Sequence[tuple[str, str]], start: str = "") -> Turn:
    """Write examples after `start` as one message, each answer but the first a span to learn from."""
    ask, reply, gap = form
    text, spans = start, list[tuple[int, int]]()
    for at, (x, y) in enumerate(shots):
        text += ask.format(x=x)
        low = len(text)
        text += reply.format(y=y)
        if at:
            # The end of the line belongs to the answer, as the end of the turn does elsewhere.
            spans.append((low, len(text) + 1))
        text += gap
    return Turn("user", text, tuple(spans))


def lines_of(rng: Random, rule: Rule, count: int) -> str:
    """Write lines that follow a rule, all from the training side."""
    query = rule.make(rng)
    while held_out(instance(rule, query)):
        query = rule.make(rng)
    shots = [*_shots(rng, rule, count - 1, query), (query, rule.apply(query))]
    return _inline(rng.choice(INLINE), shots).text.rstrip("\n")


def build(rng: Random, rule: Rule, count: int, style: str) -> Sample:
    """Show `count` examples as `turns` or `inline`, then ask."""
    query = rule.make(rng)
    answer = rule.apply(query)
    shots = _shots(rng, rule, count, query)
    key = instance(rule, query)
    hint = rng.choice(HINTS)
    if style == "turns":
        opening = (Turn("system", hint),) if hint else ()
        form = rng.choice(("{x}", "{x}", "{x}", "Input: {x}", "输入：{x}"))
        talk = tuple(turn for x, y in shots for turn in (Turn("user", form.format(x=x)), Turn("assistant", y)))
        return Sample(key, (*opening, *talk, Turn("user", form.format(x=query)), Turn("assistant", answer)), answer)
    inline = rng.choice(INLINE)
    shown = _inline(inline, shots, f"{hint}\n\n" if hint else "")
    asked = Turn("user", shown.text + inline[0].format(x=query).rstrip(" "), shown.answers)
    return Sample(key, (asked, Turn("assistant", answer)), answer)


def any_rule(rng: Random) -> Rule:
    """Choose a rule; labels get a good share, since their mapping can come from the examples alone."""
    roll = rng.random()
    if roll < 0.3:
        return _label_rule(rng)
    if roll < 0.36:
        return _parity_rule(rng)
    return rng.choice(RULES)


_SLOW = frozenset({"length", "plus1", "plus2", "plus5", "plus10", "minus1", "times2", "kind", "zh-kind"})
"""Rules that take more practice than copying letters does."""


def in_context(rng: Random) -> Sample:
    """Draw a rule, a number of examples and a style; the slow rules come more often."""
    rule = any_rule(rng)
    if rule.name in _NAMED:
        rule = rng.choices(RULES, [3 if one.name in _SLOW else 1 for one in RULES])[0]
    count = rng.choices((1, 2, 3, 4, 5, 6, 8), (4, 5, 4, 5, 4, 4, 4))[0]
    return build(rng, rule, count, "turns" if rng.random() < 0.5 else "inline")
