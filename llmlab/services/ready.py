"""An engine that holds the model of a recipe."""

from __future__ import annotations

import time
from dataclasses import dataclass

from llmlab.domain.model import ModelCard
from llmlab.domain.reading import Material
from llmlab.domain.recipe import Recipe
from llmlab.engine.protocol import Engine
from llmlab.services.host import Holder


@dataclass(frozen=True, slots=True)
class Ready:
    """An engine that holds the model of a recipe, and what it took to get there."""

    engine: Engine
    card: ModelCard
    load_s: float
    recipe: Recipe
    """What was asked for, with the window that its documents take."""
    material: Material | None = None
    """What the prompt is to hold of its documents."""


async def ready_engine(host: Holder, recipe: Recipe) -> Ready:
    """The loaded engine of `recipe`; `load_s` is 0 when it was loaded before.

    Raises:
        LlmlabError: as `EngineHost.use` does.
    """
    loaded, began = host.loaded(recipe.model) is not None, time.monotonic()
    engine, card = await host.engine_for(recipe.model)
    return Ready(engine, card, 0.0 if loaded else time.monotonic() - began, recipe)
