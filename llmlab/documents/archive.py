"""Zipped documents, unpacked within a budget, and their XML, read as a stream without what it could do beyond that."""

from __future__ import annotations

import io
import posixpath
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from typing import Final, Protocol
from urllib.parse import unquote
from xml.parsers import expat

from llmlab.documents.problems import damaged, locked, over_limit
from llmlab.domain.reading_limits import ReadingLimits
from llmlab.errors import DocumentError
from llmlab.words import say

_PIECE: Final = 1 << 16
_SPARE: Final = 64 << 20
"""Bytes that may be unpacked however small their file is."""


class Handler(Protocol):
    """Takes the pieces of an XML text; names are `namespace local`, or `local` without a namespace."""

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        """An element begins."""

    def end(self, name: str) -> None:
        """An element ends."""

    def data(self, text: str) -> None:
        """Text."""


class Archive:
    """A zipped document.

    Args:
        data: the whole file.
        kind: name of its format, for people.
        limits: what it may grow to.

    Raises:
        DocumentError: it is damaged, or holds more than it may.
    """

    def __init__(self, data: bytes, kind: str, limits: ReadingLimits) -> None:
        self.kind = kind
        sizes = {"file_mb": limits.file_mb << 20, "unpack_ratio": max(_SPARE, limits.unpack_ratio * len(data))}
        self._bound, self._left = min(sizes.items(), key=lambda size: size[1])
        self._charged: dict[str, int] = {}
        """Bytes of each file that were counted already: some are read twice."""
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except _FAILURES:
            raise damaged(kind, say("its end is missing, where it lists what it holds")) from None
        self._names = {info.filename: info for info in self._zip.infolist()}
        if len(self._names) > limits.zip_files:
            many = say("The {kind} file holds more than {count} files.", kind=kind, count=f"{limits.zip_files:,}")
            raise over_limit(many, "zip_files")

    def __contains__(self, name: str) -> bool:
        return name in self._names

    @property
    def names(self) -> list[str]:
        """Every file in it, in the order of its directory."""
        return list(self._names)

    def read(self, name: str) -> bytes:
        """The content of a file in it.

        Raises:
            DocumentError: it is missing, damaged or encrypted, or the document holds more than it may.
        """
        return b"".join(self._pieces(name))

    def walk(self, name: str, handler: Handler) -> None:
        """Give the XML of a file to `handler`, piece by piece.

        Raises:
            DocumentError: as `read`; or it is no XML, or declares entities, which can grow without end.
        """
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartElementHandler = handler.start
        parser.EndElementHandler = handler.end
        parser.CharacterDataHandler = handler.data

        def refuse(*_declared: object) -> None:
            raise damaged(self.kind, say("it declares entities"))

        parser.EntityDeclHandler = refuse
        try:
            for piece in self._pieces(name):
                parser.Parse(piece, False)
            parser.Parse(b"", True)
        except expat.ExpatError as error:
            raise damaged(self.kind, f"{name}: {error}") from None

    def relations(self, part: str) -> dict[str, tuple[str, str]]:
        """What the Office file `part` refers to: id to type and path in the archive; empty when it says nothing."""
        folder, name = posixpath.split(part)
        where = f"{folder}/_rels/{name}.rels"
        if where not in self:
            return {}
        collected = _Relations()
        self.walk(where, collected)
        return {id_: (kind, resolve(part, target)) for id_, (kind, target) in collected.found.items()}

    def _pieces(self, name: str) -> Iterator[bytes]:
        info = self._names.get(name)
        if info is None:
            raise damaged(self.kind, say("{name} is missing", name=name))
        if info.flag_bits & 1:
            raise locked(self.kind)
        came = 0
        try:
            with self._zip.open(info) as file:
                # Not what the directory promises counts, but what really comes.
                while piece := file.read(_PIECE):
                    came += len(piece)
                    charged = self._charged.get(name, 0)
                    if came > charged:
                        self._left -= came - charged
                        self._charged[name] = came
                    if self._left < 0:
                        raise self._bomb()
                    yield piece
        except _FAILURES as error:
            raise damaged(self.kind, str(error)) from None

    def _bomb(self) -> DocumentError:
        return over_limit(
            say(
                "The {kind} file unpacks to far more than its size; a zip bomb does that.",
                kind=self.kind,
            ),
            self._bound,
        )


_FAILURES: Final = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError)
"""What `zipfile` raises over damaged, encrypted or unknown content."""


def resolve(part: str, target: str) -> str:
    """The path in the archive that `target` means when it stands in `part`."""
    target = unquote(target.partition("#")[0])
    if target.startswith("/"):
        return target.lstrip("/")
    return posixpath.normpath(posixpath.join(posixpath.dirname(part), target))


class _Relations:
    """Collects what a relationships file lists."""

    def __init__(self) -> None:
        self.found: dict[str, tuple[str, str]] = {}

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        """An element begins."""
        if name.endswith("Relationship") and attributes.get("TargetMode") != "External":
            kind = attributes.get("Type", "").rpartition("/")[2]
            self.found[attributes.get("Id", "")] = (kind, attributes.get("Target", ""))

    def end(self, name: str) -> None:
        """An element ends."""

    def data(self, text: str) -> None:
        """Text."""
