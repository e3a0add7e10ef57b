"""One answer from prompt to last word, written down while it comes."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from llmlab.domain.card import Card, hash_tokens
from llmlab.domain.generation import Failed, Turn
from llmlab.domain.messages import (
    Chat,
    Draft,
    Message,
    MessageState,
    Origin,
    Part,
    Reasoned,
    Text,
    Thinking,
    Trail,
    history_of,
)
from llmlab.domain.recipe import Recipe
from llmlab.errors import LlmlabError, StoreError
from llmlab.services.cards import card_for, going_on, grown
from llmlab.services.host import EngineHost
from llmlab.services.journal import Journal
from llmlab.services.preview import Preparing, require_room
from llmlab.services.reasoned import CUT_SHORT, Asking, Progress, reason
from llmlab.services.resuming import Resumed, resume
from llmlab.services.stopping import unless

SCREEN_INTERVAL: Final = 1 / 15
"""Seconds between two values of a running answer: a screen that repaints more often takes the engine's cores."""
LONGEST_NOTED: Final = 50_000
"""Characters of a recipe up to which it is written down with an answer that comes, several times a second."""


@dataclass(frozen=True, slots=True)
class ChatChanged:
    """A running answer has come further."""

    chat: Chat
    message_id: str
    """The answer."""
    turn: Turn
    unsaved: StoreError | None = None
    """Why the answer cannot be written down; it is kept in memory and tried again."""


class AnswerWriter:
    """Turns the growing `Progress` of one answer into the message that is stored."""

    def __init__(self, message: Message, asking: Asking, resumed: Resumed | None = None) -> None:
        """Write `message`; `resumed` is what one that goes on goes on from."""
        self._message = message
        self._resumed = resumed
        self._kept = tuple(part for part in message.parts if isinstance(part, Thinking | Draft))
        self._before = message.reasoned
        recipe, prepared = asking.prepared.recipe, asking.prepared
        self._load_s = asking.ready.load_s
        self._origin = replace(
            message.origin or Origin(model=""),
            model=recipe.model.name,
            seed=asking.sampling.seed,
            left_out=prepared.left_out,
            sent=prepared.sent or (message.origin.sent if message.origin else ""),
            reading=prepared.material.told if prepared.material else None,
            went_on=resumed.trail if resumed else None,
        )
        self._asking = asking
        self._began = time.monotonic()
        self._thought_s, self._thought_tokens = 0.0, 0

    def write(self, progress: Progress) -> Message:
        """The message as far as `progress` has come."""
        turn, split = progress.turn, progress.written.split
        if split.open:
            self._thought_s, self._thought_tokens = time.monotonic() - self._began, turn.generated
        thought = (Thinking(split.thinking, round(self._thought_s, 3), self._thought_tokens),) if split.thinking else ()
        text = progress.written.prefill + split.answer
        parts: list[Part] = [*self._kept, *thought, *progress.drafts, Text(text)]
        if reasoned := self._reasoned(progress.reasoned):
            parts.append(reasoned)
        origin = replace(self._origin, finish=turn.finish, problem=str(as_error(turn.problem)) if turn.problem else "")
        if turn.usage and turn.timing:
            origin = replace(origin, usage=turn.usage, timing=replace(turn.timing, load_s=self._load_s))
        card = replace(self._card, reused=turn.usage.reused if turn.usage else turn.reused)
        if not turn.ended and len(card.recipe) > LONGEST_NOTED:
            card = replace(card, recipe="")
        origin = replace(origin, card=grown(card, len(text)), trail=self._trail(progress))
        state: MessageState = "failed" if turn.state == "failed" else "done" if turn.ended else "writing"
        return replace(self._message, parts=tuple(parts), state=state, origin=origin)

    def _trail(self, progress: Progress) -> Trail | None:
        """The tokens of an answer that could go on."""
        asked = self._resumed.asked if self._resumed else self._asking.prepared.prompt.tokens
        tokens, text = progress.tokens, progress.written.answer
        cut = progress.turn.ended and progress.turn.finish in ("length", "cancelled")
        # An answer that ends inside a character goes on from its text.
        if not cut or tokens[: len(asked)] != asked or text.endswith(CUT_SHORT) or not text:
            return None
        return Trail(hash_tokens(asked), tokens[len(asked) :])

    @cached_property
    def _card(self) -> Card:
        """What the answer comes from; made with its first value, when the engine is at work."""
        message, resumed = self._message, self._resumed
        card = card_for(self._asking, resumed.question if resumed else self._asking.prepared.asked or "")
        if not message.text and not message.thinking:
            return card
        said = self._asking.prepared.assembled.prefill if resumed else None
        return going_on(card, message, said.text if said else "", exact=bool(self._asking.start))

    def _reasoned(self, now: Reasoned | None) -> Reasoned | None:
        """What the mode made of it; an answer that goes on keeps the votes that it won."""
        old = self._before
        if now is None or old is None:
            return now or old
        return replace(
            now,
            stages=old.stages,
            votes=old.votes,
            wanted=old.wanted,
            silent=old.silent,
            samples=old.samples,
            cut=old.cut,
        )


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
        # An answer that goes on keeps its question as it was sent; the answer itself is what the prompt ends with.
        history = history_of((*path, message))[:-1] if message.text else history_of(path[:-1] if asked else path)
        question = asked.text if asked else None
        ready = await unless(stop, self._preparing.ready(self._host, recipe, history, question))
        resumed: Resumed | None = None
        if message.text:
            trail = message.origin.trail if message.origin else None
            # The beginning of a character that never came is not gone on from.
            said = message.text.rstrip(CUT_SHORT)
            resumed = await unless(stop, resume(self._preparing, ready, history, said, trail))
            prepared = resumed.prepared
        else:
            prepared = await unless(stop, self._preparing.prepare_for(ready, history, question))
            require_room(prepared)
        asking = Asking(
            ready=ready,
            prepared=prepared,
            sampling=recipe.complete_sampling(ready.card, secrets.randbelow(2**32 - 1)),
            stop=stop,
            interval=self._interval,
            before=_version_before(chat, message),
            resumed=resumed is not None,
            start=resumed.start if resumed else (),
        )
        writer = AnswerWriter(message, asking, resumed)
        async with aclosing(reason(asking)) as values:
            last = Turn()
            try:
                async for value in values:
                    last, message = value.turn, writer.write(value)
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


def _version_before(chat: Chat, message: Message) -> str:
    """The text of the version that was shown in the place of a new answer; empty where there is none."""
    siblings = [other for other in chat.conversation.children(message.parent) if other.id != message.id]
    shown = chat.conversation.chosen.get(message.parent)
    before = next((other for other in siblings if other.id == shown), siblings[-1] if siblings else None)
    return before.text if before else ""


def as_error(problem: Failed) -> LlmlabError:
    """A failure as the error it would have been."""
    return LlmlabError(problem.what, where=problem.where, hint=problem.hint)
