"""What the model would be given, before it is sent."""

from __future__ import annotations

from dataclasses import dataclass

from llmlab.domain.messages import Message, chat_messages
from llmlab.domain.model import ModelCard
from llmlab.domain.prompting import ChatMessage, PromptOptions, RenderedPrompt
from llmlab.domain.recipe import Recipe
from llmlab.engine.protocol import Engine
from llmlab.errors import UsageError
from llmlab.services.host import EngineHost
from llmlab.words import say


@dataclass(frozen=True, slots=True)
class Gauge:
    """How full the window is."""

    used: int
    """Tokens of the prompt as it would be sent now."""
    window: int
    """Tokens that the window holds."""


async def assemble(
    engine: Engine, card: ModelCard, path: tuple[Message, ...], recipe: Recipe, *, prefill: str = ""
) -> RenderedPrompt:
    """The prompt of `path` under `recipe`; nothing is ever cut.

    Raises:
        UsageError: it leaves no room for an answer; the message names the sizes and the ways out.
        ModelError: the chat template refuses these messages.
    """
    thinking = False if prefill and card.can_think else recipe.thinks
    options = PromptOptions(thinking=thinking, prefill=prefill)
    prompt = await engine.prompt(chat_messages(path, recipe.system_prompt), options)
    if len(prompt.tokens) >= card.n_ctx:
        raise UsageError(
            say(
                "The prompt has {tokens:,} tokens and the window of {model} holds {window:,}; nothing was sent.",
                tokens=len(prompt.tokens),
                window=card.n_ctx,
                model=recipe.model.name,
            ),
            hint=say(
                "Shorten the message, branch from an earlier one (e), start a new chat (ctrl+n), "
                "or raise n_ctx in models.toml."
            ),
        )
    return prompt


class Preview:
    """Counts with the tokenizer of the model that is loaded; never loads one."""

    def __init__(self, host: EngineHost) -> None:
        self._host = host

    async def gauge(self, path: tuple[Message, ...], draft: str, recipe: Recipe) -> Gauge | None:
        """The size of `path` with `draft` as next question; `None` while the model is not ready.

        Raises:
            ModelError: the chat template refuses these messages.
            EngineError: the engine died.
        """
        engine, card = self._host.loaded(recipe.model), self._host.state.card
        if engine is None or card is None:
            return None
        messages = chat_messages(path, recipe.system_prompt)
        if draft.strip():
            messages += (ChatMessage("user", draft),)
        if not messages:
            return Gauge(0, card.n_ctx)
        prompt = await engine.prompt(messages, PromptOptions(thinking=recipe.thinks))
        return Gauge(len(prompt.tokens), card.n_ctx)
