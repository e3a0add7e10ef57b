"""Items from files of data: JSONL and CSV, read as a stream, hashed whole, every bad row named with its line.

A row is an object (JSONL) or a line under a header (CSV). These columns mean something, by their own names or by those
that the experiment gives them: `id`, `question`, `gold`, `cluster`, `document`, `choices`, `answerable`, `constraints`.
In CSV, where a cell is one text, several golds and choices are separated by `|`.
"""

from __future__ import annotations

import csv
import hashlib
import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final, Literal

from llmlab.domain.constraints import KINDS, Constraint, flaw
from llmlab.domain.experiment import Item
from llmlab.domain.terminal import encodable, visible_line
from llmlab.library.checks import Unfit, given, meant
from llmlab.library.tomlfile import Problem
from llmlab.words import say

COLUMNS: Final = ("id", "question", "gold", "cluster", "document", "choices", "answerable", "constraints")
"""What a row may say besides fields of its own."""
MOST_ITEMS: Final = 100_000
"""Items that are kept of one file."""
MOST_CHARACTERS: Final = 300_000_000
"""Characters that they hold together."""
LONGEST_ROW: Final = 20_000_000
"""Bytes of one row."""
MOST_TOLD: Final = 20
"""Bad rows of one file that are told one by one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFile:
    """A file of data as an experiment asks for it."""

    path: Path
    columns: Mapping[str, str] = field(default_factory=dict)
    """By column of `COLUMNS`: what the file calls it."""
    limit: int | None = None
    """Items at most."""
    sample: Literal["first", "random"] = "first"
    """Which: the first rows, or drawn from all of them."""
    seed: int = 0


@dataclass(frozen=True, slots=True)
class ReadData:
    """What could be read."""

    items: tuple[Item, ...] = ()
    rows: int = 0
    """Rows that were looked at."""
    digest: str = ""
    """SHA-256 of the whole file."""
    problems: tuple[Problem, ...] = ()


def read_data(wanted: DataFile) -> ReadData:
    """The items of a file. Nothing is raised: what is wrong is in `problems`, and then no item counts."""
    if wanted.path.suffix.lower() not in (".jsonl", ".csv"):
        what = say("is neither .jsonl nor .csv")
        return ReadData(problems=(Problem(wanted.path, what),))
    try:
        with wanted.path.open("rb") as file:
            return _Reader(wanted, _Bytes(file)).read()
    except OSError as error:
        what = say("cannot be read: {reason}", reason=error.strerror or str(error))
        return ReadData(problems=(Problem(wanted.path, what),))


class _Bytes:
    """The lines of a file as text, hashed as they pass."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self.line = 0

    def __iter__(self) -> Iterator[str]:
        while line := self._file.readline(LONGEST_ROW + 1):
            self.line += 1
            self._digest.update(line)
            if len(line) > LONGEST_ROW:
                raise Unfit(say("is longer than {size:,} bytes", size=LONGEST_ROW))
            try:
                yield line.decode("utf-8-sig" if self.line == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise Unfit(say("is not UTF-8 text (byte {position})", position=error.start)) from None

    def digest(self) -> str:
        """Of the whole file, what was not read among it."""
        while block := self._file.read(1 << 20):
            self._digest.update(block)
        return self._digest.hexdigest()


class _Reader:
    """One file being read: the items kept so far, and what is wrong."""

    def __init__(self, wanted: DataFile, lines: _Bytes) -> None:
        self._wanted = wanted
        self._lines = lines
        self._kept: list[tuple[int, Item]] = []
        self._seen: dict[int, int] = {}
        """By a hash of the id, which is all that is kept of it: the line where it first stood."""
        self._rows = 0
        self._characters = 0
        self._problems: list[Problem] = []
        self._bad = 0
        self._draw = random.Random(f"rows {wanted.seed}")

    def read(self) -> ReadData:
        """Everything that the file says.

        Raises:
            OSError: it cannot be read to its end.
        """
        try:
            for line, row in self._rows_of():
                self._rows += 1
                self._take(row, line)
                if self._full:
                    break
        except Unfit as unfit:
            self._refuse(str(unfit), self._lines.line)
        except csv.Error as error:
            self._refuse(say("is no CSV: {reason}", reason=str(error)), self._lines.line)
        if not self._rows and not self._bad:
            self._problems.append(Problem(self._wanted.path, say("holds no rows")))
        if self._bad > MOST_TOLD:
            what = say("{count:,} more rows are wrong", count=self._bad - MOST_TOLD)
            self._problems.append(Problem(self._wanted.path, what))
        items = () if self._problems else tuple(item for _, item in sorted(self._kept, key=lambda pair: pair[0]))
        return ReadData(items, self._rows, self._lines.digest(), tuple(self._problems))

    @property
    def _full(self) -> bool:
        """Nothing that comes can change what is kept."""
        limit = self._wanted.limit
        if limit is None and len(self._kept) > MOST_ITEMS:
            what = say("holds more than {count:,} rows: say how many are wanted with limit", count=MOST_ITEMS)
            self._problems.append(Problem(self._wanted.path, what, line=self._lines.line))
            return True
        if self._characters > MOST_CHARACTERS:
            what = say("holds more than {count:,} characters up to here: lower limit", count=MOST_CHARACTERS)
            self._problems.append(Problem(self._wanted.path, what, line=self._lines.line))
            return True
        return limit is not None and self._wanted.sample == "first" and self._rows >= limit

    def _rows_of(self) -> Iterator[tuple[int, Mapping[str, object]]]:
        return self._csv() if self._wanted.path.suffix.lower() == ".csv" else self._jsonl()

    def _jsonl(self) -> Iterator[tuple[int, Mapping[str, object]]]:
        for text in self._lines:
            line = self._lines.line
            if not text.strip():
                continue
            try:
                row = json.loads(text)
            except RecursionError:
                self._refuse(say("is nested too deeply"), line)
                continue
            except ValueError as error:
                self._refuse(say("is no JSON: {reason}", reason=str(error)), line)
                continue
            if isinstance(row, dict):
                yield line, row
            else:
                self._refuse(say("{given} is no JSON object", given=given(row)), line)

    def _csv(self) -> Iterator[tuple[int, Mapping[str, object]]]:
        csv.field_size_limit(LONGEST_ROW)
        table = csv.reader(iter(self._lines), strict=True)
        header = next(table, [])
        if len(set(header)) != len(header):
            raise Unfit(say("names a column twice"))
        for cells in table:
            line = self._lines.line
            if not any(cells):
                continue
            if len(cells) != len(header):
                what = say("has {count} cells and the header has {wanted}", count=len(cells), wanted=len(header))
                self._refuse(what, line)
                continue
            yield (
                line,
                {name: _cell(name, cell, self._wanted.columns) for name, cell in zip(header, cells, strict=True)},
            )

    def _take(self, row: Mapping[str, object], line: int) -> None:
        """Keep a row, or note what is wrong with it."""
        try:
            item = item_of(row, self._wanted.columns)
        except BadRow as bad:
            self._refuse(bad.what, line, bad.key)
            return
        mark = int.from_bytes(hashlib.blake2b(item.id.encode(), digest_size=8).digest(), "big")
        if (first := self._seen.setdefault(mark, line)) != line:
            self._refuse(say("{id} is the id of line {line} too", id=given(item.id), line=first), line, "id")
            return
        limit = self._wanted.limit
        if limit is None or len(self._kept) < limit:
            self._kept.append((line, item))
            self._characters += _size(item)
        elif self._wanted.sample == "random" and (place := self._draw.randrange(self._rows)) < limit:
            # Each row seen so far has the same chance to be among those kept (Vitter 1985, algorithm R).
            self._characters += _size(item) - _size(self._kept[place][1])
            self._kept[place] = (line, item)

    def _refuse(self, what: str, line: int, key: str = "") -> None:
        self._bad += 1
        if self._bad <= MOST_TOLD:
            self._problems.append(Problem(self._wanted.path, what, key=visible_line(key), line=line))


class BadRow(Exception):
    """A row that is no item.

    Args:
        what: what is wrong, in words.
        key: the column.
    """

    def __init__(self, what: str, key: str = "") -> None:
        super().__init__(what)
        self.what, self.key = what, key


def item_of(row: Mapping[str, object], columns: Mapping[str, str]) -> Item:
    """The item of a row.

    Args:
        row: by column of the file.
        columns: what the file calls the columns of `COLUMNS`; those not named have their own names.

    Raises:
        BadRow: a column is missing or does not hold what it should.
    """
    called = {column: columns.get(column, column) for column in COLUMNS}
    if called["question"] not in row:
        raise BadRow(say("the key {key} is missing", key=called["question"]) + meant(called["question"], row))
    values = {column: row.get(name) for column, name in called.items()}
    question = _text(values["question"], called["question"])
    if not question.strip():
        raise BadRow(say("is empty"), called["question"])
    document = _text(values["document"], called["document"])
    others = {name: value for name, value in row.items() if name not in called.values()}
    fields = {encodable(str(name)): _plain(value) for name, value in others.items()}
    return Item(
        id=_id(values["id"], called["id"]) or _id_of(question, document),
        question=question,
        gold=_texts(values["gold"], called["gold"]),
        cluster=_text(values["cluster"], called["cluster"]),
        variables=fields,
        document=document,
        answerable=_yes_or_no(values["answerable"], called["answerable"]),
        choices=_texts(values["choices"], called["choices"]),
        constraints=_constraints(values["constraints"], called["constraints"]),
        fields=fields,
    )


def _id_of(question: str, document: str) -> str:
    """The id of a row that has none: equal questions have equal ids."""
    return hashlib.sha256(f"{question}\n{document}".encode()).hexdigest()[:12]


def _id(value: object, name: str) -> str:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else _text(value, name)
    if len(text) > 200 or visible_line(text) != text:
        raise BadRow(say("{given} is not one short line of visible text", given=given(visible_line(text))), name)
    return text


def _text(value: object, name: str) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return encodable(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise BadRow(say("{given} is not a text in quotes", given=given(value)), name)


def _texts(value: object, name: str) -> tuple[str, ...]:
    if value is None or value == "":
        return ()
    return tuple(_text(item, name) for item in (value if isinstance(value, list) else [value]))


def _yes_or_no(value: object, name: str) -> bool:
    if isinstance(value, bool):
        return value
    word = "true" if value in (None, "") else str(value).strip().casefold()
    if word not in _YES | _NO:
        raise BadRow(say("{given} is neither true nor false", given=given(value)), name)
    return word in _YES


_YES: Final = frozenset({"true", "yes", "1", "是"})
_NO: Final = frozenset({"false", "no", "0", "否"})


def _constraints(value: object, name: str) -> tuple[Constraint, ...]:
    """From objects with `kind` and `value`, or texts such as `most_words 20`."""
    if value is None or value == "":
        return ()
    found = []
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, dict):
            one = Constraint(_text(item.get("kind"), name), _text(item.get("value"), name))
        else:
            kind, _, rest = _text(item, name).strip().partition(" ")
            one = Constraint(kind, rest.strip())
        if wrong := constraint_fault(one):
            raise BadRow(wrong, name)
        found.append(one)
    return tuple(found)


def constraint_fault(one: Constraint) -> str:
    """What is wrong with a constraint, in words; empty when nothing is."""
    match flaw(one):
        case "kind":
            return say("there is no constraint {name}", name=given(one.kind)) + meant(one.kind, KINDS)
        case "number":
            return say("{kind} takes a whole number, not {given}", kind=one.kind, given=given(one.value))
        case "text":
            return say("{kind} takes a text", kind=one.kind)
        case "pattern":
            return say("{given} is no regular expression", given=given(one.value))
        case "":
            return ""


def _plain(value: object) -> str:
    """A field of a row as text: what is no text as JSON."""
    return encodable(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _cell(name: str, cell: str, columns: Mapping[str, str]) -> object:
    """A cell; where several texts may stand, those that `|` separates."""
    several = {columns.get(column, column) for column in ("gold", "choices", "constraints")}
    return [part.strip() for part in cell.split("|") if part.strip()] if name in several else cell


def _size(item: Item) -> int:
    return len(item.question) + len(item.document) + sum(map(len, item.fields.values()))
