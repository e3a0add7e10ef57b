"""Scorers that compare a final answer with the gold one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from llmlab.domain.constraints import language_of
from llmlab.domain.experiment import Item
from llmlab.domain.extraction import Extracted, normalised
from llmlab.domain.modes import Extraction
from llmlab.domain.outcomes import Answer, Scored
from llmlab.domain.scorers.base import (
    MARKS,
    Need,
    Reader,
    Verdict,
    abstaining,
    cut_off,
    read_twice,
    right_or_wrong,
)
from llmlab.words import say

LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_CHINESE: Final = re.compile(r"([\u3400-\u4dbf\u4e00-\u9fff])")
_ARTICLES: Final = frozenset({"a", "an", "the"})


@dataclass(frozen=True, slots=True)
class Exact:
    """The final answer is one of the gold ones, by value or letter by letter."""

    name: str = "exact"
    compare: Literal["normalised", "verbatim"] = "normalised"
    """Numbers by value and words without case and marks, or as they stand without outer blanks and a full stop."""
    extract: Extraction | None = None
    needs: Need = ""

    def score(self, item: Item, answer: Answer) -> tuple[Scored, ...]:
        """Under both readings."""
        verbatim = self.compare == "verbatim"
        plain = _bare if verbatim else normalised
        wanted = {plain(gold) for gold in item.gold}

        def verdict(text: str) -> Verdict:
            # Emphasis is forgiven where the gold answer has none; where it has, it must be there.
            same = plain(text) in wanted or (verbatim and plain(text).strip(MARKS) in wanted)
            return _same(same, text, item.gold)

        return read_twice(self, Reader(self.extract, verbatim=verbatim), item, answer, verdict)


@dataclass(frozen=True, slots=True)
class Number:
    """The final answer is the gold number, within a tolerance."""

    name: str = "number"
    tolerance: float = 0.0
    """Relative; 0.01 accepts one per cent."""
    extract: Extraction | None = None
    needs: Need = ""

    def score(self, item: Item, answer: Answer) -> tuple[Scored, ...]:
        """Under both readings; strict without a mode is what stands behind `The answer is` or `答案是`."""
        marker = "答案是" if language_of(item.question) == "zh" else "The answer is"
        fallback = Extraction("after", marker=marker, take="number", numerals=True)
        golds = [value for value in map(_value, item.gold) if value is not None]

        def verdict(text: str) -> Verdict:
            value = _value(text)
            if value is None:
                return 0.0, say("{found} is no number.", found=_short(text))
            near = any(abs(value - gold) <= self.tolerance * abs(gold) + 1e-12 * abs(gold) for gold in golds)
            return _same(near, text, item.gold)

        return read_twice(self, Reader(self.extract, fallback), item, answer, verdict)


@dataclass(frozen=True, slots=True)
class Choice:
    """The final answer names one of the item's choices, by its letter or its text, and it is a gold one."""

    name: str = "choice"
    extract: Extraction | None = None
    needs: Need = ""

    def score(self, item: Item, answer: Answer) -> tuple[Scored, ...]:
        """Under both readings; strict without a mode is a lone letter."""
        letters = LETTERS[: len(item.choices)] or LETTERS
        fallback = Extraction("letter", letters=letters)
        wanted = {_place(gold, item.choices) for gold in item.gold}

        def verdict(text: str) -> Verdict:
            place = _place(text, item.choices)
            if place is None:
                return 0.0, say("{found} is none of the choices.", found=_short(text))
            return _same(place in wanted, item.choices[place], item.gold)

        def resort(text: str) -> Extracted | None:
            """The one choice that it says in words."""
            spans = [span for choice in item.choices if (span := _span_of(choice, text))]
            return Extracted(text[slice(*spans[0])], *spans[0], strict=False) if len(spans) == 1 else None

        return read_twice(self, Reader(self.extract, fallback, resort), item, answer, verdict)


@dataclass(frozen=True, slots=True)
class Contains:
    """The answer holds a gold text, wherever it stands, as words of its own."""

    name: str = "contains"
    every: bool = False
    """All gold texts, not any."""
    needs: Need = ""

    def score(self, item: Item, answer: Answer) -> tuple[Scored, ...]:
        """Of the whole text."""
        spans = [(gold, _span_of(gold, answer.text)) for gold in item.gold]
        held = [span for _, span in spans if span is not None]
        right = bool(held) and (not self.every or len(held) == len(spans)) and item.answerable
        if right:
            start, end = held[0]
            why = say("It says {found}.", found=_short(answer.text[start:end]))
            return (
                Scored(
                    scorer=self.name,
                    outcome="correct",
                    value=1.0,
                    found=answer.text[start:end],
                    start=start,
                    end=end,
                    why=why,
                ),
            )
        other = abstaining(self, item, answer) or cut_off(self, answer)
        missing = ", ".join(gold for gold, span in spans if span is None)
        return (other or right_or_wrong(self, False, say("It does not say {gold}.", gold=_short(missing))),)


