"""What can be changed about a recipe, one thing at a time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from llmlab.domain.model import ModelSpec
from llmlab.domain.modes import ReasoningMode, ReasoningUse
from llmlab.domain.reading import DocumentRef, ReadingUse
from llmlab.domain.recipe import Recipe
from llmlab.domain.sampling import Sampling
from llmlab.domain.shots import Shot, ShotSet, ShotUse
from llmlab.domain.template import PromptTemplate, TemplateUse, Variable
from llmlab.tui.panes.recipe_words import changed_parts
from llmlab.tui.panes.variants import CHOICES, LABELS, ORDERS, STYLES, Shelves, factor, variants_of
from llmlab.words import read_catalogue

BASE = Recipe(model=ModelSpec(name="a", path="/a.gguf"))
STEPS = ReasoningMode(name="steps", language="en", title="Steps")
VOTES = ReasoningMode(name="votes", language="en", title="Votes", votes=9)
THINKS = ReasoningMode(name="thinks", language="en", title="Thinks", thinking=True)
TEXT = Variable(name="text")


def shots(name: str, rows: int, language: str = "en") -> ShotSet:
    made = tuple(Shot(str(row), "odd" if row % 2 else "even") for row in range(rows))
    return ShotSet(name=name, language=language, title=name.title(), rows=made)


def template(name: str, *variables: Variable, schema: str = "", language: str = "en") -> PromptTemplate:
    return PromptTemplate(
        name=name, language=language, title=name.title(), user="{{ text }}", variables=variables, main="text",
        schema=schema,
    )  # fmt: skip


SHELVES = Shelves(
    models=(BASE.model, ModelSpec(name="b", path="/b.gguf")),
    modes=(STEPS, VOTES, replace(STEPS, language="zh", title="步骤")),
    sets=(shots("pairs", 9), shots("few", 2), shots("fremd", 9, "zh")),
    templates=(
        template("plain", TEXT),
        template("needy", TEXT, Variable(name="other")),
        template("shaped", TEXT, schema='{"type": "object"}'),
        template("fremd", TEXT, language="zh"),
    ),
)


def offered(recipe: Recipe, group: str, shelves: Shelves = SHELVES) -> dict[str, Recipe]:
    """The variants under one heading, by title."""
    return {one.title: one.recipe for one in variants_of(recipe, shelves, "en") if one.group == group}


@pytest.mark.parametrize(
    "recipe",
    [
        BASE,
        replace(BASE, reasoning=ReasoningUse(VOTES), shots=ShotUse(shots("pairs", 9), 4), sampling=Sampling(seed=1)),
        replace(BASE, template=TemplateUse(template("plain", TEXT)), system="Be brief.", thinking=False),
    ],
)
def test_every_variant_differs_in_one_part_and_has_a_title_of_its_own(recipe: Recipe) -> None:
    found = variants_of(recipe, SHELVES, "en")
    assert len({one.title for one in found}) == len(found)
    for one in found:
        assert one.recipe != recipe
        assert factor(one.recipe, recipe) not in ("as it is", "other settings"), one.title
        parts = changed_parts(one.recipe, recipe) - {"shape"}
        assert len(parts) == (0 if one.group == "Model" else 1), one.title


def test_reasoning_offers_modes_and_votes() -> None:
    assert list(offered(BASE, "Reasoning")) == ["reasoning: Steps", "reasoning: Votes", "reasoning: Votes, 5 votes"]
    steps = replace(BASE, reasoning=ReasoningUse(STEPS))
    found = offered(steps, "Reasoning")
    assert list(found) == [
        "reasoning: none",
        "reasoning: Steps, 5 votes",
        "reasoning: Steps, 9 votes",
        "reasoning: Votes",
        "reasoning: Votes, 5 votes",
    ]
    assert found["reasoning: Steps, 9 votes"].reasoning == ReasoningUse(STEPS, votes=9)
    assert "reasoning: Votes, one answer" in offered(replace(BASE, reasoning=ReasoningUse(VOTES)), "Reasoning")


def test_without_examples_every_set_is_offered_at_two_counts() -> None:
    found = offered(BASE, "Examples")
    assert list(found) == ["examples: Pairs, 1", "examples: Pairs, 4", "examples: Few, 1", "examples: Few, 2"]
    assert found["examples: Few, 2"].shots == ShotUse(shots("few", 2), 2)


def test_of_the_examples_in_use_everything_can_be_other() -> None:
    use = ShotUse(shots("pairs", 9), 4, labels="flipped", ranked=(1, 2), ranked_by="embedder")
    found = offered(replace(BASE, shots=use), "Examples")
    assert list(found) == [
        *(f"examples: {k}" for k in (0, 1, 2, 8)),
        "examples: drawn",
        "examples: the nearest",
        "examples: order reversed",
        "examples: order shuffled",
        "examples: labels as they are",
        "examples: labels shuffled",
        "examples: labels at random",
        "examples: inline",
        "examples: Few, 2",
    ]
    assert found["examples: order reversed"].shots == replace(use, order="reversed")
    # What was near in one set is not near in another.
    assert found["examples: Few, 2"].shots == ShotUse(shots("few", 2), 2, labels="flipped")


def test_a_template_is_offered_where_a_question_fills_it() -> None:
    assert list(offered(BASE, "Template")) == ["template: Plain", "template: Shaped"]
    filled = TemplateUse(template("needy", TEXT, Variable(name="other")), {"other": "tea"})
    found = offered(replace(BASE, template=filled), "Template")
    assert list(found) == ["no template", "template: Plain", "template: Shaped"]
    needy = Shelves(templates=(template("more", TEXT, Variable(name="other")),))
    taken = offered(replace(BASE, template=filled), "Template", needy)["template: More"].template
    assert taken is not None
    assert dict(taken.values) == {"other": "tea"}


def test_a_schema_comes_and_goes_with_its_template() -> None:
    shape = '{"type": "object"}'
    assert offered(BASE, "Template")["template: Shaped"].schema == shape
    shaped = replace(BASE, template=TemplateUse(template("shaped", TEXT, schema=shape)), schema=shape)
    found = offered(shaped, "Template")
    assert (found["no template"].schema, found["template: Plain"].schema) == (None, None)
    own = replace(BASE, schema='{"type": "array"}')
    assert offered(own, "Template")["template: Shaped"].schema == own.schema


def test_sampling_offers_temperatures_and_presets_and_keeps_the_seed() -> None:
    found = offered(replace(BASE, sampling=Sampling(seed=7, top_k=3)), "Sampling")
    assert found["temperature 0.4"].sampling == Sampling(seed=7, top_k=3, temperature=0.4)
    assert found["preset: model"].sampling == Sampling(seed=7)
    assert found["preset: creative"].sampling.seed == 7


def test_documents_are_read_another_way_where_there_are_any() -> None:
    assert offered(BASE, "Documents") == {}
    reading = ReadingUse(documents=(DocumentRef(name="n", path="/n", digest="0", characters=9),), way="passages")
    found = offered(replace(BASE, reading=reading), "Documents")
    assert list(found) == ["read: auto", "read: whole", "read: stretched", "read: digest", "no documents"]
    assert found["read: whole"].reading == replace(reading, way="whole")
    assert found["no documents"].reading is None


def test_thinking_is_offered_where_no_mode_decides_it() -> None:
    assert list(offered(BASE, "Thinking")) == ["thinking on", "thinking off"]
    assert list(offered(replace(BASE, thinking=False), "Thinking")) == ["thinking on"]
    assert offered(replace(BASE, reasoning=ReasoningUse(THINKS)), "Thinking") == {}


def test_other_models_and_no_system_prompt() -> None:
    assert list(offered(BASE, "Model")) == ["model: b"]
    assert offered(BASE, "System") == {}
    assert offered(replace(BASE, system="Be brief."), "System")["no system prompt"].system == ""


def test_titles_in_tables_have_their_chinese() -> None:
    titles = {*STYLES.values(), *CHOICES.values(), *ORDERS.values(), *LABELS.values()}
    assert titles <= read_catalogue("zh").keys()
