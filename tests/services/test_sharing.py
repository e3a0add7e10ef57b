"""One engine for many: it is never swapped under somebody, and few swaps serve everybody."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from llmlab.engine.scripted import ScriptedEngine
from llmlab.services.sharing import Sharing
from tests.services.fixtures import Engines, model


@given(st.lists(st.lists(st.sampled_from(["short", "long"]), min_size=1, max_size=3), max_size=8))
def test_nobody_s_engine_is_swapped_and_everybody_gets_one(wishes: list[list[str]]) -> None:
    """Each user asks for one or several loads, one after the other, as a recipe whose documents need a window does."""

    async def use(sharing: Sharing, names: list[str], step: asyncio.Event) -> None:
        async with sharing.share() as host:
            for name in names:
                engine, card = await host.engine_for(model(name))
                assert isinstance(engine, ScriptedEngine)
                assert card.name == name
            await step.wait()
            assert engine.alive
            assert host.loaded(model(names[-1])) is engine

    async def everybody() -> int:
        engines = Engines()
        sharing = Sharing(engines.host)
        steps = [asyncio.Event() for _ in wishes]
        users = [asyncio.ensure_future(use(sharing, names, step)) for names, step in zip(wishes, steps, strict=True)]
        for step in steps:
            step.set()
        await asyncio.wait_for(asyncio.gather(*users), 10)
        assert sharing.users == 0
        await engines.host.close()
        return len(engines.made)

    loads = asyncio.run(everybody())
    assert loads <= max(1, sum(map(len, wishes)))


async def test_those_who_need_another_load_wait_together() -> None:
    engines = Engines()
    sharing = Sharing(engines.host)
    order: list[str] = []

    async def use(name: str) -> None:
        async with sharing.share() as host:
            await host.engine_for(model(name))
            order.append(name)

    await asyncio.wait_for(asyncio.gather(*[use(name) for name in ("short", "long") * 5]), 10)
    assert len(engines.made) == 2
    assert sorted(order) == ["long"] * 5 + ["short"] * 5
    await engines.host.close()


async def test_a_user_that_is_cancelled_leaves() -> None:
    engines = Engines()
    sharing = Sharing(engines.host)

    async def stay() -> None:
        async with sharing.share() as host:
            await host.engine_for(model("short"))
            await asyncio.Event().wait()

    async def swap() -> None:
        async with sharing.share() as host:
            await host.engine_for(model("long"))

    staying = asyncio.ensure_future(stay())
    swapping = asyncio.ensure_future(swap())
    done, _ = await asyncio.wait({swapping}, timeout=0.05)
    assert not done
    staying.cancel()
    await asyncio.wait_for(swapping, 10)
    assert (sharing.users, len(engines.made)) == (0, 2)
    await engines.host.close()
