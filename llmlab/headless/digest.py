"""`llmlab digest`: a whole document made short, its cost told first."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from llmlab.domain.digest import DigestWay, Note
from llmlab.domain.digest_words import cost_lines, kept_in_words, progress_in_words
from llmlab.domain.document import Document
from llmlab.domain.model import ModelSpec
from llmlab.errors import LlmlabError, Stopped
from llmlab.headless.console import Console, engine_in_use, report
from llmlab.headless.diagnostics import Diagnostics, Exit
from llmlab.services.digest import Digesting
from llmlab.services.digest_requests import DigestPlan
from llmlab.services.host import EngineHost
from llmlab.words import say

_DIGITS: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestWish:
    """How a digest is asked for."""

    way: DigestWay = "map"
    dry: bool = False
    """Tell what it takes and write nothing."""
    as_json: bool = False
    told: Path = field(default_factory=Path)
    """The record of notes about models that this user has read already."""


def run_digest(
    host: EngineHost, digesting: Digesting, document: Document, spec: ModelSpec, wish: DigestWish, console: Console
) -> Exit:
    """Tell the cost, make the digest, print it, end the engine.

    Args:
        host: loads the model.
        digesting: makes the digest.
        document: what is made short.
        spec: the model.
        wish: how.
        console: where result, progress and problems go.

    Raises:
        ReaderGone: nobody reads the output any more; the engine has ended, and what was noted is kept.
    """
    return asyncio.run(_run(host, digesting, document, spec, wish, console))


async def _run(
    host: EngineHost, digesting: Digesting, document: Document, spec: ModelSpec, wish: DigestWish, console: Console
) -> Exit:
    async with engine_in_use(host, console, wish.told) as stop:
        plan: DigestPlan | None = None
        notes: list[Note] = []
        try:
            console.err.progress(say("Counting {document}", document=document.name))
            plan = await digesting.plan(document, spec, wish.way, stop)
            console.err.clear()
            if wish.dry:
                _tell_cost(plan, wish, console)
                return Exit.ANSWERED
            for line in cost_lines(plan.cost):
                console.err.note(line)
            digest = await _make(digesting, plan, notes, stop, console.err)
        except LlmlabError as error:
            if plan and notes and isinstance(error, Stopped):
                console.err.note(kept_in_words(plan.notes.folder))
            if wish.as_json:
                console.out.json(record(document, spec, wish, plan, notes, None, error))
            return report(error, console)
    console.err.clear()
    if wish.as_json:
        console.out.json(record(document, spec, wish, plan, notes, digest, None))
        return Exit.ANSWERED
    console.out.write(digest.text)
    console.out.end_line()
    if digest.cut:
        console.err.note(say("The digest was cut at {tokens:,} tokens.", tokens=plan.sizes.note))
    console.err.note(kept_in_words(plan.notes.folder))
    return Exit.ANSWERED


async def _make(
    digesting: Digesting, plan: DigestPlan, notes: list[Note], stop: asyncio.Event, err: Diagnostics
) -> Note:
    """The digest; `notes` is given every note as it comes."""
    digest: Note | None = None
    async with aclosing(digesting.run(plan, stop)) as values:
        async for value in values:
            notes.append(value.note)
            digest = value.digest or digest
            err.progress(progress_in_words(value.done, value.total, value.seconds_left))
    assert digest is not None
    return digest


def _tell_cost(plan: DigestPlan, wish: DigestWish, console: Console) -> None:
    if wish.as_json:
        console.out.json(record(plan.document, plan.model, wish, plan, [], None, None))
        return
    for line in cost_lines(plan.cost):
        console.out.line(line)


def record(
    document: Document,
    spec: ModelSpec,
    wish: DigestWish,
    plan: DigestPlan | None,
    notes: list[Note],
    digest: Note | None,
    error: LlmlabError | None,
) -> dict[str, object]:
    """What `--json` prints; `digest` is null where there is none."""
    written: dict[str, object] = {
        "document": document.name,
        "sha256": document.digest,
        "model": spec.name,
        "way": wish.way,
        "digest": digest.text if digest else None,
        "cut": digest.cut if digest else False,
        "cost": asdict(plan.cost) | {"seconds": round(plan.cost.seconds, _DIGITS)} if plan else None,
        "folder": str(plan.notes.folder) if plan else None,
        "notes": [asdict(note) for note in sorted(notes, key=lambda note: (note.task, note.first))],
    }
    if error and not isinstance(error, Stopped):
        written["error"] = {"what": error.what, "where": error.where, "hint": error.hint}
    return written
