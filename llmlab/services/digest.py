"""A whole document made short: notes of its parts, several at a time, then notes of the notes, each kept at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from llmlab.domain.digest import Cost, DigestWay, Note, Part, Request, merges_ahead, parts_of, size_within, sizes_of
from llmlab.domain.document import Document
from llmlab.domain.model import ModelSpec
from llmlab.domain.passages import split
from llmlab.domain.recipe import Recipe
from llmlab.errors import UsageError
from llmlab.services.digest_cost import cost_of
from llmlab.services.digest_requests import DigestPlan, answered, first_round, merges, prompt, refining
from llmlab.services.host import EngineHost
from llmlab.services.notes import NoteFolder
from llmlab.services.ready import Ready, ready_engine
from llmlab.services.stopping import unless
from llmlab.words import say

COUNTED: Final = 256
"""Passages that are counted at once."""
LEAST_TEXT: Final = 64
"""Tokens of text that a request must have room for."""


@dataclass(frozen=True, slots=True)
class DigestProgress:
    """A digest as far as it has come."""

    done: int
    """Requests that are answered, those of earlier runs among them."""
    total: int
    seconds_left: float | None
    """From the speed so far; `None` before the first answer of this run."""
    note: Note
    """The latest."""
    digest: Note | None = None
    """The digest itself, in the last value."""


class Digesting:
    """Makes digests.

    Args:
        host: loads models.
        folder: where notes are kept.
    """

    def __init__(self, host: EngineHost, folder: Path) -> None:
        self._host, self._folder = host, folder

    async def plan(self, document: Document, spec: ModelSpec, way: DigestWay, stop: asyncio.Event) -> DigestPlan:
        """Load the model, cut the document, look up what was noted before, and measure what the rest will take.

        Args:
            document: what is made short.
            spec: the model.
            way: how.
            stop: set it to cancel.

        Raises:
            UsageError: the document is blank, or the window has no room for a part of it.
            Stopped: `stop` was set.
            LlmlabError: the model cannot be loaded, or the engine died.
        """
        return await unless(stop, self._plan(document, spec, way, stop))

    async def _plan(self, document: Document, spec: ModelSpec, way: DigestWay, stop: asyncio.Event) -> DigestPlan:
        ready = await ready_engine(self._host, Recipe(model=spec))
        plan = await planned(ready, document, spec, way, NoteFolder(self._folder, document))
        return replace(plan, cost=await cost_of(plan, stop))

    async def run(self, plan: DigestPlan, stop: asyncio.Event) -> AsyncGenerator[DigestProgress, None]:
        """Make the digest; every note is on disk before it is told, and is not asked for again.

        Args:
            plan: as `plan` made it; the model must still be loaded.
            stop: set it to cancel.

        Raises:
            Stopped: `stop` was set; what was noted is kept.
            StoreError: a note cannot be kept.
            LlmlabError: the engine failed.
        """
        began, fresh, done = time.monotonic(), 0, 0
        total = plan.cost.requests
        steps = _refined(plan, stop) if plan.way == "refine" else mapped(plan, stop)
        async with aclosing(steps):
            async for note, ahead in steps:
                done, fresh = done + 1, fresh + (not note.kept)
                total = done + ahead
                left = (time.monotonic() - began) / fresh * ahead if fresh else None
                yield DigestProgress(done, total, left, note, None if ahead else note)


async def planned(ready: Ready, document: Document, spec: ModelSpec, way: DigestWay, notes: NoteFolder) -> DigestPlan:
    """A document cut into what can be read at once; what that takes is not measured.

    Args:
        ready: an engine that holds the model.
        document: what is made short.
        spec: the model.
        way: how.
        notes: where notes are kept.

    Raises:
        UsageError: the document is blank, or the window has no room for a part of it.
        EngineError: the engine died.
    """
    blank = Request("refine", 9999, 9999, 9999, 0, 0, ("", ""))
    frame = len((await prompt(ready, document, blank)).tokens)
    sizes = sizes_of(ready.card, frame)
    # A summary that is refined is read with every part.
    most = sizes.text - (sizes.note if way == "refine" else 0)
    if most < LEAST_TEXT:
        raise UsageError(
            say("The window of {model} is too small for a digest: {window:,} tokens.",
                model=spec.name, window=ready.card.n_ctx),
            hint=say("Raise n_ctx in models.toml, or use another model."),
        )  # fmt: skip
    return DigestPlan(
        document=document,
        way=way,
        model=spec,
        ready=ready,
        sizes=sizes,
        sampling=replace(Recipe(model=spec).complete_sampling(ready.card, seed=0), max_tokens=sizes.note),
        parts=await _cut(ready, document, most),
        notes=notes,
        cost=Cost(0, 0, 0, 0, 0),
    )


async def mapped(plan: DigestPlan, stop: asyncio.Event) -> AsyncGenerator[tuple[Note, int], None]:
    """Every note, and how many requests are still ahead after it: round after round, until one note holds all.

    Raises:
        Stopped: `stop` was set.
        StoreError: a note cannot be kept.
        LlmlabError: the engine failed.
    """
    requests = first_round(plan)
    while True:
        notes: list[Note | None] = [None] * len(requests)
        upcoming = sum(map(len, merges_ahead(len(requests), plan.sizes.note, plan.sizes.notes)))
        left = len(requests)
        async with aclosing(answered(plan, requests, stop)) as notes_of_round:
            async for place, note in notes_of_round:
                notes[place] = note
                left -= 1
                yield note, left + upcoming
        written = [note for note in notes if note is not None]
        if len(written) < 2:
            return
        requests = await merges(plan, written)


async def _refined(plan: DigestPlan, stop: asyncio.Event) -> AsyncGenerator[tuple[Note, int], None]:
    """The summary after each part, and how many parts are still ahead."""
    summary = ""
    for part in plan.parts:
        request = refining(plan, part, summary)
        async with aclosing(answered(plan, [request], stop)) as notes:
            async for _, note in notes:
                summary = note.text
                yield note, len(plan.parts) - part.number


async def _cut(ready: Ready, document: Document, most: int) -> tuple[Part, ...]:
    """The document in parts of at most so many tokens."""
    if not document.text.strip():
        raise UsageError(say("{document} says nothing.", document=document.name))
    size = size_within(most)
    while True:
        passages = await asyncio.to_thread(split, document, size)
        counts: list[int] = []
        for start in range(0, len(passages), COUNTED):
            texts = [document.text[each.start : each.end] for each in passages[start : start + COUNTED]]
            counts += await ready.engine.count(texts)
        # A text of rare characters has more tokens than letters.
        if max(counts) <= most or size <= most // 16:
            return parts_of(passages, counts, most)
        size //= 2
