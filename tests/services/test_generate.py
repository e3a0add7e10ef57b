"""The streaming loop: one terminal value, nothing lost, stopped at once."""

from __future__ import annotations

import asyncio

from llmlab.domain.generation import Turn
from llmlab.domain.sampling import Sampling
from llmlab.engine.protocol import GenerationRequest
from llmlab.engine.scripted import Die, Hold, Reply, Script, ScriptedEngine
from llmlab.services.generate import stream_turns
from tests.services.fixtures import model

REQUEST = GenerationRequest((1, 2, 3), Sampling(seed=1))


async def loaded(*steps: object) -> ScriptedEngine:
    engine = ScriptedEngine(Script(replies=(Reply(tuple(steps)),)))  # type: ignore[arg-type]
    await engine.load(model(), lambda _: None)
    return engine


async def collect(engine: ScriptedEngine, stop: asyncio.Event | None = None, interval: float = 0.0) -> list[Turn]:
    return [turn async for turn in stream_turns(engine, REQUEST, stop=stop or asyncio.Event(), interval=interval)]


async def test_the_last_value_alone_has_ended_and_holds_all() -> None:
    turns = await collect(await loaded("a", "b", "c"))
    assert [turn.ended for turn in turns] == [False] * (len(turns) - 1) + [True]
    assert turns[-1].raw == "abc"
    assert turns[-1].finish == "stop"


async def test_a_screen_gets_few_values_but_every_word() -> None:
    turns = await collect(await loaded(*"x" * 500), interval=60.0)
    assert turns[-1].raw == "x" * 500
    assert [turn.state for turn in turns] == ["reading", "writing", "done"]


async def test_what_came_before_a_silence_is_shown_during_it() -> None:
    hold = Hold()
    engine = await loaded("a", "b", hold, "c")
    seen = asyncio.Event()

    async def watch() -> None:
        async for turn in stream_turns(engine, REQUEST, stop=asyncio.Event(), interval=0.001):
            if turn.raw == "ab":
                seen.set()

    watching = asyncio.create_task(watch())
    await asyncio.wait_for(seen.wait(), 5)
    hold.gate.set()
    await watching


async def test_stop_ends_a_silent_engine_and_keeps_what_was_said() -> None:
    hold, stop = Hold(), asyncio.Event()
    engine = await loaded("a", "b", hold, "c")
    collecting = asyncio.create_task(collect(engine, stop))
    await hold.reached.wait()
    stop.set()
    turns = await collecting
    assert turns[-1].raw == "ab"
    assert turns[-1].finish == "cancelled"
    assert turns[-1].usage is not None
    assert turns[-1].usage.generated == 2
    assert engine.cancelled == 1


async def test_stop_is_heard_although_the_engine_never_pauses() -> None:
    stop = asyncio.Event()
    engine = await loaded(*"x" * 10_000)
    turns: list[Turn] = []
    async for turn in stream_turns(engine, REQUEST, stop=stop):
        turns.append(turn)
        stop.set()
    assert turns[-1].finish == "cancelled"
    assert len(turns[-1].raw) < 10


async def test_a_death_is_a_failed_turn_that_keeps_what_was_said() -> None:
    turns = await collect(await loaded("a", Die(), "b"))
    assert turns[-1].state == "failed"
    assert turns[-1].raw == "a"
    assert turns[-1].problem is not None


async def test_leaving_the_stream_cancels_the_engine() -> None:
    hold = Hold()
    engine = await loaded("a", hold, "b")
    turns = stream_turns(engine, REQUEST, stop=asyncio.Event())
    async for turn in turns:
        if turn.raw == "a":
            break
    await turns.aclose()
    assert engine.cancelled == 1
