"""What the parsers of prompt files share: the head every kind has, keys that are checked, faults with their lines."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from llmlab.domain.terminal import visible_line
from llmlab.library.checks import Check, Fault, Unfit, check_table, given, one_of, texts, words
from llmlab.library.prompt_files import BadPrompt, PromptFile
from llmlab.library.tomlfile import Problem, TomlFile, parse_toml
from llmlab.words import LANGUAGES, say


def line_of_text(value: object) -> object:
    """One line of visible text, not empty."""
    text = str(words(value))
    if text.strip() and visible_line(text) == text:
        return text
    raise Unfit(say("{given} is not one line of visible text", given=given(visible_line(text))))


def table(value: object) -> object:
    """A table."""
    if isinstance(value, dict):
        return value
    raise Unfit(say("{given} is not a table", given=given(value)))


def tables(value: object) -> object:
    """A list of tables."""
    if isinstance(value, list) and all(isinstance(item, dict) for item in value):
        return value
    raise Unfit(say("{given} is not a list of tables", given=given(value)))


HEAD: Final[Mapping[str, Check]] = {
    "name": line_of_text,
    "language": one_of(*LANGUAGES),
    "title": line_of_text,
    "description": words,
    "tags": texts,
}
"""Keys of every kind."""


@dataclass(slots=True)
class PromptTable:
    """A prompt file that is being parsed: the values that fit, and the faults so far."""

    file: PromptFile
    toml: TomlFile
    values: dict[str, object]
    """Those of the keys that fit."""
    faults: list[Fault] = field(default_factory=list)
    shifts: dict[int, int] = field(default_factory=dict)
    """By fault: lines below that of its key."""

    def fault(self, what: str, *path: str) -> None:
        """Note what is wrong under a key."""
        self.faults.append(Fault(path, what))

    def shift(self, lines: int) -> None:
        """The last fault lies `lines` below its key, in a text of several lines."""
        self.shifts[len(self.faults) - 1] = lines

    def head(self) -> dict[str, object]:
        """Values of name, language, title, description, tags and source, for the constructor of any kind."""
        given_name, given_language = self.values.get("name"), self.values.get("language")
        name, language = self.file.name, self.file.language
        if given_name is not None and given_name != name:
            self.fault(say("the file is called {name}: rename it, or remove this line", name=given(name)), "name")
        if given_language is not None and language and given_language != language:
            self.fault(say("the file's name says {language}", language=given(language)), "language")
        if visible_line(name) != name or not name.strip():
            self.fault(say("{given} is not one line of visible text", given=given(visible_line(name))))
        return {
            "name": name,
            "language": language or given_language or LANGUAGES[0],
            "title": self.values.get("title", name),
            "description": str(self.values.get("description", "")).strip(),
            "tags": self.values.get("tags", ()),
            "source": str(self.file.path),
        }

    def bad(self) -> BadPrompt | None:
        """Everything that is wrong, or `None` when nothing is."""
        problems = list(self.toml.broken)
        problems += [
            Problem(
                self.toml.source,
                fault.what,
                key=visible_line(".".join(fault.path)),
                line=self._line(number, fault),
            )
            for number, fault in enumerate(self.faults)
        ]
        return self.file.bad(problems) if problems else None

    def _line(self, number: int, fault: Fault) -> int | None:
        line = self.toml.line_of(*fault.path)
        return None if line is None else line + self.shifts.get(number, 0)


def prompt_table(file: PromptFile, checks: Mapping[str, Check], required: Collection[str] = ()) -> PromptTable:
    """The keys of a TOML prompt file: those of `checks` and of `HEAD` are known, `required` must be there."""
    toml = parse_toml(file.text, file.path)
    values, faults = check_table(toml.values, {**HEAD, **checks})
    if not toml.broken:
        faults += [Fault((), say("the key {key} is missing", key=key)) for key in required if key not in toml.values]
    return PromptTable(file, toml, values, faults)
