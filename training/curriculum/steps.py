"""Problems that take several steps, answered directly, with written steps, or after native thinking."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from training.curriculum.words import CHINESE, ENGLISH, NAMES_EN, NAMES_ZH, THINGS, letters, pick
from training.sample import Sample, Turn, held_out, sum_key

SLIPS = (-10, -1, 1, 10)
"""By how much a sum comes out wrong when it slips: a miscount, or a lost ten."""
SLIP_SHARE = 0.03
"""Share of the written sums of stories that slip."""

MODES = ("direct", "prompted", "native")

TRIGGERS_EN = (
    "Let's think step by step.",
    "Let's think step by step.",
    "Let's think step by step.",
    "Think step by step.",
    "Show your steps.",
    "Please think step by step.",
    "Let us work this out step by step.",
    "Explain your steps, then answer.",
)
TRIGGERS_ZH = (
    "让我们一步一步地思考。",
    "让我们一步一步思考。",
    "让我们一步步思考。",
    "请一步一步思考。",
    "请逐步思考。",
    "请写出步骤。",
    "一步一步来。",
)


@dataclass(frozen=True, slots=True)
class Problem:
    """A question with its worked steps, in one language."""

    key: str
    question: str
    steps: tuple[str, ...]
    answer: str
    chinese: bool

    def final(self) -> str:
        """Write the closing sentence."""
        return f"答案是{self.answer}。" if self.chinese else f"The answer is {self.answer}."

    def worked(self) -> str:
        """Write the steps and the closing sentence."""
        return "\n".join((*self.steps, self.final()))


STORY_EN = {
    "+": ("{n} {s} {v} {k} more.", ("buys", "finds", "gets", "receives")),
    "-": ("{n} {s} {v} {k}.", ("gives away", "loses", "sells")),
    "*": ("Then the number of {t} doubles.", ("",)),
}
STORY_ZH = {
    "+": ("{n}又{v}了{k}{m}。", ("买", "找到", "得到", "收到")),
    "-": ("{n}{v}了{k}{m}。", ("送出", "丢", "卖掉")),
    "*": ("然后{t}的数量翻倍。", ("",)),
}


def story(rng: Random, operations: int, *, chinese: bool) -> Problem:
    """Tell of someone whose number of things changes `operations` times; values stay within 0 and 99."""
    name = rng.choice(NAMES_ZH if chinese else NAMES_EN)
    english_thing, chinese_thing = rng.choice(THINGS)
    value = rng.randint(2, 20)
    key = f"story|{value}"
    parts = [f"{name}有{value}个{chinese_thing}。" if chinese else f"{name} has {value} {english_thing}."]
    steps: list[str] = []
    for _ in range(operations):
        sign, amount = _change(rng, value)
        after = {"+": value + amount, "-": value - amount, "*": value * 2}[sign]
        pattern, verbs = (STORY_ZH if chinese else STORY_EN)[sign]
        verb = rng.choice(verbs)
        told = pattern.format(n=name, s="", v=verb, k=amount, t=chinese_thing if chinese else english_thing, m="个")
        parts.append(told.replace("  ", " ") if not chinese else told)
        steps.append(f"{value} {sign} {amount} = {after}")
        key += f"{sign}{amount}"
        value = after
    end = (
        f"{name}现在有几个{chinese_thing}？"
        if chinese
        else f"How many {english_thing} does {name} have {pick(rng, 'now', 'now', 'in the end')}?"
    )
    question = "".join([*parts, end]) if chinese else " ".join([*parts, end])
    return Problem(key, question, tuple(steps), str(value), chinese)


_SIGNS = {"+": "add", "-": "sub", "*": "mul"}


def _change(rng: Random, value: int) -> tuple[str, int]:
    """Choose an operation whose sum is no held-out instance of its own."""
    choices = ["+", "+", "-", "-", "*"] if 2 <= value <= 40 else (["+"] if value < 2 else ["-"])
    while True:
        sign = rng.choice(choices)
        amount = 2 if sign == "*" else rng.randint(1, min(19, value if sign == "-" else 19))
        if not held_out(sum_key(_SIGNS[sign], value, amount)):
            return sign, amount


def slipped(rng: Random, told: Problem) -> Problem:
    """Work a story out as people do, whose sums slip now and then; what follows goes on from the wrong value.

    What makes many answers to one question differ, so that a vote can put them right, is then in the data, and not
    only in what a model has not learned yet.
    """
    steps: list[str] = []
    value = int(told.steps[0].split()[0])
    for step in told.steps:
        _, sign, amount, _, _ = step.split()
        after = {"+": value + int(amount), "-": value - int(amount), "*": value * int(amount)}[sign]
        after += rng.choice(SLIPS) if rng.random() < SLIP_SHARE else 0
        if after < 0 or held_out(sum_key(_SIGNS[sign], value, int(amount))):
            return told
        steps.append(f"{value} {sign} {amount} = {after}")
        value = after
    return replace(told, steps=tuple(steps), answer=str(value))


def last_letters(rng: Random, count: int, *, chinese: bool) -> Problem:
    """Join the last letters (or characters) of several words."""
    if chinese:
        words = rng.sample(CHINESE, count)
        question = f"把“{'、'.join(words)}”每个词的最后一个字连起来。"
    else:
        words = [letters(rng) if rng.random() < 0.3 else rng.choice(ENGLISH) for _ in range(count)]
        shown = ", ".join(words)
        question = pick(
            rng,
            f"Take the last letters of the words {shown} and join them.",
            f"Join the last letters of: {shown}.",
            f"What do you get when you join the last letters of {shown}?",
        )
    answer = "".join(word[-1] for word in words)
    steps = tuple(f"{word} -> {word[-1]}" for word in words)
    return Problem(f"last-letters|{'|'.join(words)}", question, steps, answer, chinese)


PLACES = (
    ("Paris", "巴黎"), ("London", "伦敦"), ("Rome", "罗马"), ("Berlin", "柏林"), ("Tokyo", "东京"), ("Beijing", "北京"),
    ("Shanghai", "上海"),
    ("Madrid", "马德里"), ("Vienna", "维也纳"), ("Cairo", "开罗"), ("Oslo", "奥斯陆"), ("Lima", "利马"),
)  # fmt: skip
RELATIONS = (
    ("friend", "朋友"),
    ("teacher", "老师"),
    ("brother", "哥哥"),
    ("sister", "姐姐"),
    ("boss", "老板"),
    ("neighbour", "邻居"),
)


def two_hop(rng: Random, _: int, *, chinese: bool) -> Problem:
    """Ask where somebody's friend (teacher, ...) lives, among other people."""
    people = rng.sample(NAMES_ZH if chinese else NAMES_EN, 4)
    places = rng.sample(PLACES, 2)
    relations = rng.sample(RELATIONS, 2)
    facts: list[str] = []
    for (owner, other), (relation, relation_zh), (place, place_zh) in zip(
        ((people[0], people[1]), (people[2], people[3])), relations, places, strict=True
    ):
        if chinese:
            facts += [f"{owner}的{relation_zh}是{other}。", f"{other}住在{place_zh}。"]
        else:
            facts += [f"{owner}'s {relation} is {other}.", f"{other} lives in {place}."]
    wanted = facts[:2]
    rng.shuffle(facts)
    (relation, relation_zh), (place, place_zh) = relations[0], places[0]
    key = f"two-hop|{people[0]}|{relation}|{people[1]}|{place}"
    if chinese:
        question = "".join(facts) + f"{people[0]}的{relation_zh}住在哪里？"
        return Problem(key, question, tuple(wanted), place_zh, chinese)
    question = " ".join(facts) + f" Where does {people[0]}'s {relation} live?"
    return Problem(key, question, tuple(wanted), place, chinese)


