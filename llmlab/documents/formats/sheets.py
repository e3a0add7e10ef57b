"""XLSX: the sheets of a workbook in their order; each row on a line, behind the number that Excel shows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from llmlab.documents.archive import Archive
from llmlab.documents.problems import damaged
from llmlab.documents.scribe import Scribe
from llmlab.domain.document import Remark, remark
from llmlab.words import say

_MAIN: Final = "xl/workbook.xml"
_WIDEST_GAP: Final = 64
"""Empty cells that are kept between two others."""
_MOST_ROWS: Final = 1 << 20
_BLANKS: Final = re.compile(r"[\t\r\n]+")
_LETTERS: Final = re.compile(r"[A-Z]{1,3}")
_QUOTED: Final = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]')
_DATES: Final = frozenset({*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)})
"""Numbers of the formats of dates and times that every workbook has."""


def read_sheets(archive: Archive, scribe: Scribe) -> tuple[Remark, ...]:
    """Write what the cells say on `scribe`, a page each sheet; what a person should know of them.

    Raises:
        DocumentError: it is damaged or too long.
    """
    main = next((path for kind, path in archive.relations("").values() if kind == "officeDocument"), _MAIN)
    if main not in archive:
        raise damaged(archive.kind, say("{name} is missing", name=main))
    book = _Book()
    archive.walk(main, book)
    related = archive.relations(main)
    texts, styles = _Texts(), _Styles()
    for kind, path in related.values():
        if kind == "sharedStrings" and path in archive:
            archive.walk(path, texts)
        elif kind == "styles" and path in archive:
            archive.walk(path, styles)
    uncomputed = 0
    hidden = 0
    for number, (title, id_, seen) in enumerate(book.sheets, 1):
        kind, path = related.get(id_, ("", ""))
        if kind != "worksheet":
            continue  # a chart
        scribe.blank()
        scribe.turn(title, number=number)
        cells = _Cells(scribe, texts.found, styles.dates, 1904 if book.from_1904 else 1900)
        archive.walk(path, cells)
        uncomputed += cells.uncomputed
        hidden += not seen
    remarks = [remark("hidden_sheets", count=hidden, all=len(book.sheets))] if hidden else []
    return (*remarks, *([remark("uncomputed", count=uncomputed)] if uncomputed else []))


def is_date(code: str) -> bool:
    """Whether a format of numbers shows dates or times."""
    return any(letter in _QUOTED.sub("", code).lower() for letter in "ymdhs")


def moment(days: float, epoch: int) -> str:
    """A date or time as Excel counts them, in days; as digits where it is none.

    Args:
        days: since the beginning of the epoch.
        epoch: 1900 or 1904.
    """
    # Excel's 1900 has a 29th of February.
    begin = datetime(1904, 1, 1) if epoch == 1904 else datetime(1899, 12, 31 if days < 60 else 30)
    try:
        found = begin + timedelta(seconds=round(days * 86_400))
    except (OverflowError, ValueError):
        return _digits(days)
    if 0 <= days < 1:
        return f"{found:%H:%M:%S}"
    return f"{found:%Y-%m-%d}" if not (found.hour or found.minute or found.second) else f"{found:%Y-%m-%d %H:%M:%S}"


def _digits(number: float) -> str:
    return f"{number:.15g}"


def _column(reference: str) -> int:
    """The column of a cell such as `AB12`, from 1; 0 where it says none."""
    letters = _LETTERS.match(reference)
    column = 0
    for letter in letters.group() if letters else "":
        column = 26 * column + ord(letter) - 64
    return column


class _Book:
    """Collects the sheets: name, id and whether they are shown."""

    def __init__(self) -> None:
        self.sheets: list[tuple[str, str, bool]] = []
        self.from_1904 = False

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        """An element begins."""
        match name.rpartition(" ")[2]:
            case "workbookPr":
                self.from_1904 = attributes.get("date1904", "") in ("1", "true")
            case "sheet":
                id_ = next((value for key, value in attributes.items() if key.endswith(" id")), "")
                self.sheets.append((attributes.get("name", ""), id_, attributes.get("state", "visible") == "visible"))

    def end(self, name: str) -> None:
        """An element ends."""

    def data(self, text: str) -> None:
        """Text."""


class _Texts:
    """Collects the texts that cells share; how they are pronounced is left out."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self._parts: list[str] = []
        self._in_text = False
        self._spoken = 0

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        """An element begins."""
        match name.rpartition(" ")[2]:
            case "si":
                self._parts = []
            case "rPh":
                self._spoken += 1
            case "t":
                self._in_text = not self._spoken

    def end(self, name: str) -> None:
        """An element ends."""
        match name.rpartition(" ")[2]:
            case "si":
                self.found.append("".join(self._parts))
            case "rPh":
                self._spoken -= 1
            case "t":
                self._in_text = False

    def data(self, text: str) -> None:
        """Text."""
        if self._in_text:
            self._parts.append(text)


