"""One question and its answer, kept nowhere: what a command line asks for."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Final

from llmlab.domain.generation import Turn
from llmlab.domain.messages import Message, Text
from llmlab.domain.recipe import Recipe
from llmlab.engine.protocol import GenerationRequest
from llmlab.errors import UsageError
from llmlab.services.answering import AnswerWriter, as_error, ready_engine, unless
from llmlab.services.generate import stream_turns
from llmlab.services.host import EngineHost
from llmlab.services.preview import assemble
from llmlab.words import say

INTERVAL: Final = 1 / 30
"""Seconds between two values at the least: quicker than reading, slower than tokens come from a small model."""


@dataclass(frozen=True, slots=True)
class Said:
    """An answer as far as it has come."""

    message: Message
    """Text and thinking told apart; its origin holds seed, usage and timing once it has ended."""
    turn: Turn


@dataclass(frozen=True, slots=True)
class Demands:
    """What an answer must look like, and what is told about it."""

    grammar: str | None = None
    """GBNF that it follows."""
    schema: str | None = None
    """JSON schema, as text, that it follows; not beside a grammar."""
    logprobs: int | None = None
    """Tell how likely each token was, with this many of the likeliest."""

    @property
    def shaped(self) -> bool:
        """There is a grammar or a schema."""
        return self.grammar is not None or self.schema is not None


FREE: Final = Demands()
"""Nothing is asked of an answer."""


async def ask(
    host: EngineHost,
    recipe: Recipe,
    question: str,
    stop: asyncio.Event,
    *,
    demands: Demands = FREE,
    interval: float = INTERVAL,
) -> AsyncGenerator[Said, None]:
    """The answer to `question` as it grows; the last value has ended.

    Args:
        host: loads the recipe's model when it must.
        recipe: model, system prompt, sampling and thinking.
        question: the one message of the user.
        stop: set it to cancel; what was said so far comes as last value.
        demands: a grammar or schema holds from the first word on, so a model that can think does not unless the
            recipe says so.
        interval: seconds between two values at the least.

    Raises:
        Stopped: `stop` was set before the answer began.
        LlmlabError: no answer could begin; a later failure is in the last value's turn.
    """
    if demands.shaped and recipe.thinks is None:
        recipe = replace(recipe, thinking=False)
    ready = await unless(stop, ready_engine(host, recipe))
    asked = Message(id="question", parent=None, role="user", parts=(Text(question),), created=0.0)
    prompt = await unless(stop, assemble(ready.engine, ready.card, (asked,), recipe))
    if demands.shaped and prompt.in_thinking:
        raise UsageError(
            say("This model thinks before it answers; a grammar or schema would hold for its thinking."),
            hint=say("Switch thinking off, or use another model."),
        )
    sampling = recipe.complete_sampling(ready.card, secrets.randbelow(2**32 - 1))
    blank = Message(id="answer", parent=asked.id, role="assistant", parts=(), created=0.0, state="writing")
    writer = AnswerWriter(blank, recipe, prompt, sampling)
    writer.load_s = ready.load_s
    request = GenerationRequest(
        prompt.tokens, sampling, grammar=demands.grammar, schema=demands.schema, logprobs=demands.logprobs
    )
    turns = stream_turns(ready.engine, request, stop=stop, interval=interval)
    async with aclosing(turns):
        async for turn in turns:
            if turn.problem:
                host.notice_death(as_error(turn.problem))
            yield Said(writer.write(turn), turn)
