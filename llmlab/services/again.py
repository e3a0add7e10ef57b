"""Asks for an answer again, exactly as it was asked for, and tells whether the same came out."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Literal

from llmlab.domain.card import Card, hash_tokens
from llmlab.domain.messages import Chat, Message, Trail, history_of
from llmlab.domain.model import ModelCard
from llmlab.domain.prompting import ChatMessage
from llmlab.errors import UsageError
from llmlab.services.host import EngineHost, Holder
from llmlab.services.preview import Preparing, require_room
from llmlab.services.ready import Ready
from llmlab.services.reasoned import CUT_SHORT, Asking, Progress, reason
from llmlab.services.recipe_codec import decode_recipe
from llmlab.services.resuming import resume
from llmlab.services.stopping import unless
from llmlab.words import say


@dataclass(frozen=True, slots=True)
class Rerun:
    """What came of it."""

    outcome: Literal["same", "begun", "different", "stopped"]
    """`begun`: the answer was stopped then, and as far as it had come the same came out."""
    text: str
    """What was said this time."""
    at: int = 0
    """Where it first differs from what was said before, in characters."""
    causes: tuple[str, ...] = ()
    """What is not as it was, in words: file, build, window, prompt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """An answer that was given, and what it was asked with."""

    card: Card
    history: tuple[ChatMessage, ...]
    """What was said before, as it was sent."""
    question: str | None
    """As it was typed; `None` where the history ends with it, as it was sent."""
    text: str
    """What was said."""
    thinking: str = ""
    """What was thought in this generation."""
    begun: str = ""
    """What of the text stood there when the generation began."""
    trail: Trail | None = None
    """Its tokens, where they are known."""
    stopped: bool = False
    """It was stopped, or broke off, before its end."""


class Again:
    """Runs answers again; nothing of it is stored."""

    def __init__(self, host: EngineHost, preparing: Preparing) -> None:
        self._host = host
        self._preparing = preparing

    async def run(self, chat: Chat, message_id: str, stop: asyncio.Event) -> Rerun:
        """Ask for an answer of `chat` again: same recipe, same history, same seed; one that went on, from there.

        Raises:
            UsageError: the answer does not say what it came from, was edited, or its prompt does not fit any more.
            LlmlabError: it cannot be asked.
        """
        return await run_again(
            self._host, self._preparing, _answered(chat, chat.conversation.messages[message_id]), stop
        )


async def run_again(host: Holder, preparing: Preparing, answered: Answered, stop: asyncio.Event) -> Rerun:
    """Ask for an answer again, on the model of `host`; raises as `Again.run` does."""
    ready = await unless(
        stop, preparing.ready(host, decode_recipe(answered.card.recipe), answered.history, answered.question)
    )
    asking = await _asking(preparing, ready, answered, stop)
    last: Progress | None = None
    async with aclosing(reason(asking)) as values:
        async for value in values:
            last = value
    assert last is not None
    if last.turn.problem is not None:
        problem = last.turn.problem
        raise UsageError(problem.what, where=problem.where, hint=problem.hint)
    if last.turn.finish == "cancelled":
        return Rerun("stopped", last.written.answer)
    return _compared(answered, last, tuple(_causes(answered.card, ready.card, hash_tokens(asking.tokens))))


async def _asking(preparing: Preparing, ready: Ready, answered: Answered, stop: asyncio.Event) -> Asking:
    """What the answer was asked with, as far as that can be had again."""
    if not answered.begun:
        prepared = await unless(stop, preparing.prepare_for(ready, answered.history, answered.question))
        require_room(prepared)
        return Asking(ready=ready, prepared=prepared, sampling=answered.card.sampling, stop=stop, interval=1.0)
    resumed = await unless(stop, resume(preparing, ready, answered.history, answered.begun, answered.trail))
    return Asking(
        ready=ready,
        prepared=resumed.prepared,
        sampling=answered.card.sampling,
        stop=stop,
        interval=1.0,
        resumed=True,
        start=resumed.start,
    )


def _answered(chat: Chat, message: Message) -> Answered:
    """An answer of `chat` and what it was asked with.

    Raises:
        UsageError: it does not say what it came from, or was edited.
    """
    origin = message.origin
    card = origin.card if origin else None
    if origin is None or card is None or not card.recipe or message.parent is None:
        raise UsageError(
            say("This answer does not say what it came from."),
            hint=say("It was written by an older llmlab, or by hand alone."),
        )
    if card.edited:
        raise UsageError(
            say("This answer was edited by hand, so that nothing can come out the same."),
            hint=say("← shows the version before; its own card runs it again."),
        )
    path, before = chat.conversation.path_to(message.parent), card.given
    begun = message.text[: before.characters] if before else ""
    return Answered(
        card=card,
        history=history_of((*path, message))[:-1] if begun else history_of(path[:-1]),
        question=None if begun else path[-1].text,
        text=message.text,
        thinking=message.thinking[before.thinking :] if before else message.thinking,
        begun=begun,
        trail=origin.went_on,
        stopped=message.state != "done" or origin.finish == "cancelled",
    )


def _compared(answered: Answered, now: Progress, causes: tuple[str, ...]) -> Rerun:
    """What came out beside what had come out before."""
    text, thinking = now.written.answer, now.written.thinking
    if (answered.thinking, answered.text) == (thinking, text):
        return Rerun("same", text, causes=causes)
    said = answered.text.rstrip(CUT_SHORT)
    thought = answered.thinking == thinking if said else thinking.startswith(answered.thinking.rstrip(CUT_SHORT))
    if answered.stopped and thought and text.startswith(said):
        return Rerun("begun", text, causes=causes)
    return Rerun("different", text, _first_difference(answered.text, text), causes)


def _causes(card: Card, model: ModelCard, prompt_hash: str) -> Iterator[str]:
    """What is not as it was."""
    if card.file_mark != model.file_mark:
        yield say("the model file")
    if card.build != model.build:
        yield say("the build of llama.cpp")
    if card.n_ctx != model.n_ctx:
        yield say("the window")
    if (card.n_threads, card.n_gpu_layers, card.device) != (model.n_threads, model.n_gpu_layers, model.device):
        yield say("threads or devices")
    if card.prompt_hash != prompt_hash:
        yield say("the prompt")


def _first_difference(before: str, now: str) -> int:
    same = (index for index, (old, new) in enumerate(zip(before, now, strict=False)) if old != new)
    return next(same, min(len(before), len(now)))
