"""Instructions that a program can check: verbs over words, and forms that an answer has to keep to."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

from llmlab.domain.constraints import Constraint
from llmlab.domain.experiment import Item
from llmlab.domain.generators.base import LANGUAGE, Arguments, Generator, Made, Parameter, any_word, held_out

_CHOICE: Final = re.compile(r"\[([^\[\]]*)\]")


@dataclass(frozen=True, slots=True)
class Verb:
    """Something to do with a word."""

    name: str
    english: str
    """Words in brackets are alternatives."""
    chinese: str
    apply: Callable[[str], str]


FIRST: Final = (
    Verb(
        "reverse",
        "[Reverse|Write backwards|Spell backwards] the word {x}",
        "把单词 {x} [反过来|倒过来|倒着]写",
        lambda x: x[::-1],
    ),
    Verb("first", "[What is|Give|Give me] the first letter of {x}", "{x} 的第一个字母是什么", lambda x: x[0]),
    Verb("last", "[What is|Give|Give me] the last letter of {x}", "{x} 的最后一个字母是什么", lambda x: x[-1]),
    Verb(
        "upper",
        "[Write|Put] {x} in [upper case|uppercase|capital letters|capitals]",
        "把 {x} 写成大写",
        str.upper,
    ),
    Verb("spell", "Spell [the word|] {x} [with dashes|letter by letter]", "逐个字母拼写 {x}", "-".join),
    Verb("length", "How many letters are in {x}", "{x} 有几个字母", lambda x: str(len(x))),
    Verb("double", "[Write|Say|Repeat] {x} [twice|two times]", "把 {x} 写两遍", lambda x: f"{x} {x}"),
    Verb("triple", "[Write|Say|Repeat] {x} three times", "把 {x} 写三遍", lambda x: f"{x} {x} {x}"),
    Verb("quote", "Put {x} in [quotes|quotation marks]", "给 {x} 加上引号", lambda x: f'"{x}"'),
)
SECOND: Final = (
    Verb("upper", "and write it in upper case", "再写成大写", str.upper),
    Verb("double", "and write it twice", "再写两遍", lambda x: f"{x} {x}"),
    Verb("quote", "and put it in quotes", "再加上引号", lambda x: f'"{x}"'),
    Verb("stars", "and put stars around it", "两边加星号", lambda x: f"*{x}*"),
    Verb("done", "and end with DONE", "最后加上 DONE", lambda x: f"{x} DONE"),
    Verb("shout", "and add an exclamation mark", "再加上感叹号", lambda x: f"{x}!"),
    Verb("arrow", "and put an arrow before it", "前面加上箭头", lambda x: f"-> {x}"),
)


def _worded(rng: Random, pattern: str, word: str) -> str:
    while found := _CHOICE.search(pattern):
        pattern = pattern[: found.start()] + rng.choice(found[1].split("|")) + pattern[found.end() :]
    return re.sub(r" +", " ", pattern).strip().format(x=word)


def _verbs(rng: Random, given: Arguments, _place: int) -> Made:
    return _two(rng, given) if given.number("verbs") == 2 else _one(rng, given)


def _one(rng: Random, given: Arguments) -> Made:
    verb, word = rng.choice(FIRST), any_word(rng)
    question = _worded(rng, verb.chinese if given.chinese else verb.english, word)
    if not given.chinese:
        question += "?" if question.startswith(("What", "How")) else "."
    item = Item(id="", question=question, gold=(verb.apply(word),), cluster=verb.name)
    return Made(f"rule|{verb.name}|{word}", lambda: item)


def _two(rng: Random, given: Arguments) -> Made:
    """Two verbs in a row; the pair is the instance, and each of its steps alone is of the training side."""
    while True:
        first, second, word = rng.choice(FIRST), rng.choice(SECOND), any_word(rng)
        middle = first.apply(word)
        steps = (f"rule|{first.name}|{word}", f"rule|{second.name}|{middle}")
        if first.name not in ("length", second.name) and not any(map(held_out, steps)):
            break
    if given.chinese:
        question = _worded(rng, first.chinese, word).replace("是什么", "") + f"，{second.chinese}。"
    else:
        # `What is the first letter` cannot go on with `and write it twice`.
        question = _worded(rng, first.english.replace("[What is|Give|Give me]", "Give"), word) + f" {second.english}."
    pair = f"verbs|{first.name}|{second.name}"
    item = Item(id="", question=question, gold=(second.apply(middle),), cluster=pair)
    return Made(pair, lambda: item, apart=question)


TOPICS: Final = (
    ("the sea", "大海"), ("a rainy day", "下雨天"), ("your favourite food", "你最喜欢的食物"), ("winter", "冬天"),
    ("a train journey", "一次火车旅行"), ("an old house", "一座老房子"), ("learning to swim", "学游泳"),
    ("the moon", "月亮"), ("a market", "集市"), ("a good book", "一本好书"), ("cats", "猫"),
    ("a small garden", "一个小花园"),
)  # fmt: skip
USED: Final = (("river", "河流"), ("music", "音乐"), ("window", "窗户"))
"""Words that an answer has to use."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A constraint with the sentence that asks for it."""

    constraint: Constraint
    sentence: str


