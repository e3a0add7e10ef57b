"""Taking the final answer out of what a model wrote, telling whether two are the same, and counting votes."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from llmlab.domain.modes import Extraction

# A number as people write it: sign, thousands separators, decimals, a fraction. Full-width digits are digits too.
# A minus behind a digit, a letter or a closing bracket is a subtraction, not a sign.
_NUMBER: Final = re.compile(
    r"(?<!\d)(?<!\d\.)(?:(?<![\w)])[-−])?(?:\d{1,3}(?:,\d{3})+(?![\d])|\d+)(?:\.\d+)?(?:/\d+(?![\d/]))?"
)
_CHINESE_NUMBER: Final = re.compile(r"负?[零〇一二两三四五六七八九十百千万亿]+(?:点[零〇一二三四五六七八九]+)?")
_BOXED: Final = "\\boxed{"
_EMPHASIS: Final = " \t*_`$~"
_ANNOUNCED: Final = re.compile(
    r"(?:final answer|answer|result|答案|结果)\s*[*_]*\s*(?:is|are|equals|为|是|[:：=])\s*[*_]*\s*[:：]?", re.IGNORECASE
)
"""How an answer is announced where nobody said how it should be."""

_DIGITS: Final = {character: value for value, character in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_UNITS: Final = {"十": 10, "百": 100, "千": 1000}
_LARGE: Final = {"万": 10**4, "亿": 10**8}


@dataclass(frozen=True, slots=True)
class Extracted:
    """A final answer and where it stands."""

    text: str
    start: int
    """Offset into what the model wrote, in characters: `text` is `written[start:end]`."""
    end: int
    strict: bool = True
    """The rule found it as it stands; `False`: the flexible reading did."""


def extract(written: str, extraction: Extraction, *, flexible: bool = True, guess: bool = True) -> Extracted | None:
    """The final answer in `written`; `None` where there is none.

    Args:
        written: what the model wrote, its thinking left out.
        extraction: the rule.
        flexible: where the rule finds nothing, look as a person would: markers in any case and width, an answer that is
            announced in other words.
        guess: with `flexible`, and nothing found so far: take what stands last.
    """
    rules = _Rules(written, extraction)
    if found := rules.strict():
        return found
    if not flexible:
        return None
    loose = rules.flexible() or (rules.guessed() if guess else None)
    return Extracted(loose.text, loose.start, loose.end, strict=False) if loose else None


class _Rules:
    """The readings of one text."""

    def __init__(self, written: str, extraction: Extraction) -> None:
        self._written = written
        self._how = extraction

    def strict(self) -> Extracted | None:
        how, end = self._how, len(self._written)
        match how.rule:
            case "whole":
                return self._trimmed(0, end)
            case "after":
                at = self._written.rfind(how.marker)
                return self._behind(at + len(how.marker)) if at >= 0 else None
            case "last_number":
                return self._last(self._numbers(0, end))
            case "first_number":
                return next(self._numbers(0, end), None)
            case "letter":
                return self._last(self._letters(0, end))
            case "last_line":
                return self._last_line()
            case "json":
                return self._json(0, end) if self._is_json(self._written) else self._fenced_json()
            case "boxed":
                return self._boxed()

    def flexible(self) -> Extracted | None:
        """The marker however it is written, else an answer that is announced in other words."""
        how = self._how
        match how.rule:
            case "after":
                return self._after_marker() or self._announced(self._behind)
            case "json":
                return self._json(0, len(self._written))
            case "boxed":
                return self._announced(self._value)
            case _:
                return None

    def guessed(self) -> Extracted | None:
        """What stands last."""
        how, end = self._how, len(self._written)
        match how.rule:
            case "after" if how.take in ("line", "value"):
                return self._last_line()
            case "after" if how.take == "letter":
                return self._last(self._letters(0, end))
            case "after":
                return self._last(self._numbers(0, end))
            case "boxed":
                return self._last(self._numbers(0, end)) or self._last_line()
            case _:
                return None

    def _after_marker(self) -> Extracted | None:
        """Behind the last marker that something follows, however it is written."""
        marker = _folded(self._how.marker.strip())
        folded = _folded(self._written)
        if not marker:
            return None
        at = folded.rfind(marker)
        while at >= 0:
            if found := self._behind(at + len(marker)):
                return found
            at = folded.rfind(marker, 0, at)
        return None

    def _behind(self, start: int) -> Extracted | None:
        match self._how.take:
            case "line":
                return self._line(start)
            case "number":
                return self._first_number(start)
            case "letter":
                return self._first_letter(start)
            case "value":
                return self._value(start)

    def _announced(self, taken: Callable[[int], Extracted | None]) -> Extracted | None:
        for match in reversed(list(_ANNOUNCED.finditer(self._written))):
            if found := taken(match.end()):
                return found
        return None

    def _line(self, start: int) -> Extracted | None:
        """The rest of the line; of the next one where nothing is left of it but emphasis."""
        end = self._line_end(start)
        found = self._trimmed(start, end)
        if found or end == len(self._written):
            return found
        following = end + len(self._written[end:]) - len(self._written[end:].lstrip())
        return self._trimmed(following, self._line_end(following))

    def _line_end(self, start: int) -> int:
        end = self._written.find("\n", start)
        return len(self._written) if end < 0 else end

    def _first_number(self, start: int) -> Extracted | None:
        line = self._line(start)
        return next(self._numbers(line.start, line.end), None) if line else None

    def _value(self, start: int) -> Extracted | None:
        """The number that the line begins with, a currency or an emphasis before it; else the line."""
        line = self._line(start)
        number = next(self._numbers(line.start, line.end), None) if line else None
        if line and number and not any(map(str.isalnum, self._written[line.start : number.start])):
            return number
        return line

    def _first_letter(self, start: int) -> Extracted | None:
        line = self._line(start)
        return next(self._letters(line.start, line.end), None) if line else None

    def _numbers(self, start: int, end: int) -> Iterator[Extracted]:
        pattern = _NUMBER
        found = [self._at(match.start(), match.end()) for match in pattern.finditer(self._written, start, end)]
        if self._how.numerals and not found:
            found = [self._at(m.start(), m.end()) for m in _CHINESE_NUMBER.finditer(self._written, start, end)]
        yield from found

    def _letters(self, start: int, end: int) -> Iterator[Extracted]:
        letters = re.escape(self._how.letters)
        for match in re.finditer(rf"(?<![^\W_])[{letters}](?![^\W_]|['’])", self._written[:end]):
            if match.start() >= start:
                yield self._at(match.start(), match.end())

    def _last_line(self) -> Extracted | None:
        start = len(self._written.rstrip())
        return self._trimmed(self._written.rfind("\n", 0, start) + 1, start)

    def _boxed(self) -> Extracted | None:
        r"""What stands in the last `\boxed{...}`, braces inside it counted."""
        at = self._written.rfind(_BOXED)
        if at < 0:
            return None
        start = at + len(_BOXED)
        depth = 1
        for place in range(start, len(self._written)):
            depth += {"{": 1, "}": -1}.get(self._written[place], 0)
            if depth == 0:
                return self._trimmed(start, place)
        return None

    def _fenced_json(self) -> Extracted | None:
        """The last fenced block that is JSON."""
        for match in reversed(list(re.finditer(r"```[a-zA-Z]*\n(.*?)```", self._written, re.DOTALL))):
            if self._is_json(match.group(1)):
                return self._json(match.start(1), match.end(1))
        return None

    def _json(self, start: int, end: int) -> Extracted | None:
        """The last object or list that is JSON and not part of another."""
        decoder = json.JSONDecoder()
        found: Extracted | None = None
        place = start
        while place < end:
            if self._written[place] in "{[":
                try:
                    _, after = decoder.raw_decode(self._written, place)
                except (ValueError, RecursionError):
                    place += 1
                    continue
                if after <= end:
                    found = self._at(place, after)
                place = after
            else:
                place += 1
        return found

    @staticmethod
    def _is_json(text: str) -> bool:
        try:
            json.loads(text)
        except (ValueError, RecursionError):
            return False
        return text.lstrip()[:1] in ("{", "[")

    @staticmethod
    def _last(found: Iterator[Extracted]) -> Extracted | None:
        last = None
        for last in found:  # noqa: B007 - the last value is the result
            pass
        return last

    def _trimmed(self, start: int, end: int) -> Extracted | None:
        """A stretch without the blanks, the emphasis and the full stop around it."""
        text = self._written[start:end]
        core = text.strip().strip(_EMPHASIS)
        if len(core) > 1 and core[-1] in ".。" and "\n" not in core:
            core = core[:-1].rstrip(_EMPHASIS)
        core = core.lstrip(" \t:：*_") if self._how.rule == "after" else core
        if not core:
            return None
        at = start + text.index(core)
        return self._at(at, at + len(core))

    def _at(self, start: int, end: int) -> Extracted:
        return Extracted(self._written[start:end], start, end)


def _folded(text: str) -> str:
    """`text` in one case and width, character by character, so that offsets hold."""
    return "".join(
        one if len(one := unicodedata.normalize("NFKC", character).casefold()) == 1 else character for character in text
    )


def normalised(answer: str) -> str:
    """What two answers that say the same have in common: numbers by value, words without case, width and marks."""
    text = unicodedata.normalize("NFKC", answer).strip().strip(_EMPHASIS).strip()
    bare = text.strip("£€¥￥$%°. \t").replace("−", "-")
    if number := _NUMBER.fullmatch(bare):
        return _plain_number(number.group())
    if _CHINESE_NUMBER.fullmatch(bare):
        return _plain_number(str(chinese_number(bare)))
    if text[:1] in ("{", "["):
        try:
            return json.dumps(json.loads(text), sort_keys=True, ensure_ascii=False)
        except (ValueError, RecursionError):
            return text
    words = "".join(character if character.isalnum() else " " for character in text.casefold())
    return " ".join(words.split()) or " ".join(text.split())


def _plain_number(number: str) -> str:
    """A number without separators, without a sign on zero and without zeros that say nothing."""
    whole = number.replace(",", "").replace("−", "-")
    if "/" in whole:
        return whole
    sign = "-" if whole.startswith("-") else ""
    digits, _, decimals = whole.lstrip("-").partition(".")
    plain = (digits.lstrip("0") or "0") + (f".{rest}" if (rest := decimals.rstrip("0")) else "")
    return plain if plain == "0" else sign + plain


def chinese_number(text: str) -> int | float:
    """The number that Chinese numerals write, such as 二十三, 一万零五 or 三点五; 二三 counts as 23."""
    sign = -1 if text.startswith("负") else 1
    whole, _, decimals = text.removeprefix("负").partition("点")
    if all(character in _DIGITS for character in whole):
        value = int("".join(str(_DIGITS[character]) for character in whole) or "0")
    else:
        value = _with_units(whole)
    if not decimals:
        return sign * value
    return float(f"{'-' if sign < 0 else ''}{value}.{''.join(str(_DIGITS[character]) for character in decimals)}")


def _with_units(text: str) -> int:
    total, below, digit = 0, 0, 0
    for character in text:
        if character in _DIGITS:
            digit = _DIGITS[character]
        elif character in _UNITS:
            below += (digit or 1) * _UNITS[character]
            digit = 0
        else:
            large = _LARGE[character]
            # 一亿二千万: what stands before a larger unit is counted in it.
            total = (total + below + digit) * large if total and total < large else total + (below + digit or 1) * large
            below = digit = 0
    return total + below + digit


@dataclass(frozen=True, slots=True)
class Vote:
    """How many answers say the same."""

    answer: str
    """As it was first written."""
    count: int


@dataclass(frozen=True, slots=True)
class Tally:
    """The votes of several answers to one question (self-consistency, Wang 2022)."""

    votes: tuple[Vote, ...] = ()
    """Most first; of equal ones the one seen first."""
    winner: int | None = None
    """The first of the answers that say what most say; `None` when none says anything."""
    silent: int = 0
    """Answers in which no final answer was found."""

    @property
    def share(self) -> float:
        """The part of all answers, the silent ones among them, that agrees with the winner; 0 to 1."""
        cast = sum(vote.count for vote in self.votes) + self.silent
        return self.votes[0].count / cast if self.votes else 0.0


def tally(answers: Sequence[str | None]) -> Tally:
    """The votes of `answers`, in the order in which they were drawn; `None` is one without a final answer."""
    seen: dict[str, list[int]] = {}
    for index, answer in enumerate(answers):
        if answer is not None:
            seen.setdefault(normalised(answer), []).append(index)
    # Sorting is stable: of equal counts the one seen first stays first.
    ranked = sorted(seen.values(), key=len, reverse=True)
    votes = tuple(Vote(answers[group[0]] or "", len(group)) for group in ranked)
    return Tally(votes, ranked[0][0] if ranked else None, sum(answer is None for answer in answers))
