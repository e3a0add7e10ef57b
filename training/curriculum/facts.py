"""The invented world of documents: facts about places that are nowhere, and texts that tell them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from training.curriculum.words import NAMES_EN, NAMES_ZH
from training.sample import held_out

_HEADS, _MIDDLES = (
    ("Ka", "Ve", "Lo", "Mi", "Tar", "Sel", "Bo", "Nu", "Dor", "Fe", "Zan", "Ri", "Gal", "Pe", "Or", "Ul"),
    ("", "la", "ri", "no", "me", "du"),
)
_TAILS = ("mar", "ra", "nia", "th", "dor", "vel", "sk", "ton", "lin", "bek")
_HANZI_A, _HANZI_B, _HANZI_C = "青云白石东南金玉长平", "山河林田湖桥门原谷海", "城镇村国州岛"
INVENTED = frozenset(head + middle + tail for head in _HEADS for middle in _MIDDLES for tail in _TAILS)
"""Every English name of a place that `entity` can make."""
COLOURS = (
    ("red", "红色"),
    ("blue", "蓝色"),
    ("green", "绿色"),
    ("black", "黑色"),
    ("white", "白色"),
    ("yellow", "黄色"),
)
FOODS = (
    ("bread", "面包"),
    ("rice", "米饭"),
    ("fish", "鱼"),
    ("soup", "汤"),
    ("cheese", "奶酪"),
    ("noodles", "面条"),
    ("apples", "苹果"),
)
ANIMALS = (
    ("wolf", "狼"),
    ("bear", "熊"),
    ("eagle", "鹰"),
    ("lion", "狮子"),
    ("horse", "马"),
    ("swan", "天鹅"),
    ("fox", "狐狸"),
)

ATTRIBUTES: tuple[tuple[str, str], ...] = (
    ("capital", "首都"), ("colour", "颜色"), ("king", "国王"), ("river", "河流"), ("animal", "动物"), ("dish", "名菜"),
    ("code", "密码"), ("founder", "创始人"), ("population", "人口"), ("year of founding", "建立年份"),
)  # fmt: skip

FILLER_EN = (
    "The weather is mild in spring.", "Many people visit the old market.", "The roads are wide and quiet.",
    "Ships come and go every day.", "The library is open in the morning.", "Children play near the bridge.",
    "The bells ring at noon.", "Farmers bring fruit to the town.", "There is a small museum by the gate.",
    "In winter the hills are white.", "A train leaves every hour.", "Music can be heard in the streets.",
)  # fmt: skip
FILLER_ZH = (
    "春天的天气很温和。", "很多人来看老市场。", "道路又宽又安静。", "每天都有船来往。",
    "图书馆早上开门。", "孩子们在桥边玩。", "中午钟声响起。", "农民把水果带到城里。", "门边有一个小博物馆。",
    "冬天山上一片白。", "每小时有一班火车。", "街上能听到音乐。",
)  # fmt: skip

SHELLS_EN = (
    "Document:\n{}", "Document: {}", "Documents:\n{}", "<document>\n{}\n</document>", "Text:\n{}", "{}",
    '<document name="document">\n{}\n</document>', '<document name="places.txt">\n{}\n</document>',
)  # fmt: skip
SHELLS_ZH = (
    "文档：\n{}", "文档：{}", "“{}”", "<document>\n{}\n</document>", "{}",
    '<document name="document">\n{}\n</document>', '<document name="地方.txt">\n{}\n</document>',
)  # fmt: skip


BACKWARDS = "{v} is the {a} of {e}."
"""The form that is hardest to read: what is wanted stands before what is asked for."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One attribute of one invented place."""

    entity: str
    attribute: str
    value: str
    chinese: bool

    def key(self) -> str:
        """Name the instance."""
        return f"document|{self.entity}|{self.attribute}|{self.value}"

    def told(self, rng: Random, *, backwards: float = 0.0) -> str:
        """State the fact as a document would; `backwards` is the share that is surely told value first."""
        if self.chinese:
            return rng.choice(("{e}的{a}是{v}。", "{e}的{a}为{v}。", "大家都知道，{e}的{a}是{v}。")).format(
                e=self.entity, a=self.attribute, v=self.value
            )
        forms = (
            "The {a} of {e} is {v}.",
            "The {a} of {e} is {v}.",
            BACKWARDS,
            "Everyone knows that the {a} of {e} is {v}.",
        )
        form = BACKWARDS if backwards and rng.random() < backwards else rng.choice(forms)
        return form.format(e=self.entity, a=self.attribute, v=self.value)

    def answer(self) -> str:
        """State the fact as an answer."""
        return (
            f"{self.entity}的{self.attribute}是{self.value}"
            if self.chinese
            else f"The {self.attribute} of {self.entity} is {self.value}"
        )

    def refusal(self) -> str:
        """Say that the document does not hold the fact.

        It begins as an answer does: whether place and attribute stand together anywhere is seen best where the value
        would be copied, once both are said again.
        """
        if self.chinese:
            return f"{self.entity}的{self.attribute}文档里没有，我不知道。"
        return f"The {self.attribute} of {self.entity} is not in the document. I don't know."

    def question(self, rng: Random) -> str:
        """Ask for the value."""
        if self.chinese:
            return rng.choice(("{e}的{a}是什么？", "{e}的{a}是什么", "请问{e}的{a}是什么？")).format(
                e=self.entity, a=self.attribute
            )
        return rng.choice(
            (
                "What is the {a} of {e}?",
                "What is the {a} of {e}?",
                "what is the {a} of {e}",
                "Tell me the {a} of {e}.",
                "What is {e}'s {a}?",
            )
        ).format(e=self.entity, a=self.attribute)


