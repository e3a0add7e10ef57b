"""Whether answers can have a shape, a grammar or a JSON schema, and biases of tokens, before one is asked for."""

from __future__ import annotations

import json
from contextlib import aclosing
from dataclasses import replace

from llmlab.domain.biases import check_ids, parse_biases
from llmlab.domain.generation import Failed
from llmlab.domain.model import ModelCard
from llmlab.domain.prompting import ChatMessage, PromptOptions
from llmlab.domain.recipe import Recipe
from llmlab.domain.sampling import DEFAULTS, Sampling
from llmlab.engine.protocol import GenerationRequest
from llmlab.errors import UsageError
from llmlab.services.host import EngineHost
from llmlab.words import say


class ShapeCheck:
    """Asks the engine, which knows what it can follow."""

    def __init__(self, host: EngineHost) -> None:
        self._host = host

    async def check(self, recipe: Recipe, grammar: str | None, schema: str | None, logit_bias: str = "") -> None:
        """That `grammar` or `schema` can be followed with these biases; loads the model of `recipe` when it must.

        Raises:
            UsageError: it cannot; the message holds the reason and, for JSON, the line.
            LlmlabError: the model cannot be loaded.
        """
        if schema is not None:
            check_json(schema)
        engine, _ = await self._host.engine_for(recipe.model)
        prompt = await engine.prompt((ChatMessage("user", "."),), PromptOptions(thinking=False))
        sampling = Sampling(max_tokens=1, seed=0, logit_bias=logit_bias).over(replace(DEFAULTS, temperature=0.0))
        request = GenerationRequest(prompt.tokens, sampling, grammar=grammar, schema=schema)
        async with aclosing(engine.generate(request)) as events:
            async for event in events:
                if isinstance(event, Failed):
                    raise UsageError(event.what, where=event.where, hint=event.hint)


def require_tokens(recipe: Recipe, card: ModelCard) -> None:
    """That the model has every token whose id is biased; of a model behind a server that is not known.

    Raises:
        UsageError: it has not; the message tells the size of its vocabulary.
    """
    try:
        biases = parse_biases(recipe.sampling.over(recipe.model.sampling).logit_bias or "")
        if card.n_vocab:
            check_ids(biases, card.n_vocab)
    except ValueError as error:
        raise UsageError(f"logit_bias: {error}", hint=say("Change it, or take it out.")) from None


def check_json(text: str) -> None:
    """That `text` is JSON.

    Raises:
        UsageError: it is not; the message names line and column.
    """
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        where = say("line {line}, column {column}", line=error.lineno, column=error.colno)
        raise UsageError(say("The schema is not JSON: {reason}", reason=error.msg), where=where) from None
    except (ValueError, RecursionError) as error:
        raise UsageError(say("The schema is not JSON: {reason}", reason=str(error))) from None
