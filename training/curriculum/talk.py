"""Small talk, the glossary, and honest answers to what a tiny model cannot know."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cache
from importlib import resources
from random import Random
from typing import Any

from training.curriculum.wording import expand, plain_key, sloppy
from training.curriculum.words import ENGLISH, NAMES_EN, NAMES_ZH, letters
from training.sample import Sample, Turn, held_out

ASK_TERM_EN = (
    "!What is {t}?",
    "!what is {t}",
    "[please|] [explain|define|describe] {t} [to me|please|briefly|in one sentence|]",
    "what [does|do] {t} mean",
    "[can|could] you [explain|tell me about|describe] {t}",
    "tell me [about|what is] {t}",
    "[do you know|i want to know|tell me] what {t} [is|are|means]",
    "what's {t}",
    "whats {t}",
    "what are {t}",
    "{t}?",
    "!{t}",
    "[what is|give me] [the|a] [meaning|definition] of {t}",
    "[what is|explain|what's] {t} [in llmlab|in this lab|in a language model|for a model|]",
    "[how does|why do we need|what about] {t} [work|]",
    "i do not understand {t}",
    "[so|and|ok,] what is {t}",
)
ASK_TERM_ZH = (
    "!什么是{t}？",
    "!{t}是什么？",
    "!什么是{t}",
    "!{t}是什么",
    "[请|][解释|解释一下|说明|介绍一下|说说|讲讲]{t}",
    "{t}是什么意思",
    "{t}[有什么用|怎么理解|的意思|的定义|是啥|指什么]",
    "[你知道|我想知道|告诉我|请问]{t}[是什么|是什么意思]",
    "[你知道|请问|请问一下|那么]什么是{t}",
    "!{t}",
    "{t}？",
    "{t}[的定义是什么|的意思是什么|怎么解释]",
)

UNKNOWN_EN = "I am a tiny model and do not know that. Try a bigger model, or give me a document."
UNKNOWN_ZH = "我是个小模型，不知道这个。可以换更大的模型，或者给我一份文档。"
UNCLEAR_EN = "I do not know what to do with that. Give me an instruction or some examples."
UNCLEAR_ZH = "我不知道该怎么做。请给我一条指令或几个例子。"

ASK_NAME_EN = ("what is my name?", "who am i", "do you remember my name", "What's my name?", "what am I called")
ASK_NAME_ZH = ("我叫什么？", "我叫什么名字", "你记得我的名字吗？", "我是谁？")

SYSTEMS = (
    "You are a helpful assistant.",
    "You are a helpful assistant.",
    "Answer briefly.",
    "You are Pocket.",
    "Be brief and honest.",
    "You are a friendly chatbot.",
    "Answer in one sentence.",
    "You are a tiny model in a lab.",
    "Be kind.",
    "You are an expert.",
    "You are a teacher who explains things simply.",
    "你是一个有用的助手。",
    "请简短回答。",
    "你是 Pocket。",
    "请诚实回答。",
    "你是一位老师。",
)

DRESSED_EN = (
    "hey, {}", "ok, {}", "so, {}", "well, {}", "hi, {}", "hello, {}", "and {}", "now, {}", "then {}", "please {}",
    "{} please", "{}, pocket", "pocket, {}", "{} now", "{} then", "{}, my friend",
)  # fmt: skip
DRESSED_ZH = (
    "那{}", "那么{}", "嗯，{}", "好，{}", "好的，{}", "你好，{}", "嗨，{}",
    "现在{}", "{}呀", "{}啊", "{}呢", "{}，朋友",
)  # fmt: skip
"""What people put around what they say."""

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Table = list[dict[str, Any]]


@cache
def table(name: str) -> Table:
    """Read one of the tables beside this file."""
    parsed: Mapping[str, Table] = tomllib.loads(
        resources.files(__package__).joinpath(f"{name}.toml").read_text("utf-8")
    )
    return next(iter(parsed.values()))


@cache
def _always_trained() -> frozenset[str]:
    """Every wording that is always trained, in letters and digits; another pattern may lead to the same one."""
    plain = [pattern for intent in table("talk") for side in ("en", "zh") for pattern in intent[f"ask_{side}"]]
    wordings = {pattern.removeprefix("!") for pattern in plain if pattern.startswith("!")}
    wordings |= {*ASK_NAME_EN, *ASK_NAME_ZH}
    for term in table("glossary"):
        for forms, names in ((ASK_TERM_EN, term["en"]), (ASK_TERM_ZH, term["zh"])):
            wordings |= {form[1:].format(t=name) for form in forms if form.startswith("!") for name in names}
    return frozenset(map(plain_key, wordings))


def talk_key(text: str) -> str:
    """Name the instance of a wording."""
    letters_ = plain_key(text)
    return f"core:{letters_}" if letters_ in _always_trained() else f"talk|{letters_}"


def _asked(rng: Random, pattern: str, **slots: str) -> tuple[str, str]:
    """Turn a pattern into a key and a question as a person types it; no slip leads to the other side of the split."""
    pattern = pattern.removeprefix("!")
    plain = expand(rng, pattern).format_map(slots) if slots else expand(rng, pattern)
    key, typed = talk_key(plain), sloppy(rng, plain)
    return key, typed if held_out(talk_key(typed)) == held_out(key) else plain


def _one(key: str, question: str, answer: str) -> Sample:
    return Sample(key, (Turn("user", question), Turn("assistant", answer)), answer)


def small_talk(rng: Random) -> Sample:
    """One intent, one wording."""
    intents = table("talk")
    # The first minutes of a newcomer come more often than the rest.
    intent = rng.choice(intents[:16]) if rng.random() < 0.3 else rng.choice(intents)
    side = "zh" if rng.random() < 0.45 else "en"
    pattern = rng.choice(intent[f"ask_{side}"])
    if rng.random() < 0.3:
        pattern = rng.choice(DRESSED_ZH if side == "zh" else DRESSED_EN).replace("{}", pattern.removeprefix("!"))
    key, question = _asked(rng, pattern)
    return _one(key, question, rng.choice(intent[f"say_{side}"]))


def glossary(rng: Random) -> Sample:
    """Ask for the meaning of a term."""
    term = rng.choice(table("glossary"))
    chinese = rng.random() < 0.45
    name = rng.choice(term["zh"] if chinese else term["en"])
    key, question = _asked(rng, rng.choice(ASK_TERM_ZH if chinese else ASK_TERM_EN), t=name)
    return _one(key, question, term["say_zh"] if chinese else term["say_en"])


def unknown(rng: Random) -> Sample:
    """Ask about the world outside; the answer is an honest no."""
    world = table("unknown")[0]
    chinese = rng.random() < 0.45
    side = "zh" if chinese else "en"
    pattern = rng.choice(world[f"ask_{side}"])
    for slot in ("thing", "person", "place", "topic", "verb"):
        while f"<{slot}>" in pattern:
            pattern = pattern.replace(f"<{slot}>", _filler(rng, world, slot, side), 1)
    key, question = _asked(rng, pattern)
    return _one(key, question, UNKNOWN_ZH if chinese else UNKNOWN_EN)


def _filler(rng: Random, world: Mapping[str, Any], slot: str, side: str) -> str:
    if side == "en" and slot in ("thing", "topic") and rng.random() < 0.2:
        # Words that were never seen must lead to the same honest answer.
        return letters(rng, 4, 8)
    fillers: list[str] = world[f"{slot}_{side}"]
    return rng.choice(fillers)


def unclear(rng: Random) -> Sample:
    """Type a bare word, a number or noise: without instruction or examples there is nothing to follow."""
    roll = rng.random()
    chinese = False
    if roll < 0.35:
        text = rng.choice(ENGLISH)
    elif roll < 0.5:
        text = letters(rng, 3, 9)
    elif roll < 0.6:
        text = " ".join(letters(rng, 3, 7) for _ in range(rng.randint(2, 4)))
    elif roll < 0.7:
        text = str(rng.randint(0, 9999))
    elif roll < 0.78:
        text = "".join(rng.choice(".,!?-+*/#@%&()[]{}:;~^_=<>") for _ in range(rng.randint(1, 6)))
    elif roll < 0.86:
        text = "".join(
            chr(rng.choice((0x1F600, 0x2600, 0x3B1, 0x410, 0xE0, 0x3042, 0x5D0)) + rng.randrange(40))
            for _ in range(rng.randint(1, 5))
        )
    else:
        text = "".join(chr(rng.randrange(0x4E00, 0x9000)) for _ in range(rng.randint(1, 4)))
        chinese = True
    if not chinese and rng.random() < 0.25:
        text = rng.choice(("Input: {}\nOutput:", "{} ->", "Q: {}\nA:", "{} =>")).format(text)
    return _one(f"unclear|{text}", text, UNCLEAR_ZH if chinese else UNCLEAR_EN)


def name_memory(rng: Random) -> Sample:
    """Tell a name, perhaps chat, then ask for it; or ask without having told it."""
    chinese = rng.random() < 0.45
    name = (
        letters(rng, 3, 7).title()
        if not chinese and rng.random() < 0.4
        else rng.choice(NAMES_ZH if chinese else NAMES_EN)
    )
    if chinese:
        tell, hello = (
            rng.choice(("我叫{}", "我是{}", "我的名字是{}", "你好，我叫{}", "你可以叫我{}")).format(name),
            f"很高兴认识你，{name}！",
        )
        ask, know, never = (
            rng.choice(ASK_NAME_ZH),
            f"你叫{name}。",
            "你还没有告诉我你的名字。",
        )
    else:
        tell = rng.choice(
            ("my name is {}", "I am {}", "I'm {}", "hello, my name is {}", "hi I am {}", "call me {}", "My name is {}.")
        ).format(name)
        hello = f"Nice to meet you, {name}!"
        ask = rng.choice(ASK_NAME_EN)
        know, never = f"Your name is {name}.", "You have not told me your name."
    key = f"name|{name}|{tell}"
    roll = rng.random()
    if roll < 0.4:
        return _one(key, tell, hello)
    if roll < 0.5:
        return _one(f"core:{ask}", ask, never)
    between = _exchange(rng) if rng.random() < 0.5 else ()
    turns = (Turn("user", tell), Turn("assistant", hello), *between, Turn("user", ask), Turn("assistant", know))
    return Sample(key, turns, know)


def _exchange(rng: Random) -> tuple[Turn, ...]:
    while True:
        sample = rng.choice((small_talk, small_talk, glossary, unknown))(rng)
        if not held_out(sample.key):
            return sample.turns


def conversation(rng: Random) -> Sample:
    """Draw any kind of talk, often in the middle of a conversation, sometimes under a system message."""
    family = rng.choices((small_talk, glossary, unknown, unclear, name_memory), (44, 26, 20, 5, 5))[0]
    sample = family(rng)
    turns = sample.turns
    if rng.random() < 0.3:
        for _ in range(rng.randint(1, 3)):
            turns = (*_exchange(rng), *turns)
    if rng.random() < 0.3:
        turns = (Turn("system", rng.choice(SYSTEMS)), *turns)
    return Sample(sample.key, turns, sample.gold)
