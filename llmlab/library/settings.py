"""settings.toml: what a person chose for the whole of llmlab, read with care and written without losing anything."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal

from llmlab.domain.reading_limits import BOUNDS, ReadingLimits
from llmlab.domain.sampling import Sampling
from llmlab.errors import ConfigError
from llmlab.library.checks import (
    Check,
    Fault,
    Unfit,
    check_sampling,
    check_table,
    given,
    one_of,
    whole,
    words,
    yes_or_no,
)
from llmlab.library.context_fields import KEPT
from llmlab.library.tomlfile import Problem, TomlFile, parse_toml, quoted, read_toml
from llmlab.library.writing import write_whole
from llmlab.words import LANGUAGES, say


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The user's settings; each default is what holds without a line in the file."""

    language: str = ""
    """`en`, `zh`, or empty: the environment's (`"auto"` in the file)."""
    theme: Literal["dark", "light"] = "dark"
    """Colours of the screen."""
    show_thinking: bool = False
    """Whether thinking is shown unfolded."""
    thinking: bool | None = None
    """Whether a model that can think does; `None` is the model's own."""
    last_model: str = ""
    """The model used last; empty before the first."""
    last_context: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    """How that was loaded, where not as its table says: fields of `context_fields.KEPT`."""
    sampling: Sampling = field(default_factory=Sampling)
    """Sampler settings for every chat, over those of the model's table."""
    documents: ReadingLimits = field(default_factory=ReadingLimits)
    """What reading a document may cost."""
    keymap: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Keys by action id, several of them separated by commas."""


def _language(value: object) -> object:
    word = one_of("auto", *LANGUAGES)(value)
    return "" if word == "auto" else word


def _keys(value: object) -> object:
    """One key, or a list of keys, as Textual writes them: `ctrl+n`, `f2`."""
    listed = value if isinstance(value, list) else [value]
    keys = [item for item in listed if isinstance(item, str) and _KEY.fullmatch(item)]
    if keys and len(keys) == len(listed):
        return ",".join(keys)
    raise Unfit(say('{given} is no key such as "ctrl+n" and no list of keys', given=given(value)))


def _sub_table(value: object) -> object:
    if isinstance(value, dict):
        return value
    raise Unfit(say("{given} is not a table", given=given(value)))


_KEY: Final = re.compile(r"(?:(?:ctrl|shift|alt|super|meta|hyper)\+)*[a-z0-9_]+(?:,(?:[a-z]+\+)*[a-z0-9_]+)*|[^\s,+]")
_CHECKS: Final[Mapping[str, Check]] = {
    "language": _language,
    "theme": one_of("dark", "light"),
    "show_thinking": yes_or_no,
    "thinking": yes_or_no,
    "last_model": words,
    "last_context": _sub_table,
    "sampling": _sub_table,
    "documents": _sub_table,
    "keymap": _sub_table,
}


def read_settings(source: Path) -> tuple[Settings, tuple[Problem, ...]]:
    """The settings of a file, and what is wrong in it; a wrong key holds its default. Nothing is raised."""
    return settings_of(read_toml(source))


def settings_of(file: TomlFile) -> tuple[Settings, tuple[Problem, ...]]:
    """The settings of a TOML file, and what is wrong in it."""
    values, faults = check_table(file.values, _CHECKS)
    if "last_context" in values:
        kept, wrong = check_table(_mapping(values["last_context"]), KEPT, ("last_context",))
        values["last_context"] = MappingProxyType(kept)
        faults += wrong
    if "sampling" in values:
        values["sampling"], wrong = check_sampling(_mapping(values["sampling"]), ("sampling",))
        faults += wrong
    if "documents" in values:
        values["documents"], wrong = _limits(_mapping(values["documents"]))
        faults += wrong
    if "keymap" in values:
        values["keymap"], wrong = _keymap(_mapping(values["keymap"]))
        faults += wrong
    problems = [
        Problem(file.source, fault.what, key=".".join(fault.path), line=file.line_of(*fault.path)) for fault in faults
    ]
    return Settings(**values), (*file.broken, *problems)  # type: ignore[arg-type]  # the checks give each its type


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _limits(table: Mapping[str, object]) -> tuple[ReadingLimits, list[Fault]]:
    kept, faults = check_table(table, {name: whole(low, high) for name, (low, high) in BOUNDS.items()}, ("documents",))
    return ReadingLimits(**kept), list(faults)  # type: ignore[arg-type]  # the checks give each its type


def _keymap(table: Mapping[str, object]) -> tuple[Mapping[str, str], list[Fault]]:
    kept: dict[str, str] = {}
    faults: list[Fault] = []
    for action, value in table.items():
        try:
            kept[action] = str(_keys(value))
        except Unfit as unfit:
            faults.append(Fault(("keymap", action), str(unfit)))
    return MappingProxyType(kept), faults


class SettingsFile:
    """The settings and the file they live in; comments and order of a person's file survive every change."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._current, self._problems = read_settings(path)

    @property
    def current(self) -> Settings:
        """The settings now."""
        return self._current

    @property
    def problems(self) -> tuple[str, ...]:
        """What was wrong in the file when it was read, a sentence each."""
        return tuple(str(problem) for problem in self._problems)

    def change(self, **values: object) -> None:
        """Set the named settings and write the file, whole or not at all.

        Raises:
            TypeError: no setting has this name.
            ConfigError: the file holds something wrong and so is left alone, or it cannot be written; the settings
                hold until the end of the program all the same.
        """
        self._current = replace(self._current, **values)  # type: ignore[arg-type]  # TypeError is the answer
        # The file may have been edited since it was read: what stands in it now is what must survive.
        file = read_toml(self._path)
        problems = settings_of(file)[1]
        if problems:
            raise ConfigError(
                say("The settings are not written, so that nothing of the file is lost."),
                where=str(self._path),
                hint=str(problems[0]),
            )
        text = self._edited(file.text, values)
        try:
            write_whole(self._path, text)
        except OSError as error:
            raise ConfigError(
                say("The settings cannot be written: {reason}", reason=error.strerror or str(error)),
                where=str(self._path),
                hint=say("They hold until llmlab ends."),
            ) from None

    def _edited(self, text: str, values: Mapping[str, object]) -> str:
        """The file's `text` with `values` set."""
        known = settings_of(parse_toml(text, self._path))[0]
        wanted = replace(known, **values)  # type: ignore[arg-type]
        edited = text
        for name in values:
            # Lines that say so already stay as a person wrote them.
            if getattr(known, name) != getattr(wanted, name):
                edited = _with_setting(edited, self._path, name, getattr(wanted, name))
        if settings_of(parse_toml(edited, self._path)) == (wanted, ()):
            return edited
        # Lines were too artful to edit one by one (values over several lines): write the file anew.
        anew = ""
        for name in SETTING_NAMES:
            if getattr(wanted, name) != getattr(Settings(), name):
                anew = _with_setting(anew, self._path, name, getattr(wanted, name))
        problems = settings_of(parse_toml(anew, self._path))[1]
        if problems:
            raise ConfigError(say("The settings cannot be written: {reason}", reason=problems[0].what))
        return anew


