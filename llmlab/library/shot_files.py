"""Example sets as files: prompts/shots/*.toml and *.jsonl, read with care and written back whole or not at all."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from llmlab.domain.shots import Shot, ShotSet, ShotUse
from llmlab.domain.terminal import encodable
from llmlab.errors import ConfigError, UsageError
from llmlab.library.checks import Check, check_table, given, words, yes_or_no
from llmlab.library.own_prompts import OwnPromptShelf
from llmlab.library.prompt_files import BadPrompt, PromptFile, PromptKind, parse_prompt, read_prompt
from llmlab.library.prompt_tables import HEAD, PromptTable, prompt_table, tables
from llmlab.library.tomlfile import LARGEST, KeyPath, Problem, TomlFile, parse_toml, quoted
from llmlab.library.writing import write_whole
from llmlab.words import say

MOST_ROWS: Final = 200_000
"""Rows of one set; what comes after is not read, and told."""
LARGEST_SET: Final = 64_000_000
"""Bytes of a JSONL file."""
MOST_TOLD: Final = 20
"""Bad rows of one file that are told one by one."""
USUAL: Final = 4
"""Examples that are shown when nobody says how many."""
MANY: Final = 2_000
"""Rows from which a new set is written as JSONL, which is read much faster."""

_HEADER: Final = re.compile(r"\s*\[\[\s*rows\s*\]\]")
_ROW: Final[Mapping[str, Check]] = {"input": words, "output": words, "reasoning": words, "on": yes_or_no}
_TOP: Final[Mapping[str, Check]] = {"input_label": words, "output_label": words}


class _Rows:
    """Good rows so far, and what is wrong with the others."""

    def __init__(self, file: PromptFile) -> None:
        self._file = file
        self.good: list[Shot] = []
        self._told: list[str] = []
        self._bad = 0

    def take(self, row: Mapping[str, object], line: int | None) -> None:
        """Keep a row, or note what is wrong with it."""
        values, faults = check_table(row, _ROW)
        for key in ("input", "output"):
            if key not in row:
                self.refuse(say("the key {key} is missing", key=key), line)
                return
        if faults:
            self.refuse(faults[0].what, line, ".".join(faults[0].path))
        elif not str(values["input"]).strip():
            self.refuse(say("is empty"), line, "input")
        else:
            texts = {key: encodable(value) for key, value in values.items() if isinstance(value, str)}
            self.good.append(Shot(**texts, on=values.get("on") is not False))

    def refuse(self, what: str, line: int | None, key: str = "") -> None:
        """Note what is wrong with a row."""
        self._bad += 1
        if len(self._told) < MOST_TOLD:
            self._told.append(str(Problem(self._file.path, what, key=key, line=line)))

    @property
    def full(self) -> bool:
        """No more rows are read."""
        return len(self.good) + self._bad >= MOST_ROWS

    def problems(self, *, more: bool) -> tuple[str, ...]:
        """A sentence each; `more` when the file went on."""
        told = list(self._told)
        if self._bad > len(told):
            what = say("{count:,} more rows are left out", count=self._bad - len(told))
            told.append(str(Problem(self._file.path, what)))
        if more:
            what = say("only the first {count:,} rows are read", count=MOST_ROWS)
            told.append(str(Problem(self._file.path, what)))
        return tuple(told)


def parse_shots(file: PromptFile) -> ShotSet | BadPrompt:
    """The set of a file, TOML or JSONL by its name; bad rows are told in `problems`, the good ones stay."""
    return _parse_jsonl(file) if file.path.suffix.lower() == ".jsonl" else _parse_toml(file)


def _parse_jsonl(file: PromptFile) -> ShotSet | BadPrompt:
    rows, head, more = _Rows(file), dict[str, object](), False
    for number, line in enumerate(file.text.split("\n"), 1):
        if not line.strip():
            continue
        if rows.full:
            more = True
            break
        try:
            value = json.loads(line)
        except RecursionError:
            rows.refuse(say("is nested too deeply"), number)
        except ValueError as error:
            rows.refuse(say("is no JSON: {reason}", reason=str(error)), number)
        else:
            if not isinstance(value, dict):
                rows.refuse(say("{given} is no JSON object", given=given(value)), number)
            elif number == 1 and value and not value.keys() & _ROW.keys():
                head = value
            else:
                rows.take(value, number)
    values, faults = check_table(head, {**HEAD, **_TOP})
    lines: dict[KeyPath, int] = {(key,): 1 for key in head}
    top = PromptTable(file, TomlFile(file.path, head, lines=lines), values, faults)
    return _made(top, rows, more=more)


def _parse_toml(file: PromptFile) -> ShotSet | BadPrompt:
    if len(file.text) > LARGEST:
        what = say("is larger than a megabyte; many rows belong into a .jsonl file, one JSON object a line")
        return file.bad([Problem(file.path, what)])
    rows, starts = _Rows(file), _row_lines(file.text)
    listed: Iterable[tuple[Mapping[str, object], int | None]]
    whole = parse_toml(file.text, file.path)
    if whole.broken and starts:
        # One row is no TOML: each is read alone, so that the others stay.
        lines = file.text.replace("\r\n", "\n").split("\n")
        listed = _rows_one_by_one(rows, lines, starts, file)
        top = prompt_table(replace(file, text="\n".join(lines[: starts[0] - 1])), _TOP)
    else:
        top = prompt_table(file, {**_TOP, "rows": tables}, ["rows"])
        found = top.values.get("rows", [])
        assert isinstance(found, list)
        numbered = len(found) == len(starts)
        listed = [(row, starts[at] if numbered else None) for at, row in enumerate(found)]
    more = False
    for row, line in listed:
        if rows.full:
            more = True
            break
        rows.take(row, line or whole.line_of("rows"))
    return _made(top, rows, more=more)


def _made(top: PromptTable, rows: _Rows, *, more: bool) -> ShotSet | BadPrompt:
    """The set, or what is wrong when nothing of it can be used."""
    head = {**top.head(), **{key: top.values[key] for key in _TOP if key in top.values}}
    bad, problems = top.bad(), rows.problems(more=more)
    if bad is not None:
        return replace(bad, problem="\n".join([bad.problem, *problems]))
    if problems and not rows.good:
        return top.file.bad(problems)
    return ShotSet(rows=tuple(rows.good), problems=problems, **head)  # type: ignore[arg-type]  # checked by the table


def _row_lines(text: str) -> list[int]:
    """On which lines, from 1, the tables of rows begin."""
    found, inside_text = [], False
    for number, line in enumerate(text.split("\n"), 1):
        if not inside_text and _HEADER.match(line):
            found.append(number)
        if (line.count('"""') + line.count("'''")) % 2:
            inside_text = not inside_text
    return found


