"""Recipes side by side: on the real engine a shared beginning is read once; failures stay in their column."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from llmlab.domain.model import ModelSpec
from llmlab.domain.recipe import Recipe
from llmlab.domain.sampling import Sampling
from llmlab.engine.child import ChildEngine
from llmlab.engine.scripted import Hold, Reply, Script
from llmlab.errors import UsageError
from llmlab.library.rendering import render_template
from llmlab.paths import Paths
from llmlab.pocket import pocket_path
from llmlab.services.compare import Arm, Comparing
from llmlab.services.host import EngineHost
from llmlab.services.preview import Preparing
from tests.services.fixtures import Engines, recipe

POCKET = ModelSpec(name="pocket-m", path=str(pocket_path("pocket-m")), n_threads=1, n_ctx=4096)


async def last(values: AsyncIterator[tuple[Arm, ...]]) -> tuple[Arm, ...]:
    return [value async for value in values][-1]


async def test_four_recipes_read_what_they_share_once(paths: Paths) -> None:
    host = EngineHost(lambda: ChildEngine(log=paths.engine_log))
    base = Recipe(model=POCKET, system="Be kind. " * 100, sampling=Sampling(max_tokens=8), thinking=False)
    arms = [replace(base, sampling=replace(base.sampling, temperature=step / 4)) for step in range(4)]
    try:
        done = await last(Comparing(host, Preparing(render_template)).run(arms, (), "Who are you?", asyncio.Event()))
    finally:
        await host.close()
    assert [arm.state for arm in done] == ["done"] * 4
    usages = [arm.progress.turn.usage for arm in done if arm.progress]
    read = sum(usage.prompt - usage.reused for usage in usages if usage)
    whole = usages[0].prompt if usages[0] else 0
    assert whole > 300
    assert whole <= read <= whole + 3 * 2, "the last token of a prompt is always computed"


async def test_a_value_holds_every_arm_as_far_as_it_has_come() -> None:
    engines = Engines(Script(replies=(Reply(("a", Hold(), "b")), Reply(("c",)))))
    stop = asyncio.Event()
    values = Comparing(engines.host, Preparing(render_template)).run([recipe(), recipe()], (), "q", stop)
    async for arms in values:
        if {arm.state for arm in arms} == {"running", "done"}:
            stop.set()
    assert sorted((arm.state, arm.text) for arm in arms) == [("done", "a"), ("done", "c")]
    await engines.host.close()


async def test_models_come_one_after_another_and_only_one_is_loaded() -> None:
    engines = Engines(Script(replies=(Reply(("one",)),)), Script(replies=(Reply(("two",)),)))
    recipes = [recipe("a"), recipe("b"), recipe("a")]
    done = await last(Comparing(engines.host, Preparing(render_template)).run(recipes, (), "q", asyncio.Event()))
    assert [arm.text for arm in done] == ["one", "two", "one"]
    assert len(engines.made) == 2
    assert engines.made[0].closed
    await engines.host.close()


async def test_an_arm_that_does_not_fit_fails_alone() -> None:
    engines = Engines(Script(replies=(Reply(("fine",)),), n_ctx=64))
    recipes = [recipe(), replace(recipe(), system="word " * 100)]
    done = await last(Comparing(engines.host, Preparing(render_template)).run(recipes, (), "q", asyncio.Event()))
    assert [arm.state for arm in done] == ["done", "failed"]
    assert "nothing was sent" in str(done[1].problem)
    await engines.host.close()


@pytest.mark.parametrize("count", [0, 5])
async def test_one_to_four_recipes(count: int) -> None:
    with pytest.raises(UsageError):
        await last(
            Comparing(Engines().host, Preparing(render_template)).run([recipe()] * count, (), "q", asyncio.Event())
        )