def _with_setting(text: str, source: Path, name: str, value: object) -> str:
    """`text` with one setting changed; every other line stays as it is."""
    match value:
        case Sampling() | ReadingLimits():
            return _with_table(text, source, name, value.changed())
        case Mapping():
            return _with_table(text, source, name, value)
        case _:
            written = None if value in (None, "") else _toml(value)
            return _with_key(text, source, name, written)


def _with_key(text: str, source: Path, name: str, written: str | None) -> str:
    """`text` with the top-level key `name` set; `None` takes it out."""
    file = parse_toml(text, source)
    rows = text.split("\n")
    line = file.lines.get((name,))
    new = [] if written is None else [f"{name} = {written}"]
    if line is not None and name in file.values:
        rows[line - 1 : line] = new
    elif new:
        at = _place_of_new_key(file, rows)
        rows[at:at] = new
    return "\n".join(rows).rstrip("\n") + "\n"


def _place_of_new_key(file: TomlFile, rows: list[str]) -> int:
    """Where a new top-level key may stand: below the last one, else above the first table."""
    tables = [name for name, value in file.values.items() if isinstance(value, dict)]
    first_table = min((number for path, number in file.lines.items() if path[0] in tables), default=len(rows) + 1)
    keys = [number for path, number in file.lines.items() if path[0] not in tables and number < first_table]
    at = max(keys, default=first_table - 1)
    while at and not rows[at - 1].strip():
        at -= 1
    return at


def _with_table(text: str, source: Path, name: str, values: Mapping[str, object]) -> str:
    """`text` with the table `name` holding exactly `values`; it moves to the end."""
    file = parse_toml(text, source)
    mine = {number for path, number in file.lines.items() if path[0] == name}
    rows = [row for number, row in enumerate(text.split("\n"), 1) if number not in mine]
    table = [f"[{name}]", *(f"{quoted(key)} = {_toml(value)}" for key, value in values.items())] if values else []
    return "\n".join(["\n".join(rows).rstrip("\n"), "", *table]).strip("\n") + "\n"


def _toml(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return quoted(value)
        case tuple() | list():
            return "[" + ", ".join(_toml(item) for item in value) + "]"
        case _:
            return repr(value)


SETTING_NAMES: Final = tuple(item.name for item in fields(Settings))
"""Every key of settings.toml."""
