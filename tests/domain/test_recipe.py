"""What a recipe leaves open is filled in the stated order."""

from __future__ import annotations

from dataclasses import replace

import pytest

from llmlab.domain.model import ModelSpec
from llmlab.domain.recipe import Recipe
from llmlab.domain.sampling import DEFAULTS, Sampling
from llmlab.engine.scripted import ScriptedEngine

SPEC = ModelSpec(name="m", path="/m.gguf", system="table", sampling=Sampling(top_k=2, min_p=0.2), thinking=True)


async def test_user_then_table_then_file_then_defaults() -> None:
    card = replace(await ScriptedEngine().load(SPEC, lambda _: None), sampling=Sampling(min_p=0.3, top_p=0.3))
    complete = Recipe(model=SPEC, sampling=Sampling(top_k=1)).complete_sampling(card, seed=7)
    assert (complete.top_k, complete.min_p, complete.top_p) == (1, 0.2, 0.3)
    assert complete.temperature == DEFAULTS.temperature
    assert complete.seed == 7
    assert Recipe(model=SPEC, sampling=Sampling(seed=3)).complete_sampling(card, seed=7).seed == 3


@pytest.mark.parametrize(("system", "expected"), [(None, "table"), ("mine", "mine"), ("", None)])
def test_system_prompt(system: str | None, expected: str | None) -> None:
    assert Recipe(model=SPEC, system=system).system_prompt == expected


@pytest.mark.parametrize(("thinking", "expected"), [(None, True), (False, False)])
def test_thinking(thinking: bool | None, expected: bool) -> None:
    assert Recipe(model=SPEC, thinking=thinking).thinks is expected
