"""One answer from prompt to last word, written down while it comes."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Final

from llmlab.domain.generation import Failed, Turn
from llmlab.domain.messages import Chat, Message, MessageState, Origin, Part, Text, Thinking, history_of
from llmlab.domain.model import ModelCard
from llmlab.domain.reasoning import split_thinking
from llmlab.domain.recipe import Recipe
from llmlab.domain.sampling import Sampling
from llmlab.engine.protocol import Engine, GenerationRequest
from llmlab.errors import LlmlabError, StoreError
from llmlab.services.generate import stream_turns
from llmlab.services.host import EngineHost
from llmlab.services.journal import Journal
from llmlab.services.preview import Prepared, Preparing, require_room
from llmlab.services.stopping import unless

SCREEN_INTERVAL: Final = 1 / 15
"""Seconds between two values of a running answer: a screen that repaints more often takes the engine's cores."""


@dataclass(frozen=True, slots=True)
class ChatChanged:
    """A running answer has come further."""

    chat: Chat
    message_id: str
    """The answer."""
    turn: Turn
    unsaved: StoreError | None = None
    """Why the answer cannot be written down; it is kept in memory and tried again."""


@dataclass(frozen=True, slots=True)
class Ready:
    """An engine that holds the model, and what it took to get there."""

    engine: Engine
    card: ModelCard
    load_s: float


async def ready_engine(host: EngineHost, recipe: Recipe) -> Ready:
    """The loaded engine of `recipe`; `load_s` is 0 when it was loaded before.

    Raises:
        LlmlabError: as `EngineHost.use` does.
    """
    loaded, began = host.loaded(recipe.model) is not None, time.monotonic()
    engine, card = await host.engine_for(recipe.model)
    return Ready(engine, card, 0.0 if loaded else time.monotonic() - began)


class AnswerWriter:
    """Turns the growing `Turn` of one answer into the message that is stored."""

    def __init__(self, message: Message, recipe: Recipe, prepared: Prepared, sampling: Sampling) -> None:
        self._message = message
        self._in_thinking = prepared.prompt.in_thinking
        prefill = prepared.assembled.prefill
        self._prefill = prefill.text if prefill else ""
        self._kept = tuple(part for part in message.parts if isinstance(part, Thinking))
        self._origin = replace(
            message.origin or Origin(model=""),
            model=recipe.model.name,
            seed=sampling.seed,
            sent=prepared.sent or (message.origin.sent if message.origin else ""),
        )
        self._began = time.monotonic()
        self._thought_s, self._thought_tokens = 0.0, 0
        self.load_s = 0.0

    def write(self, turn: Turn) -> Message:
        """The message as far as `turn` has come."""
        split = split_thinking(turn.raw, in_thinking=self._in_thinking, ended=turn.ended)
        if split.open:
            self._thought_s, self._thought_tokens = time.monotonic() - self._began, turn.generated
        thought = (Thinking(split.thinking, round(self._thought_s, 3), self._thought_tokens),) if split.thinking else ()
        parts: tuple[Part, ...] = (*self._kept, *thought, Text(self._prefill + split.answer))
        origin = replace(self._origin, finish=turn.finish, problem=str(as_error(turn.problem)) if turn.problem else "")
        if turn.usage and turn.timing:
            origin = replace(origin, usage=turn.usage, timing=replace(turn.timing, load_s=self.load_s))
        state: MessageState = "failed" if turn.state == "failed" else "done" if turn.ended else "writing"
        return replace(self._message, parts=parts, state=state, origin=origin)


class Answering:
    """Generates answers into chats. `stop` cancels: while nothing was said yet it raises `Stopped`."""

    def __init__(
        self, journal: Journal, host: EngineHost, preparing: Preparing, interval: float = SCREEN_INTERVAL
    ) -> None:
        self._journal = journal
        self._host = host
        self._preparing = preparing
        self._interval = interval

    async def answer(
        self, chat: Chat, message: Message, recipe: Recipe, stop: asyncio.Event
    ) -> AsyncGenerator[ChatChanged, None]:
        """Go on from the text of `message`, at its place in the tree of `chat`.

        Raises:
            LlmlabError: before the first value alone; later failures are values.
        """
        path = chat.conversation.path_to(message.parent) if message.parent else ()
        asked = path[-1] if path and path[-1].role == "user" and not message.text else None
        if asked is not None:
            self._preparing.require_filled(recipe, asked.text)
        ready = await unless(stop, ready_engine(self._host, recipe))
        # An answer that goes on keeps its question as it was sent; the answer itself is what the prompt ends with.
        history = history_of((*path, message))[:-1] if message.text else history_of(path[:-1] if asked else path)
        question = asked.text if asked else None
        preparing = self._preparing.prepare(ready.engine, ready.card, recipe, history, question, prefill=message.text)
        prepared = await unless(stop, preparing)
        require_room(prepared)
        sampling = recipe.complete_sampling(ready.card, secrets.randbelow(2**32 - 1))
        writer = AnswerWriter(message, recipe, prepared, sampling)
        writer.load_s = ready.load_s
        request = GenerationRequest(prepared.prompt.tokens, sampling, grammar=recipe.grammar, schema=recipe.schema)
        turns = stream_turns(ready.engine, request, stop=stop, interval=self._interval)
        async with aclosing(turns):
            last = Turn()
            try:
                async for last in turns:
                    message = writer.write(last)
                    chat = replace(chat, conversation=chat.conversation.with_message(message))
                    problem = await self._save(chat.id, message, ended=last.ended)
                    if last.problem:
                        self._host.notice_death(as_error(last.problem))
                    yield ChatChanged(chat, message.id, last, problem)
            finally:
                if not last.ended:
                    # The consumer left in the middle: the words go to disk, but nobody is there to wait.
                    self._journal.leave(chat.id, replace(message, state="interrupted"))

    async def _save(self, chat_id: str, message: Message, *, ended: bool) -> StoreError | None:
        """Journal a running answer, or write its end; why it could not be written, if so."""
        if not ended:
            return self._journal.note(chat_id, message)
        try:
            await self._journal.save(chat_id, message)
        except StoreError as error:
            return error
        return None


def as_error(problem: Failed) -> LlmlabError:
    """A failure as the error it would have been."""
    return LlmlabError(problem.what, where=problem.where, hint=problem.hint)
