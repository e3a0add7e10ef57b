"""Taking apart what a template wrote: whatever it says, the parts are what was written, in order."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from llmlab.domain.template import FIRST_MARK, Stretch, stretches
from llmlab.library.rendering import render_template

NAMES = ("a", "b")
WORDS = st.lists(
    st.sampled_from(["x", "Y", " ", "\n", "字", "e\u0301", "{", "}", "<|im_end|>", chr(FIRST_MARK)]), max_size=8
).map("".join)
HOLES = st.sampled_from(
    [
        "{{ a }}",
        "{{ b }}",
        "{{ a | upper }}",
        "{{ a | trim }}",
        "{{ a | length }}",
        "{{ b[:2] }}",
        "{% if a %}yes{% endif %}",
        "{% if a == b %}same{% endif %}",
        "{% for c in b %}{{ c }}.{% endfor %}",
        "{{ a }}{{ b }}",
    ]
)
OWN = st.text(st.sampled_from(["p", " ", "\n", "问"]), max_size=4)
SOURCES = st.lists(st.one_of(OWN, HOLES), max_size=5).map("".join)
VALUES = st.fixed_dictionaries(dict.fromkeys(NAMES, WORDS))


@given(SOURCES, VALUES)
def test_the_parts_are_the_whole_and_what_a_variable_owns_is_its_value_but_for_case(
    source: str, values: Mapping[str, str]
) -> None:
    parts = stretches(source, values, render_template)
    assert "".join(part.text for part in parts) == render_template(source, values)
    assert all(part.text for part in parts)
    for part in parts:
        assert not part.variable or part.text.lower() in values[part.variable].lower()


@given(VALUES, OWN)
def test_values_that_are_only_put_in_are_all_told_apart(values: Mapping[str, str], own: str) -> None:
    parts = stretches(f"1{own}2{{{{ a }}}}3{{{{ b }}}}4", values, render_template)
    expected = {name: value.strip() for name, value in values.items() if value.strip()}
    assert {part.variable: part.text for part in parts if part.variable} == expected


def test_a_value_that_is_only_looked_at_is_the_templates_own_word() -> None:
    assert stretches("{{ a | length }}", {"a": "xyz"}, render_template) == (Stretch("3"),)
