"""Documents of a command line: opened before anything is asked, and told with the answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from llmlab.documents.gathering import expanded
from llmlab.documents.shelf import DocumentShelf
from llmlab.domain.document import Document, Page
from llmlab.domain.reading import DocumentRef, Held, ReadingTold, Way
from llmlab.errors import DocumentError
from llmlab.headless.diagnostics import Diagnostics
from llmlab.headless.documents import read_named
from llmlab.services.reading import ref_of
from llmlab.words import say


def open_documents(
    shelf: DocumentShelf, err: Diagnostics, names: Sequence[str], encoding: str
) -> tuple[DocumentRef, ...]:
    """The documents that `names` stand for, each text once; what should be known of them is told.

    Args:
        shelf: reads them.
        err: where progress and remarks go.
        names: files, folders, patterns, or `-` for standard input.
        encoding: how they are encoded; empty finds out for each.

    Raises:
        UsageError: there is no such encoding, or a folder or a pattern stands for no file that can be read.
        DocumentError: a file that was named by itself cannot be read.
    """
    named = read_named(shelf, err, names, encoding)
    alone = {str(expanded(name).absolute()) for name in names} | {say("standard input")}
    refs: dict[str, DocumentRef] = {}
    problem: DocumentError | None = None
    # To its end: what reads must have ended before an error leaves here.
    for found in list(named.read):
        err.clear()
        if isinstance(found, Document):
            for warning in found.warnings:
                err.note(f"{found.name}: {warning}")
            first = refs.setdefault(found.digest, ref_of(found))
            if (first.name, first.path) != (found.name, found.path):
                err.note(say("{name} says the same as {other}, and is read once.", name=found.name, other=first.name))
        elif found.where in alone:
            raise found
        else:
            problem = found
            err.problem(found)
    for remark in named.remarks:
        err.note(str(remark))
    if not refs and problem is not None:
        raise problem
    return tuple(refs.values())


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


def as_object(told: ReadingTold, texts: Sequence[Document] = ()) -> dict[str, object]:
    """What `--json` prints of it.

    Args:
        told: what was read.
        texts: the documents, in order, where the places of passages are to be told in pages and lines, too.
    """
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
                    {"number": held.number, "start": held.start, "end": held.end} | anchor
                    for held, anchor in _anchored(
                        [held for held in told.held if held.document == place], texts[place] if texts else None
                    )
                ],
            }
            for place, (ref, covered) in enumerate(zip(told.documents, told.coverage, strict=True))
        ],
    }


def _anchored(held: Sequence[Held], text: Document | None) -> Iterator[tuple[Held, dict[str, object]]]:
    """Passages in order, and where each begins: page, its title and line."""
    line, counted = 1, 0
    for one in held:
        if text is None:
            yield one, {}
            continue
        line, counted = line + text.text.count("\n", counted, one.start), one.start
        yield one, anchor_as_object(text.page_at(one.start), line)


def anchor_as_object(page: Page | None, line: int | None) -> dict[str, object]:
    """Where a place of a document can be looked up: page, its title and line."""
    return {"page": page.number if page else None, "title": page.title or None if page else None, "line": line}


def _share(told: ReadingTold) -> float:
    characters = sum(each.characters for each in told.coverage)
    return sum(each.share * each.characters for each in told.coverage) / characters if characters else 1.0
