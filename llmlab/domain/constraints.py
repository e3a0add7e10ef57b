"""What an instruction asks of the form of an answer, as far as a program can check it (IFEval, Zhou et al. 2023)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

from llmlab.domain.sentences import sentence_ends


@dataclass(frozen=True, slots=True)
class Constraint:
    """One thing that an answer has to keep to."""

    kind: str
    """A name of `KINDS`."""
    value: str = ""
    """A number or a text, by kind."""

    def __str__(self) -> str:
        return f"{self.kind} {self.value}".rstrip()


Takes = Literal["nothing", "number", "text"]
"""What the value of a constraint is."""

_CHINESE: Final = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
_WORD: Final = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_BULLET: Final = re.compile(r"^[ \t]*(?:[-*+•·]|\d+[.)、])\s*\S", re.MULTILINE)
_FENCE: Final = re.compile(r"\A```[a-zA-Z]*\n(.*?)\n?```\Z", re.DOTALL)


def words_of(text: str) -> int:
    """Words; a Chinese character counts as one."""
    return len(_WORD.findall(_CHINESE.sub(" ", text))) + len(_CHINESE.findall(text))


def paragraphs_of(text: str) -> int:
    """Stretches of text between empty lines."""
    return len([part for part in re.split(r"\n[ \t]*\n", text) if part.strip()])


def language_of(text: str) -> str:
    """`zh` or `en` by which script most of the letters are; empty without letters."""
    chinese = len(_CHINESE.findall(text))
    # A Chinese word has about two characters, an English one about five letters.
    latin = sum(character.isascii() and character.isalpha() for character in text) / 2.5
    return "" if not chinese and not latin else "zh" if chinese >= latin else "en"


def _is_json(text: str) -> bool:
    fenced = _FENCE.match(text.strip())
    try:
        json.loads(fenced.group(1) if fenced else text)
    except (ValueError, RecursionError):
        return False
    return True


def _letters(text: str) -> str:
    return "".join(character for character in text if character.isalpha())


def _count(of: Callable[[str], int], compare: Callable[[int, int], bool]) -> Callable[[str, str], bool]:
    return lambda text, value: compare(of(text), int(value))


def _at_least(found: int, wanted: int) -> bool:
    return found >= wanted


def _at_most(found: int, wanted: int) -> bool:
    return found <= wanted


def _exactly(found: int, wanted: int) -> bool:
    return found == wanted


def sentences_in(text: str) -> int:
    """Sentences that say something; the rest behind the last mark is one."""
    ends = [0, *sentence_ends(text, 0, len(text)), len(text)]
    return sum(any(map(str.isalnum, text[start:end])) for start, end in pairwise(ends))


KINDS: Final[Mapping[str, tuple[Takes, Callable[[str, str], bool]]]] = {
    "least_words": ("number", _count(words_of, _at_least)),
    "most_words": ("number", _count(words_of, _at_most)),
    "least_sentences": ("number", _count(sentences_in, _at_least)),
    "most_sentences": ("number", _count(sentences_in, _at_most)),
    "paragraphs": ("number", _count(paragraphs_of, _exactly)),
    "bullets": ("number", _count(lambda text: len(_BULLET.findall(text)), _exactly)),
    "contains": ("text", lambda text, value: value.casefold() in text.casefold()),
    "avoids": ("text", lambda text, value: value.casefold() not in text.casefold()),
    "starts_with": ("text", lambda text, value: text.lstrip().casefold().startswith(value.casefold())),
    "ends_with": ("text", lambda text, value: text.rstrip().casefold().endswith(value.casefold())),
    "matches": ("text", lambda text, value: re.search(value, text) is not None),
    "json": ("nothing", lambda text, _: _is_json(text)),
    "lower_case": ("nothing", lambda text, _: _letters(text) == _letters(text).lower()),
    "upper_case": ("nothing", lambda text, _: _letters(text) == _letters(text).upper()),
    "no_comma": ("nothing", lambda text, _: not set(text) & set(",，、")),
    "quoted": ("nothing", lambda text, _: re.fullmatch(r'\s*["“].*["”]\s*', text, re.DOTALL) is not None),
    "language": ("text", lambda text, value: language_of(text) == value),
}
"""By name: what it takes, and the check of a text."""


def flaw(constraint: Constraint) -> Literal["", "kind", "number", "text", "pattern"]:
    """What is wrong with how a constraint is written; empty when nothing is."""
    if constraint.kind not in KINDS:
        return "kind"
    takes, value = KINDS[constraint.kind][0], constraint.value
    if takes == "number" and not value.isdecimal():
        return "number"
    if takes == "text" and not value:
        return "text"
    if constraint.kind == "matches":
        try:
            re.compile(value)
        except re.error:
            return "pattern"
    return ""


def holds(constraint: Constraint, text: str) -> bool:
    """`text` keeps to a constraint that has no flaw; an empty text keeps to none."""
    return bool(text.strip()) and KINDS[constraint.kind][1](text, constraint.value)


def loosened(text: str) -> Iterator[str]:
    """An answer without the friendly frame: first line, last line or both left out, each with and without asterisks."""
    lines = text.strip().split("\n")
    stretches = (lines, lines[1:], lines[:-1], lines[1:-1])
    for stretch in stretches:
        kept = "\n".join(stretch).strip()
        yield kept
        yield kept.replace("*", "")
