"""DOCX: paragraphs, tables and notes of a Word document; headings begin sections, else page breaks begin pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from llmlab.documents.archive import Archive
from llmlab.documents.formats.formula import Formula
from llmlab.documents.problems import damaged
from llmlab.documents.scribe import Scribe
from llmlab.domain.document import Unit
from llmlab.words import say

_MAIN: Final = "word/document.xml"
_UNSEEN: Final = frozenset({"delText", "instrText", "moveFrom", "rt"})
"""What was deleted, or moved elsewhere; instructions of fields; how characters are pronounced."""
_NO_LEVEL: Final = 9


def read_word(archive: Archive, scribe: Scribe) -> Unit:
    """Write what the document says on `scribe`; what its pages are.

    Raises:
        DocumentError: it is damaged or too long.
    """
    main = next((path for kind, path in archive.relations("").values() if kind == "officeDocument"), _MAIN)
    if main not in archive:
        raise damaged(archive.kind, say("{name} is missing", name=main))
    related = dict(archive.relations(main).values())
    styles = _Styles()
    if related.get("styles", "") in archive:
        archive.walk(related["styles"], styles)
    counter = _Counter(styles)
    archive.walk(main, counter)
    unit: Unit = "section" if counter.headings else "page" if counter.pages else ""
    archive.walk(main, _Body(scribe, styles, unit))
    for notes in ("footnotes", "endnotes"):
        if related.get(notes, "") in archive:
            scribe.blank()
            archive.walk(related[notes], _Body(scribe, styles, unit))
    return unit


def _local(name: str) -> str:
    """The name of a Word element; empty for those of drawings and the like."""
    space, _, local = name.rpartition(" ")
    return local if "wordprocessingml" in space or not space else ""


def _formula_part(name: str) -> str:
    """The name of an element of a formula; empty for others."""
    space, _, local = name.rpartition(" ")
    return local if space.endswith("/math") else ""


def _value(attributes: Mapping[str, str], wanted: str = "val") -> str:
    return next((value for name, value in attributes.items() if _local(name) == wanted), "")


class _Styles:
    """Which paragraph styles are headings, by their level."""

    def __init__(self) -> None:
        self.levels: dict[str, int] = {}
        self._style = ""
        self._based: dict[str, str] = {}
        """The style that each goes by in all it does not say itself."""

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        """An element begins."""
        match _local(name):
            case "style":
                self._style = _value(attributes, "styleId")
            case "name":
                said = _value(attributes).lower()
                if said == "title":
                    self.levels[self._style] = 0
                elif said.startswith("heading ") and said[8:].isdigit():
                    self.levels[self._style] = int(said[8:])
            case "outlineLvl":
                level = _value(attributes)
                if level.isdigit():
                    self.levels.setdefault(self._style, min(int(level), _NO_LEVEL) + 1)
            case "basedOn":
                self._based[self._style] = _value(attributes)

    def end(self, name: str) -> None:
        """An element ends; with the last, styles without a level have that of what they are based on."""
        if _local(name) == "styles":
            for style in self._based:
                seen = {at := style}
                while at not in self.levels and (at := self._based.get(at, "")) not in seen:
                    seen.add(at)
                if at in self.levels:
                    self.levels[style] = self.levels[at]

    def data(self, text: str) -> None:
        """Text."""


class _Counter:
    """Counts headings and page breaks."""

    def __init__(self, styles: _Styles) -> None:
        self._styles = styles
        self.headings = 0
        self.pages = 0

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        """An element begins."""
        match _local(name):
            case "pStyle":
                self.headings += self._styles.levels.get(_value(attributes), _NO_LEVEL) <= 2
            case "lastRenderedPageBreak":
                self.pages += 1
            case "br":
                self.pages += _value(attributes, "type") == "page"

    def end(self, name: str) -> None:
        """An element ends."""

    def data(self, text: str) -> None:
        """Text."""


class _Body:
    """Writes paragraphs; what was deleted, instructions of fields and second versions of drawings are left out."""

    def __init__(self, scribe: Scribe, styles: _Styles, unit: Unit) -> None:
        self._scribe = scribe
        self._styles = styles
        self._unit = unit
        self._formula = Formula()
        self._in_text = False
        self._skipped = 0
        """Depth in what is not read."""
        self._cells: list[int] = []
        """Cells so far in the row, for each table that is open."""
        self._level = _NO_LEVEL
        self._said: list[str] = []
        self._glued = False
        """The next paragraph goes on where its cell or note begins."""
        self._broke = False
        """A page break was just written; Word notes it twice."""
        if unit == "page":
            scribe.turn()

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        """An element begins."""
        if self._skipped or name.endswith(" Fallback") or _local(name) in _UNSEEN:
            self._skipped += 1
            return
        if part := _formula_part(name):
            self._in_text = part == "t"
            self._scribe.write(self._formula.start(part, attributes))
            return
        match _local(name):
            case "p":
                self._begin()
            case "pStyle":
                self._level = self._styles.levels.get(_value(attributes), _NO_LEVEL)
                if self._level <= 6:
                    self._scribe.blank()
                if self._level <= 2 and self._unit == "section":
                    self._scribe.turn()
            case "t":
                self._in_text = True
            case "tab":
                self._scribe.write("" if self._scribe.at_line_start else "\t")
            case "br" | "cr" | "lastRenderedPageBreak" as kind:
                self._break(kind, _value(attributes, "type"))
            case "noBreakHyphen":
                self._scribe.write("-")
            case "tbl":
                self._cells.append(0)
                self._scribe.line()
            case "tr" if self._cells:
                self._cells[-1] = 0
                self._scribe.line()
                self._glued = True
            case "tc" if self._cells:
                if self._cells[-1]:
                    self._scribe.write("\t")
                self._cells[-1] += 1
                self._glued = True
            case "footnoteReference" | "endnoteReference":
                self._scribe.write(f"[{_value(attributes, 'id')}]")
            case "footnote" | "endnote" if _value(attributes, "type") not in ("", "normal"):
                self._skipped = 1
            case "footnote" | "endnote":
                self._scribe.line()
                self._scribe.write(f"[{_value(attributes, 'id')}] ")
                self._glued = True

    def end(self, name: str) -> None:
        """An element ends."""
        if self._skipped:
            self._skipped -= 1
            return
        if part := _formula_part(name):
            self._in_text = False
            self._scribe.write(self._formula.end(part))
            return
        match _local(name):
            case "t":
                self._in_text = False
            case "p":
                if self._level <= 2 and self._unit == "section":
                    self._scribe.entitle("".join(self._said))
                if not self._cells:
                    self._scribe.line()
            case "tbl" if self._cells:
                self._cells.pop()
                self._scribe.line()

    def data(self, text: str) -> None:
        """Text."""
        if self._in_text and not self._skipped:
            self._scribe.write(text)
            self._said.append(text)
            self._broke = False

    def _begin(self) -> None:
        """A paragraph begins: on a line of its own, or behind a blank in a cell."""
        if self._glued:
            self._glued = False
        elif not self._cells:
            self._scribe.line()
        elif not self._scribe.at_line_start:
            self._scribe.write(" ")
        self._level, self._said = _NO_LEVEL, []

    def _break(self, kind: str, how: str) -> None:
        if kind == "lastRenderedPageBreak" or how == "page":
            if self._unit == "page" and not self._broke:
                self._scribe.line()
                self._scribe.turn()
                self._broke = True
        else:
            self._scribe.feed()
