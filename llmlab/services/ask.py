"""One question and its answer, kept nowhere: what a command line asks for."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from llmlab.domain.generation import Turn
from llmlab.domain.messages import Message
from llmlab.domain.recipe import Recipe
from llmlab.errors import UsageError
from llmlab.services.answering import AnswerWriter, as_error
from llmlab.services.host import EngineHost
from llmlab.services.preview import Prepared, Preparing, require_room, shaped_at_once
from llmlab.services.ready import Ready
from llmlab.services.reasoned import Asking, reason
from llmlab.services.stopping import unless
from llmlab.words import say

INTERVAL: Final = 1 / 30
"""Seconds between two values at the least: quicker than reading, slower than tokens come from a small model."""


@dataclass(frozen=True, slots=True)
class Said:
    """An answer as far as it has come."""

    message: Message
    """Text and thinking told apart; its origin holds seed, usage and timing once it has ended."""
    turn: Turn
    settled: bool = True
    """From here on its text only grows."""


async def ask(
    host: EngineHost,
    preparing: Preparing,
    recipe: Recipe,
    question: str,
    stop: asyncio.Event,
    *,
    logprobs: int | None = None,
    interval: float = INTERVAL,
) -> AsyncGenerator[Said, None]:
    """The answer to `question` as it grows; the last value has ended.

    Args:
        host: loads the recipe's model when it must.
        preparing: makes the prompt.
        recipe: what the answer depends on; a grammar or schema holds from the first word on, so a model that can think
            does not unless the recipe says so.
        question: the one message of the user.
        stop: set it to cancel; what was said so far comes as last value.
        logprobs: tell how likely each token was, with this many of the likeliest.
        interval: seconds between two values at the least.

    Raises:
        Stopped: `stop` was set before the answer began.
        LlmlabError: no answer could begin; a later failure is in the last value's turn.
    """
    preparing.require_filled(recipe, question)
    ready = await unless(stop, preparing.ready(host, recipe, (), question))
    prepared = await unless(stop, prepare_alone(ready, preparing, ready.recipe, question))
    asking = Asking(
        ready=ready,
        prepared=prepared,
        sampling=recipe.complete_sampling(ready.card, secrets.randbelow(2**32 - 1)),
        stop=stop,
        interval=interval,
        logprobs=logprobs,
    )
    blank = Message(id="answer", parent="question", role="assistant", parts=(), created=0.0, state="writing")
    writer = AnswerWriter(blank, asking)
    async with aclosing(reason(asking)) as values:
        async for value in values:
            if value.turn.problem:
                host.notice_death(as_error(value.turn.problem))
            yield Said(writer.write(value), value.turn, value.settled)


async def prepare_alone(ready: Ready, preparing: Preparing, recipe: Recipe, question: str) -> Prepared:
    """The prompt of a question that nothing came before; it fits, and a shape that its answer follows can be followed.

    Raises:
        LlmlabError: there is no room, or a model that thinks would think in
        the shape of its answer.
    """
    shaped = recipe.grammar is not None or recipe.schema is not None
    recipe = shaped_at_once(recipe)
    material = ready.material
    if material is None:
        _, material = await preparing.material(ready.engine, ready.card, recipe, (), question)
    prepared = await preparing.prepare(ready.engine, ready.card, recipe, (), question, material=material)
    require_room(prepared)
    if shaped and prepared.prompt.in_thinking:
        raise UsageError(
            say("This model thinks before it answers; a grammar or schema would hold for its thinking."),
            hint=say("Switch thinking off, or use another model."),
        )
    return prepared
