"""Runs the sources of prompt templates over what a person filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from llmlab.domain.template import TemplateFault
from llmlab.sandbox import FAILURES, BoundedTemplate, line_of, names_in
from llmlab.words import say

STEPS: Final = 200_000
"""Steps of one rendering, beyond what its values take: a screen waits for it after each key."""

_UNSAFE: Final = re.compile(r"access to attribute '(.+)' of '.+' object is unsafe")
"""What Jinja says of an attempt to reach Python's internals."""


@lru_cache(maxsize=256)
def _compiled(source: str) -> BoundedTemplate:
    return BoundedTemplate(source, steps=STEPS)


def render_template(source: str, values: Mapping[str, object]) -> str:
    """What `source` writes for `values`.

    Raises:
        TemplateFault: the template is wrong, or goes wrong on these values; the message holds the reason.
    """
    try:
        return _compiled(source).render(sum(len(str(value)) for value in values.values()), values)
    except FAILURES as error:
        raise _fault(error) from error


def names_of_source(source: str) -> Mapping[str, int]:
    """The variables that `source` uses, each with the line of its first use.

    Raises:
        TemplateFault: it is no template.
    """
    try:
        return names_in(source)
    except FAILURES as error:
        raise _fault(error) from error


def _fault(error: BaseException) -> TemplateFault:
    reason = " ".join(str(error).split())[:300] or type(error).__name__
    if unsafe := _UNSAFE.search(reason):
        reason = say("{name} belongs to Python itself, which no template may reach", name=unsafe.group(1))
    return TemplateFault(reason.rstrip("."), line_of(error))
