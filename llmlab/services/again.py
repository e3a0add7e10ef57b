"""Asks for an answer again, exactly as it was asked for, and tells whether the same came out."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Literal

from llmlab.domain.card import Card, hash_tokens
from llmlab.domain.messages import Chat, history_of
from llmlab.domain.model import ModelCard
from llmlab.errors import UsageError
from llmlab.services.host import EngineHost
from llmlab.services.preview import Preparing, require_room
from llmlab.services.reasoned import Asking, Progress, reason
from llmlab.services.recipe_codec import decode_recipe
from llmlab.services.stopping import unless
from llmlab.words import say


@dataclass(frozen=True, slots=True)
class Rerun:
    """What came of it."""

    outcome: Literal["same", "different", "stopped"]
    text: str
    """What was said this time."""
    at: int = 0
    """Where it first differs from what was said before, in characters."""
    causes: tuple[str, ...] = ()
    """What is not as it was, in words: file, build, window, prompt."""


class Again:
    """Runs answers again; nothing of it is stored."""

    def __init__(self, host: EngineHost, preparing: Preparing) -> None:
        self._host = host
        self._preparing = preparing

    async def run(self, chat: Chat, message_id: str, stop: asyncio.Event) -> Rerun:
        """Ask for an answer of `chat` again: same recipe, same history, same seed.

        Raises:
            UsageError: the answer does not say what it came from, or its prompt does not fit any more.
            LlmlabError: it cannot be asked.
        """
        message = chat.conversation.messages[message_id]
        card = message.origin.card if message.origin else None
        if card is None or not card.recipe or message.parent is None:
            raise UsageError(
                say("This answer does not say what it came from."),
                hint=say("Answers that were edited, continued, or written by an older llmlab cannot be run again."),
            )
        recipe = decode_recipe(card.recipe)
        path = chat.conversation.path_to(message.parent)
        history, question = history_of(path[:-1]), path[-1].text
        ready = await unless(stop, self._preparing.ready(self._host, recipe, history, question))
        prepared = await unless(stop, self._preparing.prepare_for(ready, history, question))
        require_room(prepared)
        asking = Asking(ready=ready, prepared=prepared, sampling=card.sampling, stop=stop, interval=1.0)
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
        causes = tuple(_causes(card, ready.card, hash_tokens(prepared.prompt.tokens)))
        before, now = (message.thinking, message.text), (last.written.thinking, last.written.answer)
        if before == now:
            return Rerun("same", now[1], causes=causes)
        return Rerun("different", now[1], _first_difference(before[1], now[1]), causes)


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
