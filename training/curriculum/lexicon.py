"""Single words from English to Chinese and back."""

from __future__ import annotations

from random import Random

from training.curriculum.words import LEXICON
from training.sample import Sample, chat

TO_CHINESE = (
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
TO_ENGLISH = (
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


def translation(rng: Random) -> Sample:
    """Ask for the other language's word; an instance is a wording and a word."""
    english, chinese = rng.choice(LEXICON)
    if rng.random() < 0.5:
        at = rng.randrange(len(TO_CHINESE))
        return chat(f"lexicon|zh|{at}|{english}", TO_CHINESE[at].format(w=english), chinese)
    at = rng.randrange(len(TO_ENGLISH))
    return chat(f"lexicon|en|{at}|{english}", TO_ENGLISH[at].format(w=chinese), english)
