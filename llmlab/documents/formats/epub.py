"""EPUB: the texts of a book in their order, a chapter each, titled by the table of contents or by their headings."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from llmlab.documents.archive import Archive, resolve
from llmlab.documents.decoding import decode
from llmlab.documents.formats.web import claimed_encoding, read_page
from llmlab.documents.problems import damaged, locked
from llmlab.documents.scribe import Scribe
from llmlab.domain.document import Remark, remark
from llmlab.words import say

_CONTAINER: Final = "META-INF/container.xml"
_PAGES: Final = ("application/xhtml+xml", "text/html", "application/x-dtbook+xml")
_FONTS: Final = (b"http://www.idpf.org/2008/embedding", b"http://ns.adobe.com/pdf/enc#RC")
"""How fonts are scrambled; that locks no text."""
_LOCKED: Final = re.compile(rb"<(?:[\w.-]+:)?EncryptedData[\s>]")


def read_book(archive: Archive, scribe: Scribe, progress: Callable[[float], None]) -> tuple[Remark, ...]:
    """Write what the book says on `scribe`.

    Args:
        archive: the book.
        scribe: takes it down.
        progress: called with the share that is read, 0 to 1.

    Raises:
        DocumentError: it is damaged, locked or too long.
    """
    if "META-INF/encryption.xml" in archive:
        parts = _LOCKED.split(archive.read("META-INF/encryption.xml"))[1:]
        if not all(any(font in part for font in _FONTS) for part in parts):
            raise locked(archive.kind)
    package = _package_path(archive)
    book = _Package()
    archive.walk(package, book)
    titles = _titles(archive, package, book)
    texts = [book.items[id_] for id_ in book.spine if id_ in book.items and book.items[id_][1] in _PAGES]
    if not texts:
        raise damaged(archive.kind, say("it lists no texts"))
    missing = 0
    doubts: dict[tuple[str, str], int] = {}
    for number, (href, _kind, _properties) in enumerate(texts):
        path = resolve(package, href)
        if path not in archive:
            missing += 1
            continue
        data = archive.read(path)
        scribe.blank()
        scribe.turn(titles.get(path, ""))
        decoded = decode(data, claimed=claimed_encoding(data))
        for each in decoded.remarks:
            # What a text says of itself and is not matters to nobody who sees the book alone.
            if each.code in ("undecodable", "guessed"):
                values = dict(each.values)
                doubt = each.code, str(values["encoding"])
                doubts[doubt] = doubts.get(doubt, 0) + int(values.get("count", 0))
        read_page(decoded.text, scribe, ("h1", "h2"))
        progress((number + 1) / len(texts))
    remarks = [
        remark(code, encoding=encoding, **({"count": count} if count else {}))
        for (code, encoding), count in doubts.items()
    ]
    return (*([remark("missing_parts", count=missing, all=len(texts))] if missing else []), *remarks)


def _package_path(archive: Archive) -> str:
    container = _Container()
    if _CONTAINER in archive:
        archive.walk(_CONTAINER, container)
    path = container.path or next((name for name in archive.names if name.endswith(".opf")), "")
    if path not in archive:
        raise damaged(archive.kind, say("{name} is missing", name=path or _CONTAINER))
    return path


def _titles(archive: Archive, package: str, book: _Package) -> dict[str, str]:
    """Titles of the table of contents, by the path of the text that they lead to; the first one for each."""
    contents = next((href for href, _, properties in book.items.values() if "nav" in properties.split()), "")
    contents = contents or next((href for href, kind, _ in book.items.values() if kind.endswith("ncx+xml")), "")
    path = resolve(package, contents) if contents else ""
    if path not in archive:
        return {}
    found = _Contents()
    archive.walk(path, found)
    titles: dict[str, str] = {}
    for target, title in found.entries:
        titles.setdefault(resolve(path, target), " ".join(title.split()))
    return titles


class _Container:
    """Finds the path of the package."""

    def __init__(self) -> None:
        self.path = ""

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        """An element begins."""
        if name.endswith("rootfile") and not self.path:
            self.path = attributes.get("full-path", "")

    def end(self, name: str) -> None:
        """An element ends."""

    def data(self, text: str) -> None:
        """Text."""


class _Package:
    """Collects what a package lists, and in which order it is read."""

    def __init__(self) -> None:
        self.items: dict[str, tuple[str, str, str]] = {}
        """Path, media type and properties, by id."""
        self.spine: list[str] = []

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        """An element begins."""
        match name.rpartition(" ")[2]:
            case "item":
                item = attributes.get("href", ""), attributes.get("media-type", ""), attributes.get("properties", "")
                self.items[attributes.get("id", "")] = item
            case "itemref":
                self.spine.append(attributes.get("idref", ""))

    def end(self, name: str) -> None:
        """An element ends."""

    def data(self, text: str) -> None:
        """Text."""


class _Contents:
    """Collects the entries of a table of contents, of either version."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, str]] = []
        self._href = ""
        self._title = ""
        self._listening = False

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        """An element begins."""
        match name.rpartition(" ")[2]:
            case "a":
                self._href, self._title, self._listening = attributes.get("href", ""), "", True
            case "text":
                self._title, self._listening = "", True
            case "content" if "src" in attributes:
                self.entries.append((attributes["src"], self._title))

    def end(self, name: str) -> None:
        """An element ends."""
        match name.rpartition(" ")[2]:
            case "a":
                self.entries.append((self._href, self._title))
                self._listening = False
            case "text":
                self._listening = False

    def data(self, text: str) -> None:
        """Text."""
        if self._listening:
            self._title += text