def cage(rng: Random, _: int, *, chinese: bool) -> Problem:
    """Chickens and rabbits in one cage: heads and legs are known."""
    while True:
        rabbits, chickens = rng.randint(1, 12), rng.randint(1, 12)
        heads, legs = rabbits + chickens, 4 * rabbits + 2 * chickens
        rest = legs - 2 * heads
        if not held_out(sum_key("mul", 2, heads)) and not held_out(sum_key("sub", legs, 2 * heads)):
            break
    key = f"cage|{heads}|{legs}"
    sums = (f"2 * {heads} = {2 * heads}", f"{legs} - {2 * heads} = {rest}", f"{rest} / 2 = {rabbits}")
    if chinese:
        question = f"笼子里有鸡和兔，共有{heads}个头，{legs}条腿。兔有几只？"
    else:
        question = (
            f"A cage holds chickens and rabbits. There are {heads} heads and {legs} legs. How many rabbits are there?"
        )
    return Problem(key, question, sums, str(rabbits), chinese)


def problem(rng: Random, kind: str = "", operations: int = 0) -> Problem:
    """Draw a problem, of one kind if asked."""
    chinese = rng.random() < 0.45
    roll = rng.random()
    kind = kind or ("story" if roll < 0.55 else "last-letters" if roll < 0.66 else "two-hop" if roll < 0.88 else "cage")
    makers = {"story": story, "last-letters": last_letters, "two-hop": two_hop, "cage": cage}
    count = operations or (rng.randint(1, 6) if kind == "story" else rng.randint(2, 4))
    return makers[kind](rng, count, chinese=chinese)


