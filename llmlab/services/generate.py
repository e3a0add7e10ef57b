"""The streaming loop: every answer of every front end goes through it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from llmlab.domain.generation import Failed, StreamEvent, Timing, Turn, Usage, fold
from llmlab.engine.protocol import Engine, GenerationRequest
from llmlab.words import say


async def stream_turns(
    engine: Engine, request: GenerationRequest, *, stop: asyncio.Event, interval: float = 0.0
) -> AsyncGenerator[Turn, None]:
    """The answer to `request`, of one sample, as it grows; as `stream_samples` does it."""
    async with aclosing(stream_samples(engine, (request,), stop=stop, interval=interval)) as values:
        async for turns in values:
            yield turns[0]


async def stream_samples(
    engine: Engine, requests: Sequence[GenerationRequest], *, stop: asyncio.Event, interval: float = 0.0
) -> AsyncGenerator[tuple[Turn, ...], None]:
    """The answers to `requests`, which run together, as they grow; in the last value all have ended.

    Args:
        engine: a loaded engine.
        requests: what to go on from; the samples of one request read its prompt once.
        stop: set it to cancel: in the next value what ran has ended with `cancelled` and holds all that was said.
        interval: seconds between two values at the least, for a screen; a change of state is never held back.

    Yields:
        A turn for each sample: those of the first request, those of the second, and so on.
    """
    loop = asyncio.get_running_loop()
    streams = [_Stream(engine.generate(request), request.samples) for request in requests]
    turns = tuple(Turn(prompt=len(request.tokens)) for request in requests for _ in range(request.samples))
    began, due, shown = loop.time(), 0.0, turns
    stopped = asyncio.ensure_future(stop.wait())
    try:
        while not all(turn.ended for turn in turns):
            patience = None if turns is shown else max(0.0, due - loop.time())
            waiting: set[asyncio.Future[Any]] = {stopped, *(stream.ask() for stream in streams if stream.running)}
            await asyncio.wait(waiting, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
            turns = tuple(turn for stream, old in _shares(streams, turns) for turn in stream.folded(old))
            if stopped.done():
                turns = tuple(turn if turn.ended else _cancelled(turn, loop.time() - began) for turn in turns)
            changed = any(turn.state != old.state for turn, old in zip(turns, shown, strict=True))
            if turns != shown and (changed or loop.time() >= due):
                shown, due = turns, loop.time() + interval
                yield turns
            elif turns == shown:
                turns = shown
    finally:
        stopped.cancel()
        for stream in streams:
            await stream.close()


class _Stream:
    """The events of one request, taken one at a time."""

    def __init__(self, events: AsyncGenerator[StreamEvent, None], samples: int) -> None:
        self._events = events
        self._upcoming: asyncio.Future[StreamEvent] | None = None
        self.samples = samples
        self.running = True
        """A sample of it has not ended."""

    def ask(self) -> asyncio.Future[StreamEvent]:
        """The next event, asked for once."""
        self._upcoming = self._upcoming or asyncio.ensure_future(anext(self._events))
        return self._upcoming

    def folded(self, turns: tuple[Turn, ...]) -> tuple[Turn, ...]:
        """Its samples after what has come."""
        if self._upcoming is None or not self._upcoming.done():
            return turns
        upcoming, self._upcoming = self._upcoming, None
        try:
            event = upcoming.result()
        except StopAsyncIteration:
            turns = tuple(fold(turn, _unsaid()) for turn in turns)
        else:
            turns = tuple(fold(turn, event) if event.sample == index else turn for index, turn in enumerate(turns))
        self.running = not all(turn.ended for turn in turns)
        return turns

    async def close(self) -> None:
        """Cancel what runs."""
        if self._upcoming is not None:
            self._upcoming.cancel()
            await asyncio.wait({self._upcoming})
        await self._events.aclose()


def _shares(streams: Sequence[_Stream], turns: tuple[Turn, ...]) -> Iterator[tuple[_Stream, tuple[Turn, ...]]]:
    """Each stream with its turns."""
    start = 0
    for stream in streams:
        yield stream, turns[start : start + stream.samples]
        start += stream.samples


async def last_turn(turns: AsyncIterator[Turn]) -> Turn:
    """The finished answer of a stream."""
    turn = Turn()
    async for turn in turns:  # noqa: B007 - the last value is the result
        pass
    return turn


def _unsaid() -> Failed:
    """An engine that ends without a terminal event has failed."""
    return Failed(say("The engine ended the answer without saying why."), hint=say("Press r to try again."))


def _cancelled(turn: Turn, seconds: float) -> Turn:
    """`turn` ended by the user after `seconds`; the engine's own figures have not come."""
    usage = Usage(prompt=turn.prompt, reused=turn.reused, generated=turn.generated)
    timing = Timing(decode_s=seconds) if turn.generated else Timing(prefill_s=seconds)
    return replace(turn, state="done", finish="cancelled", usage=usage, timing=timing)
