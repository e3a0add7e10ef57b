"""Texts as vectors, on the model that is loaded or on one that is loaded for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

from llmlab.domain.embedding import Embeddings
from llmlab.domain.model import ModelSpec
from llmlab.services.host import EngineHost
from llmlab.services.stopping import unless


async def embed(
    host: EngineHost,
    spec: ModelSpec,
    texts: Sequence[str],
    stop: asyncio.Event,
    progress: Callable[[int], None] = lambda _done: None,
) -> Embeddings:
    """Each text as a vector, in order; a model that is loaded for answers serves as it is.

    Args:
        host: loads the model when it must.
        spec: the model; one that writes text serves as well.
        texts: never cut.
        stop: set it to cancel.
        progress: called with how many texts are done.

    Raises:
        Stopped: `stop` was set.
        LlmlabError: the model gives no vectors, or a text is empty or too long for it.
    """
    # What is loaded for answers has no scales of adapters but those that each answer asks for.
    loaded = None if spec.lora else host.loaded(spec)
    engine = loaded or (await unless(stop, host.engine_for(replace(spec, purpose="vectors"))))[0]
    return await unless(stop, engine.embed(texts, progress))
