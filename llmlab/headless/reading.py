"""Documents of a command line: opened before anything is asked, and told with the answer."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from llmlab.documents.shelf import DocumentShelf
from llmlab.domain.document import Document
from llmlab.domain.reading import DocumentRef, ReadingTold, Way
from llmlab.errors import DocumentError
from llmlab.headless.diagnostics import Diagnostics
from llmlab.services.reading import ref_of
from llmlab.words import say

STANDARD_INPUT: Final = "-"
"""The FILE that is standard input."""


def open_documents(
    shelf: DocumentShelf, err: Diagnostics, files: Sequence[str], encoding: str
) -> tuple[DocumentRef, ...]:
    """The documents that `files` name, each once; what should be known about how they were read is told.

    Args:
        shelf: reads them.
        err: where progress and remarks go.
        files: paths, folders, patterns, or `-` for standard input.
        encoding: how they are encoded; empty finds out for each.

    Raises:
        UsageError: a folder or pattern has no file that can be read.
        DocumentError: a file cannot be read.
    """
    refs: dict[str, DocumentRef] = {}
    for document in _opened(shelf, err, files, encoding):
        err.clear()
        for warning in document.warnings:
            err.note(f"{document.name}: {warning}")
        refs.setdefault(document.digest, ref_of(document))
    return tuple(refs.values())


def _opened(shelf: DocumentShelf, err: Diagnostics, files: Sequence[str], encoding: str) -> Iterator[Document]:
    if STANDARD_INPUT in files:
        yield shelf.take(say("standard input"), sys.stdin.buffer.read() if sys.stdin else b"", encoding)
    named = [name for name in files if name != STANDARD_INPUT]
    paths = [Path(name) for name in named]

    def progress(index: int, share: float) -> None:
        err.progress(say("Opening {name}: {share:.0%}", name=paths[index].name, share=share))

    for found in shelf.open_all(paths, encoding, progress=progress):
        if isinstance(found, DocumentError):
            raise found
        yield found


def way_in_words(way: Way) -> str:
    """What a way of reading is called."""
    match way:
        case "whole":
            return say("whole")
        case "stretched":
            return say("stretched")
        case "passages":
            return say("as passages")
        case "digest":
            return say("as a digest")


def share_in_words(share: float) -> str:
    """A share in percent; neither a little nor nearly all is rounded away."""
    percent = 100 * share
    return f"{percent:.0f} %" if share in (0.0, 1.0) or 1 <= percent <= 99 else f"{percent:.2f} %"


def told_in_words(told: ReadingTold) -> Iterator[str]:
    """What was read and why, a line for the way, and one for each warning."""
    names = ", ".join(ref.name for ref in told.documents)
    yield say(
        "{names}: read {way} ({reason}); {share} of the text, {tokens:,} tokens",
        names=names,
        way=way_in_words(told.way),
        reason=told.reason,
        share=share_in_words(_share(told)),
        tokens=told.tokens,
    )
    yield from told.warnings


def as_object(told: ReadingTold) -> dict[str, object]:
    """What `--json` prints of it."""
    return {
        "way": told.way,
        "reason": told.reason,
        "tokens": told.tokens,
        "warnings": list(told.warnings),
        "documents": [
            {
                "name": ref.name,
                "path": ref.path,
                "digest": ref.digest,
                "characters": ref.characters,
                "share": round(covered.share, 4),
                "passages": [
                    {"number": held.number, "start": held.start, "end": held.end}
                    for held in told.held
                    if held.document == place
                ],
            }
            for place, (ref, covered) in enumerate(zip(told.documents, told.coverage, strict=True))
        ],
    }


def _share(told: ReadingTold) -> float:
    characters = sum(each.characters for each in told.coverage)
    return sum(each.share * each.characters for each in told.coverage) / characters if characters else 1.0
