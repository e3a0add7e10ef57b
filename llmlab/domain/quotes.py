"""What of an answer can be checked: what it quotes, the passages it names, the sentences that claim something."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from llmlab.domain.sentences import sentence_ends

LONGEST: Final = 4000
"""Characters of a quote at the most; what is longer is an unpaired mark."""
_MOST_NUMBERS: Final = 64

_SPACED: Final = r"[^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]"
"""A letter or digit behind which a single mark may be an apostrophe; Chinese, Japanese and Korean have none."""
_MARKED: Final = (
    rf"“(?P<curly>(?:[^“”]|“[^“”]{{1,{LONGEST}}}”){{1,{LONGEST}}})”"
    rf"|「(?P<corner>(?:[^「」]|「[^「」]{{1,{LONGEST}}}」){{1,{LONGEST}}})」"
    rf"|『(?P<double>[^『』]{{1,{LONGEST}}})』"
    rf"|«(?P<angle>(?:[^«»]|«[^«»]{{1,{LONGEST}}}»){{1,{LONGEST}}})»"
    rf"|»(?P<pointed>[^«»]{{1,{LONGEST}}})«"
    rf"|‹(?P<arrows>[^‹›]{{1,{LONGEST}}})›"
    rf"|〝(?P<primes>[^〝〞〟]{{1,{LONGEST}}})[〞〟]"
    rf"|„(?P<low>[^„“”]{{1,{LONGEST}}})[“”]"
    rf"|＂(?P<full>[^＂\n]{{1,{LONGEST}}})＂"
    rf"|(?<![A-Za-z0-9])\"(?P<straight>[^\"]{{1,{LONGEST}}})\""
    # A single mark is an apostrophe unless it opens a word and closes one.
    rf"|(?<!{_SPACED})‘(?P<single>(?:[^‘\n]|\n(?!\n)){{1,{LONGEST}}}?)’(?!{_SPACED})"
    rf"|(?<!{_SPACED})(?<!')'(?!\d\ds)"
    rf"(?P<typed>(?:[^'\n]|\n(?!\n)|(?<={_SPACED})'(?={_SPACED})){{1,{LONGEST}}})'(?!{_SPACED})"
)
_ALIKE: Final = frozenset({"full", "straight", "single", "typed"})
_WITHIN: Final = re.compile(_MARKED)
_QUOTED: Final = re.compile(
    rf"{_MARKED}|^[ \t]{{0,3}}>[ \t]?(?P<block>[^\n]+(?:\n[ \t]{{0,3}}>[ \t]?[^\n]*)*)", re.MULTILINE
)
_LIST: Final = r"\d{1,7}(?:[ \t]*(?:[-–—,，、;]|to|and|和|至|到)[ \t]*\d{1,7}){0,30}"
_NUMBERS: Final = re.compile(
    r"[\[［【〔(（][ \t]*(?P<word>(?i:passages?)|段落?|第)?[ \t]*"
    rf"(?P<list>{_LIST})[ \t]*(?:段|节)?[ \t]*"
    r"[\]］】〕)）]"
)
_SPOKEN: Final = re.compile(rf"\b(?i:passages?)[ \t]+(?P<list>{_LIST})\b|第[ \t]*(?P<counted>{_LIST})[ \t]*段")
"""Passages that are named as words of the sentence."""
_NAMED_IN_BRACKETS: Final = re.sub(r"\?P<\w+>", "?:", _NUMBERS.pattern)
_NAMED: Final = re.sub(r"\?P<\w+>", "?:", f"(?:{_NUMBERS.pattern}|{_SPOKEN.pattern})")
_FOLLOWING: Final = re.compile(rf"(?:[ \t]*{_NAMED_IN_BRACKETS})+[.。]?")
_SOURCED: Final = re.compile(
    rf"\n[ \t]{{0,3}}>[ \t]*[—–―-]{{1,3}}[ \t]*{_NAMED}[^\n]{{0,80}}\Z|(?:[ \t—–―-]*{_NAMED})+[.。]?\s*\Z"
)
"""What stands at the end of a block and says where it is from."""
_SOURCE_REACH: Final = 300
"""Characters of it at the most."""
_RANGE: Final = re.compile(r"(\d+)(?:[ \t]*(?:[-–—]|to|至|到)[ \t]*(\d+))?")
_CODE: Final = re.compile(r"^[ \t]{0,3}```.*?(?:^[ \t]{0,3}```[^\n]*$|\Z)|`[^`\n]+`", re.MULTILINE | re.DOTALL)
_OMISSION: Final = re.compile(r"\s*[\[(（【]?\s*(?:\.{3,}|(?:\. ){2,}\.|…+|⋯+)\s*[\])）】]?\s*")
_NOTHING_SAID: Final = re.compile(r"[:：?？]\s*$|^\s*(?:[#|]|[-*_]{3,}\s*$)")
_WORDS: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")
_LEAST_WORDS: Final = 4
"""Words, or Chinese characters, of a sentence that claims something, and of a quote that is more than a name."""


@dataclass(frozen=True, slots=True)
class Quoted:
    """A stretch between quotation marks, and where it is said to be from."""

    start: int
    """Offset into the answer, after the opening mark."""
    end: int
    """Offset of the closing mark."""
    text: str
    numbers: tuple[int, ...]

    @property
    def is_name(self) -> bool:
        """So short that it may be a word that is only set apart; a figure is none."""
        return _count(self.text) < _LEAST_WORDS and not any(map(str.isdecimal, self.text))

    @property
    def parts(self) -> tuple[str, ...]:
        """What it says without a break: it may leave something out, and say so by dots."""
        return tuple(part for part in _OMISSION.split(self.text) if part.strip(" ,.;:，。；："))


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of an answer that says something."""

    start: int
    end: int
    quotes: tuple[int, ...]
    """Which of the quotes begin in it, from 0."""
    numbers: tuple[int, ...]


