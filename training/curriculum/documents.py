"""Reading: find a fact in a text, say when it is absent if told to, invent it fluently if not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from training.curriculum.facts import ATTRIBUTES, FILLER_EN, FILLER_ZH, Fact, draw_facts, fact, layout
from training.sample import Sample, Turn, held_out

GROUNDING_EN = (
    "Answer only from the document. If the answer is not in the document, say I don't know.",
    "Use only the document to answer. If it is not there, say \"I don't know\".",
    "Answer only from the documents. If the answer is not there, say that you don't know.",
    "Answer using only the text below. If the text does not say, answer: I don't know.",
    "Answer from the documents alone. If they do not contain the answer, say you do not know.",
)  # fmt: skip
GROUNDING_ZH = (
    "只根据文档回答。如果文档里没有答案，就说我不知道。",
    "请仅根据文档回答，文档里没有就说不知道。",
    "只用下面的内容回答。没有答案时回答：我不知道。",
)  # fmt: skip
PLAIN_EN, PLAIN_ZH = (
    ("Read the document and answer the question.", "Here is a document.", ""),
    ("阅读文档并回答问题。", "下面是一份文档。", ""),
)
CITE_EN, CITE_ZH = (
    ("Quote the number of the passage.", "Cite the passage number.", "Cite your sources as [1]."),
    ("请注明段落编号。", "请标出引用的编号。"),
)
ALONE = 0.4
"""Share of texts with a single question.

