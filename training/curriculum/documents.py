"""Reading: find a fact in a text, say when it is absent if told to, invent it fluently if not."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from training.curriculum.words import NAMES_EN, NAMES_ZH
from training.sample import Sample, Turn, held_out

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
SHELLS_EN = ("Document:\n{}", "Document: {}", "Documents:\n{}", "<document>\n{}\n</document>", "Text:\n{}", "{}")
SHELLS_ZH = ("文档：\n{}", "文档：{}", "“{}”", "<document>\n{}\n</document>", "{}")
UNKNOWN_EN, UNKNOWN_ZH = "I don't know.", "我不知道。"


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

    def told(self, rng: Random) -> str:
        """State the fact as a document would."""
        if self.chinese:
            return rng.choice(("{e}的{a}是{v}。", "{e}的{a}为{v}。", "大家都知道，{e}的{a}是{v}。")).format(
                e=self.entity, a=self.attribute, v=self.value
            )
        return rng.choice(
            (
                "The {a} of {e} is {v}.",
                "The {a} of {e} is {v}.",
                "{v} is the {a} of {e}.",
                "Everyone knows that the {a} of {e} is {v}.",
            )
        ).format(e=self.entity, a=self.attribute, v=self.value)

    def answer(self) -> str:
        """State the fact as an answer."""
        return (
            f"{self.entity}的{self.attribute}是{self.value}"
            if self.chinese
            else f"The {self.attribute} of {self.entity} is {self.value}"
        )

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


def fact(rng: Random, *, chinese: bool, place: str = "") -> Fact:
    """Invent a fact."""
    attribute = rng.choice(ATTRIBUTES)[int(chinese)]
    return Fact(place or entity(rng, chinese=chinese), attribute, value(rng, attribute, chinese=chinese), chinese)


def _trained_fact(rng: Random, *, chinese: bool, place: str = "") -> Fact:
    """Invent a fact of the training side."""
    while True:
        made = fact(rng, chinese=chinese, place=place)
        if not held_out(made.key()):
            return made


def _facts(rng: Random, count: int, *, chinese: bool) -> list[Fact]:
    """Invent facts with different (place, attribute); places repeat, so that both must be matched.

    Only the first one, which may be asked about, can lie on the test side.
    """
    places = [entity(rng, chinese=chinese) for _ in range(max(1, (count + 1) // 2))]
    first = fact(rng, chinese=chinese, place=rng.choice(places))
    found = {(first.entity, first.attribute): first}
    for _ in range(count * 4):
        if len(found) == count:
            break
        made = _trained_fact(rng, chinese=chinese, place=rng.choice(places))
        found.setdefault((made.entity, made.attribute), made)
    return list(found.values())


def _passages(rng: Random, facts: list[Fact], fillers: int, *, chinese: bool) -> tuple[list[str], list[int]]:
    """Spread facts and filler sentences over passages; also say in which passage (from 1) each fact lies."""
    sentences: list[tuple[str, int]] = [(made.told(rng), index) for index, made in enumerate(facts)]
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


def _layout(rng: Random, passages: list[str], numbered: bool, *, chinese: bool) -> str:
    """Lay the passages out as a document."""
    if numbered:
        body = "\n".join(f"[{number}] {text}" for number, text in enumerate(passages, 1))
    else:
        body = rng.choice(("\n", "\n\n", "" if chinese else " ")).join(passages)
    shells = SHELLS_ZH if chinese else SHELLS_EN
    return rng.choice(shells).format(body)


@dataclass(frozen=True, slots=True)
class _Desk:
    """One document and the rules for answers about it."""

    facts: list[Fact]
    where: list[int]
    grounded: bool
    cite: bool
    chinese: bool

    def present(self, index: int) -> tuple[Fact, str]:
        """Ask for a fact that is there: the fact and the answer."""
        asked = self.facts[index]
        passage = f" [{self.where[index]}]" if self.cite else ""
        return asked, asked.answer() + passage + ("。" if self.chinese else ".")

    def absent(self, asked: Fact) -> tuple[Fact, str]:
        """Ask for a fact that is not there: an honest no if the rule asks for it, else an invention."""
        if self.grounded:
            return asked, UNKNOWN_ZH if self.chinese else UNKNOWN_EN
        return asked, asked.answer() + ("。" if self.chinese else ".")


def reading(
    rng: Random,
    *,
    kind: str = "",
    grounded: bool | None = None,
    sizes: tuple[int, int] = (0, 0),
    cite: bool | None = None,
    questions: int = 0,
) -> Sample:
    """Draw a document and questions about it, of which the last one is the instance.

    `kind` is `present` or `absent`; `sizes` are the numbers of facts and of filler sentences; `cite` asks for the
    number of the passage; several `questions` are asked in turn.
    """
    chinese = rng.random() < 0.45
    count, fillers, asks = (*sizes, 1) if sizes[0] else _sizes(rng)
    facts = _facts(rng, count, chinese=chinese)
    grounded = rng.random() < 0.65 if grounded is None else grounded
    cite = kind != "absent" and rng.random() < 0.25 if cite is None else cite
    passages, where = _passages(rng, facts, fillers, chinese=chinese)
    desk = _Desk(facts, where, grounded, cite, chinese)
    rule = rng.choice((GROUNDING_ZH if chinese else GROUNDING_EN) if grounded else (PLAIN_ZH if chinese else PLAIN_EN))
    if cite:
        rule = f"{rule} {rng.choice(CITE_ZH if chinese else CITE_EN)}".strip()
    document = _layout(rng, passages, cite or rng.random() < 0.4, chinese=chinese)
    lacking = 0.4 if grounded else 0.12
    asked = _earlier(rng, desk, lacking, (questions or asks) - 1)
    kind = kind or ("absent" if rng.random() < lacking else "present")
    last = desk.present(0) if kind == "present" else desk.absent(_missing(rng, facts, chinese=chinese))
    turns: tuple[Turn, ...] = ()
    for made, answer in (*asked, last):
        question = made.question(rng)
        turns += _arrange(rng, rule, document, question, chinese=chinese) if not turns else (Turn("user", question),)
        turns += (Turn("assistant", answer),)
    gold = (UNKNOWN_ZH if chinese else UNKNOWN_EN) if kind == "absent" else last[0].value
    return Sample(last[0].key(), turns, gold)


def _earlier(rng: Random, desk: _Desk, lacking: float, count: int) -> list[tuple[Fact, str]]:
    """Ask `count` earlier questions, all of the training side; no fact twice, or its first answer could be copied."""
    order = rng.sample(range(1, len(desk.facts)), len(desk.facts) - 1) if count else []
    asked: list[tuple[Fact, str]] = []
    while len(asked) < count:
        if order and rng.random() > lacking:
            asked.append(desk.present(order.pop()))
            continue
        made = _missing(rng, desk.facts, chinese=desk.chinese)
        if not held_out(made.key()):
            asked.append(desk.absent(made))
        if not order:
            break
    return asked


def _sizes(rng: Random) -> tuple[int, int, int]:
    """Choose the numbers of facts, of filler sentences and of questions."""
    roll = rng.random()
    if roll < 0.5:
        return rng.randint(1, 5), rng.randint(0, 4), rng.randint(1, 5)
    if roll < 0.8:
        return rng.randint(3, 10), rng.randint(2, 12), rng.randint(3, 8)
    return rng.randint(8, 16), rng.randint(8, 40), rng.randint(6, 14)


def _missing(rng: Random, facts: list[Fact], *, chinese: bool) -> Fact:
    """Invent a fact that the document lacks; often about a place that it does mention."""
    known = {(made.entity, made.attribute) for made in facts}
    while True:
        place = rng.choice(facts).entity if rng.random() < 0.6 else ""
        made = fact(rng, chinese=chinese, place=place)
        if (made.entity, made.attribute) not in known:
            return made


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
