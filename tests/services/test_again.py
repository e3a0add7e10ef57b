"""Answers asked for again, on the real engine: the same comes out, and what changed is named."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from llmlab.domain.card import card_as_toml
from llmlab.domain.messages import Chat, Message, Text
from llmlab.domain.model import ModelSpec
from llmlab.domain.recipe import Recipe
from llmlab.domain.sampling import Sampling
from llmlab.domain.shots import Shot, ShotSet, ShotUse
from llmlab.engine.child import ChildEngine
from llmlab.errors import UsageError
from llmlab.library.rendering import render_template
from llmlab.library.tomlfile import parse_toml
from llmlab.paths import Paths
from llmlab.pocket import pocket_path
from llmlab.services.again import Again
from llmlab.services.chat import ChatService
from llmlab.services.host import EngineHost
from llmlab.services.preview import Preparing
from llmlab.store.chats import ChatStore

SHOTS = ShotSet(name="s", language="en", title="S", rows=(Shot("a", "b"), Shot("c", "d")))
RECIPE = Recipe(
    model=ModelSpec(name="pocket-m", path=str(pocket_path("pocket-m")), n_threads=1, deterministic=True),
    sampling=Sampling(temperature=1.0, max_tokens=24),
    shots=ShotUse(SHOTS, k=1),
    thinking=False,
)
SHORT = replace(RECIPE, sampling=Sampling(temperature=1.0, max_tokens=3, seed=5), shots=None)
"""Its answers are cut before their end."""


@dataclass
class Lab:
    host: EngineHost
    chats: ChatService
    again: Again

    async def go_on(self, chat: Chat, recipe: Recipe) -> Chat:
        answer = chat.conversation.path()[-1]
        async for change in self.chats.continue_answer(chat, answer.id, recipe):
            chat = change.chat
        return chat

    async def ask(self, chat: Chat, text: str, recipe: Recipe = RECIPE) -> Chat:
        async for change in self.chats.send(chat, text, recipe):
            chat = change.chat
        return chat


@pytest.fixture
async def lab(paths: Paths) -> AsyncIterator[Lab]:
    host, preparing = EngineHost(lambda: ChildEngine(log=paths.engine_log)), Preparing(render_template)
    chats = ChatService(ChatStore(paths.database), host, preparing, interval=0.0)
    yield Lab(host, chats, Again(host, preparing))
    await chats.close()
    await host.close()


async def test_an_answer_can_be_had_again_from_its_card_alone(lab: Lab) -> None:
    chat = await lab.ask(lab.chats.new("pocket-m"), "Who are you?")
    chat = await lab.ask(chat, "Tell me more.")
    stored = await lab.chats.open(chat.id)
    first, second = (message for message in stored.conversation.path() if message.role == "assistant")
    for answer in (first, second, first):
        rerun = await lab.again.run(stored, answer.id, asyncio.Event())
        assert (rerun.outcome, rerun.text, rerun.causes) == ("same", answer.text, ())


async def test_a_difference_and_its_cause_are_named(lab: Lab) -> None:
    chat = await lab.ask(lab.chats.new("pocket-m"), "Who are you?")
    question, answer = chat.conversation.path()
    altered = replace(question, parts=(Text("What is a context window?"),))
    changed = replace(chat, conversation=chat.conversation.with_message(altered))
    rerun = await lab.again.run(changed, answer.id, asyncio.Event())
    assert rerun.outcome == "different"
    assert rerun.causes == ("the prompt",)
    assert rerun.text[: rerun.at] == answer.text[: rerun.at] != rerun.text[: rerun.at + 1]


async def test_a_continued_answer_is_run_again_from_where_it_went_on(lab: Lab) -> None:
    chat = await lab.ask(lab.chats.new("pocket-m"), "Who are you?", SHORT)
    for count in (1, 2):
        chat = await lab.go_on(chat, SHORT)
        stored = await lab.chats.open(chat.id)
        answer = stored.conversation.path()[-1]
        assert answer.origin is not None
        assert answer.origin.card is not None
        assert answer.origin.card.given is not None
        assert answer.origin.card.given.exact
        assert len(answer.origin.card.earlier) == count
        rerun = await lab.again.run(stored, answer.id, asyncio.Event())
        assert (rerun.outcome, rerun.text, rerun.causes) == ("same", answer.text, ())


async def test_an_edited_answer_that_was_continued_is_run_again_from_the_edited_text(lab: Lab) -> None:
    chat = await lab.ask(lab.chats.new("pocket-m"), "Who are you?")
    chat = await lab.chats.edit_answer(chat, chat.conversation.path()[-1].id, "I am a cat and")
    with pytest.raises(UsageError, match="edited by hand"):
        await lab.again.run(chat, chat.conversation.path()[-1].id, asyncio.Event())
    chat = await lab.go_on(chat, replace(RECIPE, sampling=replace(RECIPE.sampling, seed=5)))
    answer = chat.conversation.path()[-1]
    assert answer.text.startswith("I am a cat and")
    assert len(answer.text) > len("I am a cat and")
    rerun = await lab.again.run(chat, answer.id, asyncio.Event())
    assert (rerun.outcome, rerun.text, rerun.causes) == ("same", answer.text, ())


async def test_an_answer_that_was_stopped_is_the_same_as_far_as_it_had_come(lab: Lab) -> None:
    chat = await lab.ask(lab.chats.new("pocket-m"), "Who are you?")
    answer = chat.conversation.path()[-1]
    assert answer.origin is not None
    half = replace(answer, parts=(Text(answer.text[:8]),))
    for stopped, outcome in ((True, "begun"), (False, "different")):
        told = replace(half, origin=replace(answer.origin, finish="cancelled" if stopped else "stop"))
        changed = replace(chat, conversation=chat.conversation.with_message(told))
        assert (await lab.again.run(changed, answer.id, asyncio.Event())).outcome == outcome


async def test_stopping_is_no_verdict(lab: Lab) -> None:
    chat = await lab.ask(lab.chats.new("pocket-m"), "Who are you?")
    stop = asyncio.Event()
    stop.set()
    with pytest.raises(Exception, match="Stopped"):
        await lab.again.run(chat, chat.conversation.path()[-1].id, stop)


async def test_an_answer_without_a_card_is_refused(lab: Lab) -> None:
    chat = lab.chats.new("pocket-m")
    message = Message(id="a", parent=None, role="assistant", parts=(Text("hi"),), created=0.0)
    chat = replace(chat, conversation=chat.conversation.with_message(message))
    with pytest.raises(UsageError, match="does not say"):
        await lab.again.run(chat, "a", asyncio.Event())


async def test_the_card_is_toml_and_holds_everything(lab: Lab) -> None:
    chat = await lab.ask(lab.chats.new("pocket-m"), "Say “hi”\n\tthere")
    origin = chat.conversation.path()[-1].origin
    assert origin is not None
    assert origin.card is not None
    read = parse_toml(card_as_toml(origin.card), Path("card.toml"))
    assert read.broken == ()
    told: Any = read.values
    assert told["sampling"]["seed"] == origin.seed
    assert told["prompt_tokens"] == origin.usage.prompt
    assert (told["quantisation"], told["deterministic"], told["n_ctx"]) == ("Q8_0", True, 1024)
    assert len(told["file_mark"]) == len(told["prompt_hash"]) == 64
    assert '"rows":[{"input":"a"' in told["recipe"]["json"]
