"""The next start of the lab loads the model as the last one did: also as an arm of an experiment loads it."""

from __future__ import annotations

from typing import Any

import pytest

from llmlab.domain.model import Rope
from llmlab.domain.recipe import Recipe
from llmlab.paths import Paths
from tests.tui.laboratory import laboratory
from tests.tui.test_runs import open_run
from tests.tui.test_runs_to_chat import kept, model


@pytest.mark.parametrize(
    "settings",
    [
        {"n_ctx": 8192},
        {"n_ctx": 8192, "rope": Rope(scaling="yarn", factor=2.0)},
        {"cache_type_k": "q8_0", "chat_template": "raw", "deterministic": True},
    ],
    ids=["window", "stretched", "others"],
)
async def test_the_next_start_loads_the_model_as_the_arm_did(paths: Paths, settings: dict[str, Any]) -> None:
    runs, other = kept(paths, Recipe(model=model(**settings))), model(**settings)
    async with laboratory(paths, runs=runs, size=(140, 45)) as lab:
        await open_run(lab)
        await lab.pilot.press("c")
        await lab.until(lambda: lab.services.host.loaded(other) is not None)
        await lab.until(lambda: lab.bench.settings.current.last_context)
        assert lab.bench.settings.current.last_model == "one"
    async with laboratory(paths, runs=runs) as lab:
        assert lab.bench.desk.spec == other, "its table's settings and the arm's window"
        assert lab.services.host.loaded(other) is not None
        await lab.command("/model one")
        await lab.until(lambda: lab.services.host.loaded(model()) is not None)
        await lab.until(lambda: not lab.bench.settings.current.last_context)
    async with laboratory(paths, runs=runs) as lab:
        assert lab.bench.desk.spec == model()