def _rows_one_by_one(
    rows: _Rows, lines: Sequence[str], starts: Sequence[int], file: PromptFile
) -> Iterator[tuple[Mapping[str, object], int]]:
    """The rows that are TOML, each with its line; the others are refused."""
    for start, end in zip(starts, (*starts[1:], len(lines) + 1), strict=True):
        own = "\n".join(lines[start - 1 : end - 1]).rstrip()
        block = parse_toml(own, file.path)
        found = block.values.get("rows")
        if block.broken or not isinstance(found, list) or len(found) != 1:
            within = block.broken[0].line or own.count("\n") + 1 if block.broken else 1
            reason = block.broken[0].what if block.broken else say("is not a list of tables")
            # The line in TOML's own sentence is that of the row alone.
            rows.refuse(re.sub(r"\s*\(at [^)]*\)", "", reason), start + within - 1)
        else:
            yield found[0], start


SHOTS: Final = PromptKind("shots", parse_shots, (".toml", ".jsonl"), LARGEST_SET)
"""Example sets as a kind of prompt file."""


class ShotShelf(OwnPromptShelf[ShotSet]):
    """The example sets of every place, and the writing back of those that were edited."""

    def __init__(self, roots: Sequence[Path]) -> None:
        super().__init__(SHOTS, roots)

    def problems(self) -> tuple[str, ...]:
        """Everything that is wrong in the files, one text a file or row."""
        return (*super().problems(), *(problem for shots in self.good() for problem in shots.problems))

    def use(self, wanted: str, language: str) -> ShotUse:
        """The use that `SET:K` names; without `:K` a few rows.

        Raises:
            ConfigError: there is no such set, or its file holds something wrong.
            UsageError: it has not so many rows.
        """
        name, colon, number = wanted.rpartition(":")
        counted = bool(colon) and number.isascii() and number.isdecimal() and len(number) < 10
        shots = self.find(name if counted else wanted, language)
        most = ShotUse(shots).most
        k = int(number) if counted else min(USUAL, most)
        if k > most:
            raise UsageError(
                say("The set {name} has {most:,} examples, not {count:,}.", name=shots.key, most=most, count=k),
                hint=say("Ask for fewer, or add rows to its file."),
                where=shots.source,
            )
        return ShotUse(shots, k)

    def ending_of(self, prompt: ShotSet) -> str:
        """A large set is JSONL."""
        return ".jsonl" if len(prompt.rows) > MANY else super().ending_of(prompt)

    def save(self, shots: ShotSet, base: ShotSet | None) -> ShotSet:
        """Write `shots` to `place_of` it, in one step; the set as it is then read.

        What a person wrote there, with comments, is kept beside it as `NAME.before`.

        Args:
            shots: what to write.
            base: the set as it was read before it was edited; `None` for a new one.

        Raises:
            ConfigError: it cannot be written, or the file holds what would be lost.
        """
        place = self.place_of(shots)
        by_hand = self._read_again(place, base)
        text = _written(shots, place)
        written = parse_prompt(text, place, SHOTS)
        if isinstance(written, BadPrompt):
            raise ConfigError(say("The examples cannot be written so that they are read again."), where=written.problem)
        try:
            if by_hand:
                write_whole(place.with_name(place.name + ".before"), by_hand)
            write_whole(place, text)
        except OSError as error:
            raise ConfigError(
                say("The examples cannot be written: {reason}", reason=error.strerror or str(error)),
                where=str(place),
                hint=say("They hold until llmlab ends."),
            ) from None
        self.reload()
        return written

    def _read_again(self, place: Path, base: ShotSet | None) -> str:
        """The file's text if a person wrote it, comments and all; empty when writing it anew loses nothing.

        Raises:
            ConfigError: the file holds rows that replacing it would lose.
        """
        if not place.exists():
            return ""
        now = read_prompt(place, SHOTS)
        if isinstance(now, BadPrompt) or now.problems or now != base:
            lost = now.problem if isinstance(now, BadPrompt) else next(iter(now.problems), "")
            raise ConfigError(
                say("The examples are not written, so that nothing of the file is lost."),
                where=str(place),
                hint=lost or say("The file was changed since it was read."),
            )
        text = place.read_text(encoding="utf-8-sig")
        return "" if text == _written(now, place) else text


