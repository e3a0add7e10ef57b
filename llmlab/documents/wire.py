"""What crosses the pipes of the reading process: a request a line, answers a line, texts as bytes behind their line."""

from __future__ import annotations

from typing import Final

import msgspec

from llmlab.domain.document import Document, Page, Remark, Unit
from llmlab.domain.reading_limits import ReadingLimits


class Request(msgspec.Struct, frozen=True):
    """Read a file, or the bytes that follow the line."""

    name: str
    path: bytes
    """Where the file is, as the system writes it: not every name is text; empty when its bytes follow."""
    encoding: str
    limits: ReadingLimits
    size: int = 0
    """Bytes that follow."""


class Progress(msgspec.Struct, frozen=True, tag=True):
    """The share of the file that is read, 0 to 1."""

    share: float


class Refused(msgspec.Struct, frozen=True, tag=True):
    """The file cannot be read."""

    what: str
    where: str
    hint: str


class Heading(msgspec.Struct, frozen=True, tag=True):
    """A document without its text."""

    name: str
    path: str
    kind: str
    pages: list[tuple[int, str, int, int]]
    unit: Unit
    encoding: str
    remarks: list[tuple[str, list[tuple[str, str | int]]]]
    digest: str
    size: int
    """Bytes of the text in UTF-8, which follow."""


Answer = Progress | Refused | Heading

_ENCODER: Final = msgspec.json.Encoder()
_REQUESTS: Final = msgspec.json.Decoder(Request)
_ANSWERS: Final[msgspec.json.Decoder[Answer]] = msgspec.json.Decoder(Answer)
_HEADINGS: Final = msgspec.json.Decoder(Heading)


def line_of(message: Request | Answer) -> bytes:
    """A message as a line."""
    return _ENCODER.encode(message) + b"\n"


def request_in(line: bytes) -> Request:
    """The request of a line.

    Raises:
        msgspec.MsgspecError: it is none.
    """
    return _REQUESTS.decode(line)


def answer_in(line: bytes) -> Answer:
    """The answer of a line.

    Raises:
        msgspec.MsgspecError: it is none.
    """
    return _ANSWERS.decode(line)


def heading_in(line: bytes) -> Heading:
    """The heading of a line.

    Raises:
        msgspec.MsgspecError: it is none.
    """
    return _HEADINGS.decode(line)


def heading_of(document: Document, size: int) -> Heading:
    """What stands before the text of `document`, which has `size` bytes."""
    return Heading(
        document.name,
        document.path,
        document.kind,
        [(page.number, page.title, page.start, page.end) for page in document.pages],
        document.unit,
        document.encoding,
        [(each.code, list(each.values)) for each in document.warnings],
        document.digest,
        size,
    )


def document_of(heading: Heading, text: str) -> Document:
    """The document of a heading and its text."""
    return Document(
        heading.name,
        heading.path,
        heading.kind,
        text,
        tuple(Page(*page) for page in heading.pages),
        heading.unit,
        heading.encoding,
        tuple(Remark(code, tuple(values)) for code, values in heading.remarks),
        heading.digest,
    )
