"""The bytes of a file as a document: what kind it is, which reader takes it, what a person should know about it."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from llmlab.documents.archive import Archive
from llmlab.documents.decoding import decode
from llmlab.documents.formats.epub import read_book
from llmlab.documents.formats.odt import read_odt
from llmlab.documents.formats.rtf import read_rtf
from llmlab.documents.formats.sheets import read_sheets
from llmlab.documents.formats.slides import read_slides
from llmlab.documents.formats.web import claimed_encoding, read_page
from llmlab.documents.formats.word import read_word
from llmlab.documents.kinds import FORMATS, TITLES, extension_of, kind_of
from llmlab.documents.problems import damaged, over_limit, without_text
from llmlab.documents.scribe import Scribe, too_long
from llmlab.domain.document import Document, Page, Remark, Unit, digest_of, remark
from llmlab.domain.passages import UNTITLED, chapters_of
from llmlab.domain.reading_limits import ReadingLimits
from llmlab.domain.terminal import encodable, hidden_in
from llmlab.errors import DocumentError
from llmlab.words import say

_COOKIE: Final = re.compile(rb"^[ \t\f]*(?:#|//|--|;|<!--).*?coding[:=][ \t]*([-\w.]+)")
"""How source code says its encoding (PEP 263), on its first or second line."""
_CONTROL_TOKEN: Final = re.compile(
    r"<\|[a-z][a-z0-9_ ]{1,40}\|>|</?s>|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>|<｜[^｜\n]{1,40}｜>"
)
_MOST_JSON: Final = 20_000_000
"""Characters up to which JSON is checked."""
_FAILURES: Final = (ArithmeticError, AssertionError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What a parser may raise over a file that is made to confuse it."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file that was read into memory."""

    name: str
    path: str
    data: bytes
    encoding: str = ""
    """How a person says that it is encoded."""


def extract(source: Source, limits: ReadingLimits, progress: Callable[[float], None]) -> Document:
    """What a file says.

    Args:
        source: the file.
        limits: what it may cost.
        progress: called with the share that is read, 0 to 1, where a format tells.

    Raises:
        DocumentError: it cannot be read, or not within its limits.
        MemoryError: there is not enough memory for it.
    """
    if not source.data:
        return Document(source.name, source.path, "text", "", warnings=(remark("empty"),), digest=digest_of(""))
    kind = kind_of(source.name, source.data, limits) if not source.encoding else _kind_of_text(source, limits)
    try:
        document = _read(kind, source, limits, progress)
    except _FAILURES as error:
        raise damaged(TITLES.get(kind, kind), f"{type(error).__name__}: {error}") from error
    text = encodable(document.text)
    remarks = (*document.warnings, *_remarks_on(text))
    named = FORMATS.get(extension_of(source.name), "")
    if named and named != kind:
        remarks = (remark("misnamed", end="." + extension_of(source.name), kind=TITLES.get(kind, kind)), *remarks)
    return Document(
        source.name, source.path, kind, text, document.pages, document.unit, document.encoding, remarks, digest_of(text)
    )


def _kind_of_text(source: Source, limits: ReadingLimits) -> str:
    """The kind of a file whose encoding is given: it may look like no text at all before it is decoded."""
    text = decode(source.data[:4096], source.encoding).text
    kind = kind_of(source.name, text.encode("utf-8", "replace"), limits)
    return kind if kind not in TITLES else kind_of(source.name, source.data, limits)


def _read(kind: str, source: Source, limits: ReadingLimits, progress: Callable[[float], None]) -> Document:
    scribe = Scribe(limits.characters)
    remarks: tuple[Remark, ...] = ()
    unit: Unit = "section"
    encoding = ""
    match kind:
        case "pdf":
            # Nothing but this format pays for loading PDFium.
            from llmlab.documents.formats.pdf import read_pdf, unreadable

            unit = "page"
            remarks = read_pdf(source.data, scribe, progress)
            if unreadable(scribe.finish()[0]):
                remarks = (*remarks, remark("unreadable"))
        case "docx":
            unit = read_word(Archive(source.data, TITLES[kind], limits), scribe)
        case "pptx":
            unit = "slide"
            read_slides(Archive(source.data, TITLES[kind], limits), scribe)
        case "xlsx":
            unit = "sheet"
            remarks = read_sheets(Archive(source.data, TITLES[kind], limits), scribe)
        case "odt":
            read_odt(Archive(source.data, TITLES[kind], limits), scribe)
        case "epub":
            unit = "chapter"
            remarks = read_book(Archive(source.data, TITLES[kind], limits), scribe, progress)
        case "rtf":
            read_rtf(source.data, scribe)
        case "html":
            decoded = decode(source.data, source.encoding, claimed_encoding(source.data))
            encoding, remarks = decoded.encoding, decoded.remarks
            read_page(decoded.text, scribe)
        case _:
            return _plain(kind, source, limits)
    text, pages = scribe.finish()
    if not text.strip():
        raise without_text(TITLES.get(kind, kind.upper()))
    if not pages:
        # A format that says nothing of its parts is a plain text in that.
        pages, unit = chapters_of(text), "chapter"
    return Document(source.name, source.path, kind, text, pages, unit if pages else "", encoding, remarks)


