"""Prompt templates as files: prompts/templates/*.toml."""

from __future__ import annotations

import json
import keyword
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, get_args

from llmlab.domain.template import PromptTemplate, TemplateFault, TemplateUse, Variable, VariableKind
from llmlab.domain.terminal import encodable, visible_line
from llmlab.errors import ConfigError, UsageError
from llmlab.library.checks import Check, Unfit, check_table, given, meant, near, number, one_of, texts, words, yes_or_no
from llmlab.library.own_prompts import OwnPromptShelf
from llmlab.library.prompt_files import BadPrompt, PromptFile, PromptKind, parse_prompt
from llmlab.library.prompt_tables import PromptTable, line_of_text, prompt_table, table
from llmlab.words import say

LARGEST_DOCUMENT: Final = 64_000_000
"""Bytes of a file that a variable takes."""
RESERVED: Final = frozenset(
    {"loop", "self", "super", "caller", "varargs", "kwargs", "range", "dict", "cycler", "joiner", "namespace"}
    | {"true", "false", "none"}
)
"""Names that mean something else in a template."""
FAR: Final = 1e15
"""The largest number that a variable takes without bounds of its own."""


def _text(value: object) -> object:
    return encodable(str(words(value)))


def _default(value: object) -> object:
    """A text, or a number as it is written."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:g}" if isinstance(value, float) else str(value)
    return _text(value)


_VARIABLE: Final[Mapping[str, Check]] = {
    "kind": one_of(*get_args(VariableKind)),
    "title": line_of_text,
    "help": _text,
    "default": _default,
    "optional": yes_or_no,
    "choices": texts,
    "low": number(-FAR, FAR),
    "high": number(-FAR, FAR),
}
_LOOSE: Final = ("user", "system", "main", "schema", "shots", "reasoning", "description", "tags")
"""Keys of a template that are easily written below the header of a variable."""


def parse_template(file: PromptFile) -> PromptTemplate | BadPrompt:
    """The template of a file, with every variable accounted for."""
    checks: dict[str, Check] = {
        "system": _text,
        "user": _text,
        "variables": table,
        "main": words,
        "schema": lambda value: _schema(str(words(value)), file),
        "shots": line_of_text,
        "reasoning": line_of_text,
    }
    top = prompt_table(file, checks, ["user", "variables", "main"])
    head = top.head()
    _explain_loose_keys(top)
    declared = top.values.get("variables", {})
    variables = [_variable(name, value, top) for name, value in declared.items()] if isinstance(declared, dict) else []
    _check_main(top, variables)
    _check_sources(top, [variable.name for variable in variables])
    bad = top.bad()
    if bad is not None:
        return bad
    texts_given: dict[str, Any] = {
        key: top.values[key] for key in ("system", "user", "main", "schema", "shots", "reasoning") if key in top.values
    }
    lines = {"system_line": _first_line(top, "system"), "user_line": _first_line(top, "user")}
    return PromptTemplate(**head, **texts_given, **lines, variables=tuple(variables))  # type: ignore[arg-type]  # checked


def _explain_loose_keys(top: PromptTable) -> None:
    """A key after a [variables.NAME] header belongs to that variable, which TOML's readers forget."""
    declared = top.values.get("variables")
    for name, value in declared.items() if isinstance(declared, dict) else ():
        for key in value if isinstance(value, dict) else ():
            if key in _LOOSE:
                top.fault(
                    say("stands inside a variable: move it above the first [variables...]"), "variables", name, key
                )


def _variable(name: str, value: object, top: PromptTable) -> Variable:
    path = ("variables", name)
    if not name.isidentifier() or keyword.iskeyword(name) or name in RESERVED:
        top.fault(say("{given} cannot be the name of a variable: letters, digits and _", given=given(name)), *path)
    if not isinstance(value, dict):
        top.fault(say("{given} is not a table", given=given(value)), *path)
        return Variable(name=name)
    known = {key: item for key, item in value.items() if key not in _LOOSE}
    values, faults = check_table(known, _VARIABLE, path)
    top.faults += faults
    variable = Variable(name=name, **values)  # type: ignore[arg-type]  # the checks give each field its type
    if (variable.kind == "choice") != bool(variable.choices):
        what = say("a choice needs choices") if variable.kind == "choice" else say("only a choice has choices")
        top.fault(what, *path, "choices")
    if variable.kind != "number" and (variable.low is not None or variable.high is not None):
        top.fault(say("only a number has bounds"), *path, "low" if variable.low is not None else "high")
    if variable.default and variable.kind == "file":
        top.fault(say("a file has no default"), *path, "default")
    elif variable.default and not faults:
        try:
            fitting(variable, variable.default)
        except Unfit as unfit:
            top.fault(str(unfit), *path, "default")
    return variable


def _check_main(top: PromptTable, variables: Sequence[Variable]) -> None:
    main = top.values.get("main")
    if main is None:
        return
    named = next((variable for variable in variables if variable.name == main), None)
    if named is None:
        names = [variable.name for variable in variables]
        top.fault(say("there is no variable {name}", name=given(main)) + meant(str(main), names), "main")
    elif named.kind != "text":
        top.fault(say("what is typed fills it, so it must be of the kind text"), "main")


