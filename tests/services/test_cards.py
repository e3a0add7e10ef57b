"""The cards of answers that were continued, edited or broken off, over a real store and a scripted engine."""

from __future__ import annotations

import asyncio
import hashlib
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace

import pytest

from llmlab.domain.authorship import HAND, UNKNOWN, Stretch
from llmlab.domain.card import Card, card_as_toml
from llmlab.domain.messages import Chat, Message
from llmlab.domain.shots import Shot, ShotSet, ShotUse
from llmlab.engine.scripted import Hold, Reply, Script
from llmlab.library.rendering import render_template
from llmlab.paths import Paths
from llmlab.services.answering import ChatChanged
from llmlab.services.chat import ChatService
from llmlab.services.preview import Preparing
from llmlab.services.recipe_codec import decode_recipe
from llmlab.store.chats import ChatStore
from tests.services.fixtures import Engines, recipe

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass
class Lab:
    engines: Engines
    chats: ChatService
    chat: Chat

    async def take(self, changes: AsyncGenerator[ChatChanged, None]) -> None:
        """Follow an answer to its end; the chat is then read from the store."""
        async with aclosing(changes):
            last = [change async for change in changes][-1]
        self.chat = await self.chats.open(last.chat.id)

    async def ask(self) -> None:
        await self.take(self.chats.send(self.chat, "a", recipe()))

    async def edit(self, text: str) -> None:
        await self.chats.edit_answer(self.chat, self.answer.id, text)
        self.chat = await self.chats.open(self.chat.id)

    async def go_on(self) -> None:
        await self.take(self.chats.continue_answer(self.chat, self.answer.id, recipe()))

    @property
    def answer(self) -> Message:
        return self.chat.conversation.path()[-1]

    @property
    def card(self) -> Card:
        origin = self.answer.origin
        assert origin is not None
        assert origin.card is not None
        return origin.card

    def by(self) -> list[tuple[str, int]]:
        """Each stretch of the answer with its author."""
        found, at = [], 0
        for one in self.card.authors:
            found.append((self.answer.text[at : at + one.length], one.go))
            at += one.length
        assert at == len(self.answer.text)
        return found


MakeLab = Callable[..., Lab]


@pytest.fixture
async def make_lab(paths: Paths) -> AsyncIterator[MakeLab]:
    labs: list[Lab] = []

    def make(*replies: Reply) -> Lab:
        engines = Engines(Script(replies=replies))
        chats = ChatService(ChatStore(paths.database), engines.host, Preparing(render_template), interval=0.0)
        labs.append(Lab(engines, chats, chats.new("tiny")))
        return labs[-1]

    yield make
    for lab in labs:
        await lab.chats.close()
        await lab.engines.host.close()


async def test_an_answer_in_one_go_names_no_authors(make_lab: MakeLab) -> None:
    lab = make_lab(Reply(("one",)))
    await lab.ask()
    assert (lab.card.given, lab.card.authors, lab.card.edited, lab.card.earlier) == (None, (), False, ())


async def test_an_edited_answer_says_what_of_it_was_generated(make_lab: MakeLab) -> None:
    lab = make_lab(Reply(("one two three",)))
    await lab.ask()
    generated = lab.card
    await lab.edit("one two four")
    assert lab.card == replace(generated, authors=(Stretch(8, 1), Stretch(4, HAND)), edited=True)
    told = card_as_toml(lab.card)
    assert told.startswith("# Edited by hand: 8 of 12 characters of the text were generated")
    read = tomllib.loads(told)
    assert (read["edited"], read["prompt_hash"]) == (True, generated.prompt_hash)
    assert read["text"] == {
        "characters": 12,
        "generated": 8,
        "stretches": [[0, 8, "generation 1"], [8, 12, "hand"]],
    }


async def test_an_answer_that_was_not_changed_is_not_edited(make_lab: MakeLab) -> None:
    lab = make_lab(Reply(("one",)))
    await lab.ask()
    generated = lab.card
    await lab.edit("one")
    assert lab.card == generated


