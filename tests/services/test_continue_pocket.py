"""Stopping and going on, on the embedded model: together they are the answer that was never stopped."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import replace

import pytest

from llmlab.domain.generation import Piece, StreamEvent
from llmlab.domain.messages import Chat, Message
from llmlab.domain.model import ModelSpec
from llmlab.domain.modes import ReasoningUse
from llmlab.domain.recipe import Recipe
from llmlab.domain.sampling import Sampling
from llmlab.engine.child import ChildEngine
from llmlab.engine.protocol import GenerationRequest
from llmlab.library.reasoning_files import ReasoningShelf
from llmlab.library.rendering import render_template
from llmlab.library.shipped import shipped_prompts_folder
from llmlab.paths import Paths
from llmlab.pocket import pocket_names, pocket_path
from llmlab.services.chat import ChatService
from llmlab.services.host import EngineHost
from llmlab.services.preview import Preparing
from llmlab.store.chats import ChatStore

pytestmark = pytest.mark.skipif("pocket-m" not in pocket_names(), reason="the package holds no pocket-m")

QUESTION = "Ann has 12 apples. Ann buys 7 more. Ann gives away 4. Ann finds 8 more. How many apples does Ann have now?"
CHINESE = "小明有12个苹果，又买了7个，送出4个，又找到8个。小明现在有多少个苹果？"
LONGEST = 60
"""Tokens of an answer that is not stopped."""


class Halting(ChildEngine):
    """Says nothing after its first words while it is told to halt, until it is stopped."""

    halt = False

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[StreamEvent, None]:
        async with aclosing(super().generate(request)) as events:
            async for event in events:
                yield event
                if self.halt and isinstance(event, Piece):
                    await asyncio.Event().wait()


class Pocket:
    """Chats with the embedded model, greedily."""

    def __init__(self, paths: Paths) -> None:
        self.engine = Halting(log=paths.engine_log)
        self.host = EngineHost(lambda: self.engine)
        self.chats = ChatService(ChatStore(paths.database), self.host, Preparing(render_template), interval=0.0)
        self._modes = ReasoningShelf([shipped_prompts_folder()])
        self._spec = ModelSpec(name="pocket-m", path=str(pocket_path("pocket-m")), n_ctx=1024, n_threads=2)

    def recipe(self, most: int, mode: str = "", *, thinking: bool | None = False) -> Recipe:
        use = ReasoningUse(self._modes.find(mode, "en")) if mode else None
        sampling = Sampling(seed=5, temperature=0.0, max_tokens=most)
        return Recipe(model=self._spec, reasoning=use, sampling=sampling, thinking=thinking)

    async def ask(self, recipe: Recipe, question: str = QUESTION) -> Chat:
        async with aclosing(self.chats.send(self.chats.new("pocket-m"), question, recipe)) as changes:
            return [change async for change in changes][-1].chat

    async def go_on(self, chat: Chat, recipe: Recipe) -> Chat:
        answer = chat.conversation.path()[-1]
        async with aclosing(self.chats.continue_answer(chat, answer.id, recipe)) as changes:
            return [change async for change in changes][-1].chat

    async def close(self) -> None:
        await self.host.close()
        await self.chats.close()


@pytest.fixture
async def pocket(paths: Paths) -> AsyncIterator[Pocket]:
    made = Pocket(paths)
    yield made
    await made.close()


def last(chat: Chat) -> Message:
    return chat.conversation.path()[-1]


def reread(message: Message) -> int:
    """Tokens of its prompt that were read again, the last one left out, which always is."""
    assert message.origin is not None
    return message.origin.usage.prompt - message.origin.usage.reused - 1


@pytest.mark.parametrize(("mode", "question"), [("", QUESTION), ("steps", QUESTION), ("steps", CHINESE)])
async def test_stopped_at_any_token_it_goes_on_as_if_it_had_not_been(pocket: Pocket, mode: str, question: str) -> None:
    whole = last(await pocket.ask(pocket.recipe(LONGEST, mode), question))
    assert whole.origin is not None
    written = min(whole.origin.usage.generated, LONGEST)
    assert written > 4
    for count in range(1, written - 1, 3 if written > 20 else 1):
        cut = await pocket.ask(pocket.recipe(count, mode), question)
        assert last(cut).text != whole.text
        assert whole.text.startswith(last(cut).text)
        chat = await pocket.go_on(cut, pocket.recipe(LONGEST - count, mode))
        assert (count, last(chat).text) == (count, whole.text)
        assert reread(last(chat)) == 0


async def test_it_goes_on_twice_and_after_a_restart(pocket: Pocket, paths: Paths) -> None:
    whole = last(await pocket.ask(pocket.recipe(LONGEST, "steps")))
    chat = await pocket.ask(pocket.recipe(7, "steps"))
    chat = await pocket.go_on(chat, pocket.recipe(4, "steps"))
    await pocket.close()
    again = Pocket(paths)
    try:
        chat = await again.go_on(await again.chats.open(chat.id), again.recipe(LONGEST - 11, "steps"))
        assert last(chat).text == whole.text
    finally:
        await again.close()


async def test_stopped_by_hand_it_goes_on_as_if_it_had_not_been(pocket: Pocket) -> None:
    recipe = pocket.recipe(LONGEST, "steps")
    whole = last(await pocket.ask(recipe))
    chat, pocket.engine.halt = pocket.chats.new("pocket-m"), True
    async with aclosing(pocket.chats.send(chat, QUESTION, recipe)) as changes:
        async for change in changes:
            chat = change.chat
            if change.turn.generated:
                pocket.chats.stop(chat.id)
    pocket.engine.halt = False
    assert last(chat).text not in ("", whole.text)
    origin = last(chat).origin
    assert origin is not None
    assert (origin.finish, origin.trail is None) == ("cancelled", False)
    chat = await pocket.go_on(chat, recipe)
    assert last(chat).text == whole.text
    assert reread(last(chat)) == 0


async def test_what_was_thought_is_gone_on_from(pocket: Pocket) -> None:
    whole = last(await pocket.ask(pocket.recipe(200, thinking=True)))
    if not whole.thinking:
        pytest.skip("this model does not think")
    assert whole.origin is not None
    for count in range(whole.origin.usage.generated - 6, whole.origin.usage.generated, 2):
        cut = await pocket.ask(pocket.recipe(count, thinking=True))
        if not last(cut).text:
            continue
        chat = await pocket.go_on(cut, pocket.recipe(60, thinking=True))
        assert (last(chat).text, last(chat).thinking) == (whole.text, whole.thinking)
        assert reread(last(chat)) == 0


async def test_another_recipe_or_another_text_goes_on_from_the_text(pocket: Pocket) -> None:
    cut = await pocket.ask(pocket.recipe(3))
    answer = last(cut)
    assert answer.origin is not None
    assert answer.origin.trail is not None
    changed = replace(pocket.recipe(20), system="You are brief.")
    assert last(await pocket.go_on(cut, changed)).text.startswith(answer.text)
    async with aclosing(pocket.chats.continue_answer(cut, answer.id, pocket.recipe(20), answer.text + " 7")) as changes:
        chat = [change async for change in changes][-1].chat
    assert last(chat).text.startswith(answer.text + " 7")


async def test_an_answer_that_was_not_cut_keeps_no_tokens(pocket: Pocket) -> None:
    whole = last(await pocket.ask(pocket.recipe(LONGEST * 3, "steps")))
    assert whole.origin is not None
    assert (whole.origin.finish, whole.origin.trail) == ("stop", None)
