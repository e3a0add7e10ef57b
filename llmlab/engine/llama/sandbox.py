"""Chat templates in the sandbox, given what `transformers` gives them.

That is `raise_exception`, `strftime_now`, `tojson`, loop controls and the `generation` tag.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NoReturn

from jinja2.exceptions import TemplateRuntimeError

from llmlab.sandbox import FAILURES, BoundedTemplate

__all__ = ["FAILURES", "ChatTemplate", "TemplateRefusal"]


class TemplateRefusal(TemplateRuntimeError):
    """The template itself said, by `raise_exception`, that it does not take these messages."""


class ChatTemplate:
    """A compiled chat template.

    Raises:
        FAILURES: the template is wrong.
    """

    def __init__(self, source: str) -> None:
        self._template = BoundedTemplate(source)

    def render(self, messages: Iterable[Mapping[str, str]], now: datetime, /, **values: object) -> str:
        """What the template writes for `messages`, asking for an answer.

        Raises:
            TemplateRefusal: the template does not take these messages.
            FAILURES: it went wrong.
        """
        given = [dict(message) for message in messages]
        size = sum(len(text) for message in given for text in message.values())
        known: dict[str, object] = {
            "messages": given,
            "add_generation_prompt": True,
            "raise_exception": _refuse,
            "strftime_now": now.strftime,
            # As llama.cpp gives them to templates that would otherwise write the day they were made on.
            "date_string": now.strftime("%d %b %Y"),
            "datetime": now.strftime("%b %d %Y"),
            **values,
        }
        try:
            return self._template.render(size, {"tools": None, "documents": None, **known})
        except TemplateRefusal:
            raise
        except FAILURES:
            # Templates made for tools go through those that were given without looking whether any were.
            return self._template.render(size, known)


def _refuse(message: object) -> NoReturn:
    raise TemplateRefusal(str(message))
