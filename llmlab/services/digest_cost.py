"""What a digest takes: the requests that are left, the tokens that they read and write, the speed of this model."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import aclosing
from dataclasses import replace
from typing import Final

from llmlab.domain.digest import Cost, Note, Request, merges_ahead
from llmlab.domain.generation import Timing, Turn, Usage
from llmlab.engine.protocol import GenerationRequest
from llmlab.services.digest_requests import DigestPlan, Prepared, first_round, merges, prepare, refining
from llmlab.services.generate import stream_samples

PROBE_TOKENS: Final = 16
"""Tokens of each answer that measures the speed."""
WARMING: Final = 32
"""Tokens that are read before that."""


async def cost_of(plan: DigestPlan, stop: asyncio.Event) -> Cost:
    """What is left to do, followed as far as the notes of earlier runs lead."""
    return await _Estimate(plan, stop).cost()


class _Estimate:
    """Adds up what a digest takes."""

    def __init__(self, plan: DigestPlan, stop: asyncio.Event) -> None:
        self._plan, self._stop = plan, stop
        self._kept = self._requests = self._prompt = self._waits = 0
        self._together = 1 if plan.way == "refine" or plan.model.deterministic else plan.sizes.at_once
        self._missing: Prepared | None = None

    async def cost(self) -> Cost:
        """All of it, with the speed where something is left."""
        await (self._refined() if self._plan.way == "refine" else self._mapped())
        read = write = seconds = 0.0
        note = self._plan.sizes.note
        if self._missing is not None:
            read, write = await _speed(self._plan, self._missing, self._together, self._stop)
            # What runs beside fewer others is no slower: one answer is taken to have its share of the speed.
            seconds += self._prompt / read if read else 0.0
            seconds += self._waits * note * self._together / write if write else 0.0
        left = self._requests - self._kept
        return Cost(len(self._plan.parts), self._requests, self._kept, self._prompt, left * note, read, write, seconds)

    def _round(self, missing: int) -> None:
        """So many requests that run together as far as the window holds them."""
        self._waits += -(-missing // self._together)

    async def _look(self, request: Request) -> Note | None:
        prepared = await prepare(self._plan, request)
        self._requests += 1
        if prepared.note is not None:
            self._kept += 1
            return prepared.note
        self._missing = self._missing or prepared
        self._prompt += len(prepared.prompt.tokens)
        return None

    def _guess(self, tokens: int) -> None:
        """A request whose material is not written yet."""
        self._requests += 1
        self._prompt += self._plan.sizes.frame + tokens

    async def _mapped(self) -> None:
        plan = self._plan
        requests = first_round(plan)
        while True:
            notes = [await self._look(request) for request in requests]
            known = [note for note in notes if note is not None]
            if len(known) < len(notes):
                self._round(len(notes) - len(known))
                for merged in merges_ahead(len(requests), plan.sizes.note, plan.sizes.notes):
                    self._round(len(merged))
                    for count in merged:
                        self._guess(count * plan.sizes.note)
                return
            if len(known) < 2:
                return
            requests = await merges(plan, known)

    async def _refined(self) -> None:
        summary = ""
        for part in self._plan.parts:
            if self._missing is not None:
                self._round(1)
                self._guess(part.tokens + self._plan.sizes.note)
                continue
            note = await self._look(refining(self._plan, part, summary))
            self._round(0 if note else 1)
            summary = note.text if note else ""


async def _speed(plan: DigestPlan, first: Prepared, together: int, stop: asyncio.Event) -> tuple[float, float]:
    """Tokens a second that are read, and written by requests together; what is read now is not read again."""
    tokens = first.prompt.tokens
    # The first computation of a process also brings the weights into memory.
    await _drawn(plan, GenerationRequest(tokens[:WARMING], replace(plan.sampling, max_tokens=1)), stop)
    sampling = replace(plan.sampling, max_tokens=PROBE_TOKENS)
    turns = await _drawn(plan, GenerationRequest(tokens, sampling, together), stop)
    if turns[0].reused * 2 > len(tokens):
        # Its state was kept on disk; in another order nobody has read it before.
        turn = 1 + secrets.randbelow(len(tokens) - 1)
        turns = await _drawn(plan, GenerationRequest(tokens[turn:] + tokens[:turn], sampling, together), stop)
    usages = [turn.usage or Usage() for turn in turns]
    timings = [turn.timing or Timing() for turn in turns]
    read, read_s = usages[0].prompt - usages[0].reused, timings[0].prefill_s
    wrote, wrote_s = sum(usage.generated for usage in usages), max(timing.decode_s for timing in timings)
    return read / read_s if read_s else 0.0, wrote / wrote_s if wrote_s else 0.0


async def _drawn(plan: DigestPlan, request: GenerationRequest, stop: asyncio.Event) -> tuple[Turn, ...]:
    turns: tuple[Turn, ...] = ()
    async with aclosing(stream_samples(plan.ready.engine, (request,), stop=stop)) as values:
        async for turns in values:  # noqa: B007 - the last value is the result
            pass
    return turns
