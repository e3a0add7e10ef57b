"""From the screen of runs to the chat: with the very recipe of a run, an arm, a trial."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from textual.widgets import Static

from llmlab.domain.document import digest_of
from llmlab.domain.experiment import OWN_SHOTS, Arm, Axis, Item
from llmlab.domain.model import ModelSpec, Rope
from llmlab.domain.reading import ReadingUse
from llmlab.domain.recipe import Recipe
from llmlab.domain.sampling import Sampling
from llmlab.domain.shots import Shot, ShotSet, ShotUse
from llmlab.domain.template import PromptTemplate, TemplateUse, Variable
from llmlab.engine.scripted import Hold, Reply, Script
from llmlab.paths import Paths
from llmlab.tui.screens.run import RunScreen
from llmlab.tui.screens.runs import RunsScreen
from llmlab.tui.widgets.row_table import RowTable
from tests.services.experiments import HELLO, experiment
from tests.support.made_runs import made_experiment, made_result
from tests.tui.laboratory import laboratory
from tests.tui.laboratory import spec as lab_model
from tests.tui.run_lab import RunLab, whole
from tests.tui.test_runs import enter, open_run, shown


@pytest.fixture
def runs(paths: Paths) -> RunLab:
    """A store with one run, whole."""
    return whole(paths)


async def test_from_a_trial_the_chat_goes_on_with_its_recipe_and_question(paths: Paths, runs: RunLab) -> None:
    async with laboratory(paths, runs=runs, size=(140, 45)) as lab:
        await open_run(lab)
        await lab.pilot.press("3", "down", "c")
        await lab.until(lambda: lab.app.screen is lab.screen)
        await lab.until(lambda: lab.composer.text == "What is 0 + 3?")
        assert lab.bench.desk.recipe().system == "Answer with a number."
        assert lab.bench.desk.spec is not None
        assert lab.bench.desk.spec.name == "pocket-m"


async def test_from_an_arm_the_chat_goes_on_with_its_recipe(paths: Paths, runs: RunLab) -> None:
    async with laboratory(paths, runs=runs) as lab:
        await open_run(lab)
        await lab.pilot.press("down", "c")
        await lab.until(lambda: lab.app.screen is lab.screen)
        assert lab.bench.desk.recipe().system == "Answer with a number."
        assert lab.composer.text == ""


def kept(paths: Paths, *recipes: Recipe, item: Item | None = None) -> RunLab:
    """A store with one run: an arm for each recipe, all of them asked two questions, or one `item`."""
    made = made_experiment(2, (0,), twin=False)
    items = (item,) if item else made.arms[0].items
    arms = tuple(
        Arm(name=f"arm {number}", settings={"seed": number}, recipe=recipe, items=items)
        for number, recipe in enumerate(recipes)
    )
    asked = replace(made, axes=(Axis("seed", tuple(range(len(arms)))),), arms=arms)
    lab = RunLab(paths)
    lab.keep(asked, [made_result(arm, item, "correct") for item in items for arm in arms])
    return lab


def model(**settings: Any) -> ModelSpec:
    """The model that the lab begins with, loaded in another way."""
    return replace(lab_model("one"), **settings)


async def test_every_part_of_a_recipe_comes_back(paths: Paths) -> None:
    recipe = Recipe(
        model=model(),
        system="Be brief.",
        sampling=Sampling(temperature=0.25, max_tokens=50),
        thinking=False,
        keep_thinking=True,
        schema='{"type": "object"}',
        overflow="drop_turns",
    )
    async with laboratory(paths, runs=kept(paths, recipe), size=(140, 45)) as lab:
        await open_run(lab)
        await lab.pilot.press("c")
        await lab.until(lambda: lab.app.screen is lab.screen)
        assert lab.bench.desk.recipe() == recipe
        await open_run(lab)
        await lab.pilot.press("3", "c")
        await lab.until(lambda: lab.app.screen is lab.screen)
        found = lab.bench.desk.recipe()
        assert found == replace(recipe, sampling=replace(recipe.sampling, seed=found.sampling.seed))


SHAPED = PromptTemplate(
    name="extract", language="en", title="Extract", user="From {{text}}, as JSON.", main="text",
    variables=(Variable(name="text"),), schema='{"type": "object"}',
)  # fmt: skip


async def test_a_template_brings_its_schema_only_where_the_recipe_has_it(paths: Paths) -> None:
    free = Recipe(model=model(), template=TemplateUse(SHAPED))
    shaped = replace(free, schema=SHAPED.schema)
    async with laboratory(paths, runs=kept(paths, free, shaped), size=(140, 45)) as lab:
        await open_run(lab)
        await lab.pilot.press("c")
        await lab.until(lambda: lab.app.screen is lab.screen)
        assert lab.bench.desk.recipe() == free
        assert lab.bench.desk.template is not None
        lab.bench.templates.use(lab.bench.desk.template.with_value("text", "a letter"))
        assert lab.bench.desk.recipe().schema is None, "filled in, it is the same template"
        lab.bench.templates.use(None)
        lab.bench.templates.use(TemplateUse(SHAPED))
        assert lab.bench.desk.recipe().schema == SHAPED.schema, "chosen anew, it is used as it is meant"
        await open_run(lab)
        await lab.pilot.press("c")
        await lab.until(lambda: lab.app.screen is lab.screen)
        assert lab.bench.desk.recipe().schema is None
        await open_run(lab)
        await lab.pilot.press("down", "c")
        await lab.until(lambda: lab.app.screen is lab.screen)
        assert lab.bench.desk.recipe() == shaped


@pytest.mark.parametrize("keys", [("down", "c"), ("3", "down", "c")], ids=["arm", "trial"])
@pytest.mark.parametrize(
    "settings",
    [
        {"n_ctx": 8192, "rope": Rope(scaling="yarn", factor=2.0)},
        {"cache_type_k": "q8_0", "cache_type_v": "q8_0"},
        {"chat_template": "raw"},
    ],
    ids=["stretched", "cache", "raw"],
)
async def test_the_model_is_loaded_as_the_recipe_loads_it(
    paths: Paths, settings: dict[str, Any], keys: tuple[str, ...]
) -> None:
    runs, other = kept(paths, Recipe(model=model()), Recipe(model=model(**settings))), model(**settings)
    async with laboratory(paths, runs=runs, size=(140, 45)) as lab:
        await open_run(lab)
        await lab.pilot.press(*keys)
        await lab.until(lambda: lab.services.host.loaded(other) is not None)
        assert lab.app.screen is lab.screen
        assert lab.bench.desk.recipe().model == other
        await open_run(lab)
        await lab.pilot.press("c")
        await lab.until(lambda: lab.services.host.loaded(model()) is not None)
        assert lab.bench.desk.recipe().model == model()


async def test_the_model_of_the_chat_comes_back_as_the_chat_loads_it(paths: Paths) -> None:
    """A run had loaded the very model with another window."""
    asked = experiment(2, ("one",))
    arms = tuple(replace(arm, recipe=replace(arm.recipe, model=model(n_ctx=512))) for arm in asked.arms)
    runs = RunLab(paths, experiments={"try.en": replace(asked, arms=arms)})
    async with laboratory(paths, runs=runs) as lab:
        await lab.command("/runs try.en")
        await lab.until(lambda: isinstance(lab.app.screen, RunScreen))
        await lab.until(lambda: "4 of 4 trials" in shown(lab, "#state") and "esc back" in shown(lab, "#keys"))
        assert lab.services.host.loaded(model(n_ctx=512)) is not None
        await lab.pilot.press("escape")
        await lab.until(lambda: isinstance(lab.app.screen, RunsScreen))
        await lab.pilot.press("escape")
        await lab.until(lambda: lab.services.host.loaded(model()) is not None)


async def test_examples_that_a_question_brings_come_with_its_trial_and_are_named_as_missing_without(
    paths: Paths,
) -> None:
    own = (Shot("2 + 2", "4"), Shot("3 + 3", "6"))
    item = Item(id="sum", question="What is 1 + 1?", gold=("2",), shots=own)
    recipe = Recipe(model=model(), shots=ShotUse(ShotSet(name=OWN_SHOTS, language="en", title=""), k=2))
    async with laboratory(paths, runs=kept(paths, recipe, item=item), size=(140, 45)) as lab:
        await open_run(lab)
        await lab.pilot.press("3", "c")
        await lab.until(lambda: lab.app.screen is lab.screen)
        use = lab.bench.desk.shots
        assert use is not None
        assert (use.set.rows, use.k) == (own, 2)
        assert not any("Not in this recipe" in toast for toast in lab.toasts)
        await open_run(lab)
        await lab.pilot.press("c")
        await lab.until(lambda: lab.app.screen is lab.screen)
        await lab.until(lambda: any("Not in this recipe: examples." in toast for toast in lab.toasts))
        assert lab.bench.desk.shots is None


async def test_a_document_that_a_question_brings_is_read_in_the_chat(paths: Paths) -> None:
    text = "The capital of Lomar is Zarth."
    item = Item(id="lomar", question="What is the capital of Lomar?", gold=("Zarth",), document=text)
    recipe = Recipe(model=model(), reading=ReadingUse(documents=(), way="whole"))
    async with laboratory(paths, runs=kept(paths, recipe, item=item), size=(140, 45)) as lab:
        await open_run(lab)
        await lab.pilot.press("c")
        await lab.until(lambda: lab.app.screen is lab.screen)
        await lab.until(lambda: any("Not in this recipe: document." in toast for toast in lab.toasts))
        assert lab.bench.desk.reading is None
        await open_run(lab)
        await lab.pilot.press("3", "c")
        await lab.until(lambda: lab.app.screen is lab.screen)
        held = lab.bench.documents.values
        await lab.until(lambda: [one.document.text for one in held.all if one.document] == [text])
        await lab.pilot.press("enter")
        await lab.until(lambda: len(lab.texts) == 2 and not lab.bench.desk.answering)
        origin = lab.bench.desk.path[-1].origin
        assert origin is not None
        assert origin.reading is not None
        assert [ref.digest for ref in origin.reading.documents] == [digest_of(text)]
        assert any(text in message.text for prompt in lab.engines[-1].prompts for message in prompt)


async def test_from_the_list_the_chat_goes_on_with_the_baseline(paths: Paths, runs: RunLab) -> None:
    async with laboratory(paths, runs=runs) as lab:
        await enter(lab)
        await lab.until(lambda: lab.app.screen.query_one(RowTable).count == 1)
        assert "c chat" in str(lab.app.screen.query_one(".keys", Static).render())
        await lab.pilot.press("c")
        await lab.until(lambda: lab.app.screen is lab.screen)
        assert lab.bench.desk.recipe().system == "Answer with a number."
        assert any("the baseline, shots.k=0, shots.labels=gold; the run has 7 arms" in toast for toast in lab.toasts)


async def test_c_is_not_offered_while_measuring_and_says_why(paths: Paths) -> None:
    script = Script(replies=(*[Reply((HELLO,))] * 3, Reply((Hold(), HELLO))))
    runs = RunLab(paths)
    async with laboratory(paths, script=script, runs=runs) as lab:
        await lab.command("/runs try.en")
        await lab.until(lambda: isinstance(lab.app.screen, RunScreen))
        await lab.until(lambda: runs.store.list() and runs.store.list()[0].done == 3)
        assert "c chat" not in shown(lab, "#keys")
        await lab.pilot.press("c")
        await lab.until(lambda: "pause it with p first" in shown(lab, ".note"))
        await lab.pilot.press("escape")
        await lab.until(lambda: "c chat with it" in shown(lab, "#keys"))
        await lab.pilot.press("c")
        await lab.until(lambda: lab.app.screen is lab.screen)
