"""What a question is about, without the words that only ask, and words without their endings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Final

from llmlab.domain.bm25 import terms_of

_ASKING_CHINESE: Final = re.compile(
    "为什么|为何|怎么样|怎么办|怎么|怎样|如何|什么时候|什么地方|什么样|什么|哪一年|哪一天|哪里|哪儿|哪些|哪个|哪一[个位座]|哪[位座家种年]"
    "|多少|多久|多大|多远|几[个位次年]|是不是|有没有|能不能|会不会|是谁|谁的|谁|何时|何地|何处|何人|何物"
    "|请问|请告诉我|告诉我|请说明|请解释|根据[上下]?文|文中|书中|小说[中里]|吗|呢"
)
_ASKING_ENGLISH: Final = re.compile(
    r"what|which|who|whom|whose|when|where|why|how|did|does|do|done|is|are|was|were|be|been|has|have|had|can|could"
    r"|would|should|will|shall|may|might|many|much|tell|me|please|an?|the|of|in|on|at|to|for|from|by|with|its?"
    r"|that|this|these|those|there|and|or|as|according|text|document|passage|book|novel|story|s"
)
_UNSPACED: Final = re.compile(
    "[\u3005-\u3007\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]"
)
_VOWELS: Final = frozenset("aeiouy")
_LEAST: Final = 3
"""Letters that are left of a word at the least."""


def asked(question: str) -> list[str]:
    """The terms that `question` is about, as an index of `stemmed` terms holds them; all when it only asks."""
    plain = _ASKING_CHINESE.sub(" ", question)
    terms = [term for term in terms_of(plain) if not _ASKING_ENGLISH.fullmatch(term)]
    return list(stemmed(terms or terms_of(question)))


def asked_pairs(question: str) -> list[tuple[str, str]]:
    """Words that follow each other in `question` and are both what it is about, as `stemmed` gives them.

    Scripts without blanks need none: their terms are pairs of characters already.
    """
    terms = [term if _is_word(term) and not _ASKING_ENGLISH.fullmatch(term) else "" for term in terms_of(question)]
    plain = [stem(term) if term.isascii() else term for term in terms]
    return [(first, second) for first, second in pairwise(plain) if first and second]


def _is_word(term: str) -> bool:
    return len(term) > 1 and not _UNSPACED.match(term)


def stemmed(terms: Iterable[str]) -> Iterator[str]:
    """English words without the endings of plural, past and progress; all other terms as they are."""
    return (stem(term) if term.isascii() else term for term in terms)


def stem(word: str) -> str:
    """`word` so that `price`, `prices` and `priced` are one (Porter 1980, step 1, and its mute e)."""
    if len(word) <= _LEAST or not word.isalpha():
        return word
    if word.endswith("ies"):
        word = word[:-3] + "y"
    elif word[-1] == "s" and word[-2] not in "sui":
        word = word[:-1]
    for ending in ("ing", "ed"):
        root = word.removesuffix(ending)
        if root != word and len(root) >= _LEAST and _VOWELS & set(root):
            word = root[:-1] if root[-1] == root[-2] and root[-1] not in "lsz" else root
            break
    return word[:-1] if word[-1] == "e" and len(word) > _LEAST else word
