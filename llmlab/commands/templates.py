"""The flags of prompt templates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import click

from llmlab.commands.kit import Session, option, working_folder
from llmlab.domain.template import PromptTemplate, TemplateUse
from llmlab.domain.terminal import encodable
from llmlab.errors import UsageError
from llmlab.words import current_language, say


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateFlags:
    """What stood on the command line, not yet checked."""

    template: str | None
    values: tuple[tuple[str, str], ...]

    @classmethod
    def take(cls, given: dict[str, Any]) -> TemplateFlags:
        """These flags, taken out of all that a command was given."""
        return cls(**{name: given.pop(name) for name in cls.__slots__})


def template_options() -> list[click.Parameter]:
    """The options, in the order of the help."""
    return [
        option(
            "-t",
            "--template",
            metavar="NAME",
            help=say("Prompt template by name, NAME.LANGUAGE or file; TEXT fills its main variable."),
        ),
        option(
            "-p",
            "--param",
            "values",
            nargs=2,
            type=str,
            multiple=True,
            metavar="NAME VALUE",
            help=say("A variable of the template; @FILE takes the text of a file; may be repeated."),
        ),
    ]


def template_of(session: Session, flags: TemplateFlags, base: TemplateUse | None = None) -> TemplateUse | None:
    """The template that the flags ask for, its variables filled; `None` where they say nothing.

    Args:
        session: the folders, and where files that were read are told.
        flags: what stood on the command line.
        base: what `-p` without `-t` fills.

    Raises:
        ConfigError: there is no such template, or its file holds something wrong.
        UsageError: it does not take these values.
    """
    if flags.template is None and not flags.values:
        return None
    from llmlab.library.prompts import filled_with

    template, known = _template(session, flags.template, base)
    use, notes = filled_with(template, [(encodable(name), encodable(value)) for name, value in flags.values])
    for note in notes:
        session.err.note(note)
    given = {name for name, _ in flags.values}
    others = {name: value for name, value in known.items() if name not in given}
    return replace(use, values=MappingProxyType({**others, **use.values}))


def _template(session: Session, name: str | None, base: TemplateUse | None) -> tuple[PromptTemplate, Mapping[str, str]]:
    """The template of a name, else that of `base` with the values that it has."""
    if name is None:
        if base is None:
            raise UsageError(say("-p fills a template, and none is named."), hint=say("Name one with -t NAME."))
        return base.template, base.values
    from llmlab import wiring

    shelf = wiring.open_templates(session.paths, working_folder(session.paths))
    template = shelf.find(name, current_language())
    if problem := shelf.problem_of(template.key):
        session.err.note(problem)
    return template, {}
