"""Documents: their text, the pages or chapters it consists of, and where a place in it is."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from dataclasses import dataclass
from typing import Final, Literal

from llmlab.words import say

Unit = Literal["", "page", "chapter", "slide", "sheet", "section"]
"""What the pages of a document are; empty when it has none."""


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a document that a person can look up: a page, a chapter, a slide, a sheet, a section."""

    number: int
    """From 1; 0 is what comes before the first chapter or section."""
    title: str
    """Heading of the chapter, slide, sheet or section; of a page its printed label when it is not its number."""
    start: int
    """Offset of its first character in the text."""
    end: int
    """Offset behind its last character; the next page starts here."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """Where a place of a document is."""

    document: str
    """Name of the document."""
    page: Page | None
    """The page it is on; `None` in a document without pages."""
    line: int
    """Line of the text, from 1."""
    offset: int
    """Characters before it in the text."""


@dataclass(frozen=True, slots=True)
class Remark:
    """Something about how a document was read that a person should know, in no language yet."""

    code: str
    """A key of `REMARKS`."""
    values: tuple[tuple[str, str | int], ...] = ()
    """What its sentence is filled with."""

    def __str__(self) -> str:
        """The sentence, in the language in use."""
        filled = {name: f"{value:,}" if isinstance(value, int) else value for name, value in self.values}
        return say(REMARKS[self.code], **filled)


def remark(code: str, **values: str | int) -> Remark:
    """A remark; numbers are shown with separators."""
    return Remark(code, tuple(values.items()))


REMARKS: Final = {
    "guessed": "No sign says how this is encoded; {encoding} is a guess. Name the encoding if the text looks wrong.",
    "claimed": "The file says it is {claimed}, but it is {encoding}.",
    "undecodable": "{count} bytes or characters mean nothing in {encoding}; each is shown as \ufffd.",
    "cut": "The last character is cut in two: the file may not be whole.",
    "mixed": "{lines} lines are in another encoding than the rest, and were read as {encoding}.",
    "hidden": "It holds {count} control or invisible characters; they are shown as signs.",
    "control_tokens": "It holds {count} pieces that look like control tokens of a model; they stay plain text.",
    "misnamed": "The file is named {end}, but it is {kind}.",
    "silent_pages": "{count} of {all} pages hold no text; they may be pictures.",
    "broken_pages": "{count} of {all} pages cannot be read.",
    "missing_parts": "{count} of {all} texts that the book lists are missing.",
    "unreadable": "Many characters mean nothing: the fonts of the file do not say which letters they draw.",
    "not_json": "It is not valid JSON: {reason}.",
    "ragged": "{count} rows have more or fewer columns than the first.",
    "hidden_sheets": "{count} of {all} sheets are hidden in the file; they are read, too.",
    "uncomputed": "{count} cells hold a formula without its result; the formula is shown.",
    "empty": "The file is empty.",
    "unlooked": "{name}: {count} files and folders were looked at, no more; raise entries under [documents] for more.",
    "binary_files": "{name}: {count} files that are no text were passed by.",
    "too_many_files": "{name}: the first {count} of {all} files are read; raise files under [documents] for more.",
    "not_kept": "Its text could not be kept on disk ({reason}); it is there until llmlab ends.",
}
"""Every remark: its code and its English sentence."""


@dataclass(frozen=True, slots=True)
class Document:
    r"""A file as text. Line breaks are `\n`; the pages, when there are any, tile the text from 0 to its end."""

    name: str
    """Short name for people: the file's name."""
    path: str
    """Where it was read from, what of it is no text as U+FFFD; empty for standard input."""
    kind: str
    """What it was read as: `text`, `markdown`, `code`, `html`, `pdf`, `docx`, `epub`, `odt`, `rtf`, `xlsx`, ..."""
    text: str
    """What it says. Nobody vouches for it: show it through `domain.terminal.visible`."""
    pages: tuple[Page, ...] = ()
    """Its pages, in order, without gaps; empty when the format and the text have none."""
    unit: Unit = ""
    """What the pages are."""
    encoding: str = ""
    """How its bytes were turned into text, such as `gb18030`; empty for formats that say so themselves."""
    warnings: tuple[Remark, ...] = ()
    """What a person should know about how it was read."""
    digest: str = ""
    """`digest_of(text)`: what recipes store, and `DocumentShelf.get` finds the text by."""

    @property
    def page_count(self) -> int:
        """Pages that a person would count: what precedes the first chapter is none."""
        return sum(1 for page in self.pages if page.number > 0)

    def page_at(self, offset: int) -> Page | None:
        """The page that holds the character at `offset`; the last one for the end of the text."""
        index = bisect_right(self.pages, offset, key=lambda page: page.start)
        return self.pages[max(0, index - 1)] if self.pages else None

    def line_at(self, offset: int) -> int:
        """The line of `offset`, from 1; looks at the text before it."""
        return self.text.count("\n", 0, offset) + 1

    def row_at(self, offset: int) -> int | None:
        """The row of a sheet that holds the character at `offset`; `None` where the document has no sheets."""
        if self.unit != "sheet":
            return None
        start = self.text.rfind("\n", 0, offset) + 1
        number = self.text[start : start + 8].partition("\t")[0]
        return int(number) if number.isdecimal() else None

    def anchor(self, offset: int) -> Anchor:
        """Where `offset` is, in words that a person can look up."""
        return Anchor(self.name, self.page_at(offset), self.line_at(offset), offset)


def digest_of(text: str) -> str:
    """SHA-256 of the text in UTF-8, as hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
