"""Reading a TOML file that a person edits: what it holds, on which line, and what is wrong with which part of it."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from llmlab.words import say

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

LARGEST: Final = 1_000_000
"""Bytes; a file a person edits by hand is smaller, and a model given by mistake is larger."""

_KEY: Final = r"""(?:"(?:[^"\\]|\\.)*"|'[^']*'|[A-Za-z0-9_-]+)"""
_DOTTED: Final = rf"{_KEY}(?:\s*\.\s*{_KEY})*"
_HEADER: Final = re.compile(rf"\s*\[\[?\s*({_DOTTED})\s*\]")
_MEANT_HEADER: Final = re.compile(r"""\[\[?(?!\s*(?:\#|$))([^][,"'=#]*)\]{0,2}\s*(?:\#.*)?$""")
"""A header with a mistake: a bracket that is missing, a blank in its name. A row of a list has commas or quotes, or
begins one."""
_ASSIGNMENT: Final = re.compile(rf"\s*({_DOTTED})\s*=")
_POSITION: Final = re.compile(r"\s*\(at (?:line (\d+), column \d+|end of document)\)")

KeyPath = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong in a file, in words for the person who edits it."""

    source: Path
    what: str
    table: str = ""
    key: str = ""
    line: int | None = None

    def __str__(self) -> str:
        place = f"{self.source}:{self.line}" if self.line else str(self.source)
        inside = f"[{self.table}] {self.key}".strip() if self.table else self.key
        return f"{place}: {inside}: {self.what}" if inside else f"{place}: {self.what}"


@dataclass(frozen=True, slots=True)
class TomlFile:
    """What could be read of a file."""

    source: Path
    values: Mapping[str, object] = field(default_factory=dict)
    """Top-level keys and tables that are valid."""
    broken: tuple[Problem, ...] = ()
    """Where it is no TOML: one problem a top-level table, or one with no table for the whole file."""
    lines: Mapping[KeyPath, int] = field(default_factory=dict)
    text: str = ""

    def line_of(self, *path: str) -> int | None:
        """The line, from 1, of a key or table, else of the nearest one around it; `None` when it cannot be told."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.lines:
                return self.lines[path[:length]]
        return None


def read_toml(source: Path) -> TomlFile:
    """What `source` holds; a file that does not exist holds nothing, one that cannot be read is a problem."""
    try:
        with source.open("rb") as file:
            content = file.read(LARGEST + 1)
    except (FileNotFoundError, NotADirectoryError):
        return TomlFile(source)
    except OSError as error:
        return _unreadable(source, say("cannot be read: {reason}", reason=error.strerror or str(error)))
    if len(content) > LARGEST:
        return _unreadable(source, say("is larger than a megabyte and no settings file"))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return _unreadable(source, say("is not UTF-8 text (byte {position})", position=error.start))
    return parse_toml(text, source)


def parse_toml(text: str, source: Path) -> TomlFile:
    """What `text` holds; when one table is no TOML, the others still count."""
    # TOML knows two line ends; anything else that Python calls a line break would shift the numbers.
    rows = text.replace("\r\n", "\n").split("\n")
    lines = _find_lines(rows)
    values, problem = _parse("\n".join(rows), source, "")
    if problem is None:
        return TomlFile(source, values, (), lines, text)
    return _salvage(rows, source, lines, problem, text)


def _unreadable(source: Path, what: str) -> TomlFile:
    return TomlFile(source, broken=(Problem(source, what),))


def _parse(text: str, source: Path, table: str) -> tuple[dict[str, object], Problem | None]:
    try:
        return tomllib.loads(text), None
    except RecursionError:
        return {}, Problem(source, say("is nested too deeply"), table)
    except ValueError as error:  # TOMLDecodeError, and numbers with more digits than Python reads
        reason = str(error)
        position = _POSITION.search(reason)
        line = int(position.group(1)) if position and position.group(1) else None
        return {}, Problem(source, say("is not valid TOML: {reason}", reason=reason), table, line=line)