def parts_of(answer: str) -> tuple[tuple[Quoted, ...], tuple[Sentence, ...]]:
    """What `answer` quotes and what it claims, each in order; code is neither."""
    visible = _CODE.sub(lambda match: re.sub(r"[^\n]", "\0", match.group()), answer)
    found, blocks = _quoted_spans(visible)
    spans = [span for span in found if "\0" not in visible[span[0] : span[1]]]
    sentences = list(_sentences(visible, spans))
    layout = _Layout(visible, spans, blocks, sentences, _named(visible, spans))
    quotes = tuple(
        Quoted(start, end, _unquoted_lines(answer[start:end]), layout.numbers_of(place))
        for place, (start, end) in enumerate(spans)
    )
    claims = tuple(
        Sentence(start, end, tuple(layout.quotes_in(start, end)), layout.numbers_in(start, end))
        for start, end in sentences
        if _claims(visible[start:end])
    )
    return quotes, claims


@dataclass(frozen=True, slots=True)
class _Naming:
    """Where passages are named, and which."""

    start: int
    end: int
    numbers: tuple[int, ...]


class _Layout:
    """Where in an answer quotes, sentences and the numbers of passages stand, each in order."""

    def __init__(
        self,
        text: str,
        quotes: list[tuple[int, int]],
        blocks: list[tuple[int, int]],
        sentences: list[tuple[int, int]],
        named: list[_Naming],
    ) -> None:
        self._text, self._quotes, self._blocks = text, quotes, blocks
        self._sentences, self._named = sentences, named
        self._block_starts = [start for start, _ in blocks]
        self._quote_starts = [start for start, _ in quotes]
        self._sentence_starts = [start for start, _ in sentences]
        self._named_starts = [naming.start for naming in named]

    def quotes_in(self, start: int, end: int) -> range:
        """Those that begin there."""
        return range(bisect_left(self._quote_starts, start), bisect_left(self._quote_starts, end))

    def numbers_in(self, start: int, end: int) -> tuple[int, ...]:
        """Those that are named there, each once."""
        return _once(self._named[bisect_left(self._named_starts, start) : bisect_left(self._named_starts, end)])

    def numbers_of(self, place: int) -> tuple[int, ...]:
        """Those named right behind a quote; else before it, behind the last quote; else before the next one.

        All of it within its sentence, or the block that it stands in.
        """
        start, end = self._quotes[place]
        at = bisect_right(self._sentence_starts, start) - 1
        first, last = self._sentences[at] if at >= 0 else (start, end)
        upcoming = self._quotes[place + 1][0] if place + 1 < len(self._quotes) else len(self._text)
        block = bisect_right(self._block_starts, start) - 1
        most = min(max(last, end, self._blocks[block][1] if block >= 0 else 0), upcoming)
        if behind := self._behind(end, most):
            return _once(behind)
        if place and (before := self._quotes[place - 1][1]) > first:
            owned = self._behind(before, start)
            first = owned[-1].end if owned else before
        return self.numbers_in(first, start) or self.numbers_in(end, most)

    def _behind(self, end: int, most: int) -> list[_Naming]:
        """The namings that nothing but marks parts from what ends at `end`, or from each other."""
        found: list[_Naming] = []
        for at in range(bisect_left(self._named_starts, end), len(self._named)):
            naming = self._named[at]
            if naming.start >= most or _LETTER.search(self._text, found[-1].end if found else end, naming.start):
                break
            found.append(naming)
        return found