def entity(rng: Random, *, chinese: bool) -> str:
    """Invent the name of a place."""
    if chinese:
        return rng.choice(_HANZI_A) + rng.choice(_HANZI_B) + rng.choice(_HANZI_C)
    return rng.choice(_HEADS) + rng.choice(_MIDDLES) + rng.choice(_TAILS)


def value(rng: Random, attribute: str, *, chinese: bool) -> str:
    """Invent a value for an attribute."""
    side = int(chinese)
    pools = {"colour": COLOURS, "animal": ANIMALS, "dish": FOODS}
    english = next(pair[0] for pair in ATTRIBUTES if attribute in pair)
    if english in pools:
        return rng.choice(pools[english])[side]
    if english in ("capital", "river"):
        return entity(rng, chinese=chinese)
    if english in ("king", "founder"):
        return rng.choice(NAMES_ZH if chinese else NAMES_EN)
    if english == "code":
        return str(rng.randint(100, 9999))
    return str(rng.randint(1000, 2020)) if english == "year of founding" else f"{rng.randint(2, 99)}00"


def fact(rng: Random, *, chinese: bool, place: str = "", among: Sequence[tuple[str, str]] = ATTRIBUTES) -> Fact:
    """Invent a fact, with an attribute `among` these."""
    attribute = rng.choice(among)[int(chinese)]
    return Fact(place or entity(rng, chinese=chinese), attribute, value(rng, attribute, chinese=chinese), chinese)


def trained_fact(rng: Random, *, chinese: bool, place: str = "", among: Sequence[tuple[str, str]] = ATTRIBUTES) -> Fact:
    """Invent a fact of the training side."""
    while True:
        made = fact(rng, chinese=chinese, place=place, among=among)
        if not held_out(made.key()):
            return made


def draw_facts(rng: Random, count: int, *, chinese: bool, among: Sequence[tuple[str, str]] = ATTRIBUTES) -> list[Fact]:
    """Invent facts with different (place, attribute); places repeat, so that both must be matched.

    Only the first one, which may be asked about, can lie on the test side.
    """
    places = [entity(rng, chinese=chinese) for _ in range(max(1, -(-count // min(2, len(among)))))]
    first = fact(rng, chinese=chinese, place=rng.choice(places), among=among)
    found = {(first.entity, first.attribute): first}
    for _ in range(count * 4):
        if len(found) == count:
            break
        made = trained_fact(rng, chinese=chinese, place=rng.choice(places), among=among)
        found.setdefault((made.entity, made.attribute), made)
    return list(found.values())


def layout(rng: Random, passages: list[str], numbered: bool, *, chinese: bool) -> str:
    """Lay the passages out as a document."""
    if numbered:
        body = "\n".join(f"[{number}] {text}" for number, text in enumerate(passages, 1))
    else:
        body = rng.choice(("\n", "\n\n", "" if chinese else " ")).join(passages)
    shells = SHELLS_ZH if chinese else SHELLS_EN
    return rng.choice(shells).format(body)
