"""Takes down what a document says, block by block, and where its pages begin."""

from __future__ import annotations

import re
from typing import Final

from llmlab.documents.problems import over_limit
from llmlab.domain.document import Page
from llmlab.errors import DocumentError
from llmlab.words import say

_LINE_ENDS: Final = re.compile("\r\n?")


def plain_lines(text: str) -> str:
    r"""`text` with `\n` for every line break."""
    return _LINE_ENDS.sub("\n", text) if "\r" in text else text


class Scribe:
    """A text that grows; line breaks that are asked for come only when more text does, so none pile up.

    Args:
        room: characters it may have.
    """

    def __init__(self, room: int) -> None:
        self._room = room
        self._parts: list[str] = []
        self._length = 0
        self._breaks = 0
        """Line breaks that end the text so far; those that are due are counted, too."""
        self._due = 0
        """Line breaks that come before the next text."""
        self._pages: list[Page] = []
        self._turned: list[tuple[int, str]] = []
        """Pages that begin with the next text: number and title."""

    @property
    def at_line_start(self) -> bool:
        """Nothing stands on the line yet."""
        return self._length == 0 or self._breaks > 0

    def write(self, text: str) -> None:
        """Add `text` as it is.

        Raises:
            DocumentError: there is no room for it.
        """
        if not text:
            return
        if self._length:
            self._add("\n" * self._due)
        self._due = 0
        self._pages += (Page(number, title, self._length, self._length) for number, title in self._turned)
        self._turned.clear()
        self._add(text)
        self._breaks = len(text) - len(text.rstrip("\n")) if text[-1] == "\n" else 0

    def line(self) -> None:
        """What follows begins a line."""
        self._want(1)

    def blank(self) -> None:
        """What follows comes after an empty line."""
        self._want(2)

    def feed(self) -> None:
        """What follows begins a line, and a line that is empty so far stays one."""
        if self._length:
            self._due += 1
            self._breaks += 1

    def turn(self, title: str = "", number: int | None = None) -> None:
        """What follows is a new page.

        Args:
            title: its heading.
            number: its number; without one, it follows the page before, and is no page at all while nothing is on it.
        """
        if number is None:
            self._turned = [page for page in self._turned if page[0] >= 0]
            self._turned.append((-1, title))
        else:
            self._turned.append((number, title))

    def entitle(self, title: str) -> None:
        """Give the page at hand its title, unless it has one."""
        title = " ".join(title.split())[:200]
        if self._turned:
            number, given = self._turned[-1]
            self._turned[-1] = (number, given or title)
        elif self._pages and not self._pages[-1].title:
            page = self._pages[-1]
            self._pages[-1] = Page(page.number, title, page.start, page.end)

    def finish(self) -> tuple[str, tuple[Page, ...]]:
        """The text, and its pages, which tile it; those without a number count from 1, and 0 is what precedes them."""
        text = "".join(self._parts)
        found = [*self._pages, *(Page(number, title, len(text), 0) for number, title in self._turned if number >= 0)]
        if found and found[0].start > 0:
            found.insert(0, Page(0, "", 0, 0))
        counted = 0
        pages = []
        for index, page in enumerate(found):
            number = page.number
            if number < 0:
                counted = number = counted + 1
            end = found[index + 1].start if index + 1 < len(found) else len(text)
            pages.append(Page(number, page.title, page.start, end))
        return text, tuple(pages)

    def _want(self, breaks: int) -> None:
        missing = breaks - self._breaks
        if missing > 0 and self._length:
            self._due += missing
            self._breaks = breaks

    def _add(self, text: str) -> None:
        self._length += len(text)
        if self._length > self._room:
            raise too_long(self._room)
        self._parts.append(text)


def too_long(room: int) -> DocumentError:
    """The error of a text of more than `room` characters."""
    return over_limit(say("The text is longer than {count} characters.", count=f"{room:,}"), "characters")
