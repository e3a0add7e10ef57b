"""The requests of a digest: what each reads, whether it was answered before, and its answer, kept at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from llmlab.domain.digest import TOGETHER, Cost, DigestWay, Note, Part, Request, Sizes, groups_of, key_of
from llmlab.domain.document import Document
from llmlab.domain.generation import Turn
from llmlab.domain.model import ModelSpec
from llmlab.domain.prompting import ChatMessage, PromptOptions, RenderedPrompt
from llmlab.domain.reasoning import split_thinking
from llmlab.domain.sampling import Sampling
from llmlab.engine.protocol import GenerationRequest
from llmlab.errors import Stopped
from llmlab.services.answering import as_error
from llmlab.services.generate import stream_samples
from llmlab.services.notes import NoteFolder, note_of
from llmlab.services.ready import Ready
from llmlab.services.stopping import unless
from llmlab.words import say

BATCH: Final = 2 * TOGETHER
"""Requests that the engine is given at once; those that the window has no room for yet wait for it."""
INTERVAL: Final = 0.2
"""Seconds between two values at the least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestPlan:
    """A digest that can begin."""

    document: Document
    way: DigestWay
    model: ModelSpec
    ready: Ready
    sizes: Sizes
    sampling: Sampling
    parts: tuple[Part, ...]
    notes: NoteFolder
    cost: Cost


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request as the engine takes it."""

    request: Request
    prompt: RenderedPrompt
    key: str
    """Hash of all that its answer depends on."""
    note: Note | None
    """What was written for it in an earlier run."""


def first_round(plan: DigestPlan) -> list[Request]:
    """A request for each part."""
    total = len(plan.parts)
    return [
        Request(
            "note" if total > 1 else "whole",
            part.number,
            part.number,
            total,
            part.start,
            part.end,
            (plan.document.text[part.start : part.end],),
        )
        for part in plan.parts
    ]


def refining(plan: DigestPlan, part: Part, summary: str) -> Request:
    """The request that works a part into the summary of those before it."""
    text = plan.document.text[part.start : part.end]
    total = len(plan.parts)
    if part.number == 1:
        return Request("whole" if total == 1 else "note", 1, 1, total, part.start, part.end, (text,))
    return Request("refine", 1, part.number, total, 0, part.end, (summary, text))


async def merges(plan: DigestPlan, notes: Sequence[Note]) -> list[Request]:
    """The next round: neighbours together, as many as there is room for; the last one ends it all."""
    sizes = await plan.ready.engine.count([note.text for note in notes])
    groups = groups_of(sizes, plan.sizes.notes)
    return [
        Request(
            "merge" if len(groups) > 1 else "final",
            notes[start].first,
            notes[end - 1].last,
            len(plan.parts),
            notes[start].start,
            notes[end - 1].end,
            tuple(note.text for note in notes[start:end]),
        )
        for start, end in groups
    ]


async def answered(
    plan: DigestPlan, requests: Sequence[Request], stop: asyncio.Event
) -> AsyncGenerator[tuple[int, Note], None]:
    """The notes of `requests` as they are ready, with their places; each is kept at once."""
    waiting: list[tuple[int, Prepared]] = []
    for place, request in enumerate(requests):
        prepared = await unless(stop, prepare(plan, request))
        if prepared.note is not None:
            yield place, prepared.note
            continue
        waiting.append((place, prepared))
        if len(waiting) == BATCH:
            async with aclosing(_drawn(plan, waiting, stop)) as drawn:
                async for found in drawn:
                    yield found
            waiting = []
    if waiting:
        async with aclosing(_drawn(plan, waiting, stop)) as drawn:
            async for found in drawn:
                yield found


async def _drawn(
    plan: DigestPlan, waiting: Sequence[tuple[int, Prepared]], stop: asyncio.Event
) -> AsyncGenerator[tuple[int, Note], None]:
    """Ask the engine for all of `waiting` together."""
    requests = [GenerationRequest(prepared.prompt.tokens, plan.sampling) for _, prepared in waiting]
    told: set[int] = set()
    async with aclosing(stream_samples(plan.ready.engine, requests, stop=stop, interval=INTERVAL)) as values:
        async for turns in values:
            for at, turn in enumerate(turns):
                if at in told or not turn.ended or turn.finish == "cancelled":
                    continue
                if turn.problem:
                    raise as_error(turn.problem)
                told.add(at)
                place, prepared = waiting[at]
                note = _note(prepared, turn)
                await asyncio.to_thread(plan.notes.keep, prepared.request, note, plan.ready.card.name)
                yield place, note
    if stop.is_set():
        raise Stopped(say("The digest was stopped; what was noted is kept."))


def _note(prepared: Prepared, turn: Turn) -> Note:
    prompt_ = prepared.prompt
    said = split_thinking(turn.raw, in_thinking=prompt_.in_thinking, ended=True, marks=prompt_.marks)
    return note_of(prepared.request, said.answer.strip(), prepared.key, cut=turn.finish == "length")


async def prepare(plan: DigestPlan, request: Request) -> Prepared:
    """The prompt of a request, and what was written for it before."""
    rendered = await prompt(plan.ready, plan.document, request)
    card = plan.ready.card
    key = key_of(card.file_mark or card.path, rendered.tokens, plan.sampling)
    return Prepared(request, rendered, key, await asyncio.to_thread(plan.notes.find, request, key))


async def prompt(ready: Ready, document: Document, request: Request) -> RenderedPrompt:
    """A request as the model's chat template puts it."""
    # Notes are no place to think in: a model that can would use up their room.
    thinking = False if ready.card.can_think else None
    message = ChatMessage("user", request.prompt(document))
    return await ready.engine.prompt((message,), PromptOptions(thinking=thinking))
