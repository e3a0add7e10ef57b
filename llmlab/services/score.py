"""How likely a model finds given texts, by themselves or after a prompt."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from llmlab.domain.model import ModelCard, ModelSpec
from llmlab.domain.prompting import ChatMessage, PromptOptions
from llmlab.domain.scoring import ScoredText
from llmlab.engine.protocol import Engine, ScoreRequest
from llmlab.errors import UsageError
from llmlab.services.host import EngineHost
from llmlab.services.stopping import unless
from llmlab.words import say


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked about texts."""

    texts: tuple[str, ...]
    prompt: str = ""
    """What comes before each of them; empty for nothing."""
    chat: bool = False
    """The prompt is a message of the user, and each text a beginning of the model's answer."""
    system: str | None = None
    """System prompt of the chat; `None` is the model's own."""
    top: int = 0
    """How many of the likeliest tokens are told at each place."""


async def score(
    host: EngineHost,
    spec: ModelSpec,
    question: Question,
    stop: asyncio.Event,
    progress: Callable[[float], None] = lambda _share: None,
) -> list[ScoredText]:
    """How likely each token of each text is, in order.

    Args:
        host: loads the model when it must.
        spec: the model.
        question: the texts and what comes before them.
        stop: set it to cancel.
        progress: called with the share that is done, 0 to 1.

    Raises:
        Stopped: `stop` was set.
        UsageError: the model thinks before it answers, so that no answer can follow the prompt.
        LlmlabError: the model cannot be loaded, or a text cannot be scored.
    """
    engine, card = await unless(stop, host.engine_for(spec))
    prompt = await unless(stop, _chat_prompt(engine, card, spec, question)) if question.chat else question.prompt
    request = ScoreRequest(question.texts, prompt=prompt, top=question.top)
    return await unless(stop, engine.score(request, progress))


async def _chat_prompt(engine: Engine, card: ModelCard, spec: ModelSpec, question: Question) -> tuple[int, ...]:
    system = spec.system if question.system is None else question.system
    messages = [ChatMessage("system", system)] if system else []
    messages.append(ChatMessage("user", question.prompt))
    options = PromptOptions(thinking=False if card.can_think else None)
    prompt = await engine.prompt(messages, options)
    if prompt.in_thinking:
        raise UsageError(
            say("This model thinks before it answers; the texts would be scored as thinking."),
            hint=say("Use another model, or leave --chat out."),
        )
    return prompt.tokens