def _fit(problem_: Problem, rng: Random, mode: str) -> tuple[str, str, str | None]:
    """Give question, answer and thinking of a problem in one mode."""
    question = problem_.question
    if mode == "native":
        return question, problem_.final(), "\n".join(problem_.steps)
    if mode == "direct":
        return question, problem_.final(), None
    trigger = rng.choice(TRIGGERS_ZH if problem_.chinese else TRIGGERS_EN)
    gap = "\n" if rng.random() < 0.3 else "" if problem_.chinese else " "
    return question + gap + trigger, problem_.worked(), None


def _wrap(rng: Random, question: str, *, chinese: bool) -> str:
    """Sometimes put a question into the Q/A form of the literature."""
    if rng.random() > 0.12:
        return question
    return f"问：{question}\n答：" if chinese else f"Q: {question}\nA:"


def steps_sample(rng: Random, kind: str = "", operations: int = 0, mode: str = "") -> Sample:
    """Draw a problem and a mode; sometimes worked examples come before it."""
    asked = problem(rng, kind, operations)
    chosen = mode or rng.choices(MODES, (2, 4, 4))[0]
    # Whoever names a mode asks for test items or demonstrations, and means the right steps.
    shown = slipped(rng, asked) if not mode and chosen != "direct" and asked.key.startswith("story") else asked
    question, answer, thinking = _fit(shown, rng, chosen)
    turns: tuple[Turn, ...] = ()
    if not mode and chosen != "native" and rng.random() < 0.35:
        turns = _worked_examples(rng, asked, chosen)
        question = asked.question if turns else question
    elif not mode and chosen == "prompted" and not asked.chinese and rng.random() < 0.15:
        # The trigger may also open the reply, as in the two-stage form of the literature.
        answer = f"Let's think step by step.\n{answer}"
    if not turns and chosen == "direct":
        question = _wrap(rng, question, chinese=asked.chinese)
    return Sample(asked.key, (*turns, Turn("user", question), Turn("assistant", answer)), asked.answer, thinking)


def _worked_examples(rng: Random, like: Problem, mode: str) -> tuple[Turn, ...]:
    """Show one to four solved problems of the same kind and language, all from the training side."""
    kind = like.key.split("|", 1)[0]
    turns: list[Turn] = []
    count = rng.randint(1, 4)
    while len(turns) < 2 * count:
        shown = problem(rng, kind, rng.randint(2, 5))
        if held_out(shown.key) or shown.chinese != like.chinese:
            continue
        turns += [
            Turn("user", shown.question),
            Turn("assistant", shown.worked() if mode == "prompted" else shown.final()),
        ]
    return tuple(turns)
