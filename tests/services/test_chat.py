"""Chatting over a real store and a scripted engine: what is shown, what is stored, what failures leave behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace

import pytest

from llmlab.domain.messages import Chat, Message, Thinking
from llmlab.engine.scripted import Die, Hold, Reply, Script
from llmlab.errors import ModelError, Stopped, StoreError, UsageError
from llmlab.library.rendering import render_template
from llmlab.paths import Paths
from llmlab.services.answering import ChatChanged
from llmlab.services.chat import ChatService, first_line
from llmlab.services.preview import Preparing
from llmlab.store.chats import ChatStore
from tests.services.fixtures import Engines, recipe


@dataclass
class Lab:
    engines: Engines
    store: ChatStore
    chats: ChatService

    def fresh(self) -> Chat:
        return self.chats.new("tiny")


MakeLab = Callable[..., Lab]


@pytest.fixture
async def make_lab(paths: Paths) -> AsyncIterator[MakeLab]:
    labs: list[Lab] = []

    def make(*scripts: Script) -> Lab:
        engines = Engines(*scripts)
        store = ChatStore(paths.database)
        labs.append(Lab(engines, store, ChatService(store, engines.host, Preparing(render_template), interval=0.0)))
        return labs[-1]

    yield make
    for lab in labs:
        await lab.chats.close()
        await lab.engines.host.close()


async def drain(changes: AsyncIterator[ChatChanged]) -> ChatChanged:
    return [change async for change in changes][-1]


def says(*texts: str) -> Script:
    return Script(replies=tuple(Reply((text,)) for text in texts))


def texts(chat: Chat) -> list[str]:
    return [message.text for message in chat.conversation.path()]


async def test_a_first_message_makes_the_chat_and_its_title(make_lab: MakeLab) -> None:
    lab = make_lab(says("Hi."))
    change = await drain(lab.chats.send(lab.fresh(), "Hello\nthere", recipe()))
    assert texts(change.chat) == ["Hello\nthere", "Hi."]
    stored = await lab.chats.open(change.chat.id)
    assert texts(stored) == texts(change.chat)
    assert stored.title == "Hello"
    answer = stored.conversation.path()[-1]
    assert answer.state == "done"
    assert answer.origin is not None
    assert answer.origin.model == "tiny"
    assert answer.origin.finish == "stop"
    assert answer.origin.seed is not None


async def test_the_model_is_given_the_whole_path_and_the_system_prompt(make_lab: MakeLab) -> None:
    lab = make_lab(says("one", "two"))
    first = await drain(lab.chats.send(lab.fresh(), "a", recipe()))
    await drain(lab.chats.send(first.chat, "b", replace(recipe(), system="Be brief.")))
    given = lab.engines.made[0].prompts[-1]
    assert [(message.role, message.text) for message in given] == [
        ("system", "Be brief."),
        ("user", "a"),
        ("assistant", "one"),
        ("user", "b"),
    ]


async def test_regenerate_keeps_the_old_answer_as_a_version(make_lab: MakeLab) -> None:
    lab = make_lab(says("one", "two"))
    chat = (await drain(lab.chats.send(lab.fresh(), "a", recipe()))).chat
    chat = (await drain(lab.chats.regenerate(chat, chat.conversation.path()[-1].id, recipe()))).chat
    assert texts(chat) == ["a", "two"]
    versions = chat.conversation.versions(chat.conversation.path()[-1].id)
    assert [version.text for version in versions] == ["one", "two"]
    chat = await lab.chats.choose(chat, versions[0].id)
    assert texts(await lab.chats.open(chat.id)) == ["a", "one"] == texts(chat)


async def test_an_edited_question_is_a_branch(make_lab: MakeLab) -> None:
    lab = make_lab(says("one", "two", "three"))
    chat = (await drain(lab.chats.send(lab.fresh(), "a", recipe()))).chat
    chat = (await drain(lab.chats.send(chat, "b", recipe()))).chat
    first = chat.conversation.path()[0]
    chat = (await drain(lab.chats.edit_question(chat, first.id, "A", recipe()))).chat
    assert texts(chat) == ["A", "three"]
    assert texts(await lab.chats.choose(chat, first.id)) == ["a", "one", "b", "two"]


async def test_an_edited_answer_is_continued_from_its_text(make_lab: MakeLab) -> None:
    lab = make_lab(says("one", " and more"))
    chat = (await drain(lab.chats.send(lab.fresh(), "a", recipe()))).chat
    answer = chat.conversation.path()[-1]
    chat = (await drain(lab.chats.continue_answer(chat, answer.id, recipe(), "ONE"))).chat
    assert texts(chat) == ["a", "ONE and more"]
    shown = chat.conversation.path()[-1]
    assert shown.origin is not None
    assert shown.origin.edited
    assert [version.text for version in chat.conversation.versions(shown.id)] == ["one", "ONE and more"]
    assert texts(await lab.chats.open(chat.id)) == texts(chat)


async def test_an_answer_that_was_cut_goes_on_from_its_own_tokens_also_after_a_restart(make_lab: MakeLab) -> None:
    # In the text the two tokens would be one word, which is another token.
    script = Script(replies=(Reply(("He", "llo"), finish="length"), Reply((" you",), finish="length"), Reply(("!",))))
    lab = make_lab(script)
    chat = (await drain(lab.chats.send(lab.fresh(), "a", recipe()))).chat
    answer = chat.conversation.path()[-1]
    assert answer.origin is not None
    assert answer.origin.trail is not None
    engine = lab.engines.made[0]
    asked, said = engine.requests[-1].tokens, answer.origin.trail.ids
    assert said == (*engine.tokenise("He"), *engine.tokenise("llo"))
    chat = (await drain(lab.chats.continue_answer(await lab.chats.open(chat.id), answer.id, recipe()))).chat
    assert engine.requests[-1].tokens == asked + said
    chat = (await drain(lab.chats.continue_answer(chat, answer.id, recipe()))).chat
    assert engine.requests[-1].tokens == (*asked, *said, *engine.tokenise(" you"))
    assert texts(chat) == ["a", "Hello you!"]
    ended = chat.conversation.path()[-1].origin
    assert ended is not None
    assert ended.trail is None


@pytest.mark.parametrize("change", ["recipe", "text"])
async def test_what_is_not_as_it_was_goes_on_from_the_text(make_lab: MakeLab, change: str) -> None:
    lab = make_lab(Script(replies=(Reply(("He", "llo"), finish="length"), Reply((" you",)))))
    chat = (await drain(lab.chats.send(lab.fresh(), "a", recipe()))).chat
    answer, other = chat.conversation.path()[-1], recipe()
    if change == "recipe":
        other = replace(other, system="Be brief.")
    chat = (await drain(lab.chats.continue_answer(chat, answer.id, other, "Hell" if change == "text" else None))).chat
    engine = lab.engines.made[0]
    word = "Hell" if change == "text" else "Hello"
    assert list(engine.requests[-1].tokens[-1:]) == engine.tokenise(word)
    assert texts(chat) == ["a", f"{word} you"]


async def test_continuing_an_unchanged_answer_makes_no_version(make_lab: MakeLab) -> None:
    lab = make_lab(says("one", " two"))
    chat = (await drain(lab.chats.send(lab.fresh(), "a", recipe()))).chat
    answer = chat.conversation.path()[-1]
    chat = (await drain(lab.chats.continue_answer(chat, answer.id, recipe()))).chat
    assert texts(chat) == ["a", "one two"]
    assert len(chat.conversation.versions(answer.id)) == 1


async def test_thinking_is_a_part_of_its_own(make_lab: MakeLab) -> None:
    lab = make_lab(
        Script(
            replies=(
                Reply(
                    (
                        "<think>hm",
                        "m</th",
                        "ink>\n\n4",
                    )
                ),
            )
        )
    )
    change = await drain(lab.chats.send(lab.fresh(), "2+2", recipe()))
    answer = change.chat.conversation.path()[-1]
    assert (answer.thinking, answer.text) == ("hmm", "4")
    assert next(part for part in answer.parts if isinstance(part, Thinking)).tokens > 0


async def test_a_load_that_fails_takes_the_question_back(make_lab: MakeLab) -> None:
    lab = make_lab(Script(load_error=ModelError("no such file")), says("fine"))
    fresh = lab.fresh()
    with pytest.raises(ModelError, match="no such file"):
        await drain(lab.chats.send(fresh, "a", recipe()))
    assert await lab.chats.list() == (), "an empty chat is not listed"
    change = await drain(lab.chats.send(fresh, "a", recipe()))
    assert texts(change.chat) == ["a", "fine"]


async def test_a_prompt_beyond_the_window_is_refused_with_its_sizes(make_lab: MakeLab) -> None:
    lab = make_lab(replace(says("x"), n_ctx=8))
    with pytest.raises(UsageError, match="holds 8; nothing was sent"):
        await drain(lab.chats.send(lab.fresh(), "word " * 20, recipe()))


async def test_stop_while_loading_gives_the_text_back(make_lab: MakeLab) -> None:
    hold = Hold()
    lab = make_lab(Script(load_hold=hold))
    fresh = lab.fresh()
    sending = asyncio.create_task(drain(lab.chats.send(fresh, "a", recipe())))
    await hold.reached.wait()
    assert lab.chats.stop(fresh.id)
    with pytest.raises(Stopped):
        await sending


async def test_stop_keeps_what_was_said(make_lab: MakeLab) -> None:
    hold = Hold()
    lab = make_lab(Script(replies=(Reply(("half", hold, "never")),)))
    fresh = lab.fresh()
    sending = asyncio.create_task(drain(lab.chats.send(fresh, "a", recipe())))
    await hold.reached.wait()
    lab.chats.stop(fresh.id)
    change = await sending
    assert change.turn.finish == "cancelled"
    assert texts(await lab.chats.open(fresh.id)) == ["a", "half"]
    assert not lab.chats.stop(fresh.id), "nothing runs any more"


async def test_a_death_in_the_middle_is_told_kept_and_survived(make_lab: MakeLab) -> None:
    lab = make_lab(Script(replies=(Reply(("half", Die())),)), says("again"))
    change = await drain(lab.chats.send(lab.fresh(), "a", recipe()))
    answer = change.chat.conversation.path()[-1]
    assert (answer.state, answer.text) == ("failed", "half")
    assert lab.engines.host.state.phase == "dead"
    chat = (await drain(lab.chats.regenerate(change.chat, answer.id, recipe()))).chat
    assert texts(chat) == ["a", "again"]


async def test_leaving_in_the_middle_stores_the_words(make_lab: MakeLab, paths: Paths) -> None:
    hold = Hold()
    lab = make_lab(Script(replies=(Reply(("half", hold)),)))
    fresh = lab.fresh()
    sending = asyncio.create_task(drain(lab.chats.send(fresh, "a", recipe())))
    await hold.reached.wait()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    await lab.chats.close()
    answer = ChatStore(paths.database).load(fresh.id).conversation.path()[-1]
    assert (answer.state, answer.text) == ("interrupted", "half")


class FullDisk(ChatStore):
    """A store whose disk fills up and empties again."""

    full = False

    def save(self, chat_id: str, message: Message) -> None:
        if self.full:
            raise StoreError("The disk is full")
        super().save(chat_id, message)


async def test_a_full_disk_is_told_and_made_good_later(paths: Paths) -> None:
    engines = Engines(says("one", "two"))
    store = FullDisk(paths.database)
    chats = ChatService(store, engines.host, Preparing(render_template), interval=0.0)
    chat = (await drain(chats.send(chats.new("tiny"), "a", recipe()))).chat
    first = chat.conversation.path()[-1]
    store.full = True
    change = await drain(chats.regenerate(chat, first.id, recipe()))
    assert change.unsaved is not None
    assert texts(change.chat) == ["a", "two"]
    store.full = False
    await chats.rename(change.chat, "t")
    await drain(chats.send(change.chat, "b", recipe()))
    assert texts(await chats.open(chat.id))[:2] == ["a", "two"]
    await chats.close()
    await engines.host.close()


@pytest.mark.parametrize(
    ("text", "title"),
    [("", ""), ("\n\n  Hi  \nthere", "Hi"), ("x" * 70, "x" * 59 + "…"), ("中" * 60, "中" * 60)],
)
def test_first_line(text: str, title: str) -> None:
    assert first_line(text) == title
