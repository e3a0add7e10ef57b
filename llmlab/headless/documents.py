"""`llmlab documents inspect`: what llmlab reads in files."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from llmlab.documents.decoding import known
from llmlab.documents.gathering import Gathered, gather
from llmlab.documents.shelf import DocumentShelf
from llmlab.domain.document import Document, Remark
from llmlab.domain.model import ModelSpec
from llmlab.domain.passages import Passage, split
from llmlab.domain.terminal import visible_line
from llmlab.errors import DocumentError, LlmlabError, Stopped, UsageError
from llmlab.headless.console import Console, engine_in_use, report
from llmlab.headless.diagnostics import Diagnostics, Exit
from llmlab.headless.output import table
from llmlab.services.host import EngineHost
from llmlab.services.stopping import unless
from llmlab.words import say

STANDARD_INPUT: Final = "-"
"""The FILE that is standard input."""
_BATCH: Final = 256
"""Passages that are counted at once."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a document costs."""

    count: int
    model: str
    window: int
    """Tokens of the model's window."""


@dataclass(frozen=True, slots=True)
class Inspected:
    """A document and its parts."""

    document: Document
    passages: tuple[Passage, ...]
    tokens: Tokens | None = None


@dataclass(frozen=True, slots=True)
class Counting:
    """How tokens are counted."""

    host: EngineHost
    model: ModelSpec
    told: Path
    """The record of notes about models that this user has read already."""
    demanded: bool
    """The user named the model, so that not to count is a failure."""


@dataclass(frozen=True, slots=True)
class Named:
    """What the files of a command line are."""

    read: Iterator[Document | DocumentError]
    """Documents, or why a file is none, as they come."""
    remarks: tuple[Remark, ...] = ()
    """What was left out before anything was read."""


def read_named(shelf: DocumentShelf, err: Diagnostics, names: Sequence[str], encoding: str = "") -> Named:
    """Read files, folders with all that is below them, patterns, and `-`, which is standard input; its place is last.

    Args:
        shelf: reads them.
        err: where progress goes.
        names: what stands on the command line.
        encoding: how they are encoded; empty finds out for each.

    Raises:
        UsageError: there is no such encoding, or a folder or a pattern stands for no file.
    """
    files = [name for name in names if name != STANDARD_INPUT]
    try:
        encoding = known(encoding) if encoding else ""
        gathered = gather(files, shelf.limits) if files else Gathered(())
    except DocumentError as error:
        raise UsageError(error.what, where=error.where, hint=error.hint) from None
    return Named(_read(shelf, err, gathered.files, encoding, piped=len(files) < len(names)), gathered.remarks)


def _read(
    shelf: DocumentShelf, err: Diagnostics, files: Sequence[Path], encoding: str, *, piped: bool
) -> Iterator[Document | DocumentError]:
    def progress(index: int, share: float) -> None:
        err.progress(say("Reading {name}: {percent} %", name=files[index].name, percent=round(100 * share)))

    yield from shelf.open_all(files, encoding, progress=progress)
    if piped:
        data = sys.stdin.buffer.read((shelf.limits.file_mb << 20) + 1) if sys.stdin else b""
        try:
            if not data:
                raise DocumentError(say("Nothing came from standard input."), hint=say("Pipe a file in, or name one."))
            yield shelf.take(say("standard input"), data, encoding)
        except DocumentError as error:
            yield error


def inspect_documents(
    named: Named,
    counting: Counting | None,
    console: Console,
    *,
    as_json: bool,
    single: bool,
) -> Exit:
    """Show each document; 1 when one could not be read.

    Args:
        named: what is inspected.
        counting: how tokens are counted; `None` leaves them out.
        console: where result and problems go.
        as_json: print objects instead of tables.
        single: one file was named, so that its object stands alone.

    Raises:
        ReaderGone: nobody reads the result any more.
        Stopped: the user stopped it.
    """
    results = [item if isinstance(item, DocumentError) else Inspected(item, split(item)) for item in named.read]
    console.err.clear()
    if counting is not None and any(isinstance(item, Inspected) for item in results):
        try:
            results = asyncio.run(_count(results, counting, console))
        except Stopped:
            raise
        except LlmlabError as error:
            if counting.demanded:
                return report(error, console)
            console.err.clear()
            console.err.note(say("Tokens are not counted: {reason}", reason=str(error)))
    if as_json:
        objects = [_object(item) for item in results]
        console.out.json(objects[0] if single and len(objects) == 1 else objects)
    else:
        _show(results, console)
    for each in named.remarks:
        console.err.note(str(each))
    return Exit.FAILED if any(isinstance(item, DocumentError) for item in results) else Exit.ANSWERED