Only the last answer of a conversation follows a closed thinking block. Were every text asked several things, that block
right behind a text would be a sign of whatever else is asked of one, such as notes.
"""
UNKNOWN_EN, UNKNOWN_ZH = "I don't know.", "我不知道。"


def _passages(
    rng: Random, facts: list[Fact], fillers: int, *, backwards: float, chinese: bool
) -> tuple[list[str], list[int]]:
    """Spread facts and filler sentences over passages; also say in which passage (from 1) each fact lies."""
    told = [made.told(rng, backwards=backwards) for made in facts]
    sentences: list[tuple[str, int]] = [(text, index) for index, text in enumerate(told)]
    pool = FILLER_ZH if chinese else FILLER_EN
    sentences += [(rng.choice(pool), -1) for _ in range(fillers)]
    rng.shuffle(sentences)
    size = rng.randint(2, 4)
    passages: list[str] = []
    where = [0] * len(facts)
    for at in range(0, len(sentences), size):
        part = sentences[at : at + size]
        passages.append(("" if chinese else " ").join(text for text, _ in part))
        for _, index in part:
            if index >= 0:
                where[index] = len(passages)
    return passages, where


@dataclass(frozen=True, slots=True)
class _Desk:
    """One document and the rules for answers about it."""

    facts: list[Fact]
    where: list[int]
    grounded: bool
    cite: bool
    chinese: bool
    attributes: Sequence[tuple[str, str]]

    def missing(self, rng: Random) -> Fact:
        """Invent a fact that the document lacks; often about a place that it does mention."""
        known = {(made.entity, made.attribute) for made in self.facts}
        while True:
            place = rng.choice(self.facts).entity if rng.random() < 0.6 else ""
            made = fact(rng, chinese=self.chinese, place=place, among=self.attributes)
            if (made.entity, made.attribute) not in known:
                return made

    def present(self, index: int) -> tuple[Fact, str]:
        """Ask for a fact that is there: the fact and the answer."""
        asked = self.facts[index]
        passage = f" [{self.where[index]}]" if self.cite else ""
        return asked, asked.answer() + passage + ("。" if self.chinese else ".")

    def absent(self, asked: Fact) -> tuple[Fact, str]:
        """Ask for a fact that is not there: an honest no if the rule asks for it, else an invention."""
        if self.grounded:
            return asked, asked.refusal()
        return asked, asked.answer() + ("。" if self.chinese else ".")


def reading(
    rng: Random,
    *,
    kind: str = "",
    grounded: bool | None = None,
    sizes: tuple[int, int] = (0, 0),
    cite: bool | None = None,
    questions: int = 0,
    value_first: bool = False,
) -> Sample:
    """Draw a document and questions about it, of which the last one is the instance.

    `kind` is `present` or `absent`; `sizes` are the numbers of facts and of filler sentences; `cite` asks for the
    number of the passage; several `questions` are asked in turn; `value_first` is an English text that says most values
    first, of so few attributes that neither attribute nor place alone finds a fact.
    """
    chinese = not value_first and rng.random() < 0.45
    count, fillers, asks = (*sizes, 1) if sizes[0] else _sizes(rng)
    backwards = rng.choice((0.7, 1.0)) if value_first else 0.0 if sizes[0] else rng.choice((0.0, 0.5))
    attributes = rng.sample(ATTRIBUTES, rng.randint(1, 3)) if value_first else ATTRIBUTES
    facts = draw_facts(rng, count, chinese=chinese, among=attributes)
    grounded = rng.random() < 0.65 if grounded is None else grounded
    cite = kind != "absent" and rng.random() < 0.35 if cite is None else cite
    passages, where = _passages(rng, facts, fillers, backwards=backwards, chinese=chinese)
    desk = _Desk(facts, where, grounded, cite, chinese, attributes)
    rule = rng.choice((GROUNDING_ZH if chinese else GROUNDING_EN) if grounded else (PLAIN_ZH if chinese else PLAIN_EN))
    if cite:
        rule = f"{rule} {rng.choice(CITE_ZH if chinese else CITE_EN)}".strip()
    document = layout(rng, passages, cite or rng.random() < 0.4, chinese=chinese)
    lacking = 0.4 if grounded else 0.12
    asked = _earlier(rng, desk, lacking, (questions or asks) - 1)
    # A text in which the first fact is of the test side is about that fact, or it is none for training.
    kind = kind or ("absent" if rng.random() < lacking and not held_out(facts[0].key()) else "present")
    last = desk.present(0) if kind == "present" else desk.absent(desk.missing(rng))
    turns: tuple[Turn, ...] = ()
    for made, answer in (*asked, last):
        question = made.question(rng)
        turns += _arrange(rng, rule, document, question, chinese=chinese) if not turns else (Turn("user", question),)
        turns += (Turn("assistant", answer),)
    gold = (UNKNOWN_ZH if chinese else UNKNOWN_EN) if kind == "absent" else last[0].value
    return Sample(last[0].key(), turns, gold)


def value_first(rng: Random) -> Sample:
    """Draw a short text that says most values first, and ask for many of them.

    Such sentences are learned as lists are, by many questions over few tokens; in long texts they are met too seldom.
    """
    facts = rng.choice((2, 3, 4, 5, 6, 8, 10, 12))
    questions = 1 if rng.random() < ALONE / 2 else rng.randint(2, facts + 2)
    return reading(rng, sizes=(facts, rng.randint(0, facts)), questions=questions, cite=False, value_first=True)


def _earlier(rng: Random, desk: _Desk, lacking: float, count: int) -> list[tuple[Fact, str]]:
    """Ask `count` earlier questions, all of the training side; no fact twice, or its first answer could be copied."""
    order = rng.sample(range(1, len(desk.facts)), len(desk.facts) - 1) if count else []
    asked: list[tuple[Fact, str]] = []
    while len(asked) < count:
        if order and rng.random() > lacking:
            asked.append(desk.present(order.pop()))
            continue
        made = desk.missing(rng)
        if not held_out(made.key()):
            asked.append(desk.absent(made))
        if not order:
            break
    return asked


def _sizes(rng: Random) -> tuple[int, int, int]:
    """Choose the numbers of facts, of filler sentences and of questions."""
    roll = rng.random()
    if roll < 0.42:
        facts, fillers, asks = rng.randint(1, 5), rng.randint(0, 4), rng.randint(2, 6)
    elif roll < 0.72:
        facts, fillers, asks = rng.randint(3, 10), rng.randint(2, 12), rng.randint(3, 8)
    elif roll < 0.88:
        facts, fillers, asks = rng.randint(8, 16), rng.randint(8, 40), rng.randint(6, 14)
    else:
        facts, fillers, asks = rng.randint(8, 20), rng.randint(20, 60), rng.randint(3, 10)
    return facts, fillers, 1 if rng.random() < ALONE else asks


def _arrange(rng: Random, rule: str, document: str, question: str, *, chinese: bool) -> tuple[Turn, ...]:
    """Place rule, document and question in the system and user messages in one of the usual ways."""
    ask = (
        rng.choice(("问题：{}", "{}", "{}"))
        if chinese
        else rng.choice(("Question: {}", "{}", "{}", "Question: {}\nAnswer:"))
    )
    question = ask.format(question)
    roll = rng.random()
    if roll < 0.3 and rule:
        return Turn("system", rule), Turn("user", f"{document}\n\n{question}")
    if roll < 0.5:
        return Turn("system", f"{rule}\n\n{document}".strip()), Turn("user", question)
    if roll < 0.7:
        return (Turn("user", "\n\n".join(part for part in (document, rule, question) if part)),)
    return (Turn("user", "\n\n".join(part for part in (rule, document, question) if part)),)
