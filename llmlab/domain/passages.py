"""A document cut into numbered passages: at chapters, paragraphs and sentences, each with its place in the text."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from llmlab.domain.document import Document, Page
from llmlab.domain.graphemes import boundary_near, is_boundary
from llmlab.domain.sentences import sentence_ends

SIZE: Final = 1200
"""The most that a passage weighs: about 400 Chinese characters or 200 English words."""
WIDE: Final = 3
"""Letters that a character of an unspaced script says as much as."""

_WIDE: Final = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]+")
_NUMERAL: Final = (
    r"(?:\d{1,4}|[IVXLCDM]{1,9}|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|the\s(?:first|last))"
)
_HEADING: Final = re.compile(
    r"^[ \t\u3000]{0,8}(?:"
    r"\#{1,6}[ \t]+(?P<marked>[^\n]{1,200})"
    r"|(?P<chinese>第[〇零一二三四五六七八九十百千万两0-9０-９]{1,9}[回章节節卷部篇集幕折话話編编][^。！？；\n]{0,40}"
    r"|(?:楔子|序章|序言|序幕|引子|前言|尾声|后记|跋|附录)[ \t\u3000:：]{0,3}[^。！？；，\n]{0,20})"
    rf"|(?P<english>(?i:chapter|book|part|volume|act|scene|canto|letter)[ \t]+(?i:{_NUMERAL})"
    r"(?:[ \t]*[.:—–-][^\n]{0,90}|[ \t]+[A-Z\"“][^\n]{0,90})?"
    r"|(?:PROLOGUE|EPILOGUE|PREFACE|INTRODUCTION|APPENDIX|Prologue|Epilogue|Preface|Introduction|Appendix)[^\n]{0,40})"
    r")[ \t\r]*$",
    re.MULTILINE,
)
_SLICE: Final = 1 << 17
"""Characters in which headings are looked for at once: a few milliseconds."""
_LINE_END: Final = re.compile(r"\n(?P<blank>(?:[ \t\r\u3000]{0,80}\n){1,80})?")
_PAUSE: Final = re.compile(r"[，、；：;,:][”’」』\"')]?\s?|\s")

UNTITLED: Final = frozenset({"code", "csv", "json"})
"""Kinds of documents in which a line that begins with `#` is no heading but a comment or a value."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of a document; those of one document follow each other without gap or overlap."""

    number: int
    """Its place among the passages of its document, from 1; the same for the same text and size."""
    start: int
    """Offset into the text, in characters."""
    end: int
    page: int = 0
    """Number of the page on which it starts; 0 where the document has none."""
    chapter: str = ""
    """The last heading at or before its start; empty where there is none."""
    line: int = 1
    """The line of the text in which it starts, from 1."""


def split(document: Document, size: int = SIZE) -> tuple[Passage, ...]:
    """All passages of `document`; none when its text is blank."""
    return tuple(passages_of(document, size))


def passages_of(document: Document, size: int = SIZE) -> Iterator[Passage]:
    """The passages of `document` one after the other, in time that grows with its length.

    A passage ends, in this order of preference within its last half, at the end of a chapter, a paragraph, a sentence,
    a line, a clause, a word; never inside what a reader sees as one character.

    Args:
        document: what is cut.
        size: the most that a passage weighs, at least 1; the last of a chapter may weigh a quarter more.
    """
    text, pages = document.text, document.pages
    if not text.strip():
        return
    # The label of a printed page is no heading, and a sentence goes on over its edge.
    titled = () if document.unit == "page" else tuple(page for page in pages if page.title)
    starts = [page.start for page in pages]
    number, line, counted = 0, 1, 0
    chapters = iter([(0, len(text), "")]) if document.kind in UNTITLED else _chapters(text, titled, size)
    for start, end, title in chapters:
        while start < end:
            stop = _stop(text, start, end, size)
            line += text.count("\n", counted, start)
            number, counted = number + 1, start
            place = bisect_right(starts, start)
            yield Passage(number, start, stop, pages[place - 1].number if place else 0, title, line)
            start = stop


