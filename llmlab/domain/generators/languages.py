"""Words from one language into the other."""

from __future__ import annotations

from random import Random
from typing import Final

from llmlab.domain.experiment import Item
from llmlab.domain.generators.base import Arguments, Generator, Made, Parameter, held_out
from llmlab.domain.generators.world import LEXICON
from llmlab.domain.shots import Shot

TO_CHINESE: Final = (
    "Translate {w} into Chinese.",
    "Translate '{w}' to Chinese.",
    "How do you say {w} in Chinese?",
    "What is {w} in Chinese?",
    "{w} in Chinese",
    "What is the Chinese word for {w}?",
    "Translate into Chinese: {w}",
    '"{w}"用中文怎么说？',
    "{w}的中文是什么？",
    "把{w}翻译成中文。",
    "请把 {w} 翻译成中文",
    "翻译成中文：{w}",
    "{w}是什么意思？",
)
TO_ENGLISH: Final = (
    "Translate {w} into English.",
    "Translate '{w}' to English.",
    "How do you say {w} in English?",
    "What is {w} in English?",
    "What does {w} mean?",
    "Translate into English: {w}",
    "“{w}”用英文怎么说？",
    "{w}的英文是什么？",
    "把{w}翻译成英文。",
    "请把“{w}”翻译成英文",
    "翻译成英文：{w}",
    "{w}用英语怎么说",
)
EXAMPLES: Final = 8


def _make(rng: Random, given: Arguments, _place: int) -> Made:
    """An instance is a wording and a word: the models know the word in other wordings."""
    english, chinese = rng.choice(LEXICON)
    to_chinese = given.text("to") == "zh"
    forms = TO_CHINESE if to_chinese else TO_ENGLISH
    at = rng.randrange(len(forms))
    word, answer = (english, chinese) if to_chinese else (chinese, english)

    def item() -> Item:
        return Item(
            id="",
            question=forms[at].format(w=word),
            gold=tuple(dict.fromkeys([answer, *_synonyms(word, to_chinese=to_chinese)])),
            cluster=english,
            shots=_shots(forms, at, word, to_chinese=to_chinese),
        )

    return Made(f"lexicon|{given.text('to')}|{at}|{english}", item)


def _synonyms(word: str, *, to_chinese: bool) -> list[str]:
    """Whatever else the lexicon gives for a word."""
    return [pair[1] if to_chinese else pair[0] for pair in LEXICON if pair[not to_chinese] == word]


def _shots(forms: tuple[str, ...], at: int, asked: str, *, to_chinese: bool) -> tuple[Shot, ...]:
    rng = Random(f"shots {asked} {at}")
    side = "zh" if to_chinese else "en"
    fit = [pair for pair in LEXICON if asked not in pair and not held_out(f"lexicon|{side}|{at}|{pair[0]}")]
    pairs = rng.sample(fit, EXAMPLES)
    return tuple(Shot(forms[at].format(w=pair[not to_chinese]), pair[to_chinese]) for pair in pairs)


TRANSLATION: Final = Generator(
    "translation",
    "one word into the other language",
    (Parameter("to", "zh", "the language of the answer", choices=("zh", "en")),),
    _make,
)