def _written(shots: ShotSet, place: Path) -> str:
    return shots_as_jsonl(shots) if place.suffix.lower() == ".jsonl" else shots_as_toml(shots)


def shots_as_toml(shots: ShotSet) -> str:
    """The file of a set, for a person to read and edit."""
    lines = [f"{key} = {_key(value)}" for key, value in _head(shots).items()]
    for row in shots.rows:
        lines += ["", "[[rows]]", f"input = {_text(row.input)}"]
        if row.reasoning:
            lines.append(f"reasoning = {_text(row.reasoning)}")
        lines.append(f"output = {_text(row.output)}")
        if not row.on:
            lines.append("on = false")
    if not shots.rows:
        lines.append("rows = []")
    return "\n".join(lines) + "\n"


def shots_as_jsonl(shots: ShotSet) -> str:
    """The file of a set, one JSON object a line, the first of them what is said of the whole."""
    listed: Iterable[Mapping[str, object]] = (
        {"input": row.input}
        | ({"reasoning": row.reasoning} if row.reasoning else {})
        | {"output": row.output}
        | ({} if row.on else {"on": False})
        for row in shots.rows
    )
    return "".join(json.dumps(item, ensure_ascii=False) + "\n" for item in (_head(shots), *listed))


def _head(shots: ShotSet) -> dict[str, str | list[str]]:
    """What is said of the whole set, defaults left out."""
    said: dict[str, str | list[str]] = {"title": shots.title, "language": shots.language}
    if shots.description:
        said["description"] = shots.description
    if shots.tags:
        said["tags"] = list(shots.tags)
    plain = ShotSet(name="", language="", title="")
    said.update({key: getattr(shots, key) for key in _TOP if getattr(shots, key) != getattr(plain, key)})
    return said


def _key(value: str | list[str]) -> str:
    return quoted(value) if isinstance(value, str) else "[" + ", ".join(map(quoted, value)) + "]"


def _text(text: str) -> str:
    """`text` in TOML: on one line, or as lines when it has several."""
    lines = text.split("\n")
    if len(lines) == 1:
        return quoted(text)
    return '"""\n' + "\n".join(quoted(line)[1:-1] for line in lines) + '"""'
