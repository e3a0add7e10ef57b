"""Templates from strangers: neither Python, nor the memory, nor the time of the lab is theirs."""

from __future__ import annotations

import pytest

from llmlab.domain.template import TemplateFault
from llmlab.library.rendering import names_of_source, render_template
from llmlab.sandbox import FAILURES, BoundedTemplate, line_of

DOUBLING = (
    "{% set ns = namespace(x=[1], y=[1]) %}"
    "{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% set ns.y = [ns.y, ns.y] %}{% endfor %}"
)
"""A list that is small in memory and endless when it is written out."""

ENDLESS = {
    "nested loops": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "loops whose filter lets nothing through": (
        "{% for a in range(9999) %}{% for b in range(99999) if false %}{% endfor %}{% endfor %}"
    ),
    "a macro that calls itself twice": (
        "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}"
    ),
    "a macro that calls itself": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "a recursive loop": "{% for a in range(3) recursive %}{{ loop(range(3)) }}{% endfor %}",
    "a list in itself, written": DOUBLING + "{{ ns.x }}",
    "a list in itself, as JSON": DOUBLING + "{{ ns.x | tojson }}",
    "a list in itself, joined": DOUBLING + "{{ ns.x ~ '' }}",
    "a list in itself, measured": DOUBLING + "{{ ns.x | string | length }}",
    "a list in itself, inside": DOUBLING + "{{ ns }}",
    "a list in itself, compared": DOUBLING + "{{ ns.x == ns.y }}",
    "a search in a long list": (
        "{% set l = range(99999) | list %}{% for a in range(99999) %}{{ 0 < -1 in l }}{% endfor %}"
    ),
    "copies of a long list": (
        "{% set l = range(99999) | list %}{% for a in range(99999) %}{% set x = l[:] %}{% endfor %}"
    ),
    "lists made in a loop": "{% for a in range(99999) %}{{ range(99999) | map('upper') | list | length }}{% endfor %}",
    "a long text in a loop": (
        "{% set x = 'a' * 4000000 %}{% for i in range(99999) %}{{ x | upper | length }}{% endfor %}"
    ),
    "a text that doubles": (
        "{% set ns = namespace(s='a') %}{% for i in range(99999) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}"
    ),
}
HUGE = {
    "a constant filter": "{{ 'x' | center(10000000000) }}",
    "a format": "{{ '%10000000000d' | format(1) }}",
    "a format with a given width": "{{ '%*d' | format(10000000000, 1) }}",
    "a format operator with a given width": "{{ '%*d' % (10000000000, 1) }}",
    "a method": "{{ 'x'.ljust(width=10000000000) }}",
    "a product": "{{ 'x' * 10000000000 }}",
    "a replacement": "{{ ('a' * 100000) | replace('a', 'b' * 100000) | length }}",
    "a replacement by a method": "{{ ('a' * 100000).replace('a', 'b' * 100000) | length }}",
    "a format of one value in many places": "{{ ('{0}' * 100000).format('a' * 100000) | length }}",
    "the same with a percent sign": "{{ ('%(a)s' * 100000) % {'a': 'a' * 100000} }}",
    "a long text between": "{{ range(99999) | join('a' * 100000) | length }}",
    "a long text between what is made on the way": "{{ range(99999) | map('abs') | join('a' * 100000) | length }}",
    "a long text between, by a method": "{{ ('a' * 100000).join(range(99999) | map('string') | list) | length }}",
    "a wide margin": "{{ ('a\n' * 100000) | indent(100000) | length }}",
    "a power": "{{ 9 ** 99999 }}",
}


@pytest.mark.parametrize("source", [*ENDLESS.values(), *HUGE.values()], ids=[*ENDLESS, *HUGE])
def test_what_would_never_end_or_fill_the_memory_ends_with_one_message(source: str) -> None:
    with pytest.raises(TemplateFault, match=r"steps|without bound|recursion"):
        render_template(source, {})


@pytest.mark.parametrize("source", ENDLESS.values(), ids=ENDLESS)
def test_chat_templates_are_bounded_by_the_same_means(source: str) -> None:
    with pytest.raises(FAILURES):
        BoundedTemplate(source, steps=50_000).render(0, {})


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("{{ ''.__class__.__mro__ }}", "__class__"),
        ("{{ ().__class__.__base__.__subclasses__() }}", "__class__"),
        ("{{ text | attr('__class__') }}", "__class__"),
        ("{{ 'a'.format.__globals__ }}", "__globals__"),
        ("{{ 'a'.translate({97: 'b'}) }}", "translate"),
        ("{{ cycler.__init__.__globals__ }}", "__init__"),
        ("\n{% set x = text.__class__ %}\n{{ x }}", "__class__"),
    ],
)
def test_an_attempt_to_reach_python_is_named(source: str, name: str) -> None:
    with pytest.raises(TemplateFault) as caught:
        render_template(source, {"text": "t"})
    assert caught.value.what == (
        f"The prompt template goes wrong: {name} belongs to Python itself, which no template may reach."
    )


@pytest.mark.parametrize(
    ("source", "line"),
    [("one\n{% if %}", 2), ("one\ntwo\n{{ 1 / 0 }}", 3), ("{{ x | nothing }}", 1), ("\n\n{{ ''.__class__.a }}", 3)],
)
def test_faults_name_the_line(source: str, line: int) -> None:
    with pytest.raises(TemplateFault) as caught:
        render_template(source, {})
    assert caught.value.line == line
    assert line_of(ValueError("elsewhere")) is None


def test_ordinary_templates_are_left_alone() -> None:
    source = (
        "{% for row in rows if row.on %}{{ loop.index }}/{{ loop.length }} {{ row.text | trim | upper }}"
        "{% if 'b' in row.text and row.text[1:] == 'b' %}!{% endif %}{% if not loop.last %}, {% endif %}{% endfor %}"
        "{% macro twice(x) %}{{ x }}{{ x }}{% endmacro %}{{ twice('z') }}{{ '%05.1f' | format(2) }}"
    )
    rows = [{"on": True, "text": " ab"}, {"on": False, "text": "no"}, {"on": True, "text": "ab"}]
    assert render_template(source, {"rows": rows}) == "1/2 AB, 2/2 AB!zz002.0"


def test_a_whole_novel_goes_through() -> None:
    novel = "It was a dark and stormy night.\n" * 100_000
    source = "{% if text | length > 10 %}{{ text | trim | replace('dark', 'bright') }}{% endif %}"
    assert "bright" in render_template(source, {"text": novel})


def test_names_are_told_with_their_lines() -> None:
    source = "{{ a }}\n{% set b = c %}{% for d in e %}{{ d }}{{ loop.index }}{{ range(2) }}{{ a }}{% endfor %}{{ b }}"
    assert names_of_source(source) == {"a": 1, "c": 2, "e": 2}
    with pytest.raises(TemplateFault, match="no filter named 'nothing'"):
        names_of_source("{% if x %}{{ x | nothing }}{% endif %}")