@dataclass(frozen=True, slots=True)
class Pattern:
    """The answer matches a regular expression; `{gold}` in it stands for each gold text in turn."""

    pattern: str
    name: str = "regex"
    needs: Need = ""

    def score(self, item: Item, answer: Answer) -> tuple[Scored, ...]:
        """Of the whole text."""
        patterns = [self.pattern.replace("{gold}", re.escape(gold)) for gold in item.gold] or [self.pattern]
        for pattern in patterns:
            if match := re.search(pattern, answer.text, re.MULTILINE):
                found = match.group()
                why = say("It says {found}.", found=_short(found))
                return (
                    Scored(
                        scorer=self.name,
                        outcome="correct",
                        value=1.0,
                        found=found,
                        start=match.start(),
                        end=match.end(),
                        why=why,
                    ),
                )
        other = abstaining(self, item, answer) or cut_off(self, answer)
        return (other or right_or_wrong(self, False, say("Nothing in it matches {pattern}.", pattern=self.pattern)),)


@dataclass(frozen=True, slots=True)
class F1:
    """Words that the final answer shares with the nearest gold one (SQuAD, Rajpurkar et al. 2016)."""

    name: str = "f1"
    passes: float = 0.5
    extract: Extraction | None = None
    needs: Need = ""

    def score(self, item: Item, answer: Answer) -> tuple[Scored, ...]:
        """Under both readings."""

        def verdict(text: str) -> Verdict:
            value = max((shared_words(text, gold) for gold in item.gold), default=0.0)
            return value, say("F1 {value:.2f} against {gold}", value=value, gold=_short(" | ".join(item.gold)))

        return read_twice(self, Reader(self.extract), item, answer, verdict, self.passes)


def shared_words(text: str, gold: str) -> float:
    """F1 of the bags of words, articles left out; each Chinese character is a word."""
    said, wanted = Counter(_words(text)), Counter(_words(gold))
    shared = sum((said & wanted).values())
    if not said or not wanted:
        return float(said == wanted)
    return 2 * shared / (sum(said.values()) + sum(wanted.values()))


def _words(text: str) -> list[str]:
    spaced = _CHINESE.sub(r" \1 ", normalised(text))
    return [word for word in spaced.split() if word not in _ARTICLES]


def _bare(text: str) -> str:
    bare = text.strip()
    return bare[:-1].rstrip() if len(bare) > 1 and bare[-1] in ".。" else bare


def _value(text: str) -> float | None:
    """The number that a text is, currency and unit signs aside."""
    plain = normalised(text)
    numerator, slash, denominator = plain.partition("/")
    try:
        return float(numerator) / (float(denominator) if slash else 1.0)
    except (ValueError, ZeroDivisionError, OverflowError):
        return None


def _place(text: str, choices: Sequence[str]) -> int | None:
    """Which choice a text names: by its own words, else by letter, else by letter and words as in `B) blue`."""
    plain = [normalised(choice) for choice in choices]
    wanted = normalised(text)
    if wanted in plain:
        return plain.index(wanted)
    letter, _, rest = wanted.partition(" ")
    place = LETTERS.find(letter.upper()) if len(letter) == 1 else -1
    if not 0 <= place < len(choices) or (rest and rest != plain[place]):
        return None
    return place


def _span_of(gold: str, text: str) -> tuple[int, int] | None:
    """Where `text` says `gold`, not as part of a longer word or number; blanks and letter case do not matter."""
    words = [re.escape(word) for word in gold.split()]
    if not words:
        return None
    first = r"(?<![A-Za-z0-9])(?<!\d[.,])" if gold.strip()[0].isascii() else ""
    last = r"(?![A-Za-z0-9]|[.,]\d)" if gold.strip()[-1].isascii() else ""
    match = re.search(first + r"\s+".join(words) + last, text, re.IGNORECASE)
    return match.span() if match else None


def _same(right: bool, text: str, gold: Sequence[str]) -> Verdict:
    wanted = _short(" | ".join(gold))
    if right:
        return 1.0, say("{found} is {gold}.", found=_short(text), gold=wanted)
    return 0.0, say("{found} is not {gold}.", found=_short(text), gold=wanted)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else line[:59] + "…"