_LETTER: Final = re.compile(r"[^\W\d_]")


def _once(named: Sequence[_Naming]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(number for naming in named for number in naming.numbers))


def _named(text: str, spans: Sequence[tuple[int, int]]) -> list[_Naming]:
    """Where passages are named outside of quotes, in order."""
    starts = [start for start, _ in spans]
    found = []
    for match in (*_NUMBERS.finditer(text), *_SPOKEN.finditer(text)):
        at = bisect_right(starts, match.start()) - 1
        if _names(match) and (at < 0 or spans[at][1] <= match.start()):
            found.append(_Naming(match.start(), match.end(), _numbers(match)))
    return sorted(found, key=lambda naming: naming.start)


def _quoted_spans(text: str) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """What is quoted, and the block quotes, each in order."""
    spans: list[tuple[int, int]] = []
    blocks: list[tuple[int, int]] = []
    for match in _marked(_QUOTED, text, 0, len(text)):
        start, end = match.span(match.lastgroup or 0)
        if match.lastgroup == "block":
            blocks.append((start, end))
            spans += _in_block(text, start, end)
            continue
        span = _trimmed(text, start, end)
        # Marks that look alike at both ends do not reach over a paragraph: one of them is missing.
        if match.lastgroup not in _ALIKE or "\n\n" not in text[slice(*span)]:
            spans.append(span)
    return [span for span in spans if span[1] > span[0]], blocks


def _marked(pattern: re.Pattern[str], text: str, start: int, end: int) -> Iterator[re.Match[str]]:
    """What `pattern` finds; where a « is open in the paragraph, a » closes it and opens nothing."""
    at = pointed = start
    while match := pattern.search(text, at, end):
        if match.lastgroup == "pointed":
            before = text.rfind("«", pointed, match.start())
            if before >= 0 and text.find("\n\n", before, match.start()) < 0:
                at = match.start() + 1
                continue
            pointed = match.end()
        yield match
        at = match.end()


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """The span without the blanks at its ends."""
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


def _in_block(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """What a block quotes: what it puts between marks, where all else tells where that is from; else all of it."""
    inner: list[tuple[int, int]] = []
    rest: list[str] = []
    done = start
    for match in _marked(_WITHIN, text, start, end):
        inner.append(_trimmed(text, *match.span(match.lastgroup or 0)))
        rest.append(text[done : match.start()])
        done = match.end()
    rest.append(text[done:end])
    if inner and not _LETTER.search(re.sub(_NAMED, "", " ".join(rest))):
        return inner
    sourced = _SOURCED.search(text, max(start, end - _SOURCE_REACH), end)
    return [_trimmed(text, start, sourced.start() if sourced else end)]


def _unquoted_lines(text: str) -> str:
    """A block quote without the marks in front of its lines."""
    return re.sub(r"\n[ \t]{0,3}>[ \t]?", "\n", text)


def _names(match: re.Match[str]) -> bool:
    """Round brackets hold a year or a count more often than a passage."""
    return match.re is _SPOKEN or match.group()[0] not in "(（" or match["word"] is not None


def _numbers(match: re.Match[str]) -> tuple[int, ...]:
    found: list[int] = []
    listed = match["list"] or match["counted"]
    for part in _RANGE.finditer(listed):
        first, last = int(part[1]), int(part[2] or part[1])
        found += range(first, min(max(first, last), first + _MOST_NUMBERS) + 1)
    return tuple(dict.fromkeys(found[:_MOST_NUMBERS]))


def _sentences(text: str, spans: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Sentences by line; what a quote says inside ends none, and the passages that are named after it belong to it."""
    masked = list(text)
    for start, end in spans:
        # The last mark of a quote may end the sentence around it.
        masked[start : end - 1] = "x" * (end - 1 - start)
    flat = "".join(masked)
    line_start = 0
    for line in flat.split("\n"):
        line_end, start = line_start + len(line), line_start
        for end in (*sentence_ends(flat, line_start, line_end), line_end):
            if end < start:
                continue
            following = _FOLLOWING.match(text, end, line_end)
            end = following.end() if following else end
            if text[start:end].strip():
                lead = len(text[start:end]) - len(text[start:end].lstrip())
                yield start + lead, start + len(text[start:end].rstrip())
            start = end
        line_start = line_end + 1


def _claims(sentence: str) -> bool:
    return (
        _count(_NUMBERS.sub("", sentence)) >= _LEAST_WORDS
        and not _NOTHING_SAID.search(sentence)
        and "\0" not in sentence
    )


def _count(text: str) -> int:
    return sum(1 for _ in _WORDS.finditer(text))
