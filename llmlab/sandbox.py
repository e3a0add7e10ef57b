"""Runs Jinja templates, which come from strangers, where they can neither reach Python nor fill the memory."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sized
from typing import Any, Final

from jinja2 import Template, TemplateError, nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.exceptions import SecurityError, TemplateRuntimeError
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing

MAX_SOURCE: Final = 1 << 20
"""Characters of a template."""
SPARE_OUTPUT: Final = 4 << 20
"""Characters that a template may write beyond eight times what it is given."""
MAX_EXPONENT: Final = 1024

FAILURES: Final = (
    *(TemplateError, ArithmeticError, AssertionError, AttributeError, LookupError, MemoryError),
    *(RecursionError, SyntaxError, TypeError, ValueError),
)
"""What compiling or running a wrong template raises."""


class BoundedTemplate:
    """A compiled template.

    Raises:
        FAILURES: the template is wrong.
    """

    def __init__(self, source: str) -> None:
        if len(source) > MAX_SOURCE:
            raise TemplateRuntimeError(f"longer than {MAX_SOURCE:,} characters")
        self._environment = _Environment()
        self._template: Template = self._environment.from_string(source)

    def render(self, given: int, values: Mapping[str, object]) -> str:
        """What the template writes.

        Args:
            given: characters of what the template is given, of which its room depends.
            values: what the template may name.

        Raises:
            FAILURES: it went wrong.
        """
        self._environment.limit = room = SPARE_OUTPUT + 8 * given
        written: list[str] = []
        for piece in self._template.generate(values):
            room -= len(piece)
            if room < 0:
                raise TemplateRuntimeError(f"writes more than {self._environment.limit:,} characters")
            written.append(piece)
        return "".join(written)


class _GenerationTag(Extension):
    """`{% generation %}` marks what an assistant wrote for training; here it means nothing."""

    tags = {"generation"}  # noqa: RUF012 - declared so by Jinja

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


class _BoundedCode(CodeGenerator):
    """Sends the `~` operator through the environment, as the sandbox does with the others."""

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:  # noqa: N802 - named by Jinja
        self.write("environment.joined((")
        for part in node.nodes:
            self.visit(part, frame)
            self.write(", ")
        self.write("))")


class _Environment(ImmutableSandboxedEnvironment):
    """Jinja's sandbox, with operators that could make one huge value bounded."""

    code_generator_class = _BoundedCode
    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self) -> None:
        super().__init__(trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols", _GenerationTag])
        self.limit = SPARE_OUTPUT
        self.filters["tojson"] = _to_json

    def joined(self, parts: tuple[object, ...]) -> str:
        """The `~` operator."""
        text = "".join([str(part) for part in parts])
        self._bounded(text)
        return text

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """An arithmetic operator, refused when its value would be out of all proportion."""
        if operator == "*":
            for value, times in ((left, right), (right, left)):
                if isinstance(value, Sized) and isinstance(times, int) and len(value) * times > self.limit:
                    raise SecurityError("a value grows without bound")
        if operator == "**" and abs(right) > MAX_EXPONENT:
            raise SecurityError("a number grows without bound")
        if operator == "%" and isinstance(left, str) and any(run > 6 for run in _digit_runs(left)):
            raise SecurityError("a value grows without bound")
        return self._bounded(super().call_binop(context, operator, left, right))

    def call(self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:
        """A call, refused when it asks for a width out of all proportion or returns a huge value."""
        if isinstance(getattr(__obj, "__self__", missing), str) and any(
            isinstance(width, int) and width > self.limit for width in args
        ):
            raise SecurityError("a value grows without bound")
        return self._bounded(super().call(__context, __obj, *args, **kwargs))

    def _bounded(self, value: Any) -> Any:
        if isinstance(value, str | list | tuple) and len(value) > self.limit:
            raise SecurityError("a value grows without bound")
        if isinstance(value, int) and value.bit_length() > MAX_EXPONENT * 8:
            raise SecurityError("a number grows without bound")
        return value


def _digit_runs(text: str) -> Iterable[int]:
    """Lengths of the runs of digits in a format text."""
    run = 0
    for character in text:
        run = run + 1 if character.isdigit() else 0
        yield run


def _to_json(value: object, ensure_ascii: bool = False, indent: int | None = None, **options: Any) -> str:
    """JSON as `transformers` writes it: not escaped for HTML."""
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, **options)
