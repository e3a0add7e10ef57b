"""The streaming loop: every answer of every front end goes through it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace
from typing import Any

from llmlab.domain.generation import Failed, StreamEvent, Timing, Turn, Usage, fold
from llmlab.engine.protocol import Engine, GenerationRequest
from llmlab.words import say


async def stream_turns(
    engine: Engine, request: GenerationRequest, *, stop: asyncio.Event, interval: float = 0.0
) -> AsyncGenerator[Turn, None]:
    """The answer to `request` as it grows; the last value has ended.

    Args:
        engine: a loaded engine.
        request: what to go on from; one sample.
        stop: set it to cancel: the next value has ended with `cancelled` and holds all that was said.
        interval: seconds between two values at the least, for a screen; a change of state is never held back.
    """
    loop = asyncio.get_running_loop()
    events = engine.generate(request)
    turn = Turn(prompt=len(request.tokens))
    began, due, shown = loop.time(), 0.0, turn
    stopped = asyncio.ensure_future(stop.wait())
    upcoming: asyncio.Future[StreamEvent] | None = None
    try:
        while not turn.ended:
            upcoming = upcoming or asyncio.ensure_future(anext(events))
            patience = None if turn is shown else max(0.0, due - loop.time())
            waiting: set[asyncio.Future[Any]] = {upcoming, stopped}
            await asyncio.wait(waiting, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
            if upcoming.done():
                turn = fold(turn, _event(upcoming))
                upcoming = None
            if stopped.done() and not turn.ended:
                turn = _cancelled(turn, loop.time() - began)
            if turn is not shown and (turn.state != shown.state or loop.time() >= due):
                shown, due = turn, loop.time() + interval
                yield turn
    finally:
        stopped.cancel()
        if upcoming is not None:
            upcoming.cancel()
            await asyncio.wait({upcoming})
        await events.aclose()


async def last_turn(turns: AsyncIterator[Turn]) -> Turn:
    """The finished answer of a stream."""
    turn = Turn()
    async for turn in turns:  # noqa: B007 - the last value is the result
        pass
    return turn


def _event(upcoming: asyncio.Future[StreamEvent]) -> StreamEvent:
    """What came; an engine that ends without a terminal event has failed."""
    try:
        return upcoming.result()
    except StopAsyncIteration:
        return Failed(say("The engine ended the answer without saying why."), hint=say("Press r to try again."))


def _cancelled(turn: Turn, seconds: float) -> Turn:
    """`turn` ended by the user after `seconds`; the engine's own figures have not come."""
    usage = Usage(prompt=turn.prompt, reused=turn.reused, generated=turn.generated)
    timing = Timing(decode_s=seconds) if turn.generated else Timing(prefill_s=seconds)
    return replace(turn, state="done", finish="cancelled", usage=usage, timing=timing)