def _check_sources(top: PromptTable, declared: Sequence[str]) -> None:
    """Both texts are templates, they use what is declared, and nothing is declared in vain."""
    # Jinja takes a moment to import, which commands without templates need not wait for.
    from llmlab.library.rendering import names_of_source

    used: set[str] = set()
    for key in ("system", "user"):
        if key not in top.values:
            continue
        first, at = _first_line(top, key), top.toml.line_of(key) or 1
        try:
            names = names_of_source(str(top.values[key]))
        except TemplateFault as fault:
            top.fault(say("is no template: {reason}", reason=fault.reason), key)
            top.shift(first - at + (fault.line or 1) - 1)
            return
        used.update(names)
        for name, line in names.items():
            if name not in declared:
                guess = near(name, declared)
                hint = say("; did you mean {name}?", name=guess) if guess else ""
                top.fault(say("uses {name}, which is not among its variables", name=visible_line(name)) + hint, key)
                top.shift(first - at + line - 1)
    if "user" not in top.values:
        return
    for name in declared:
        if name not in used:
            top.fault(say("neither system nor user uses it"), "variables", name)


def _first_line(top: PromptTable, key: str) -> int:
    """The line of the file on which the text under `key` begins."""
    line = top.toml.line_of(key) or 1
    rows = top.file.text.replace("\r\n", "\n").split("\n")
    return line + 1 if rows[line - 1].rstrip().endswith(('"""', "'''")) and rows[line - 1].count('"""') != 2 else line


def _schema(text: str, file: PromptFile) -> str:
    """A JSON schema, given inline or as a file beside the template."""
    written = text if text.lstrip().startswith("{") else file.beside(text)
    try:
        schema = json.loads(written)
    except RecursionError:
        raise Unfit(say("is nested too deeply")) from None
    except ValueError as error:
        raise Unfit(say("is no JSON: {reason}", reason=str(error))) from None
    if not isinstance(schema, dict):
        raise Unfit(say("a schema is a JSON object"))
    return written.strip()


TEMPLATES: Final = PromptKind("templates", parse_template)
"""Prompt templates as a kind of prompt file."""


class TemplateShelf(OwnPromptShelf[PromptTemplate]):
    """The prompt templates of every place."""

    def __init__(self, roots: Sequence[Path]) -> None:
        super().__init__(TEMPLATES, roots)


def fitting(variable: Variable, text: str) -> str:
    """`text` as a value of a variable that is no file; an empty one takes its value back.

    Raises:
        Unfit: it is none of the choices, or no number within the bounds.
    """
    if not text.strip():
        return ""
    if variable.kind == "choice":
        return str(one_of(*variable.choices)(text.strip()))
    if variable.kind == "number":
        low = -FAR if variable.low is None else variable.low
        high = FAR if variable.high is None else variable.high
        try:
            number(low, high)(float(text))
        except (ValueError, Unfit):
            raise Unfit(
                say("{given} is not a number from {low} to {high}", given=given(text), low=f"{low:g}", high=f"{high:g}")
            ) from None
        return text.strip()
    return encodable(text)


def file_text(path: str) -> str:
    """The text of a file that fills a variable.

    Raises:
        Unfit: it cannot be read, or is no text.
    """
    return encodable(PromptFile(Path.cwd() / "x", "", "x").beside(path, LARGEST_DOCUMENT).replace("\r\n", "\n"))


def filled_with(template: PromptTemplate, pairs: Sequence[tuple[str, str]]) -> tuple[TemplateUse, tuple[str, ...]]:
    """`template` with the variables of `-p NAME VALUE`, and a note on each file that was read.

    A variable of the kind file takes a path; any other takes its value, or with `@` before it the text of a file.

    Raises:
        UsageError: there is no such variable, or it does not take this value.
    """
    use, notes = TemplateUse(template), []
    for name, text in pairs:
        variable, where = template.variable(name), f"-p {name} {visible_line(text[:80])}"
        if variable is None:
            names = [item.name for item in template.variables]
            raise UsageError(
                say("The template {template} has no variable {name}", template=template.key, name=name)
                + meant(name, names),
                where=where,
                hint=say("They are: {names}", names=", ".join(names)),
            )
        is_file = variable.kind == "file" or (text.startswith("@") and len(text) > 1)
        try:
            value = file_text(text.removeprefix("@")) if is_file else fitting(variable, text)
            if is_file:
                value = value if variable.kind == "file" else fitting(variable, value)
                notes.append(say("{name}: {file}, {size:,} characters", name=name, file=text, size=len(value)))
        except Unfit as unfit:
            raise UsageError(f"{name}: {unfit}", where=where, hint=variable.help) from None
        use = use.with_value(name, value)
    return use, tuple(notes)


def parsed(text: str, path: Path) -> PromptTemplate:
    """The template of `text` as if it stood in the file at `path`.

    Raises:
        ConfigError: it holds something wrong; the message names the lines.
    """
    found = parse_prompt(text, path, TEMPLATES)
    if isinstance(found, BadPrompt):
        raise ConfigError(found.problem)
    return found
