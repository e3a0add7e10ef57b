"""Marking a stretch of a Markdown text where it is drawn: the final answer inside the answer it stands in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import count
from typing import Final

from llmlab.tui.markup.lines import Span

Range = tuple[int, int]
"""The first and behind the last character of a stretch."""

_FIRST_MARK: Final = 0xF0000
"""Private characters from here on stand around the stretch while its block is parsed, as letters to Markdown."""
_BLOCK_MARKERS: Final = re.compile(r"[ \t]*(?:(?:[-*+]|\d{1,9}[.)]|#{1,6}|>)[ \t]+)*")
"""What begins a heading, an item or a quote; a character before it would make a paragraph of it."""


class Marker:
    """Finds a stretch of one block again after the parser has taken the block apart."""

    def __init__(self, source: str, stretch: Range) -> None:
        taken = set(source)
        free = (chr(code) for code in count(_FIRST_MARK) if chr(code) not in taken)
        self._opening, self._closing = next(free), next(free)
        start, end = stretch
        if not source[source.rfind("\n", 0, start) + 1 : start].strip():
            markers = _BLOCK_MARKERS.match(source, start, end)
            start = markers.end() if markers else start
        self.source = f"{source[:start]}{self._opening}{source[start:end]}{self._closing}{source[end:]}"
        """The block with its stretch between marks."""
        self._cuts = re.compile(f"([{self._opening}{self._closing}])")
        self._inside = False

    def spans(self, spans: Sequence[Span]) -> list[Span]:
        """`spans`, which come after those of the call before, without marks, and what stood between them marked."""
        lifted: list[Span] = []
        for text, look in spans:
            for part in self._cuts.split(text):
                if part in (self._opening, self._closing):
                    self._inside = part == self._opening
                elif part:
                    lifted.append((part, look._replace(found=True) if self._inside else look))
        return lifted

    def code(self, code: str) -> tuple[str, Range]:
        """A block of code without marks, and what of it stood between them; an empty range for nothing."""
        opened, closed = code.find(self._opening), code.find(self._closing)
        plain = self._cuts.sub("", code)
        start = 0 if self._inside else opened if opened >= 0 else len(plain)
        end = closed - (opened >= 0) if closed >= 0 else len(plain)
        self._inside = (self._inside or opened >= 0) and closed < 0
        return plain, (start, end)


def marked_lines(lines: Sequence[Sequence[Span]], stretch: Range) -> list[list[Span]]:
    """The lines of a text with what lies in `stretch`, in characters of the whole text, marked."""
    start, end = stretch
    at = 0
    drawn: list[list[Span]] = []
    for line in lines:
        spans: list[Span] = []
        for text, look in line:
            first, last = (min(max(edge - at, 0), len(text)) for edge in (start, end))
            parts = ((text[:first], look), (text[first:last], look._replace(found=True)), (text[last:], look))
            spans += [part for part in parts if part[0]]
            at += len(text)
        drawn.append(spans)
        at += 1
    return drawn
