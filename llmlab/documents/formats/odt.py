"""ODT: paragraphs, tables and notes of an OpenDocument text; headings begin sections."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from llmlab.documents.archive import Archive
from llmlab.documents.problems import locked
from llmlab.documents.scribe import Scribe

_SPACES: Final = ("opendocument:xmlns:text", "opendocument:xmlns:table", "opendocument:xmlns:office")
_UNSEEN: Final = frozenset({"tracked-changes", "annotation", "annotation-end", "sequence-decls", "automatic-styles"})
_MOST_BLANKS: Final = 200


def read_odt(archive: Archive, scribe: Scribe) -> None:
    """Write what the document says on `scribe`.

    Raises:
        DocumentError: it is damaged, encrypted or too long.
    """
    if "META-INF/manifest.xml" in archive and b"encryption-data" in archive.read("META-INF/manifest.xml"):
        raise locked(archive.kind)
    archive.walk("content.xml", _Body(scribe))


def _local(name: str) -> str:
    """The name of an element of the text; empty for those of drawings and the like."""
    space, _, local = name.rpartition(" ")
    return local if any(known in space for known in _SPACES) else ""


class _Body:
    """Writes paragraphs."""

    def __init__(self, scribe: Scribe) -> None:
        self._scribe = scribe
        self._depth = 0
        """Depth in paragraphs and headings: text outside of them is layout."""
        self._skipped = 0
        self._cells: list[int] = []
        self._fresh = False
        """Nothing stands in the cell yet."""
        self._heading: list[str] | None = None
        self._level = 9

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        """An element begins."""
        local = _local(name)
        if self._skipped or local in _UNSEEN:
            self._skipped += 1
            return
        match local:
            case "p" | "h" as kind:
                self._paragraph(kind, attributes)
            case "s":
                count = next((value for key, value in attributes.items() if key.endswith(" c")), "1")
                self._scribe.write(" " * min(int(count) if count.isdigit() else 1, _MOST_BLANKS))
            case "tab":
                self._scribe.write("\t")
            case "line-break":
                self._scribe.feed()
            case "note-citation":
                self._scribe.write(" [")
            case "note-body":
                self._scribe.write(": ")
            case "list-item" if self._depth == 0:
                self._scribe.line()
                self._scribe.write("- ")
            case "table":
                self._scribe.line()
                self._cells.append(0)
            case "table-row" if self._cells:
                self._cells[-1] = 0
                self._scribe.line()
            case "table-cell" | "covered-table-cell" if self._cells:
                if self._cells[-1]:
                    self._scribe.write("\t")
                self._cells[-1] += 1
                self._fresh = True

    def end(self, name: str) -> None:
        """An element ends."""
        if self._skipped:
            self._skipped -= 1
            return
        match _local(name):
            case "p" | "h" as kind:
                self._depth -= 1
                if kind == "h" and self._heading is not None and self._depth == 0:
                    if self._level <= 2:
                        self._scribe.entitle("".join(self._heading))
                    self._heading = None
                if self._depth == 0 and not self._cells:
                    self._scribe.line()
            case "note":
                self._scribe.write("] ")
            case "table" if self._cells:
                self._cells.pop()
                self._scribe.line()

    def data(self, text: str) -> None:
        """Text; line breaks of the file are blanks."""
        if self._depth and not self._skipped:
            said = " ".join(text.split("\n")) if "\n" in text else text
            self._scribe.write(said)
            if self._heading is not None:
                self._heading.append(said)

    def _paragraph(self, kind: str, attributes: Mapping[str, str]) -> None:
        if kind == "h" and self._depth == 0:
            level = next((value for key, value in attributes.items() if key.endswith("outline-level")), "1")
            self._level = int(level) if level.isdigit() else 1
            self._heading = []
            self._scribe.blank()
            if self._level <= 2:
                self._scribe.turn()
        elif self._depth == 0 and self._cells and not self._fresh:
            self._scribe.write(" ")
        self._fresh = False
        self._depth += 1
