"""Looking up: what stands beside a name in a list, or what is said of a person; asked many times over one text.

This is the plainest form of reading. One short list answers many questions, so a model is shown in few tokens what
documents, labels and relations all need: find the key again, and say what follows it.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from training.curriculum.documents import ALONE, GROUNDING_EN, GROUNDING_ZH, UNKNOWN_EN, UNKNOWN_ZH
from training.curriculum.facts import COLOURS, FOODS, entity
from training.curriculum.steps import PLACES, RELATIONS
from training.curriculum.words import CHINESE, NAMES_EN, NAMES_ZH, THINGS, any_number, english_word, letters
from training.sample import Sample, Turn, held_out

Pool = Callable[[Random], str]


def _of(*items: str) -> Pool:
    return lambda rng: rng.choice(items)


POOLS_EN: tuple[Pool, ...] = (
    english_word, english_word, letters, lambda rng: entity(rng, chinese=False), lambda rng: entity(rng, chinese=False),
    lambda rng: str(any_number(rng)), _of(*NAMES_EN),
    _of(*(word for word, _ in PLACES + COLOURS + FOODS + THINGS)),
)  # fmt: skip
POOLS_ZH: tuple[Pool, ...] = (
    _of(*CHINESE), lambda rng: entity(rng, chinese=True), lambda rng: entity(rng, chinese=True),
    lambda rng: str(any_number(rng)), _of(*NAMES_ZH),
    _of(*(word for _, word in PLACES + COLOURS + FOODS + THINGS)),
)  # fmt: skip
"""What may stand in a column; each holds more words than the longest list has places for."""

ROWS_EN = ("{k}: {v}", "{k}: {v}", "{k} - {v}", "{k} = {v}", "{k} | {v}", "{k} is {v}.", "{k} -> {v}")
ROWS_ZH = ("{k}：{v}", "{k}: {v}", "{k} - {v}", "{k}是{v}。", "{k} | {v}", "{k}，{v}")
ASK_EN = ("{k}", "{k}", "What is {k}?", "What stands beside {k}?", "Look up {k}.")
ASK_ZH = ("{k}", "{k}", "{k}是什么？", "{k}对应什么？", "查一下{k}。")
BACK_EN = ("Which one is {v}?", "What has {v}?", "Where does {v} stand?")
BACK_ZH = ("哪个是{v}？", "什么对应{v}？", "{v}在哪里？")
PLAIN_EN = ("", "Here is a list.", "Look it up in the list.", "Use this list.")
PLAIN_ZH = ("", "下面是一个表。", "在表里查。", "请查表。")
LACKING = 0.35
"""Share of questions, under a rule to answer from the text alone, about what is not there."""


def _row_key(key: str, value: str) -> str:
    return f"lookup|{key}|{value}"


def _rows(rng: Random, left: Pool, right: Pool, count: int) -> list[tuple[str, str]]:
    """Draw rows in which no word stands twice; only the first one can lie on the test side."""
    rows: list[tuple[str, str]] = []
    seen: set[str] = set()
    for _ in range(count * 8):
        if len(rows) == count:
            break
        key, value = left(rng), right(rng)
        if key == value or key in seen or value in seen or (rows and held_out(_row_key(key, value))):
            continue
        seen |= {key, value}
        rows.append((key, value))
    return rows


def _spread(rng: Random, rule: str, text: str, talk: list[tuple[str, str]]) -> tuple[Turn, ...]:
    """Put rule and text before the first of several questions."""
    (first, answer), *rest = talk
    if rng.random() < 0.5:
        opening = (Turn("system", f"{rule}\n\n{text}".strip()), Turn("user", first))
    else:
        opening = (Turn("user", "\n\n".join(part for part in (rule, text, first) if part)),)
    turns = (*opening, Turn("assistant", answer))
    for question, reply in rest:
        turns += (Turn("user", question), Turn("assistant", reply))
    return turns


def listed(rng: Random, *, size: int = 0, questions: int = 0, kind: str = "") -> Sample:
    """Draw a list of `size` rows and several questions; the last one is the instance, `present` or `absent`."""
    chinese = rng.random() < 0.45
    left, right = rng.choice(POOLS_ZH if chinese else POOLS_EN), rng.choice(POOLS_ZH if chinese else POOLS_EN)
    rows = _rows(rng, left, right, size or rng.choice((2, 2, 3, 3, 4, 5, 6, 7, 8)))
    grounded = kind == "absent" or rng.random() < 0.6
    rule = rng.choice((GROUNDING_ZH if chinese else GROUNDING_EN) if grounded else (PLAIN_ZH if chinese else PLAIN_EN))
    back = kind != "absent" and rng.random() < 0.2
    asks = (BACK_ZH if chinese else BACK_EN) if back else (ASK_ZH if chinese else ASK_EN)
    ask = rng.choice(asks)
    unknown = UNKNOWN_ZH if chinese else UNKNOWN_EN
    known = {word for row in rows for word in row}

    def missing() -> str:
        while True:
            word = (right if back else left)(rng)
            if word not in known:
                return word

    def present(row: tuple[str, str]) -> tuple[str, str]:
        key, value = row
        return (ask.format(v=value), key) if back else (ask.format(k=key), value)

    others = rng.sample(rows[1:], len(rows) - 1)
    talk: list[tuple[str, str]] = []
    for _ in range((questions or (1 if rng.random() < ALONE else rng.randint(2, 10))) - 1):
        if grounded and rng.random() < LACKING:
            word = missing()
            talk.append((ask.format(k=word, v=word), unknown))
        elif others:
            talk.append(present(others.pop()))
    key = _row_key(*rows[0])
    if kind == "absent" or (not kind and grounded and not held_out(key) and rng.random() < LACKING):
        word = missing()
        key = _row_key(word, "")
        talk.append((ask.format(k=word, v=word), unknown))
    else:
        talk.append(present(rows[0]))
    shown = rng.sample(rows, len(rows))
    row = rng.choice(ROWS_ZH if chinese else ROWS_EN)
    text = "\n".join(row.format(k=key_, v=value) for key_, value in shown)
    return Sample(key, _spread(rng, rule, text, talk), talk[-1][1])


def _chains(rng: Random, count: int, *, chinese: bool) -> list[tuple[str, str, str, str]]:
    """Draw (person, relation, other person, place), none of which is a held-out problem of two hops."""
    side = int(chinese)
    people = rng.sample(NAMES_ZH if chinese else NAMES_EN, 2 * count)
    chains: list[tuple[str, str, str, str]] = []
    for at in range(count):
        owner, other = people[2 * at : 2 * at + 2]
        while True:
            relation, place = rng.choice(RELATIONS), rng.choice(PLACES)
            if not held_out(f"two-hop|{owner}|{relation[0]}|{other}|{place[0]}") and not held_out(
                f"two-hop|{owner}|{relation[1]}|{other}|{place[1]}"
            ):
                break
        chains.append((owner, relation[side], other, place[side]))
    return chains


def people(rng: Random) -> Sample:
    """Say who is whose friend (teacher, ...) and who lives where, and ask about all of them, in one and two hops."""
    chinese = rng.random() < 0.45
    chains = _chains(rng, rng.choice((2, 2, 3, 4)), chinese=chinese)
    facts: list[str] = []
    talk: list[tuple[str, str]] = []
    for owner, relation, other, place in chains:
        bond = f"{owner}的{relation}是{other}。" if chinese else f"{owner}'s {relation} is {other}."
        home = f"{other}住在{place}。" if chinese else f"{other} lives in {place}."
        facts += [bond, home]
        talk += [
            (f"{owner}的{relation}是谁？" if chinese else f"Who is {owner}'s {relation}?", bond),
            (f"{other}住在哪里？" if chinese else f"Where does {other} live?", home),
            (f"{owner}的{relation}住在哪里？", f"答案是{place}。")
            if chinese
            else (f"Where does {owner}'s {relation} live?", f"The answer is {place}."),
        ]
    rng.shuffle(facts)
    rng.shuffle(talk)
    del talk[rng.randint(3, 9) :]
    text = ("" if chinese else " ").join(facts)
    key = f"people|{text}|{talk[-1][0]}"
    return Sample(key, _spread(rng, "", text, talk), talk[-1][1])


def lookup(rng: Random) -> Sample:
    """Draw a list or a few sentences about people."""
    return people(rng) if rng.random() < 0.3 else listed(rng)