def chapters_of(text: str) -> tuple[Page, ...]:
    """The chapters of a text that nothing but its headings divides; what precedes the first is 0; none without any."""
    found = list(_chapters(text, (), SIZE))
    if not any(title for _, _, title in found):
        return ()
    first = 1 if found[0][2] else 0
    return tuple(Page(number, title, start, end) for number, (start, end, title) in enumerate(found, first))


def weight(text: str) -> int:
    """Characters of `text`, those of unspaced scripts counted as `WIDE`."""
    return len(text) if text.isascii() else len(text) + (WIDE - 1) * (len(text) - len(_WIDE.sub("", text)))


def _chapters(text: str, pages: Sequence[Page], size: int) -> Iterator[tuple[int, int, str]]:
    """The text cut where headings stand: start, end, title; what is far too short for a passage is not cut off."""
    start, title = 0, ""
    for at, heading in _headings(text, pages):
        # A table of contents is a list of headings, and not a list of chapters.
        if at > start and weight(text[start : min(at, start + size)]) * 4 >= size:
            yield start, at, title
            start, title = at, heading
        elif not title or not text[start:at].strip():
            title = heading
    yield start, len(text), title


def _headings(text: str, pages: Sequence[Page]) -> Iterator[tuple[int, str]]:
    """Where chapters begin: lines that look like it, and pages with titles; offset and title, in order."""
    upcoming = ((page.start, page.title) for page in pages if is_boundary(text, page.start))
    page = next(upcoming, None)
    for match in _heading_lines(text):
        while page is not None and page[0] <= match.start():
            yield page
            page = next(upcoming, None)
        yield match.start(), (match["marked"] or match["chinese"] or match["english"]).strip(" \t\r\u3000#")
    while page is not None:
        yield page
        page = next(upcoming, None)


def _heading_lines(text: str) -> Iterator[re.Match[str]]:
    """Lines that look like headings; looked for in slices, since nothing else of the process runs during a search."""
    start = 0
    while start < len(text):
        end = text.find("\n", start + _SLICE)
        end = len(text) if end < 0 else end
        yield from _HEADING.finditer(text, start, end)
        start = end + 1


def _stop(text: str, start: int, end: int, size: int) -> int:
    """Where the passage that begins at `start` ends."""
    room = min(end, start + size + size // 4)
    if room == end and weight(text[start:end]) * 4 <= size * 5:
        return end
    limit = start + _fitting(text[start:room], size)
    if limit >= end:
        return end
    return _best_cut(text, start, limit) or min(end, boundary_near(text, limit, start, start))


def _fitting(window: str, size: int) -> int:
    """Characters from the start of `window` that weigh `size` at most; at least one."""
    count = min(len(window), size)
    while count > 1 and (heavy := weight(window[:count])) > size:
        count = max(1, count * size // heavy)
    return count


def _best_cut(text: str, start: int, limit: int) -> int:
    """The best place to cut in the second half of what fits; 0 when there is none."""
    lowest = (start + limit) // 2
    ends, lines, paragraphs = _ends(text, lowest, limit)
    closed = [after for at, after in lines if at in ends]
    within = [_after_blanks(text, place, limit) for place in ends]
    candidates = (paragraphs, closed, within, [after for _, after in lines], _pauses(text, lowest, limit))
    for places in candidates:
        for place in sorted(places, reverse=True):
            if lowest < place <= limit and is_boundary(text, place, start):
                return place
    return 0


def _ends(text: str, lowest: int, limit: int) -> tuple[set[int], list[tuple[int, int]], list[int]]:
    """Ends of sentences; of lines, with where the next begins; and where paragraphs begin after a blank line."""
    lines, paragraphs = [], []
    for match in _LINE_END.finditer(text, lowest, limit):
        lines.append((match.start(), match.end()))
        if match["blank"]:
            paragraphs.append(match.end())
    return set(sentence_ends(text, lowest, min(len(text), limit + 2))), lines, paragraphs


def _after_blanks(text: str, place: int, limit: int) -> int:
    """Blanks after a sentence end its passage; they do not begin the next."""
    while place < limit and text[place] in " \t\u3000":
        place += 1
    return place


def _pauses(text: str, lowest: int, limit: int) -> list[int]:
    return [match.end() for match in _PAUSE.finditer(text, lowest, limit)]
