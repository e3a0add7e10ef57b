"""Documents with facts in them: a needle at a depth, questions that can and cannot be answered."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final

from llmlab.domain.experiment import Item
from llmlab.domain.generators.base import LANGUAGE, UNIT, Arguments, Generator, Made, Parameter, held_out, trained
from llmlab.domain.generators.world import (
    ANIMALS,
    ATTRIBUTES,
    COLOURS,
    FILLER_EN,
    FILLER_ZH,
    FOODS,
    HANZI,
    HEADS,
    MIDDLES,
    NAMES_EN,
    NAMES_ZH,
    TAILS,
)

LONGEST: Final = 4_000_000
"""Characters of a document."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One attribute of one invented place."""

    place: str
    attribute: str
    value: str
    chinese: bool

    @property
    def key(self) -> str:
        """The instance."""
        return f"document|{self.place}|{self.attribute}|{self.value}"

    def told(self, rng: Random) -> str:
        """As a document says it."""
        forms = (
            ("{p}的{a}是{v}。", "{p}的{a}为{v}。", "大家都知道，{p}的{a}是{v}。")
            if self.chinese
            else ("The {a} of {p} is {v}.", "{v} is the {a} of {p}.", "Everyone knows that the {a} of {p} is {v}.")
        )
        return rng.choice(forms).format(p=self.place, a=self.attribute, v=self.value)

    @property
    def question(self) -> str:
        """What asks for it."""
        if self.chinese:
            return f"{self.place}的{self.attribute}是什么？"
        return f"What is the {self.attribute} of {self.place}?"


def _place(rng: Random, *, chinese: bool) -> str:
    parts = HANZI if chinese else (HEADS, MIDDLES, TAILS)
    return "".join(rng.choice(part) for part in parts)


def _value(rng: Random, attribute: str, *, chinese: bool) -> str:
    """A value for an attribute, by its English name."""
    match attribute:
        case "colour" | "animal" | "dish":
            return rng.choice({"colour": COLOURS, "animal": ANIMALS, "dish": FOODS}[attribute])[chinese]
        case "capital" | "river":
            return _place(rng, chinese=chinese)
        case "king" | "founder":
            return rng.choice(NAMES_ZH if chinese else NAMES_EN)
        case "code":
            return str(rng.randint(100, 9999))
        case "year of founding":
            return str(rng.randint(1000, 2020))
        case _:
            return f"{rng.randint(2, 99)}00"


def _fact(rng: Random, *, chinese: bool, place: str = "") -> Fact:
    attribute = rng.choice(ATTRIBUTES)
    where = place or _place(rng, chinese=chinese)
    return Fact(where, attribute[chinese], _value(rng, attribute[0], chinese=chinese), chinese)


