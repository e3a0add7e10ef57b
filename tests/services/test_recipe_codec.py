"""Recipes that outlive their prompt files."""

from __future__ import annotations

from types import MappingProxyType

import pytest
from hypothesis import HealthCheck, given, settings

from llmlab.domain.model import ModelSpec
from llmlab.domain.recipe import Recipe
from llmlab.domain.shots import Shot, ShotSet, ShotUse
from llmlab.domain.template import PromptTemplate, TemplateUse, Variable
from llmlab.errors import UsageError
from llmlab.services.recipe_codec import decode_recipe, encode_recipe, freeze
from tests.services.test_preview import recipes

MODEL = ModelSpec(name="m", path="/m.gguf", tensor_split=(0.5, 0.5))


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(recipe=recipes(MODEL))
def test_a_recipe_comes_back_as_it_was(recipe: Recipe) -> None:
    text = encode_recipe(recipe)
    assert decode_recipe(text) == recipe if text else True
    assert text, "these recipes hold text alone"


def test_only_the_examples_that_are_shown_are_kept() -> None:
    rows = tuple(Shot(f"q{number}", f"a{number}", on=number % 2 == 0) for number in range(10))
    use = ShotUse(ShotSet(name="s", language="en", title="S", rows=rows), k=3, choice="random", seed=5)
    recipe = Recipe(model=MODEL, shots=use)
    kept = freeze(recipe, "q")
    assert kept.shots is not None
    assert len(kept.shots.set.rows) == 3
    assert kept.shots.chosen("q") == use.chosen("q")
    assert freeze(Recipe(model=MODEL, shots=ShotUse(use.set, k=0)), "q").shots is None


def test_half_a_surrogate_pair_makes_no_recipe_and_no_fault() -> None:
    template = PromptTemplate(name="t", language="en", title="T", user="{{ a }}", variables=(Variable(name="a"),))
    recipe = Recipe(model=MODEL, template=TemplateUse(template, MappingProxyType({"a": "\ud800"})))
    assert encode_recipe(recipe) == ""


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"model": {"name": 3}}'])
def test_what_is_no_recipe_is_told(text: str) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        decode_recipe(text)
