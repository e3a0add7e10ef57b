"""PPTX: the slides of a presentation in their order, with their notes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from llmlab.documents.archive import Archive
from llmlab.documents.problems import damaged
from llmlab.documents.scribe import Scribe
from llmlab.words import say

_MAIN: Final = "ppt/presentation.xml"


def read_slides(archive: Archive, scribe: Scribe) -> None:
    """Write what the slides say on `scribe`, a page each.

    Raises:
        DocumentError: it is damaged or too long.
    """
    main = next((path for kind, path in archive.relations("").values() if kind == "officeDocument"), _MAIN)
    if main not in archive:
        raise damaged(archive.kind, say("{name} is missing", name=main))
    order = _Order()
    archive.walk(main, order)
    related = archive.relations(main)
    paths = [related[id_][1] for id_ in order.ids if id_ in related]
    for number, path in enumerate(paths, 1):
        scribe.blank()
        scribe.turn(number=number)
        archive.walk(path, _Shapes(scribe, notes=False))
        for kind, other in archive.relations(path).values():
            if kind == "notesSlide" and other in archive:
                scribe.blank()
                archive.walk(other, _Shapes(scribe, notes=True))


class _Order:
    """Collects the ids of the slides."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        """An element begins."""
        if name.endswith(" sldId"):
            self.ids += (value for key, value in attributes.items() if key.endswith(" id"))

    def end(self, name: str) -> None:
        """An element ends."""

    def data(self, text: str) -> None:
        """Text."""


class _Shapes:
    """Writes the paragraphs of shapes and tables; of notes, their text alone."""

    def __init__(self, scribe: Scribe, *, notes: bool) -> None:
        self._scribe = scribe
        self._notes = notes
        self._placeholder = ""
        self._in_text = False
        self._cells = -1
        """Cells so far in the row; -1 outside a table."""
        self._title: list[str] = []

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        """An element begins."""
        match name.rpartition(" ")[2]:
            case "sp" | "graphicFrame":
                self._placeholder = ""
                self._title = []
            case "ph":
                self._placeholder = attributes.get("type", "body")
            case "t":
                self._in_text = self._placeholder == "body" if self._notes else self._placeholder not in _FURNITURE
            case "p" if self._cells < 0:
                self._scribe.line()
            case "br":
                self._scribe.feed()
            case "tbl":
                self._cells = 0
            case "tr":
                self._cells = 0
                self._scribe.line()
            case "tc":
                if self._cells:
                    self._scribe.write("\t")
                self._cells += 1

    def end(self, name: str) -> None:
        """An element ends."""
        match name.rpartition(" ")[2]:
            case "t":
                self._in_text = False
            case "sp":
                if self._placeholder in ("title", "ctrTitle") and not self._notes:
                    self._scribe.entitle("".join(self._title))
                self._scribe.line()
            case "tbl":
                self._cells = -1
                self._scribe.line()

    def data(self, text: str) -> None:
        """Text."""
        if self._in_text:
            self._scribe.write(text)
            self._title.append(text)


_FURNITURE: Final = frozenset({"sldNum", "dt", "ftr", "hdr"})
"""Placeholders that repeat on every slide."""
