"""Runs the sources of prompt templates over what a person filled in."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from llmlab.errors import UsageError
from llmlab.sandbox import FAILURES, BoundedTemplate
from llmlab.words import say


@lru_cache(maxsize=256)
def _compiled(source: str) -> BoundedTemplate:
    return BoundedTemplate(source)


def render_template(source: str, values: Mapping[str, object]) -> str:
    """What `source` writes for `values`.

    Raises:
        UsageError: the template is wrong, or goes wrong on these values; the message holds Jinja's reason.
    """
    try:
        return _compiled(source).render(sum(len(str(value)) for value in values.values()), values)
    except FAILURES as error:
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        line = getattr(error, "lineno", None)
        raise UsageError(
            say("The prompt template goes wrong: {reason}.", reason=reason.rstrip(".")),
            where=say("line {line} of the template", line=line) if line else "",
            hint=say("Mend the template, or take it off."),
        ) from error