def _others(rng: Random, count: int, asked: Fact) -> list[Fact]:
    """Facts of the training side about this and other places, none of which answers the question."""
    places = [asked.place, *(_place(rng, chinese=asked.chinese) for _ in range(max(1, count // 2)))]
    found: dict[tuple[str, str], Fact] = {}
    for _ in range(count * 6):
        if len(found) == count:
            break
        made = trained(lambda: _fact(rng, chinese=asked.chinese, place=rng.choice(places)), lambda one: one.key)
        if (made.place, made.attribute) != (asked.place, asked.attribute):
            found.setdefault((made.place, made.attribute), made)
    return list(found.values())


def _fillers(rng: Random, room: float, given: Arguments) -> list[str]:
    """Sentences that say nothing about places, as many as fill this much room."""
    pool = FILLER_ZH if given.chinese else FILLER_EN
    rooms = {sentence: _room(sentence, given) for sentence in pool}
    sentences: list[str] = []
    while room > 0:
        sentences.append(pool[rng.randrange(len(pool))])
        room -= rooms[sentences[-1]]
    return sentences


def _room(sentence: str, given: Arguments) -> float:
    """Characters, or tokens, that a sentence takes in paragraphs, with its share of what stands between sentences."""
    if given.sizes is not None:
        # Behind another one: vocabularies join what stands between two sentences with either of them.
        stop, joint, size = ("。", "", given.sizes.of) if given.chinese else (".", " ", given.sizes.of)
        return 0.75 * size(f"{stop}{joint}{sentence}") + 0.25 * size(f"{stop}\n{sentence}") - size(stop)
    return len(sentence) + (0.25 if given.chinese else 1.0)


def _paragraphs(sentences: list[str], *, chinese: bool) -> str:
    """Four sentences a paragraph."""
    joint = "" if chinese else " "
    return "\n".join(joint.join(sentences[at : at + 4]) for at in range(0, len(sentences), 4))


def _needle(rng: Random, given: Arguments, _place_of_item: int) -> Made:
    """One fact at a depth of a document of a length, and other facts all over it."""
    asked = _fact(rng, chinese=given.chinese)
    return Made(asked.key, lambda: _hidden(asked, given))


def _hidden(asked: Fact, given: Arguments) -> Item:
    # Drawn apart from the fact, so that another length or depth asks the same.
    rng, chinese = Random(f"document {asked.key}"), given.chinese
    told = asked.told(rng)
    others = [other.told(rng) for other in _others(rng, given.number("facts"), asked)]
    room = given.number("length") - sum(_room(sentence, given) for sentence in (told, *others))
    sentences = [*others, *_fillers(rng, room, given)]
    rng.shuffle(sentences)
    sentences.insert(round(given.share("depth") * len(sentences)), told)
    return Item(
        id="",
        question=asked.question,
        gold=(asked.value,),
        cluster=asked.place,
        document=_paragraphs(sentences, chinese=chinese),
        fields={"needle": told},
    )


def _facts(rng: Random, given: Arguments, place: int) -> Made:
    """A short document, and a question that it answers or does not."""
    asked = _fact(rng, chinese=given.chinese)
    # By the place, so that any first part of the items has its share.
    share = given.share("unanswerable")
    missing = int((place + 1) * share + 1e-9) > int(place * share + 1e-9)
    return Made(asked.key, lambda: _report(asked, given, missing=missing))


def _report(asked: Fact, given: Arguments, *, missing: bool) -> Item:
    rng, chinese = Random(f"document {asked.key}"), given.chinese
    # A question that cannot be answered is about a place that the document does mention.
    near = _about_the_same(rng, asked) if missing else asked
    facts = [near, *_others(rng, given.number("facts") - 1, asked)]
    sentences = [one.told(rng) for one in facts]
    sentences += [rng.choice(FILLER_ZH if chinese else FILLER_EN) for _ in range(given.number("fillers"))]
    rng.shuffle(sentences)
    return Item(
        id="",
        question=asked.question,
        gold=() if missing else (asked.value,),
        answerable=not missing,
        cluster=asked.place,
        document=_paragraphs(sentences, chinese=chinese) if given.is_on("document") else "",
        fields={"kind": "unanswerable" if missing else "answerable"},
    )


def _about_the_same(rng: Random, asked: Fact) -> Fact:
    """Another fact about the same place, of the training side."""
    while True:
        made = _fact(rng, chinese=asked.chinese, place=asked.place)
        if made.attribute != asked.attribute and not held_out(made.key):
            return made


NEEDLE: Final = Generator(
    "needle",
    "a fact at a depth of a long document",
    (
        Parameter("length", 2_000, "of the document", 100, LONGEST),
        UNIT,
        Parameter("depth", 0.5, "where the fact stands, from 0 at the beginning to 1 at the end", 0.0, 1.0),
        Parameter("facts", 3, "other facts, all over the document", 0, 200),
        LANGUAGE,
    ),
    _needle,
)
FACTS: Final = Generator(
    "facts",
    "a short document, and a question that it answers or does not",
    (
        Parameter("facts", 3, "in the document", 1, 40),
        Parameter("fillers", 3, "sentences beside them", 0, 200),
        Parameter("unanswerable", 0.5, "share of questions that the document does not answer", 0.0, 1.0),
        Parameter("document", True, "false asks without the document"),
        LANGUAGE,
    ),
    _facts,
)
