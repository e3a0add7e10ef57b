"""Runs Jinja templates, which come from strangers, where they can neither reach Python, fill the memory, nor run on."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Generator, ItemsView, Iterator, KeysView, Mapping, Set, Sized, ValuesView
from typing import Any, Final, cast

from jinja2 import Template, TemplateError, meta, nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.exceptions import SecurityError, TemplateAssertionError, TemplateRuntimeError
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.runtime import Context, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace, missing

MAX_SOURCE: Final = 1 << 20
"""Characters of a template."""
SPARE_OUTPUT: Final = 4 << 20
"""Characters that a template may write beyond eight times what it is given."""
MAX_EXPONENT: Final = 1024
STEPS: Final = 2_000_000
"""Turns of loops, calls and values looked at that one rendering may take, beyond one for each character it is given."""
CHARACTERS_A_STEP: Final = 64
"""Characters of a text that are looked at in one step."""
CALL_STEPS: Final = 16
"""A call takes as long as so many turns of a loop."""
NAME: Final = "<template>"
"""What Jinja calls the file of a template that has none."""

FAILURES: Final = (
    *(TemplateError, ArithmeticError, AssertionError, AttributeError, LookupError, MemoryError),
    *(RecursionError, SyntaxError, TypeError, ValueError),
)
"""What compiling or running a wrong template raises."""

_STAR_WIDTH: Final = re.compile(r"%[^a-zA-Z%]*\*")
"""A format whose width is an argument."""


class BoundedTemplate:
    """A compiled template.

    Args:
        source: the template.
        steps: how long it may run, see `STEPS`.

    Raises:
        FAILURES: the template is wrong.
    """

    def __init__(self, source: str, *, steps: int = STEPS) -> None:
        _require_source(source)
        self._steps = steps
        self._environment = _Environment()
        self._template: Template = self._environment.from_string(source)

    def render(self, given: int, values: Mapping[str, object]) -> str:
        """What the template writes.

        Args:
            given: characters of what the template is given, of which its room and its time depend.
            values: what the template may name.

        Raises:
            FAILURES: it went wrong.
        """
        self._environment.limit = room = SPARE_OUTPUT + 8 * given
        self._environment.left = self._steps + given
        written: list[str] = []
        for piece in self._template.generate(values):
            room -= len(piece)
            if room < 0:
                raise TemplateRuntimeError(f"writes more than {self._environment.limit:,} characters")
            written.append(piece)
        return "".join(written)


def names_in(source: str) -> dict[str, int]:
    """The variables that a template uses without setting them, each with the line of its first use.

    Raises:
        FAILURES: it is no template.
    """
    _require_source(source)
    environment = _Environment()
    tree = environment.parse(source)
    for node in tree.find_all((nodes.Filter, nodes.Test)):
        kind, known = ("filter", environment.filters) if isinstance(node, nodes.Filter) else ("test", environment.tests)
        if node.name not in known:
            raise TemplateAssertionError(f"no {kind} named {node.name!r}", node.lineno)
    free = meta.find_undeclared_variables(tree) - environment.globals.keys()
    lines: dict[str, int] = {}
    for name in tree.find_all(nodes.Name):
        if name.name in free:
            lines.setdefault(name.name, name.lineno)
    return lines


def line_of(error: BaseException) -> int | None:
    """The line of the template on which compiling or running it failed; `None` when it cannot be told."""
    line: int | None = getattr(error, "lineno", None)
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == NAME:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _require_source(source: str) -> None:
    if len(source) > MAX_SOURCE:
        raise TemplateRuntimeError(f"longer than {MAX_SOURCE:,} characters")


class _GenerationTag(Extension):
    """`{% generation %}` marks what an assistant wrote for training; here it means nothing."""

    tags = {"generation"}  # noqa: RUF012 - declared so by Jinja

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


class _BoundedCode(CodeGenerator):
    """Sends through the environment what the sandbox does not: loops, `~`, comparisons and slices."""

    def visit_For(self, node: nodes.For, frame: Frame) -> None:  # noqa: N802 - named by Jinja
        step = nodes.EnvironmentAttribute("step", lineno=node.lineno)
        node.body.insert(0, nodes.ExprStmt(step, lineno=node.lineno))
        if node.test is not None:
            node.test = nodes.And(step, node.test, lineno=node.lineno)
        super().visit_For(node, frame)

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:  # noqa: N802 - named by Jinja
        self.write("environment.joined((")
        for part in node.nodes:
            self.visit(part, frame)
            self.write(", ")
        self.write("))")

    def visit_Compare(self, node: nodes.Compare, frame: Frame) -> None:  # noqa: N802 - named by Jinja
        self.write("(")
        self._weighed(node.expr, frame)
        for operand in node.ops:
            self.visit(operand, frame)
        self.write(")")

    def visit_Operand(self, node: nodes.Operand, frame: Frame) -> None:  # noqa: N802 - named by Jinja
        self.write(f" {_OPERATORS[node.op]} ")
        self._weighed(node.expr, frame)

    def visit_Getitem(self, node: nodes.Getitem, frame: Frame) -> None:  # noqa: N802 - named by Jinja
        if not isinstance(node.arg, nodes.Slice):
            super().visit_Getitem(node, frame)
            return
        self._weighed(node.node, frame)
        self.write("[")
        self.visit(node.arg, frame)
        self.write("]")

    def _weighed(self, node: nodes.Expr, frame: Frame) -> None:
        if isinstance(node, nodes.Const):
            self.visit(node, frame)
            return
        self.write("environment.weighed(")
        self.visit(node, frame)
        self.write(")")


_OPERATORS: Final = {
    "eq": "==",
    "ne": "!=",
    "gt": ">",
    "gteq": ">=",
    "lt": "<",
    "lteq": "<=",
    "in": "in",
    "notin": "not in",
}


class _Environment(ImmutableSandboxedEnvironment):
    """Jinja's sandbox, with operators that could make one huge value bounded, and every kind of work counted."""

    code_generator_class = _BoundedCode
    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self) -> None:
        super().__init__(
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.loopcontrols", _GenerationTag],
            finalize=self.weighed,
        )
        self.limit = SPARE_OUTPUT
        self.left = STEPS
        self.filters["tojson"] = _to_json
        del self.globals["lipsum"]  # filler text in any amount, which no prompt needs
        for name in _SLOW_FILTERS:
            del self.filters[name]
        for functions in cast(tuple[dict[str, Callable[..., Any]], ...], (self.filters, self.tests)):
            for name, function in functions.items():
                functions[name] = self._counted(function)

    @property
    def step(self) -> bool:
        """Always true; each look at it is a step."""
        self._spend(1)
        return True

    def weighed(self, value: Any) -> Any:
        """`value`, its whole size spent in steps: it is about to be written out, compared or copied."""
        if isinstance(value, Undefined):
            if value._undefined_exception is SecurityError:
                value._fail_with_undefined_error()
        elif isinstance(value, str):
            self._spend(1 + len(value) // CHARACTERS_A_STEP)
        elif isinstance(value, _CONTAINERS):
            self._spend(_weight(value, self.left))
        return value

    def _spend(self, steps: int) -> None:
        self.left -= steps
        if self.left < 0:
            raise SecurityError("it takes too many steps: an endless loop, or far too long a one")

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Whether a template may have an attribute."""
        return attr not in _UNBOUNDED_METHODS and super().is_safe_attribute(obj, attr, value)

    def joined(self, parts: tuple[object, ...]) -> str:
        """The `~` operator."""
        text = "".join([str(self.weighed(part)) for part in parts])
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
        if operator == "%" and isinstance(left, str):
            self._bounded_growth("format", left, right)
        made = self._bounded(super().call_binop(context, operator, left, right))
        self._spend(1 + (len(made) // CHARACTERS_A_STEP if isinstance(made, Sized) else 0))
        return made

    def call(self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:
        """A call, refused when it asks for a width out of all proportion or returns a huge value."""
        # The sandbox puts a function of its own around `str.format`.
        owner = getattr(getattr(__obj, "__wrapped__", __obj), "__self__", missing)
        for value in (owner, *args, *kwargs.values()):
            self.weighed(value)
        if isinstance(owner, str):
            self._bounded_widths(*args, *kwargs.values())
            self._bounded_growth(__obj.__name__, owner, *args, *kwargs.values())
        self._spend(CALL_STEPS)
        return self._bounded(super().call(__context, __obj, *args, **kwargs))

    def _counted(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """A filter or test whose work is counted and whose value is bounded."""
        name = function.__name__
        structural = name in _STRUCTURAL

        @functools.wraps(function)
        def counted(*args: Any, **kwargs: Any) -> Any:
            if name == "sync_do_join":
                args = tuple(list(value) if isinstance(value, Iterator) else value for value in args)
            given = [value for value in (*args, *kwargs.values()) if not isinstance(value, _NOT_VALUES)]
            self._bounded_widths(*given[1:])
            for value in given:
                if structural and isinstance(value, _CONTAINERS):
                    self._spend(1 + len(value))
                else:
                    self.weighed(value)
            self._spend(1)
            if given:
                self._bounded_growth(name.removeprefix("sync_").removeprefix("do_"), *given)
            made = function(*args, **kwargs)
            return self._each_counted(made) if isinstance(made, Generator) else self._bounded(made)

        return counted

    def _each_counted(self, values: Iterator[Any]) -> Iterator[Any]:
        for value in values:
            self._spend(1)
            yield value

    def _bounded_widths(self, *values: Any) -> None:
        if any(isinstance(width, int) and width > self.limit for width in values):
            raise SecurityError("a value grows without bound")

    def _bounded_growth(self, verb: str, value: Any, *given: Any) -> None:
        """Refuse what would make a text out of all proportion before it is made."""
        size = 0
        match verb, value, given:
            case "replace", str(), (str(old), str(new), *_):
                size = (value.count(old) if old else len(value) + 1) * len(new)
            case "format" | "format_map", str(), _:
                if any(run > 6 for run in _digit_runs(value)) or _STAR_WIDTH.search(value):
                    size = self.limit + 1
                size += (value.count("%") + value.count("{")) * _weight(given, self.left) * CHARACTERS_A_STEP
            case "join", str(), (Sized() as items, *_):
                size = len(value) * len(items)
            case "join", Sized(), (str(between), *_):
                size = len(value) * len(between)
            case "indent", str(), (int() | str() as width, *_):
                size = (value.count("\n") + 1) * (len(width) if isinstance(width, str) else width)
        if size > self.limit:
            raise SecurityError("a value grows without bound")

    def _bounded(self, value: Any) -> Any:
        if isinstance(value, str | list | tuple) and len(value) > self.limit:
            raise SecurityError("a value grows without bound")
        if isinstance(value, int) and value.bit_length() > MAX_EXPONENT * 8:
            raise SecurityError("a number grows without bound")
        return value


_CONTAINERS: Final = (list, tuple, Set, Mapping, Namespace, KeysView, ValuesView, ItemsView, range)
_NOT_VALUES: Final = (Context, nodes.EvalContext, ImmutableSandboxedEnvironment)
_UNBOUNDED_METHODS: Final = frozenset({"expandtabs", "translate"})
"""Methods of texts that could write any amount for each character."""
_SLOW_FILTERS: Final = ("pprint", "striptags", "urlize", "wordwrap")
"""Filters whose time grows with the square of a text."""
_STRUCTURAL: Final = frozenset(
    {
        *("do_items", "do_list", "do_first", "do_last", "do_map", "do_select", "do_reject", "do_selectattr"),
        *("do_rejectattr", "do_reverse", "do_batch", "do_slice", "do_random", "do_attr", "do_default", "len"),
        *("test_iterable", "test_sequence", "test_mapping", "test_string", "test_number", "test_none", "test_in"),
        *("test_defined", "test_undefined", "test_boolean", "test_integer", "test_float", "test_true", "test_false"),
        *("test_callable", "test_sameas"),
    }
)
"""Filters and tests that look at a container without going through what lies inside its members."""


def _weight(value: Any, most: int) -> int:
    """Everything in a container, what lies in it twice counted twice, as writing it out would; stops beyond `most`."""
    weight, stack = 0, [value]
    while stack and weight <= most:
        item = stack.pop()
        weight += 1
        if isinstance(item, str):
            weight += len(item) // CHARACTERS_A_STEP
        elif isinstance(item, Mapping):
            stack.extend(item.keys())
            stack.extend(item.values())
        elif isinstance(item, range):
            weight += len(item)
        elif isinstance(item, Namespace):
            stack.append(item._Namespace__attrs)  # what its text shows
        elif isinstance(item, _CONTAINERS):
            stack.extend(item)
    return weight


def _digit_runs(text: str) -> Iterator[int]:
    """Lengths of the runs of digits in a format text."""
    run = 0
    for character in text:
        run = run + 1 if character.isdigit() else 0
        yield run


def _to_json(value: object, ensure_ascii: bool = False, indent: int | None = None, **options: Any) -> str:
    """JSON as `transformers` writes it: not escaped for HTML."""
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, **options)
