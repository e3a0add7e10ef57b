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

_QUOTED: Final = re.compile(
    rf"“(?P<curly>(?:[^“”]|“[^“”]{{1,{LONGEST}}}”){{1,{LONGEST}}})”"
    rf"|「(?P<corner>(?:[^「」]|「[^「」]{{1,{LONGEST}}}」){{1,{LONGEST}}})」"
    rf"|『(?P<double>[^『』]{{1,{LONGEST}}})』"
    rf"|«(?P<angle>[^«»]{{1,{LONGEST}}})»"
    rf"|„(?P<low>[^„“”]{{1,{LONGEST}}})[“”]"
    rf"|＂(?P<full>[^＂\n]{{1,{LONGEST}}})＂"
    rf"|(?<![A-Za-z0-9])\"(?P<straight>[^\"]{{1,{LONGEST}}})\""
    # A single mark is an apostrophe unless it opens a word and closes one.
    rf"|(?<!\w)‘(?P<single>(?:[^‘\n]|\n(?!\n)){{1,{LONGEST}}}?)’(?!\w)"
    rf"|(?<![\w'])'(?!\d\ds)(?P<typed>(?:[^'\n]|\n(?!\n)|(?<=\w)'(?=\w)){{1,{LONGEST}}})'(?!\w)"
    r"|^[ \t]{0,3}>[ \t]?(?P<block>[^\n]+(?:\n[ \t]{0,3}>[ \t]?[^\n]*)*)",
    re.MULTILINE,
)
_NUMBERS: Final = re.compile(
    r"[\[［【〔(（][ \t]*(?P<word>passages?|段落?|第)?[ \t]*"
    r"(?P<list>\d{1,7}(?:[ \t]*(?:[-–—,，、;]|to|and|和|至|到)[ \t]*\d{1,7}){0,30})[ \t]*(?:段|节)?[ \t]*"
    r"[\]］】〕)）]"
)
_FOLLOWING: Final = re.compile(
    rf"(?:[ \t]*{_NUMBERS.pattern.replace('?P<word>', '').replace('?P<list>', '?:')})+[.。]?"
)
_RANGE: Final = re.compile(r"(\d+)(?:[ \t]*(?:[-–—]|to|至|到)[ \t]*(\d+))?")
_CODE: Final = re.compile(r"^[ \t]{0,3}```.*?(?:^[ \t]{0,3}```[^\n]*$|\Z)|`[^`\n]+`", re.MULTILINE | re.DOTALL)
_OMISSION: Final = re.compile(r"\s*[\[(（【]?\s*(?:\.{3,}|(?:\. ){2,}\.|…+|⋯+)\s*[\])）】]?\s*")
_NOTHING_SAID: Final = re.compile(
    r"[:：?？]\s*$|^\s*(?:[#|]|[-*_]{3,}\s*$)"
    r"|\b(?:text|passages?|documents?|excerpts?|sources?)\b[^.]{0,40}\b(?:not|no|nothing|never|n't)\b"
    r"|\b(?:not|nothing|n't)\b[^.]{0,40}\b(?:text|passages?|documents?|excerpts?|sources?)\b"
    r"|(?:文中|文本|原文|资料|文档|段落|材料|书中)[^。]{0,12}(?:没有|未|无法|并无|不曾)"
    r"|(?:没有|未|无法)[^。]{0,12}(?:文中|文本|原文|资料|文档|段落|材料|书中)",
    re.IGNORECASE,
)
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
        """So short that it may be a word that is only set apart."""
        return _count(self.text) < _LEAST_WORDS

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
    spans = [span for span in _quoted_spans(visible) if "\0" not in visible[span[0] : span[1]]]
    sentences = list(_sentences(visible, spans))
    layout = _Layout(spans, sentences, _named(visible, spans))
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


class _Layout:
    """Where in an answer quotes, sentences and the numbers of passages stand, each in order."""

    def __init__(
        self, quotes: list[tuple[int, int]], sentences: list[tuple[int, int]], named: list[tuple[int, tuple[int, ...]]]
    ) -> None:
        self._quotes, self._sentences, self._named = quotes, sentences, named
        self._quote_starts = [start for start, _ in quotes]
        self._sentence_starts = [start for start, _ in sentences]
        self._named_starts = [start for start, _ in named]

    def quotes_in(self, start: int, end: int) -> range:
        """Those that begin there."""
        return range(bisect_left(self._quote_starts, start), bisect_left(self._quote_starts, end))

    def numbers_in(self, start: int, end: int) -> tuple[int, ...]:
        """Those that are named there, each once."""
        named = self._named[bisect_left(self._named_starts, start) : bisect_left(self._named_starts, end)]
        return tuple(dict.fromkeys(number for _, numbers in named for number in numbers))

    def numbers_of(self, place: int) -> tuple[int, ...]:
        """Those named between a quote and the next one of its sentence; else those between it and the one before."""
        start, end = self._quotes[place]
        at = bisect_right(self._sentence_starts, start) - 1
        first, last = self._sentences[at] if at >= 0 else (start, end)
        upcoming = self._quotes[place + 1][0] if place + 1 < len(self._quotes) else last
        before = self._quotes[place - 1][1] if place else first
        after = self.numbers_in(end, min(max(last, end), upcoming))
        return after or self.numbers_in(max(first, before), start)


def _named(text: str, spans: Sequence[tuple[int, int]]) -> list[tuple[int, tuple[int, ...]]]:
    """Where passages are named outside of quotes, and which."""
    starts = [start for start, _ in spans]
    found = []
    for match in _NUMBERS.finditer(text):
        at = bisect_right(starts, match.start()) - 1
        if _names(match) and (at < 0 or spans[at][1] <= match.start()):
            found.append((match.start(), _numbers(match)))
    return found


def _quoted_spans(text: str) -> list[tuple[int, int]]:
    spans = []
    for match in _QUOTED.finditer(text):
        start, end = match.span(match.lastgroup or 0)
        while start < end and text[start].isspace():
            start += 1
        while end > start and text[end - 1].isspace():
            end -= 1
        if "\n\n" not in text[start:end] or match.lastgroup == "block":
            spans.append((start, end))
    return [span for span in spans if span[1] > span[0]]


def _unquoted_lines(text: str) -> str:
    """A block quote without the marks in front of its lines."""
    return re.sub(r"\n[ \t]{0,3}>[ \t]?", "\n", text)


def _names(match: re.Match[str]) -> bool:
    """Round brackets hold a year or a count more often than a passage."""
    return match.group()[0] not in "(（" or match["word"] is not None


def _numbers(match: re.Match[str]) -> tuple[int, ...]:
    found: list[int] = []
    for part in _RANGE.finditer(match["list"]):
        first, last = int(part[1]), int(part[2] or part[1])
        found += range(first, min(max(first, last), first + _MOST_NUMBERS) + 1)
    return tuple(dict.fromkeys(found[:_MOST_NUMBERS]))


def _sentences(text: str, spans: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Sentences by line; what a quote says inside ends none, and the passages that are named after it belong to it."""
    masked = list(text)
    for start, end in spans:
        # The last mark of a quote may end the sentence around it.
        masked[start : end - 1] = [
            "\n" if text[at] == "\n" and text[at - 1] == "\n" else "x" for at in range(start, end - 1)
        ]
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