def _limits(rng: Random, *, chinese: bool) -> list[Limit]:
    """Every constraint that can be asked for."""
    words, bullets, paragraphs = str(rng.choice((20, 30, 50))), str(rng.randint(2, 5)), str(rng.randint(2, 3))
    word, ending = rng.choice(USED)[chinese], rng.choice(("THE END", "OVER"))
    asked = {
        Constraint("most_words", words): (f"Use at most {words} words.", f"最多用 {words} 个字。"),
        Constraint("bullets", bullets): (
            f"Write a list of exactly {bullets} bullet points.",
            f"写成正好 {bullets} 条的列表，每条前加 -。",
        ),
        Constraint("paragraphs", paragraphs): (
            f"Write exactly {paragraphs} paragraphs with an empty line between them.",
            f"正好写 {paragraphs} 段，段间空一行。",
        ),
        Constraint("no_comma"): ("Do not use any commas.", "不要用逗号。"),
        Constraint("quoted"): ("Put the whole answer in double quotation marks.", "把整个回答放在双引号里。"),
        Constraint("ends_with", ending): (f"End with the words {ending}.", f"最后写上 {ending}。"),
        Constraint("contains", word): (f'Use the word "{word}".', f"用上“{word}”这个词。"),
        Constraint("lower_case"): ("Use lower case letters only.", "英文字母只用小写。"),
    }
    return [Limit(constraint, sentences[chinese]) for constraint, sentences in asked.items()]


_AGAINST: Final = (
    {"bullets", "paragraphs"}, {"lower_case", "ends_with"}, {"quoted", "ends_with"}, {"bullets", "quoted"},
)  # fmt: skip
"""Kinds that cannot stand together."""


def _constraints(rng: Random, given: Arguments, _place: int) -> Made:
    topic, limits = rng.choice(TOPICS)[given.chinese], _limits(rng, chinese=given.chinese)
    rng.shuffle(limits)
    chosen: list[Limit] = []
    for limit in limits:
        apart = all({limit.constraint.kind, other.constraint.kind} not in _AGAINST for other in chosen)
        if apart and len(chosen) < given.number("constraints"):
            chosen.append(limit)
    asked = f"写一写{topic}。" if given.chinese else f"Write about {topic}."
    question = ("" if given.chinese else " ").join([asked, *(limit.sentence for limit in chosen)])
    item = Item(
        id="",
        question=question,
        constraints=tuple(limit.constraint for limit in chosen),
        cluster="+".join(sorted(limit.constraint.kind for limit in chosen)),
    )
    return Made(f"form|{question}", lambda: item)


INSTRUCTIONS: Final = Generator(
    "instructions",
    "one or two things to do with a word",
    (Parameter("verbs", 1, "things to do; pairs of them are what was held out", 1, 2), LANGUAGE),
    _verbs,
)
CONSTRAINTS: Final = Generator(
    "constraints",
    "a short text in a form that a program can check; for the scorer constraints",
    (Parameter("constraints", 2, "how many", 1, 4), LANGUAGE),
    _constraints,
)