class _Styles:
    """Collects which styles of cells show dates."""

    def __init__(self) -> None:
        self.dates: list[bool] = []
        self._codes: dict[str, bool] = {}
        self._in_cells = False

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        """An element begins."""
        match name.rpartition(" ")[2]:
            case "numFmt":
                self._codes[attributes.get("numFmtId", "")] = is_date(attributes.get("formatCode", ""))
            case "cellXfs":
                self._in_cells = True
            case "xf" if self._in_cells:
                number = attributes.get("numFmtId", "0")
                known = number.isdecimal() and int(number) in _DATES
                self.dates.append(self._codes.get(number, known))

    def end(self, name: str) -> None:
        """An element ends."""
        if name.endswith("cellXfs"):
            self._in_cells = False

    def data(self, text: str) -> None:
        """Text."""


class _Cells:
    """Writes the rows of a sheet that say something."""

    def __init__(self, scribe: Scribe, texts: list[str], dates: list[bool], epoch: int) -> None:
        self._scribe, self._texts, self._dates, self._epoch = scribe, texts, dates, epoch
        self.uncomputed = 0
        """Cells whose formula has no result in the file."""
        self._row = self._column = 0
        self._written = 0
        """The last column of the row that says something; 0 before the first."""
        self._kind = self._style = ""
        self._value: list[str] = []
        self._formula: list[str] = []
        self._into: list[str] | None = None
        self._spoken = 0

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        """An element begins."""
        match name.rpartition(" ")[2]:
            case "row":
                number = attributes.get("r", "")
                self._row = int(number) if number.isdecimal() and len(number) < 9 else self._row + 1
                self._column = self._written = 0
            case "c":
                self._column = _column(attributes.get("r", "")) or self._column + 1
                self._kind, self._style = attributes.get("t", "n"), attributes.get("s", "0")
                self._value, self._formula = [], []
            case "rPh":
                self._spoken += 1
            case "v" | "t":
                self._into = None if self._spoken else self._value
            case "f":
                self._into = self._formula

    def end(self, name: str) -> None:
        """An element ends."""
        match name.rpartition(" ")[2]:
            case "v" | "t" | "f":
                self._into = None
            case "rPh":
                self._spoken -= 1
            case "c":
                self._write(self._said())

    def data(self, text: str) -> None:
        """Text."""
        if self._into is not None:
            self._into.append(text)

    def _said(self) -> str:
        value = "".join(self._value)
        if not value:
            if not self._formula:
                return ""
            self.uncomputed += 1
            return "=" + "".join(self._formula)
        match self._kind:
            case "s" if value.strip().isdecimal():
                return self._texts[int(value)]
            case "b":
                return "TRUE" if value.strip() == "1" else "FALSE"
            case "n":
                return self._number(value.strip())
            case _:
                return value

    def _number(self, value: str) -> str:
        number = float(value)
        style = int(self._style) if self._style.isdecimal() else 0
        if style < len(self._dates) and self._dates[style]:
            return moment(number, self._epoch)
        # What was computed in binary is not what a sheet shows.
        return _digits(number) if "." in value or "E" in value.upper() else value

    def _write(self, text: str) -> None:
        said = _BLANKS.sub(" ", text).strip()
        if not said or self._row > _MOST_ROWS:
            return
        if not self._written:
            self._scribe.line()
            self._scribe.write(f"{self._row}\t")
            gap = self._column - 1
        else:
            gap = self._column - self._written
        self._scribe.write("\t" * min(gap, _WIDEST_GAP) + said)
        self._written = self._column
