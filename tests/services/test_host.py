"""One engine at a time: swaps, shared loads, deaths and restarts."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from llmlab.domain.model import LoraAdapter
from llmlab.domain.sampling import DEFAULTS, Sampling
from llmlab.engine.protocol import GenerationRequest, ScoreRequest
from llmlab.engine.scripted import Hold, Script
from llmlab.errors import EngineDied, EngineError, ModelError
from llmlab.services.host import HostState
from tests.services.fixtures import Engines, model


async def test_a_load_is_told_from_start_to_ready() -> None:
    engines = Engines()
    phases: list[tuple[str, float]] = []
    engines.host.subscribe(lambda state: phases.append((state.phase, state.fraction)))
    card = await engines.host.use(model())
    assert card.name == "tiny"
    assert phases[0] == ("loading", 0.0)
    assert phases[-1] == ("ready", 1.0)


async def test_the_same_model_is_loaded_once_however_many_ask() -> None:
    engines = Engines()
    cards = await asyncio.gather(*(engines.host.use(model()) for _ in range(5)))
    assert len(engines.made) == 1
    assert len({card.name for card in cards}) == 1


async def test_what_a_load_does_not_depend_on_needs_no_new_process() -> None:
    engines = Engines()
    await engines.host.use(model())
    edited = replace(model(), sampling=Sampling(temperature=0.1), system="Be brief.", thinking=True)
    await engines.host.use(edited)
    assert len(engines.made) == 1
    assert engines.host.loaded(edited) is engines.made[0]
    await engines.host.use(replace(edited, n_ctx=64))
    assert len(engines.made) == 2


async def test_another_scale_of_an_adapter_needs_no_new_process() -> None:
    engines = Engines()
    weak, strong = (replace(model(), lora=(LoraAdapter("/l/style.gguf", scale),)) for scale in (0.25, 2.0))
    sampling = Sampling(seed=1).over(DEFAULTS)
    for spec in (weak, strong):
        engine, _ = await engines.host.engine_for(spec)
        assert engines.host.loaded(spec) == engine
        _ = [event async for event in engine.generate(GenerationRequest((1, 2), sampling))]
        await engine.score(ScoreRequest(("a b",)))
    _ = [event async for event in engine.generate(GenerationRequest((1, 2), sampling, lora=()))]
    (made,) = engines.made
    assert [request.lora for request in made.requests] == [(("style", 0.25),), (("style", 2.0),), ()]
    assert [request.lora for request in made.scored] == [(("style", 0.25),), (("style", 2.0),)]
    await engines.host.use(replace(weak, lora=(LoraAdapter("/l/other.gguf"),)))
    assert len(engines.made) == 2


async def test_vectors_have_the_scales_that_their_model_was_loaded_with() -> None:
    engines = Engines()
    for scale in (0.25, 2.0):
        spec = replace(model(), purpose="vectors", lora=(LoraAdapter("/l/style.gguf", scale),))
        await engines.host.use(spec)
        assert engines.made[-1].spec == spec


async def test_a_swap_ends_the_old_process_first() -> None:
    engines = Engines()
    await engines.host.use(model("a"))
    await engines.host.use(model("b"))
    assert [engine.closed for engine in engines.made] == [True, False]
    assert engines.host.loaded(model("a")) is None
    assert engines.host.loaded(model("b")) is engines.made[1]


async def test_a_swap_during_a_load_stops_it_and_tells_who_waits() -> None:
    hold = Hold()
    engines = Engines(Script(load_hold=hold), Script())
    waiting = asyncio.create_task(engines.host.use(model("slow")))
    await hold.reached.wait()
    card = await engines.host.use(model("quick"))
    assert card.name == "quick"
    with pytest.raises(EngineError, match="slow was stopped"):
        await waiting
    assert engines.made[0].closed


async def test_a_caller_that_leaves_does_not_stop_the_load() -> None:
    hold = Hold()
    engines = Engines(Script(load_hold=hold))
    waiting = asyncio.create_task(engines.host.use(model()))
    await hold.reached.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    hold.gate.set()
    await engines.host.use(model())
    assert len(engines.made) == 1


async def test_a_failed_load_is_told_and_tried_again_when_asked() -> None:
    engines = Engines(Script(load_error=ModelError("no such file")), Script())
    with pytest.raises(ModelError, match="no such file"):
        await engines.host.use(model())
    assert engines.phase == "dead"
    assert str(engines.host.state.problem) == "no such file"
    await engines.host.use(model())
    assert engines.phase == "ready"


async def test_a_dead_engine_is_noticed_and_replaced() -> None:
    engines = Engines()
    await engines.host.use(model())
    engines.host.notice_death(EngineDied("killed"))
    assert engines.phase == "ready", "a living engine is not declared dead"
    engines.made[0].die()
    engines.host.notice_death(EngineDied("killed"))
    assert engines.phase == "dead"
    await engines.host.use(model())
    assert engines.phase == "ready"
    assert len(engines.made) == 2


async def test_a_death_while_nobody_asks_is_told_at_once_and_once() -> None:
    engines = Engines()
    await engines.host.use(model())
    told: list[HostState] = []
    dead = asyncio.Event()

    def listen(state: HostState) -> None:
        told.append(state)
        dead.set()

    engines.host.subscribe(listen)
    engines.made[0].die()
    await asyncio.wait_for(dead.wait(), 5)
    engines.host.notice_death(EngineDied("an answer has noticed it too"))
    assert [(state.phase, state.model) for state in told] == [("dead", "tiny")]
    assert isinstance(told[0].problem, EngineDied)
    assert told[0].card is not None, "it was ready before"
    await engines.host.use(model())
    assert engines.phase == "ready"


async def test_an_engine_that_was_ended_has_not_died() -> None:
    engines = Engines()
    await engines.host.use(model("a"))
    phases: list[str] = []
    engines.host.subscribe(lambda state: phases.append(state.phase))
    await engines.host.use(model("b"))
    await engines.host.close()
    assert "dead" not in phases
    assert engines.phase == "off"


async def test_close_ends_the_process_and_forgets_the_model() -> None:
    engines = Engines()
    await engines.host.use(model())
    await engines.host.close()
    assert engines.made[0].closed
    assert engines.host.state == HostState()


async def test_a_listener_can_leave() -> None:
    engines = Engines()
    heard: list[HostState] = []
    leave = engines.host.subscribe(heard.append)
    leave()
    await engines.host.use(model())
    assert heard == []