def _salvage(rows: list[str], source: Path, lines: Mapping[KeyPath, int], whole: Problem, text: str) -> TomlFile:
    """Parse each top-level table alone, every other line blanked so that positions stay true."""
    owners = _owners(rows, [False] * len(rows))
    if set(owners) == {""}:
        return TomlFile(source, broken=(whole,), text=text)
    values: dict[str, dict[str, object]] = {}
    broken: dict[str, Problem] = {}
    for table in dict.fromkeys(owners):
        values[table], problem = _parse_alone(rows, owners, source, table)
        if problem is not None:
            broken[table] = problem
    # A text of several lines may hold what looks like a table: a table that is well with such texts is taken with them.
    # Not from the start, for a text that is never closed would take all tables after it along.
    around = _owners(rows, _inside_texts(rows))
    again = {table: _parse_alone(rows, around, source, table) for table in broken if table in around}
    for table, (found, problem) in again.items():
        if problem is None:
            values[table] = found
            seeming = {owner for owner, other in zip(owners, around, strict=True) if other == table} - set(around)
            broken = {other: told for other, told in broken.items() if other not in seeming and other != table}
            # What is wrong with another is told without the part of it that is text.
            broken |= {other: told for other, (_, told) in again.items() if other in broken and told is not None}
            values = {other: kept for other, kept in values.items() if other not in seeming}
    # Each table may be well alone and the file still not: then nothing tells which one to trust.
    if not broken:
        return TomlFile(source, broken=(whole,), text=text)
    known = {key: value for found in values.values() for key, value in found.items()}
    return TomlFile(source, known, tuple(broken.values()), lines, text)


def _owners(rows: list[str], inside: list[bool]) -> list[str]:
    """The top-level table of each row; those `inside` a text begin none."""
    owners: list[str] = []
    current = ""
    for row, text in zip(rows, inside, strict=True):
        if not text and (header := _HEADER.match(row)):
            current = split_key(header.group(1))[0]
        elif not text and (header := _MEANT_HEADER.match(row)):
            # Its mistake is its own, not that of the table above.
            current = header.group(1).strip() or "?"
        owners.append(current)
    return owners


def _parse_alone(
    rows: list[str], owners: list[str], source: Path, table: str
) -> tuple[dict[str, object], Problem | None]:
    return _parse(
        "\n".join(row if owner == table else "" for row, owner in zip(rows, owners, strict=True)), source, table
    )


def _inside_texts(rows: list[str]) -> list[bool]:
    """Which rows begin inside a text of several lines."""
    inside, rows_inside = False, []
    for row in rows:
        rows_inside.append(inside)
        if (row.count('"""') + row.count("'''")) % 2:
            inside = not inside
    return rows_inside


def _find_lines(rows: list[str]) -> dict[KeyPath, int]:
    found: dict[KeyPath, int] = {}
    table: KeyPath = ()
    for number, (row, inside) in enumerate(zip(rows, _inside_texts(rows), strict=True), 1):
        if inside:
            continue
        if header := _HEADER.match(row):
            table = split_key(header.group(1))
            _note(found, table, number)
        elif assignment := _ASSIGNMENT.match(row):
            _note(found, table + split_key(assignment.group(1)), number)
    return found


def _note(found: dict[KeyPath, int], path: KeyPath, number: int) -> None:
    for length in range(1, len(path) + 1):
        found.setdefault(path[:length], number)


def split_key(dotted: str) -> KeyPath:
    """The parts of a dotted key, quotes taken off."""
    parts = []
    for part in re.findall(_KEY, dotted):
        if part[0] == '"':
            try:
                part = str(tomllib.loads(f"k = {part}")["k"])
            except ValueError:
                part = part[1:-1]
        elif part[0] == "'":
            part = part[1:-1]
        parts.append(part)
    return tuple(parts)


def quoted(text: str) -> str:
    """`text` as a TOML basic string."""
    written = "".join(_ESCAPES.get(character, character) for character in text)
    return '"' + re.sub(r"[\x00-\x1f\x7f\ud800-\udfff]", lambda match: _code_point(match.group()), written) + '"'


_ESCAPES: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def _code_point(character: str) -> str:
    # A lone surrogate has no form in TOML at all.
    return "\ufffd" if "\ud800" <= character <= "\udfff" else f"\\u{ord(character):04X}"
