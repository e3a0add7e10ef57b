"""Chats: sending, regenerating, editing, continuing, and what can be done with a whole chat."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import Literal

from llmlab.domain.export import chat_as_json, chat_as_markdown
from llmlab.domain.generation import Turn
from llmlab.domain.messages import Chat, ChatSummary, Message, MessageState, Origin, Part, Text
from llmlab.domain.prompting import Role
from llmlab.domain.recipe import Recipe
from llmlab.errors import LlmlabError, StoreError
from llmlab.services.answering import SCREEN_INTERVAL, Answering, ChatChanged
from llmlab.services.cards import edited_card
from llmlab.services.drafts import Drafts
from llmlab.services.host import EngineHost
from llmlab.services.journal import Journal
from llmlab.services.preview import Preparing
from llmlab.store.chats import ChatStore


class ChatService:
    """The verbs of chatting. The screen holds the `Chat` value and hands it in; every verb gives back a new one."""

    def __init__(
        self,
        store: ChatStore,
        host: EngineHost,
        preparing: Preparing,
        *,
        clock: Callable[[], float] = time.time,
        interval: float = SCREEN_INTERVAL,
    ) -> None:
        self._store = store
        self._journal = Journal(store)
        self.drafts = Drafts(self._journal)
        self._answering = Answering(self._journal, host, preparing, interval)
        self._clock = clock
        self._stops: dict[str, asyncio.Event] = {}

    def new(self, model: str, system: str | None = None) -> Chat:
        """An empty chat; it is stored with its first message."""
        now = self._clock()
        return Chat(id=uuid.uuid4().hex, title="", created=now, updated=now, model=model, system=system)

    async def open(self, chat_id: str) -> Chat:
        """The stored chat.

        Raises:
            StoreError: there is none, or it cannot be read.
        """
        return await self._journal.call(self._store.load, chat_id)

    async def list(self, search: str = "", limit: int = 200) -> tuple[ChatSummary, ...]:
        """Chats, newest first; with `search`, those whose title or messages hold it."""
        return await self._journal.call(self._store.list, search, limit)

    async def recover(self) -> int:
        """Mark answers that a killed process left half written; how many there were."""
        return await self._journal.call(self._store.recover)

    async def rename(self, chat: Chat, title: str) -> Chat:
        """`chat` under a new title."""
        if chat.conversation.messages:
            await self._journal.call(self._store.rename, chat.id, title)
        return replace(chat, title=title)

    async def delete(self, chat_id: str) -> None:
        """Take a chat out of the lists; `restore` brings it back."""
        self.stop(chat_id)
        await self._journal.call(self._store.delete, chat_id)

    async def restore(self, chat_id: str) -> None:
        """Undo `delete`."""
        await self._journal.call(self._store.restore, chat_id)

    async def last_deleted(self) -> tuple[str, str] | None:
        """Id and title of the chat that was deleted last and can still be restored."""
        return await self._journal.call(self._store.last_deleted)

    async def purge(self, before: float) -> int:
        """Remove for good the chats that were deleted before `before` (seconds since the epoch); how many."""
        return await self._journal.call(self._store.purge, before)

    async def set_model(self, chat: Chat, model: str) -> Chat:
        """`chat` with another model from now on."""
        if chat.conversation.messages:
            await self._journal.call(self._store.set_model, chat.id, model)
        return replace(chat, model=model)

    async def set_system(self, chat: Chat, system: str | None) -> Chat:
        """`chat` with another system prompt from now on; `None` is the model's own."""
        if chat.conversation.messages:
            await self._journal.call(self._store.set_system, chat.id, system)
        return replace(chat, system=system)

    async def choose(self, chat: Chat, message_id: str) -> Chat:
        """`chat` with `message_id` shown among its versions."""
        parent = chat.conversation.messages[message_id].parent
        await self._journal.call(self._store.choose, chat.id, parent, message_id)
        return replace(chat, conversation=chat.conversation.choosing(message_id))

    async def edit_answer(self, chat: Chat, message_id: str, text: str) -> Chat:
        """`chat` with a new version of an answer, written by the user."""
        edited = await self._edited(chat, message_id, text)
        await self._journal.save(chat.id, edited)
        return self._with(chat, edited)

    def export(self, chat: Chat, form: Literal["md", "json"]) -> str:
        """The chat as Markdown, or as JSON with every version and branch."""
        return chat_as_json(chat) if form == "json" else chat_as_markdown(chat)

    def stop(self, chat_id: str) -> bool:
        """Cancel the answer that runs in a chat; its stream ends with what was said. False when none runs."""
        running = self._stops.get(chat_id)
        if running is not None:
            running.set()
        return running is not None

    async def send(self, chat: Chat, text: str, recipe: Recipe) -> AsyncGenerator[ChatChanged, None]:
        """Ask `text` at the end of `chat`; the answer as it comes.

        The question is stored before the model is loaded. If no answer can begin, it is taken back and the error is
        raised, so that the text can return to where it was typed.

        Raises:
            LlmlabError: no answer could begin; `Stopped` when the user did not want one any more.
        """
        path = chat.conversation.path()
        question = self._message("user", path[-1].id if path else None, (Text(text),))
        async with aclosing(self._ask(chat, question, recipe)) as changes:
            async for change in changes:
                yield change

    async def edit_question(
        self, chat: Chat, message_id: str, text: str, recipe: Recipe
    ) -> AsyncGenerator[ChatChanged, None]:
        """Ask `text` in place of an earlier question, on a branch of its own; raises as `send` does."""
        question = self._message("user", chat.conversation.messages[message_id].parent, (Text(text),))
        async with aclosing(self._ask(chat, question, recipe)) as changes:
            async for change in changes:
                yield change

    async def regenerate(self, chat: Chat, message_id: str, recipe: Recipe) -> AsyncGenerator[ChatChanged, None]:
        """Answer again, as a new version beside the old ones; `message_id` is an answer or a question.

        Raises:
            LlmlabError: no answer could begin; the chat is as it was.
        """
        message = chat.conversation.messages[message_id]
        parent = message.id if message.role == "user" else message.parent
        async with aclosing(self._answer(chat, self._blank_answer(parent, recipe), recipe)) as changes:
            async for change in changes:
                yield change

    async def continue_answer(
        self, chat: Chat, message_id: str, recipe: Recipe, text: str | None = None
    ) -> AsyncGenerator[ChatChanged, None]:
        """Go on from the end of an answer; with a changed `text`, on a new version that begins with it.

        Raises:
            LlmlabError: no answer could begin; the chat is as it was.
        """
        answer = chat.conversation.messages[message_id]
        if text is not None and text != answer.text:
            answer = await self._edited(chat, message_id, text)
        async with aclosing(self._answer(chat, replace(answer, state="writing"), recipe)) as changes:
            async for change in changes:
                yield change

    async def close(self) -> None:
        """Stop what runs, write the last words down and close the store."""
        for running in self._stops.values():
            running.set()
        await self.drafts.close()
        await self._journal.close()

    async def _ask(self, chat: Chat, question: Message, recipe: Recipe) -> AsyncGenerator[ChatChanged, None]:
        """Store a question and answer it; takes it back when no answer can begin."""
        first = not chat.conversation.messages
        if first:
            chat = replace(chat, title=chat.title or first_line(question.text), model=recipe.model.name)
        chat = self._with(chat, question)
        answer = self._blank_answer(question.id, recipe)
        yield ChatChanged(self._with(chat, answer), answer.id, Turn())
        began = False
        try:
            if first:
                await self._journal.call(self._store.create, chat)
            await self._journal.save(chat.id, question)
            async with aclosing(self._answer(chat, answer, recipe)) as changes:
                async for change in changes:
                    began = True
                    yield change
        except LlmlabError:
            if not began:
                await self._take_back(chat.id, question.id)
            raise

    async def _answer(self, chat: Chat, answer: Message, recipe: Recipe) -> AsyncGenerator[ChatChanged, None]:
        """Generate `answer`, stoppable from the first moment."""
        stop = self._stops[chat.id] = asyncio.Event()
        try:
            async with aclosing(self._answering.answer(chat, answer, recipe, stop)) as changes:
                async for change in changes:
                    yield replace(change, chat=replace(change.chat, updated=self._clock()))
        finally:
            self._stops.pop(chat.id, None)

    async def _take_back(self, chat_id: str, question_id: str) -> None:
        """Remove a question that nothing answered."""
        self._journal.forget(question_id)
        try:
            await self._journal.call(self._store.discard, chat_id, question_id)
        except StoreError:
            # Perhaps it was never stored; the error that led here is the one that the user hears.
            return

    def _blank_answer(self, parent: str | None, recipe: Recipe) -> Message:
        """An answer without a word yet."""
        return self._message("assistant", parent, (), state="writing", origin=Origin(model=recipe.model.name))

    async def _edited(self, chat: Chat, message_id: str, text: str) -> Message:
        """A new version of an answer, in the user's words."""
        old = chat.conversation.messages[message_id]
        card = await asyncio.to_thread(edited_card, old, text)
        # The question was sent as it was sent, whatever became of its answer.
        origin = Origin(model=chat.model, edited=True, sent=old.origin.sent if old.origin else "", card=card)
        return self._message("assistant", old.parent, (Text(text),), origin=origin)

    def _message(
        self,
        role: Role,
        parent: str | None,
        parts: tuple[Part, ...],
        *,
        state: MessageState = "done",
        origin: Origin | None = None,
    ) -> Message:
        """A message made now, under a new id."""
        made = self._clock()
        return Message(
            id=uuid.uuid4().hex, parent=parent, role=role, parts=parts, created=made, state=state, origin=origin
        )

    def _with(self, chat: Chat, message: Message) -> Chat:
        """`chat` with `message`, touched now."""
        return replace(chat, updated=self._clock(), conversation=chat.conversation.with_message(message))


def first_line(text: str, limit: int = 60) -> str:
    """The first line of `text` that says something, as a title of at most `limit` characters."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"
