"""A prompt template: texts with named holes, what fills them, and what is still missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from types import MappingProxyType
from typing import Final, Literal

from llmlab.errors import UsageError
from llmlab.words import say

VariableKind = Literal["text", "choice", "number", "file"]
"""What a variable takes: free text, one of its choices, a number, or the text of a file."""

Render = Callable[[str, Mapping[str, object]], str]
"""Runs a template's source over values; a template that goes wrong raises an `LlmlabError`."""


class TemplateFault(UsageError):
    """A template's source goes wrong.

    Args:
        reason: what happened, without the full stop.
        line: line of the source, from 1; `None` when it cannot be told.
        where: the file and its line, once they are known.
    """

    def __init__(self, reason: str, line: int | None = None, where: str = "") -> None:
        self.reason, self.line = reason, line
        if not where and line:
            where = say("line {line} of the template", line=line)
        super().__init__(
            say("The prompt template goes wrong: {reason}.", reason=reason),
            where=where,
            hint=say("Mend the template, or take it off."),
        )

    def in_file(self, source: str, first_line: int) -> TemplateFault:
        """The same fault of a template whose source begins on `first_line` of the file `source`."""
        place = f"{source}:{first_line + (self.line or 1) - 1}" if source else self.where
        return TemplateFault(self.reason, self.line, place)


FIRST_MARK: Final = 0xF0000
"""Private characters from here on stand around values while a template is taken apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A named hole of a template."""

    name: str
    kind: VariableKind = "text"
    title: str = ""
    """What it is called in a form; empty is its name."""
    help: str = ""
    default: str = ""
    """Used where nothing is given; empty means that the variable must be given."""
    optional: bool = False
    """May stay empty."""
    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptTemplate:
    """One file of prompts/templates, validated."""

    name: str
    language: str
    """`en` or `zh`; a name may exist in both."""
    title: str
    description: str = ""
    tags: tuple[str, ...] = ()
    system: str = ""
    """Jinja source of the system prompt; empty leaves the chat's or the model's own."""
    user: str
    """Jinja source of the question."""
    variables: tuple[Variable, ...] = ()
    main: str = ""
    """The variable that what is typed in the composer fills."""
    schema: str = ""
    """JSON schema, as text, that answers follow; empty when they are free."""
    shots: str = ""
    """Name of the example set that goes well with it."""
    reasoning: str = ""
    """Name of the reasoning mode that goes well with it."""
    source: str = ""
    """The file it was read from; empty for one made in memory."""
    system_line: int = 1
    """Line of the file on which the system prompt begins."""
    user_line: int = 1
    """Line of the file on which the question begins."""

    @property
    def key(self) -> str:
        """Name and language, as files are called: `summarise.en`."""
        return f"{self.name}.{self.language}"

    def variable(self, name: str) -> Variable | None:
        """The variable of this name."""
        return next((item for item in self.variables if item.name == name), None)


@dataclass(frozen=True, slots=True)
class TemplateUse:
    """A template and what its variables are filled with, the main one left to the composer."""

    template: PromptTemplate
    values: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """By variable; for a file its text."""

    def with_value(self, name: str, value: str) -> TemplateUse:
        """With one variable filled; an empty value takes it back."""
        rest = {key: text for key, text in self.values.items() if key != name}
        return replace(self, values=MappingProxyType(rest | ({name: value} if value else {})))

    def filled(self, question: str) -> dict[str, str]:
        """The value of every variable, defaults and `question` among them; empty where there is none."""
        given = {item.name: self.values.get(item.name) or item.default for item in self.template.variables}
        if self.template.main and question:
            given[self.template.main] = question
        return given

    def missing(self, question: str) -> tuple[Variable, ...]:
        """The variables that must be filled before this can be sent."""
        given = self.filled(question)
        return tuple(item for item in self.template.variables if not item.optional and not given[item.name].strip())

    def system(self, question: str, render: Render) -> tuple[Stretch, ...]:
        """The system prompt it writes, taken apart.

        Raises:
            TemplateFault: it goes wrong.
        """
        return self._written(self.template.system, self.template.system_line, question, render)

    def user(self, question: str, render: Render) -> tuple[Stretch, ...]:
        """The question it writes, taken apart.

        Raises:
            TemplateFault: it goes wrong.
        """
        return self._written(self.template.user, self.template.user_line, question, render)

    def _written(self, text: str, line: int, question: str, render: Render) -> tuple[Stretch, ...]:
        try:
            return stretches(text, self.filled(question), render)
        except TemplateFault as fault:
            raise fault.in_file(self.template.source, line) from fault


@dataclass(frozen=True, slots=True)
class Stretch:
    """Part of what a template wrote."""

    text: str
    variable: str = ""
    """The variable whose value this is; empty for the template's own words."""


def stretches(source: str, values: Mapping[str, str], render: Render) -> tuple[Stretch, ...]:
    """What `source` writes for `values`, taken apart into its own words and the values.

    Where the template changes or inspects a value so that its place cannot be told, that counts as its own words.

    Raises:
        LlmlabError: as `render` does.
    """
    plain = render(source, values)
    marks = _marks(source, values)
    found = _marked(source, values, marks, render, plain)
    if found is None and len(marks) > 1:
        # One value that a template inspects must not hide where the others are.
        kept = {
            name: pair
            for name, pair in marks.items()
            if _marked(source, values, {name: pair}, render, plain) is not None
        }
        found = _marked(source, values, kept, render, plain)
    if found is None:
        return (Stretch(plain),) if plain else ()
    return found


Marks = Mapping[str, tuple[str, str]]
"""By variable: the characters that stand before and behind its value."""


def _marks(source: str, values: Mapping[str, str]) -> Marks:
    taken = set("".join(values.values())) | set(source)
    free = (chr(code) for code in count(FIRST_MARK) if chr(code) not in taken)
    return {name: (next(free), next(free)) for name, value in values.items() if value.strip()}


def _marked(
    source: str, values: Mapping[str, str], marks: Marks, render: Render, plain: str
) -> tuple[Stretch, ...] | None:
    """`plain` taken apart by rendering it with marks; `None` when the marks change what is written."""
    # Marks stand inside outer whitespace, so that a template that trims does not lose them.
    try:
        text = render(source, {name: _within(value, *marks.get(name, ("", ""))) for name, value in values.items()})
    except TemplateFault:
        return None  # what was well without marks is not the template's fault
    opening = {first: name for name, (first, _) in marks.items()}
    closing = {last: name for name, (_, last) in marks.items()}
    found: list[Stretch] = []
    inside, start = "", 0
    for at, character in enumerate(text):
        if character not in opening and character not in closing:
            continue
        if at > start:
            found.append(Stretch(text[start:at], inside))
        start = at + 1
        if not inside and character in opening:
            inside = opening[character]
        elif inside and closing.get(character) == inside:
            inside = ""
        else:
            return None  # a value was cut, or its ends stand apart
    if inside:
        return None
    if len(text) > start:
        found.append(Stretch(text[start:]))
    return tuple(found) if "".join(part.text for part in found) == plain else None


def _within(value: str, first: str, last: str) -> str:
    core = value.strip()
    if not core:
        return value
    lead = len(value) - len(value.lstrip())
    return f"{value[:lead]}{first}{core}{last}{value[lead + len(core) :]}"
