"""How a model is loaded beside its table: told as fields, and put back from them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab.domain.model import CACHE_TYPES, NAMED_TEMPLATES, ModelSpec, Rope
from llmlab.library.context_fields import CONTEXT, context_of, with_context

TABLE = ModelSpec(name="m", path="/m.gguf", n_ctx=2048, chat_template="/forms/mine.jinja")
ropes = st.builds(Rope, scaling=st.sampled_from(["linear", "yarn"]), factor=st.floats(1.0, 8.0))
changes = st.fixed_dictionaries(
    {},
    optional={
        "n_ctx": st.integers(64, 1 << 24), "rope": ropes, "cache_type_k": st.sampled_from(CACHE_TYPES),
        "cache_type_v": st.sampled_from(CACHE_TYPES), "deterministic": st.booleans(),
        "chat_template": st.sampled_from(["auto", *NAMED_TEMPLATES]),
    },
)  # fmt: skip


@given(changes)
def test_what_differs_from_a_table_is_put_back_upon_it(changed: dict[str, Any]) -> None:
    model = replace(TABLE, **changed)
    context = context_of(model, TABLE)
    assert with_context(TABLE, context) == model
    assert context.keys() <= CONTEXT.keys()
    assert all(CONTEXT[name](value) == value for name, value in context.items()), "a file of settings takes it"


def test_a_model_that_is_as_its_table_says_has_nothing_of_its_own() -> None:
    assert context_of(TABLE, TABLE) == {}
    assert with_context(TABLE, {}) is TABLE


@pytest.mark.parametrize(
    "model", [replace(TABLE, n_ctx=None), replace(TABLE, n_ctx=16), replace(TABLE, chat_template="/other.jinja")]
)
def test_what_no_field_can_say_is_left_out(model: ModelSpec) -> None:
    assert context_of(model, TABLE) == {}


def test_no_stretch_at_all_can_be_said() -> None:
    stretched = replace(TABLE, rope=Rope(scaling="yarn", factor=4.0))
    assert with_context(stretched, {"rope_scaling": "none"}).rope == Rope(scaling="none")
