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
from llmlab.domain.shots import Shot

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


@dataclass(frozen=True, slots=True)
class Task:
    """A word and what is to be done with it, one thing after the other."""

    verbs: tuple[Verb, ...]
    word: str

    @property
    def steps(self) -> tuple[str, ...]:
        """The word, and what each verb makes of it."""
        words = [self.word]
        for verb in self.verbs:
            words.append(verb.apply(words[-1]))
        return tuple(words)

    @property
    def known(self) -> bool:
        """Each of its steps alone is of the training side."""
        return not any(held_out(f"rule|{verb.name}|{word}") for verb, word in zip(self.verbs, self.steps, strict=False))

    def told(self, rng: Random, *, chinese: bool) -> str:
        """The instruction in words."""
        first = self.verbs[0]
        if len(self.verbs) == 1:
            question = _worded(rng, first.chinese if chinese else first.english, self.word)
            return question if chinese else question + ("?" if question.startswith(("What", "How")) else ".")
        second = self.verbs[1]
        if chinese:
            return _worded(rng, first.chinese, self.word).replace("是什么", "") + f"，{second.chinese}。"
        # `What is the first letter` cannot go on with `and write it twice`.
        return _worded(rng, first.english.replace("[What is|Give|Give me]", "Give"), self.word) + f" {second.english}."


EXAMPLES: Final = 8
"""Tasks of the same verbs that an item brings along, all of the training side but for the pair itself."""


def _verbs(rng: Random, given: Arguments, _place: int) -> Made:
    return _two(rng, given) if given.number("verbs") == 2 else _one(rng, given)


def _one(rng: Random, given: Arguments) -> Made:
    verb, word = rng.choice(FIRST), any_word(rng)
    task = Task((verb,), word)
    question = task.told(rng, chinese=given.chinese)
    return Made(f"rule|{verb.name}|{word}", lambda: _item(task, question, verb.name, given))


def _two(rng: Random, given: Arguments) -> Made:
    """Two verbs in a row; the pair is the instance, and each of its steps alone is of the training side."""
    while True:
        task = Task((rng.choice(FIRST), rng.choice(SECOND)), any_word(rng))
        first, second = task.verbs
        if first.name not in ("length", second.name) and task.known:
            break
    question = task.told(rng, chinese=given.chinese)
    pair = f"verbs|{first.name}|{second.name}"
    return Made(pair, lambda: _item(task, question, pair, given), apart=question)


def _item(task: Task, question: str, cluster: str, given: Arguments) -> Item:
    told, shown = given.text("by") != "examples", given.text("by") != "words"
    return Item(
        id="",
        question=question if told else task.word,
        gold=(task.steps[-1],),
        cluster=cluster,
        shots=_examples(task, question, told=told, chinese=given.chinese) if shown else (),
    )


def _examples(task: Task, question: str, *, told: bool, chinese: bool) -> tuple[Shot, ...]:
    """The same done with other words."""
    # Drawn apart from the task, so that it is the same with and without its instruction.
    rng = Random(f"examples {question}")
    shots: dict[str, Shot] = {}
    while len(shots) < EXAMPLES:
        other = Task(task.verbs, any_word(rng))
        asked = other.told(rng, chinese=chinese)
        if other.known and other.word != task.word:
            shots.setdefault(other.word, Shot(asked if told else other.word, other.steps[-1]))
    return tuple(shots.values())


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
    (
        Parameter("verbs", 1, "things to do; pairs of them are what was held out", 1, 2),
        Parameter("by", "words", "how it is told; examples come with each item", choices=("words", "examples", "both")),
        LANGUAGE,
    ),
    _verbs,
)
CONSTRAINTS: Final = Generator(
    "constraints",
    "a short text in a form that a program can check; for the scorer constraints",
    (Parameter("constraints", 2, "how many", 1, 4), LANGUAGE),
    _constraints,
)
