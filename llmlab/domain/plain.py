"""A text as it reads, without what only its setting makes different, and the way back to where each character stood."""

from __future__ import annotations

import re
import unicodedata
from array import array
from bisect import bisect_right
from typing import Final

_UNSPACED: Final = "\u3000-\u303f\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uff60\U00020000-\U0003ffff"
_QUOTES: Final = "\"'`´‘’‚‛“”„‟«»‹›「」『』〝〞〟＂＇｢｣"
_DASHES: Final = "‐‑‒–—―−"
_UNSEEN: Final = "\u00ad\u200b-\u200d\u2060\ufeff\ufe00-\ufe0f"
_SETTING: Final = re.compile(
    rf"[\s{_UNSEEN}]+|[{_QUOTES}]|[{_DASHES}-]{{2,}}|[{_DASHES}]"
    # What NFKC may change: wide and narrow forms, ligatures, and letters whose marks stand apart.
    r"|[\u3001\u3002\uff01-\uffef\ufb00-\ufdff\ufe10-\ufe6f\u2026\u2030-\u205f\u2070-\u209f\u2100-\u218f\u2460-\u24ff"
    r"\u2e80-\u2fdf\u3200-\u33ff\uf900-\ufaff\u00aa\u00b2-\u00be]+[\u0300-\u036f\u3099\u309a]*"
    r"|[^\W\d_][\u0300-\u036f\u3099\u309a]+"
    # Emphasis as Markdown and plain texts write it: at the edge of words, or two stars anywhere but between figures.
    r"|(?<![\w*])[*_]{1,3}(?=[^\s*_])|(?<=[^\s*_])[*_]{1,3}(?![\w*])"
    r"|(?<=[^\s\d*])\*{2,3}(?!\*)|(?<!\*)\*{2,3}(?=[^\s\d*])"
)
_UNSEEN_RUN: Final = re.compile(f"[{_UNSEEN}]")
_ONE_FORM: Final = str.maketrans(
    {**dict.fromkeys(_QUOTES, "'"), **dict.fromkeys(_DASHES, "-"), **dict.fromkeys("\n\r\t", " "), "。": ".", "、": ","}
)
_WIDE: Final = re.compile(f"[{_UNSPACED}]")


class Plain:
    """`text` with one form of blanks, quotation marks, dashes and widths, without marks of emphasis; searched often.

    Between Chinese characters blanks say nothing and are left out; elsewhere a run of them is one.
    """

    def __init__(self, text: str) -> None:
        self.source = text
        parts: list[str] = []
        # Where what was changed ends, here and in the source: in between both run alike.
        self._here, self._there = array("Q", [0]), array("Q", [0])
        done = length = 0
        for match in _SETTING.finditer(text):
            found = match.group()
            put = _replaced(text, match.start(), match.end(), found)
            if put == found:
                continue
            kept = text[done : match.start()]
            parts += (kept, put)
            length += len(kept) + len(put)
            done = match.end()
            if len(put) != len(found):
                self._here.append(length)
                self._there.append(done)
        parts.append(text[done:])
        self.text = "".join(parts)

    def source_span(self, start: int, end: int) -> tuple[int, int]:
        """Where `text[start:end]`, at least a character, stands in the source."""
        return self._source_of(start), self._source_of(end - 1) + 1

    def plain_offset(self, place: int) -> int:
        """The offset into `text` of what stands at `place` in the source, or right after it."""
        at = bisect_right(self._there, place) - 1
        here = self._here[at] + place - self._there[at]
        return min(here, self._here[at + 1] if at + 1 < len(self._here) else len(self.text))

    def _source_of(self, place: int) -> int:
        at = bisect_right(self._here, place) - 1
        there = self._there[at] + place - self._here[at]
        return min(there, self._there[at + 1] - 1 if at + 1 < len(self._there) else len(self.source))


def _replaced(text: str, start: int, end: int, found: str) -> str:
    """What `found`, which is `text[start:end]`, reads as."""
    first = found[0]
    if first in "*_":
        return ""
    if first.isspace() or _UNSEEN_RUN.match(found):
        around = text[max(0, start - 1) : start] + text[end : end + 1]
        blank = any(map(str.isspace, found)) and start > 0 and end < len(text) and not _WIDE.search(around)
        return " " if blank else ""
    if first in _DASHES or first == "-":
        return "-"
    return one_form(found)


def one_form(text: str) -> str:
    """`text` in one form of widths, blanks, dashes and quotation marks, character by character."""
    return unicodedata.normalize("NFKC", text).translate(_ONE_FORM)