async def test_a_continued_answer_has_the_card_of_its_continuation(make_lab: MakeLab) -> None:
    lab = make_lab(Reply(("He", "llo"), finish="length"), Reply((" you",), finish="length"), Reply((" two",)))
    await lab.ask()
    first = lab.card
    await lab.go_on()
    second = lab.card
    engine = lab.engines.made[0]
    assert second.prompt_tokens == len(engine.requests[-1].tokens) == first.prompt_tokens + 2
    assert second.given is not None
    assert (second.given.characters, second.given.exact) == (5, True)
    assert second.given.sha256 == hashlib.sha256(b"Hello").hexdigest()
    assert (second.earlier, lab.by()) == ((first,), [("Hello", 1), (" you", 2)])
    assert second.seed != first.seed
    await lab.go_on()
    assert lab.card.earlier == (first, replace(second, authors=(), earlier=()))
    assert lab.by() == [("Hello", 1), (" you", 2), (" two", 3)]
    told = card_as_toml(lab.card)
    assert told.startswith("# Continued: this is generation 3, which went on from 9 characters")
    read = tomllib.loads(told)
    assert [read["earlier"][number]["sampling"]["seed"] for number in ("1", "2")] == [first.seed, second.seed]
    assert "edited" not in read


async def test_an_edited_answer_that_goes_on_tells_both(make_lab: MakeLab) -> None:
    lab = make_lab(Reply(("one two",)), Reply((" five",)))
    await lab.ask()
    first = lab.card
    await lab.edit("one four")
    await lab.go_on()
    assert lab.by() == [("one ", 1), ("four", HAND), (" five", 2)]
    assert lab.card.given is not None
    assert (lab.card.given.characters, lab.card.given.exact, lab.card.edited) == (8, False, False)
    assert lab.card.earlier == (first,)
    remarks = [line for line in card_as_toml(lab.card).splitlines() if line.startswith("# ")]
    assert [remark.split(":")[0] for remark in remarks[:2]] == ["# Edited by hand", "# Continued"]
    await lab.edit("one four six")
    assert lab.by() == [("one ", 1), ("four", HAND), (" ", 2), ("six", HAND)]


async def test_an_answer_of_unknown_origin_that_goes_on_says_so(make_lab: MakeLab, paths: Paths) -> None:
    lab = make_lab(Reply(("one",)), Reply((" two",)))
    await lab.ask()
    origin = lab.answer.origin
    assert origin is not None
    ChatStore(paths.database).save(lab.chat.id, replace(lab.answer, origin=replace(origin, card=None)))
    lab.chat = await lab.chats.open(lab.chat.id)
    await lab.go_on()
    assert lab.by() == [("one", UNKNOWN), (" two", 1)]
    assert tomllib.loads(card_as_toml(lab.card))["text"]["stretches"][0] == [0, 3, "unknown"]


async def test_an_answer_that_was_broken_off_has_a_card(make_lab: MakeLab, paths: Paths) -> None:
    hold = Hold()
    lab = make_lab(Reply(("half", hold)))
    sending = asyncio.create_task(lab.ask())
    await hold.reached.wait()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    await lab.chats.close()
    lab.chat = ChatStore(paths.database).load(lab.chat.id)
    assert lab.answer.state == "interrupted"
    assert lab.card.prompt_tokens == len(lab.engines.made[0].requests[-1].tokens)


async def test_a_continued_answer_keeps_the_examples_that_it_was_shown(make_lab: MakeLab) -> None:
    lab = make_lab(Reply(("one",), finish="length"), Reply((" two",)))
    rows = (Shot("a", "never shown: it is the question"), Shot("b", "c"), Shot("d", "e"))
    shown = replace(recipe(), shots=ShotUse(ShotSet(name="s", language="en", title="S", rows=rows), k=1))
    await lab.take(lab.chats.send(lab.chat, "a", shown))
    await lab.take(lab.chats.continue_answer(lab.chat, lab.answer.id, shown))
    for card in (lab.card, *lab.card.earlier):
        shots = decode_recipe(card.recipe).shots
        assert shots is not None
        assert shots.set.rows == (Shot("b", "c"),)


async def test_what_was_asked_stays_with_an_edited_answer(make_lab: MakeLab) -> None:
    lab = make_lab(Reply(("one",)))
    await lab.ask()
    origin = lab.answer.origin
    assert origin is not None
    sent = replace(lab.answer, origin=replace(origin, sent="the question, in other words"))
    lab.chat = replace(lab.chat, conversation=lab.chat.conversation.with_message(sent))
    await lab.edit("two")
    assert lab.answer.origin is not None
    assert lab.answer.origin.sent == "the question, in other words"
