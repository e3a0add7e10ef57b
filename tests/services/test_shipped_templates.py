"""Every shipped template, asked on the real engine."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from llmlab.domain.model import ModelSpec
from llmlab.domain.recipe import Recipe
from llmlab.domain.sampling import Sampling
from llmlab.domain.template import PromptTemplate, TemplateUse
from llmlab.engine.child import ChildEngine
from llmlab.library.prompts import TemplateShelf
from llmlab.library.rendering import render_template
from llmlab.library.shipped import shipped_prompts_folder
from llmlab.pocket import pocket_path
from llmlab.services.ask import Said, ask
from llmlab.services.host import EngineHost
from llmlab.services.preview import Preparing

SHIPPED = TemplateShelf([shipped_prompts_folder()]).good()


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Said]:
    """What pocket-m begins to say under each of them; one engine for all."""
    folder = tmp_path_factory.mktemp("engine")
    return asyncio.run(_all_answers(folder))


async def _all_answers(folder: Path) -> dict[str, Said]:
    host = EngineHost(lambda: ChildEngine(log=folder / "engine.log", snapshots=folder / "snapshots"))
    try:
        return {template.key: await _answer(host, template) for template in SHIPPED}
    finally:
        await host.close()


async def _answer(host: EngineHost, template: PromptTemplate) -> Said:
    use = TemplateUse(template)
    for variable in template.variables:
        if not variable.optional and variable.name != template.main:
            use = use.with_value(variable.name, variable.default or "Ann has 3 apples.")
    recipe = Recipe(
        model=ModelSpec(name="pocket-m", path=str(pocket_path("pocket-m"))),
        template=use,
        schema=template.schema or None,
        sampling=Sampling(max_tokens=8, temperature=0.0, seed=1),
        thinking=False,
    )
    answer = ask(host, Preparing(render_template), recipe, "Ann has 3 apples in Rome.", asyncio.Event())
    return [said async for said in answer][-1]


@pytest.mark.parametrize("template", SHIPPED, ids=lambda template: template.key)
def test_it_is_answered(answers: dict[str, Said], template: PromptTemplate) -> None:
    said = answers[template.key]
    assert said.turn.problem is None
    assert said.turn.usage is not None
    assert 0 < said.turn.usage.generated <= 8
    if template.schema:
        assert said.message.text.lstrip().startswith("{")
        json.loads(template.schema)