def _plain(kind: str, source: Source, limits: ReadingLimits) -> Document:
    """A file that is its own text."""
    if len(source.data) > 4 * limits.characters:
        raise too_long(limits.characters)
    decoded = decode(source.data, source.encoding, _cookie(source.data) if kind == "code" else "")
    text = decoded.text
    if len(text) > limits.characters:
        raise too_long(limits.characters)
    remarks = decoded.remarks
    if kind == "json":
        remarks += _json_remarks(text, lines=extension_of(source.name) in ("jsonl", "ndjson"))
    if kind == "csv":
        remarks += _csv_remarks(text)
    pages, unit = _parts_of(kind, text)
    return Document(source.name, source.path, kind, text, pages, unit, decoded.encoding, remarks)


def _parts_of(kind: str, text: str) -> tuple[tuple[Page, ...], Unit]:
    """What divides a plain text: its form feeds, else its headings."""
    if pages := _pages_by_feeds(text):
        return pages, "page"
    chapters = () if kind in UNTITLED else chapters_of(text)
    if not chapters:
        return (), ""
    return chapters, "section" if kind == "markdown" else "chapter"


def _cookie(data: bytes) -> str:
    for line in data[:400].split(b"\n")[:2]:
        found = _COOKIE.match(line)
        if found:
            return found[1].decode("ascii", "replace")
    return ""


def _pages_by_feeds(text: str) -> tuple[Page, ...]:
    """The pages between form feeds, as in printed reports; none without them."""
    starts = [0, *(match.end() for match in re.finditer("\f", text) if match.end() < len(text))]
    if len(starts) < 2:
        return ()
    ends = [*starts[1:], len(text)]
    return tuple(Page(number, "", start, end) for number, (start, end) in enumerate(zip(starts, ends, strict=True), 1))


def _json_remarks(text: str, *, lines: bool) -> tuple[Remark, ...]:
    """What is wrong with JSON; its text is what is read all the same."""
    if len(text) > _MOST_JSON:
        return ()
    for number, piece in enumerate(text.split("\n") if lines else [text], 1):
        if lines and not piece.strip():
            continue
        try:
            json.loads(piece)
        except json.JSONDecodeError as error:
            reason = say("{what} in line {line}", what=error.msg.lower(), line=f"{number + error.lineno - 1:,}")
            return (remark("not_json", reason=reason),)
        except (RecursionError, ValueError):
            return (remark("not_json", reason=say("it is nested too deeply, or a number in it is too long")),)
    return ()


def _csv_remarks(text: str) -> tuple[Remark, ...]:
    """Whether rows have as many columns as the first; of a separator that occurs in the first line."""
    head = text.partition("\n")[0]
    separator = max("\t;,|", key=head.count)
    widths = []
    try:
        widths = [len(row) for row in csv.reader(text.split("\n"), delimiter=separator) if row]
    except csv.Error:  # a field of more than 128 KiB, or a NUL
        return ()
    ragged = sum(1 for width in widths if width != widths[0])
    return (remark("ragged", count=ragged),) if ragged else ()


def _remarks_on(text: str) -> tuple[Remark, ...]:
    remarks = []
    hidden = hidden_in(text) - text.count("\f")
    if hidden > 0:
        remarks.append(remark("hidden", count=hidden))
    tokens = sum(1 for _ in _CONTROL_TOKEN.finditer(text))
    if tokens:
        remarks.append(remark("control_tokens", count=tokens))
    return tuple(remarks)


def too_large(size: int, limits: ReadingLimits) -> DocumentError:
    """The error of a file of `size` bytes."""
    return over_limit(
        say(
            "The file has {size} MB, more than the {limit} MB that are read.",
            size=f"{size >> 20:,}",
            limit=f"{limits.file_mb:,}",
        ),
        "file_mb",
    )
