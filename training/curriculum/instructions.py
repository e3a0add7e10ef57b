"""Instructions over words, numbers and lists, in both languages; some pairs of verbs are held out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

from training.curriculum.wording import expand
from training.curriculum.words import CATEGORIES, ENGLISH, WORDS, any_number, category_of, english_word, pick
from training.sample import Sample, chat, draw, held_out, sum_key

Verb = tuple[str, str, str, Callable[[str], str]]
"""Name, English pattern, Chinese pattern, function."""

WORD_VERBS: tuple[Verb, ...] = (
    (
        "reverse",
        "[Reverse|Write backwards|Spell backwards] the word {x}",
        "把单词 {x} [反过来|倒过来|倒着]写",
        lambda x: x[::-1],
    ),
    ("first", "[What is|Give|Give me] the first letter of {x}", "{x} 的第一个字母是什么", lambda x: x[0]),
    ("last", "[What is|Give|Give me] the last letter of {x}", "{x} 的最后一个字母是什么", lambda x: x[-1]),
    ("upper", "[Write|Put] {x} in [upper case|uppercase|capital letters|capitals]", "把 {x} 写成大写", str.upper),
    ("spell", "Spell [the word|] {x} [with dashes|letter by letter]", "逐个字母拼写 {x}", lambda x: "-".join(x)),
    ("length", "How many letters [are in|does] {x} [have|]", "{x} 有几个字母", lambda x: str(len(x))),
    ("double", "[Write|Say|Repeat] {x} [twice|two times]", "把 {x} 写两遍", lambda x: f"{x} {x}"),
    ("triple", "[Write|Say|Repeat] {x} three times", "把 {x} 写三遍", lambda x: f"{x} {x} {x}"),
    ("quote", "Put {x} in [quotes|quotation marks]", "给 {x} 加上引号", lambda x: f'"{x}"'),
)

SECOND: tuple[Verb, ...] = (
    ("upper", "and write it in upper case", "再写成大写", str.upper),
    ("double", "and write it twice", "再写两遍", lambda x: f"{x} {x}"),
    ("quote", "and put it in quotes", "再加上引号", lambda x: f'"{x}"'),
    ("stars", "and put stars around it", "两边加星号", lambda x: f"*{x}*"),
    ("done", "and end with DONE", "最后加上 DONE", lambda x: f"{x} DONE"),
    ("triple", "and write it three times", "再写三遍", lambda x: f"{x} {x} {x}"),
    ("brackets", "and put it in brackets", "再放进括号", lambda x: f"({x})"),
    ("shout", "and add an exclamation mark", "再加上感叹号", lambda x: f"{x}!"),
    ("arrow", "and put an arrow before it", "前面加上箭头", lambda x: f"-> {x}"),
)


def word_verb(rng: Random) -> Sample:
    """One verb on one word."""
    name, english, chinese, function = rng.choice(WORD_VERBS)
    word = english_word(rng)
    pattern = english if rng.random() < 0.55 else chinese
    question = expand(rng, "[|Please|] " + pattern if pattern is english else "[|请]" + pattern).format(x=word)
    question = question[0].upper() + question[1:] if pattern is english else question
    mark = "?" if question.startswith(("What", "How")) else "."
    return chat(f"rule|{name}|{word}", question + (mark if pattern is english else pick(rng, "", "。")), function(word))


def combination_held_out(first: str, second: str) -> bool:
    """Say whether this pair of verbs is kept for testing, whatever the word."""
    return held_out(f"verbs|{first}|{second}")


def two_verbs(rng: Random) -> Sample:
    """Two verbs in a row; the instance is the pair of verbs, so a held-out pair is never trained.

    The word is one whose single steps are trained, so that no held-out step hides inside a pair.
    """
    while True:
        first, second = rng.choice(WORD_VERBS), rng.choice(SECOND)
        word = english_word(rng)
        middle = first[3](word)
        steps = (f"rule|{first[0]}|{word}", f"rule|{second[0]}|{middle}")
        if first[0] not in ("length", second[0]) and not any(map(held_out, steps)):
            break
    if rng.random() < 0.6:
        question = expand(rng, first[1]).format(x=word).removeprefix("What is ") + f" {second[1]}."
        question = question.replace("the first", "Give the first", 1) if question.startswith("the first") else question
        question = question.replace("the last", "Give the last", 1) if question.startswith("the last") else question
    else:
        question = expand(rng, first[2]).format(x=word).replace("是什么", "") + f"，{second[2]}。"
    return chat(f"verbs|{first[0]}|{second[0]}", question, second[3](middle))


def numbers(rng: Random) -> Sample:
    """Small arithmetic and comparison."""
    a, b = any_number(rng), any_number(rng) if rng.random() < 0.5 else rng.randint(0, 49)
    big, small = max(a, b), min(a, b)
    english = rng.random() < 0.55
    kind = rng.choice(("add", "add", "sub", "sub", "mul", "larger", "smaller", "parity", "next", "before"))
    if kind == "mul":
        a, b = rng.randint(0, 10), rng.randint(0, 10)
    forms: dict[str, tuple[str, str, str, str]] = {
        "add": (f"[What is|Calculate|] {a} [+|plus] {b}", f"{a} [+|加] {b} [等于多少|是多少|=]", str(a + b), ""),
        "sub": (
            f"[What is|Calculate|] {big} [-|minus] {small}",
            f"{big} [-|减] {small} [等于多少|是多少|=]",
            str(big - small),
            "",
        ),
        "mul": (
            f"[What is|Calculate|] {a} [x|times|*] {b}",
            f"{a} [x|乘|*|乘以] {b} [等于多少|是多少|=]",
            str(a * b),
            "",
        ),
        "larger": (f"Which [number|] is [larger|bigger], {a} or {b}", f"{a} 和 {b} 哪个[更大|大]", str(big), ""),
        "smaller": (f"Which [number|] is smaller, {a} or {b}", f"{a} 和 {b} 哪个[更小|小]", str(small), ""),
        "parity": (
            f"Is {a} even or odd",
            f"{a} 是[奇数还是偶数|单数还是双数]",
            "odd" if a % 2 else "even",
            "奇数" if a % 2 else "偶数",
        ),
        "next": (f"[What|Which] number comes after {a}", f"{a} 后面[一个|的]数是几", str(a + 1), ""),
        "before": (f"[What|Which] number comes before {a + 1}", f"{a + 1} 前面[一个|的]数是几", str(a), ""),
    }
    pattern_en, pattern_zh, answer, answer_zh = forms[kind]
    question = expand(rng, (pattern_en + "[?|]") if english else pattern_zh + "[？|?|]")
    # The instance holds what matters alone: one number, or two in either order.
    key = f"number|{kind}|{a}" if kind in ("parity", "next", "before") else sum_key(kind, a, b)
    return chat(key, question, answer if english or not answer_zh else answer_zh)


def lists(rng: Random) -> Sample:
    """Choose from, count or rearrange a short list."""
    count = rng.randint(3, 5)
    english = rng.random() < 0.55
    items = rng.sample(ENGLISH, count) if english else rng.sample([zh for _, zh in WORDS], count)
    values = [str(value) for value in rng.sample(range(1, 60), count)]
    drop = rng.choice(items)
    joint = ", " if english else "、"
    shown, shown_values = joint.join(items), joint.join(values)
    ordered = sorted(values, key=int)
    forms: tuple[tuple[str, str, str], ...] = (
        (f"What is the first word of: {shown}", f"第一个词是什么：{shown}", items[0]),
        (f"What is the last word of: {shown}", f"最后一个词是什么：{shown}", items[-1]),
        (f"What is the second word of: {shown}", f"第二个词是什么：{shown}", items[1]),
        (f"How many words are in this list: {shown}", f"下面有几个词：{shown}", str(count)),
        (f"Reverse this list: {shown}", f"把列表倒过来：{shown}", joint.join(items[::-1])),
        (f"Remove {drop} from: {shown}", f"去掉{drop}：{shown}", joint.join(item for item in items if item != drop)),
        (f"Sort these numbers: {shown_values}", f"把这些数从小到大排列：{shown_values}", joint.join(ordered)),
        (f"Which number is the largest: {shown_values}", f"哪个数最大：{shown_values}", ordered[-1]),
        (f"Which number is the smallest: {shown_values}", f"哪个数最小：{shown_values}", ordered[0]),
    )
    kind = rng.randrange(len(forms))
    key = f"list|{kind}|{shown_values if kind >= 6 else shown}"
    return chat(key, forms[kind][0 if english else 1], forms[kind][2])


def kinds(rng: Random) -> Sample:
    """Ask what a thing is, or whether it is of a kind."""
    form = rng.randrange(6)
    if form >= 4:
        return _choice_of_kind(rng, form)
    english_word_, chinese_word = rng.choice(WORDS)
    category = category_of(english_word_)
    other = category_of(rng.choice(WORDS)[0]) if rng.random() < 0.5 else category
    if category is None or other is None:
        raise ValueError(f"no category for {english_word_}")
    same = category == other
    key = f"kind|{form}|{english_word_}|{other[0]}"
    if form == 0:
        return chat(key, f"Is {english_word_} a kind of {other[0]}? Answer yes or no.", "yes" if same else "no")
    if form == 1:
        return chat(
            key,
            f"{chinese_word}是{other[1]}吗？[请]回答是或不是。".replace("[请]", pick(rng, "", "请")),
            "是" if same else "不是",
        )
    if form == 2:
        return chat(
            f"kind|2|{english_word_}",
            expand(rng, f"What kind of thing is {english_word_}? [Answer in one word.|One word.|]"),
            category[0],
        )
    return chat(f"kind|3|{english_word_}", f"{chinese_word}属于哪一类？", category[1])


def _choice_of_kind(rng: Random, form: int) -> Sample:
    """Find the one word of a kind (form 4), or the one that is of another kind than the rest (form 5)."""
    side = int(rng.random() < 0.45)
    (one, ones), (rest, others) = rng.sample(list(CATEGORIES.items()), 2)
    words = [pair[side] for pair in rng.sample(others, rng.randint(2, 4))]
    wanted = rng.choice(ones)[side]
    words.insert(rng.randrange(len(words) + 1), wanted)
    shown = ("、" if side else ", ").join(words)
    if form == 4:
        question = f"哪个是{one[1]}：{shown}" if side else f"Which word is a kind of {one[0]}: {shown}"
    else:
        question = f"哪个词不是{rest[1]}：{shown}" if side else f"Which word is not a kind of {rest[0]}: {shown}"
        if rng.random() < 0.5:
            question = f"哪个词和别的不同类：{shown}" if side else f"Which word is of another kind: {shown}"
    return chat(f"kind|{form}|{shown}", question, wanted)


def _english_kinds(rng: Random) -> Sample:
    """Kinds in English, where a word is read letter by letter: a Hanzi often tells the kind by itself."""
    while True:
        sample = kinds(rng)
        if sample.turns[0].text.isascii():
            return sample


def instruction(rng: Random) -> Sample:
    """Draw one of the families, half of the time after a few questions of the same one."""
    families = (
        *(word_verb,) * 3, *(two_verbs,) * 2, *(numbers,) * 6, *(lists,) * 3, kinds, *(_english_kinds,) * 4,
    )  # fmt: skip
    family = rng.choice(families)
    sample = family(rng)
    earlier = rng.randint(1, 5) if rng.random() < 0.5 else 0
    turns = tuple(turn for _ in range(earlier) for turn in draw(family, rng, test=False).turns)
    return replace(sample, turns=turns + sample.turns)
