"""Recipes side by side: on the real engine a shared beginning is read once; failures stay in their column."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest

from llmlab.domain.model import ModelSpec
from llmlab.domain.prompting import ChatMessage
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
from llmlab.services.recipe_codec import decode_recipe
from llmlab.services.side_hosts import SideHosts
from tests.services.fixtures import Engines, model, recipe

POCKET = ModelSpec(name="pocket-m", path=str(pocket_path("pocket-m")), n_threads=1, n_ctx=4096)


def comparing(host: EngineHost, sides: Callable[[], EngineHost] | None = None, room: int = 0) -> Comparing:
    """A comparison for which memory holds `room` models beside the first."""
    made: list[EngineHost] = []

    def side() -> EngineHost:
        assert sides is not None
        made.append(sides())
        return made[-1]

    return Comparing(SideHosts(host, side, lambda spec: len(made) < room), Preparing(render_template))


async def last(values: AsyncIterator[tuple[Arm, ...]]) -> tuple[Arm, ...]:
    return [value async for value in values][-1]


async def test_four_recipes_read_what_they_share_once(paths: Paths) -> None:
    host = EngineHost(lambda: ChildEngine(log=paths.engine_log))
    base = Recipe(model=POCKET, system="Be kind. " * 100, sampling=Sampling(max_tokens=8), thinking=False)
    arms = [replace(base, sampling=replace(base.sampling, temperature=step / 4)) for step in range(4)]
    try:
        done = await last(comparing(host).run(arms, (), "Who are you?", asyncio.Event()))
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
    values = comparing(engines.host).run([recipe(), recipe()], (), "q", stop)
    async for arms in values:
        if {arm.state for arm in arms} == {"running", "done"}:
            stop.set()
    assert sorted((arm.state, arm.text) for arm in arms) == [("done", "a"), ("done", "c")]
    await engines.host.close()


async def test_models_come_one_after_another_and_only_one_is_loaded() -> None:
    engines = Engines(Script(replies=(Reply(("one",)),)), Script(replies=(Reply(("two",)),)))
    recipes = [recipe("a"), recipe("b"), recipe("a")]
    done = await last(comparing(engines.host).run(recipes, (), "q", asyncio.Event()))
    assert [arm.text for arm in done] == ["one", "two", "one"]
    assert len(engines.made) == 2
    assert engines.made[0].closed
    await engines.host.close()


async def test_where_memory_holds_both_models_stay_loaded_for_the_next_question() -> None:
    engines, sides = Engines(Script(replies=(Reply(("one",)),) * 2)), Engines(Script(replies=(Reply(("two",)),) * 2))
    compared = comparing(engines.host, lambda: sides.host, room=1)
    recipes = [recipe("a"), recipe("b")]
    for _ in range(2):
        done = await last(compared.run(recipes, (), "q", asyncio.Event()))
        assert [arm.text for arm in done] == ["one", "two"]
    assert (len(engines.made), len(sides.made)) == (1, 1)
    await compared.close()
    assert sides.made[0].closed
    assert not engines.made[0].closed, "the chat goes on with its model"
    await engines.host.close()


async def test_the_model_of_the_chat_is_not_unloaded_for_one_that_is_compared_first() -> None:
    engines, sides = Engines(Script(replies=(Reply(("chat",)),))), Engines(Script(replies=(Reply(("other",)),)))
    await engines.host.use(model("a"))
    compared = comparing(engines.host, lambda: sides.host, room=1)
    done = await last(compared.run([recipe("b"), recipe("a")], (), "q", asyncio.Event()))
    assert [arm.text for arm in done] == ["other", "chat"]
    assert len(engines.made) == 1
    await compared.close()
    await engines.host.close()


async def test_a_third_model_that_does_not_fit_takes_the_place_of_the_others() -> None:
    engines, sides = Engines(Script(replies=(Reply(("x",)),) * 2)), Engines(Script(replies=(Reply(("y",)),)))
    compared = comparing(engines.host, lambda: sides.host, room=1)
    done = await last(compared.run([recipe("a"), recipe("b"), recipe("c")], (), "q", asyncio.Event()))
    assert [arm.text for arm in done] == ["x", "y", "x"]
    assert sides.made[0].closed
    assert engines.made[0].closed
    await engines.host.close()


async def test_an_arm_that_does_not_fit_fails_alone() -> None:
    engines = Engines(Script(replies=(Reply(("fine",)),), n_ctx=64))
    recipes = [recipe(), replace(recipe(), system="word " * 100)]
    done = await last(comparing(engines.host).run(recipes, (), "q", asyncio.Event()))
    assert [arm.state for arm in done] == ["done", "failed"]
    assert "nothing was sent" in str(done[1].problem)
    await engines.host.close()


async def test_the_card_of_an_arm_runs_it_again(paths: Paths) -> None:
    host = EngineHost(lambda: ChildEngine(log=paths.engine_log))
    base = Recipe(
        model=replace(POCKET, n_ctx=512, deterministic=True),
        sampling=Sampling(max_tokens=12, temperature=1.0),
        thinking=False,
    )
    history = (ChatMessage("user", "Hello."), ChatMessage("assistant", "Hi."))
    compared, never = comparing(host), asyncio.Event()
    try:
        done = await last(compared.run([base, replace(base, system="Be brief.")], history, "Who are you?", never))
        cards = [arm.card for arm in done]
        assert [decode_recipe(card.recipe).system for card in cards if card] == [None, "Be brief."]
        assert len({card.sampling.seed for card in cards if card}) == 1, "all are drawn with the same seed"
        assert len({card.prompt_hash for card in cards if card}) == 2
        for arm in done:
            rerun = await compared.run_again(arm, history, "Who are you?", never)
            assert (rerun.outcome, rerun.text, rerun.causes) == ("same", arm.text, ())
        other = await compared.run_again(done[1], history, "What is a context window?", never)
        assert (other.outcome, other.causes) == ("different", ("the prompt",))
    finally:
        await host.close()


async def test_an_arm_that_has_no_answer_has_no_card() -> None:
    engines = Engines(Script(replies=(Reply(("fine",)),), n_ctx=64))
    compared = comparing(engines.host)
    recipes = [recipe(), replace(recipe(), system="word " * 100)]
    done = await last(compared.run(recipes, (), "q", asyncio.Event()))
    assert [arm.card is None for arm in done] == [False, True]
    with pytest.raises(UsageError, match="does not say"):
        await compared.run_again(done[1], (), "q", asyncio.Event())
    await engines.host.close()


async def test_an_arm_that_was_stopped_is_the_same_as_far_as_it_had_come() -> None:
    engines, stop = Engines(Script(replies=(Reply(("a", Hold(), "b")), Reply(("ab",))))), asyncio.Event()
    compared = comparing(engines.host)
    async for arms in compared.run([recipe()], (), "q", stop):
        if arms[0].text:
            stop.set()
    assert (arms[0].text, arms[0].card is None) == ("a", False)
    rerun = await compared.run_again(arms[0], (), "q", asyncio.Event())
    assert (rerun.outcome, rerun.text) == ("begun", "ab")
    await engines.host.close()


@pytest.mark.parametrize("count", [0, 5])
async def test_one_to_four_recipes(count: int) -> None:
    with pytest.raises(UsageError):
        await last(comparing(Engines().host).run([recipe()] * count, (), "q", asyncio.Event()))
