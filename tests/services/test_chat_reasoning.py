"""Reasoning in chats: what is stored of it, what goes on, and what the next question is sent with."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from llmlab.domain.extraction import Vote
from llmlab.domain.messages import Draft, Message
from llmlab.domain.modes import Extraction, ReasoningMode, ReasoningUse, Stage
from llmlab.domain.recipe import Recipe
from llmlab.engine.scripted import Hold, Reply, Script, Step
from llmlab.library.rendering import render_template
from llmlab.paths import Paths
from llmlab.services.answering import ChatChanged
from llmlab.services.chat import ChatService
from llmlab.services.preview import Preparing
from llmlab.store.chats import ChatStore
from tests.services.fixtures import Engines, recipe

MODE = ReasoningMode(
    name="m", language="en", title="M", question="Think.", extraction=Extraction("after", "The answer is", "value")
)
CHECK = replace(MODE, stages=(Stage("Check it.", "question"),))


def using(mode: ReasoningMode, votes: int | None = None) -> Recipe:
    return replace(recipe(), reasoning=ReasoningUse(mode, votes))


@asynccontextmanager
async def chatting(
    paths: Paths, *replies: tuple[Step, ...], **values: object
) -> AsyncIterator[tuple[ChatService, Engines]]:
    script = Script(replies=tuple(Reply(steps) for steps in replies), **values)  # type: ignore[arg-type]
    engines = Engines(script)
    chats = ChatService(ChatStore(paths.database), engines.host, Preparing(render_template), interval=0.0)
    yield chats, engines
    await chats.close()
    await engines.host.close()


async def drained(changes: AsyncGenerator[ChatChanged, None]) -> ChatChanged:
    return [change async for change in changes][-1]


def answer(change: ChatChanged) -> Message:
    return change.chat.conversation.messages[change.message_id]


async def test_drafts_votes_and_the_final_answer_are_stored(paths: Paths) -> None:
    replies = (("The answer is 1.",), ("The answer is 2.",), ("Now the answer is 2.",), ("The answer is 2.",))
    async with chatting(paths, *replies) as (chats, _):
        change = await drained(chats.send(chats.new("tiny"), "How many?", using(CHECK, 2)))
        stored = await chats.open(change.chat.id)
    message = stored.conversation.path()[-1]
    assert message == answer(change)
    assert message.drafts == (Draft("The answer is 1.", "", "1"),)
    assert message.reasoned is not None
    assert message.reasoned.votes == (Vote("2", 2),)
    assert message.origin is not None
    assert message.origin.sent == "How many?\n\nThink."


async def test_an_answer_that_goes_on_neither_votes_nor_checks_again(paths: Paths) -> None:
    replies = (("The answer is 1.",), ("The answer is 1.",), (" Or rather: The answer is 3.",))
    async with chatting(paths, *replies) as (chats, engines):
        first = await drained(chats.send(chats.new("tiny"), "How many?", using(MODE, 2)))
        change = await drained(chats.continue_answer(first.chat, first.message_id, using(MODE, 2)))
        assert [request.samples for request in engines.made[0].requests] == [2, 1]
    reasoned = answer(change).reasoned
    assert reasoned is not None
    assert answer(change).text == "The answer is 1. Or rather: The answer is 3."
    assert (reasoned.answer, reasoned.votes) == ("3", (Vote("1", 2),))


async def test_another_version_knows_what_the_one_before_said(paths: Paths) -> None:
    async with chatting(paths, ("The answer is 1.",), ("The answer is 2.",)) as (chats, _):
        first = await drained(chats.send(chats.new("tiny"), "How many?", using(MODE)))
        change = await drained(chats.regenerate(first.chat, first.message_id, using(MODE)))
    for version, before in ((answer(first), ""), (answer(change), "1")):
        assert version.reasoned is not None
        assert version.reasoned.before == before


async def test_a_lab_that_is_killed_in_a_review_leaves_the_draft_on_disk(paths: Paths) -> None:
    hold = Hold()
    async with chatting(paths, ("The answer is 1.",), ("It", " is", hold)) as (chats, _):
        changes = chats.send(chats.new("tiny"), "How many?", using(CHECK))
        async for change in changes:
            if answer(change).text == "It is":
                break
        await changes.aclose()
        stored = await chats.open(change.chat.id)
    message = stored.conversation.path()[-1]
    assert (message.state, message.text) == ("interrupted", "It is")
    assert message.drafts == (Draft("The answer is 1.", "", "1"),)


async def test_thinking_and_drafts_stay_out_of_the_next_question_unless_wished(paths: Paths) -> None:
    thought = ("hm", "</think>", "The answer is 1.")
    async with chatting(paths, thought, thought, ("Yes.",), opens_thinking=True) as (chats, engines):
        first = await drained(chats.send(chats.new("tiny"), "How many?", using(CHECK)))
        assert answer(first).thinking == "hm"
        await drained(chats.send(first.chat, "Sure?", recipe()))
        asked = engines.made[0].prompts[-1]
        await drained(chats.send(first.chat, "Sure?", replace(recipe(), keep_thinking=True)))
        kept = engines.made[0].prompts[-1]
    assert [message.text for message in asked] == ["How many?\n\nThink.", "The answer is 1.", "Sure?"]
    assert [message.thinking for message in asked] == ["", "", ""]
    assert [message.thinking for message in kept] == ["", "hm", ""]