async def _count(
    results: Sequence[Inspected | DocumentError], counting: Counting, console: Console
) -> list[Inspected | DocumentError]:
    """The same documents with their tokens."""
    total = sum(len(item.passages) for item in results if isinstance(item, Inspected))
    counted: list[Inspected | DocumentError] = []
    done = 0
    async with engine_in_use(counting.host, console, counting.told) as stop:
        engine, card = await unless(stop, counting.host.engine_for(counting.model))
        for item in results:
            if isinstance(item, DocumentError):
                counted.append(item)
                continue
            tokens = 0
            text = item.document.text
            for first in range(0, len(item.passages), _BATCH):
                batch = [text[each.start : each.end] for each in item.passages[first : first + _BATCH]]
                tokens += sum(await unless(stop, engine.count(batch)))
                done += len(batch)
                console.err.progress(say("Counting tokens: {percent} %", percent=100 * done // max(1, total)))
            counted.append(replace(item, tokens=Tokens(tokens, counting.model.name, card.n_ctx)))
    console.err.clear()
    return counted


# For programs ---------------------------------------------------------------------------------------------------------


def _object(item: Inspected | DocumentError) -> dict[str, object]:
    if isinstance(item, DocumentError):
        return {"path": item.where, "error": {"what": item.what, "where": item.where, "hint": item.hint}}
    document, tokens = item.document, item.tokens
    return {
        "path": document.path,
        "name": document.name,
        "kind": document.kind,
        "encoding": document.encoding or None,
        "unit": document.unit or None,
        "pages": document.page_count,
        "lines": document.line_at(len(document.text)),
        "characters": len(document.text),
        "tokens": tokens.count if tokens else None,
        "model": tokens.model if tokens else None,
        "window": tokens.window if tokens else None,
        "passages": len(item.passages),
        "digest": document.digest,
        "warnings": [{"code": each.code, "text": str(each)} for each in document.warnings],
    }


# For people -----------------------------------------------------------------------------------------------------------


def _show(results: Sequence[Inspected | DocumentError], console: Console) -> None:
    for index, item in enumerate(results):
        if isinstance(item, DocumentError):
            console.err.problem(item)
            continue
        if index:
            console.out.line()
        console.out.line(visible_line(item.document.path or item.document.name))
        for line in table([(name, value) for name, value in _rows(item) if value], right=()):
            console.out.line(f"  {line}")
        for each in item.document.warnings:
            console.out.coloured(f"  ! {each}", "yellow")


def _rows(item: Inspected) -> list[tuple[str, str]]:
    document, tokens = item.document, item.tokens
    pages = document.page_count
    priced = ""
    if tokens is not None:
        said = {"count": f"{tokens.count:,}", "model": tokens.model}
        percent = f"{100 * tokens.count / max(1, tokens.window):,.0f}"
        priced = say("{count} by {model}, {percent} % of its window", **said, percent=percent)
    return [
        (say("Kind"), document.kind),
        (say("Encoding"), document.encoding),
        (_unit(document), f"{pages:,}" if pages else ""),
        (say("Characters"), f"{len(document.text):,}"),
        (say("Tokens"), priced),
        (say("Passages"), f"{len(item.passages):,}"),
    ]


def _unit(document: Document) -> str:
    match document.unit:
        case "chapter":
            return say("Chapters")
        case "slide":
            return say("Slides")
        case "sheet":
            return say("Sheets")
        case "section":
            return say("Sections")
        case _:
            return say("Pages")
