"""Texts of documents on disk, by their digest; and which file had which text when it was last looked at."""

from __future__ import annotations

import hashlib
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from llmlab.documents.wire import document_of, heading_in, heading_of, line_of
from llmlab.domain.document import Document, digest_of
from llmlab.domain.reading_limits import ReadingLimits

VERSION: Final = 2
"""Goes up whenever the same file would be read as another document, so that files are read anew."""


class TextStore:
    """A folder of texts, for its owner's eyes.

    Args:
        folder: made when the first text is kept.
        room: bytes of all texts together; beyond them, those not used for longest go.
    """

    def __init__(self, folder: Path, room: int = ReadingLimits().kept_mb << 20) -> None:
        self._folder = folder
        self._room = room

    def keep(self, document: Document) -> None:
        """Keep a document.

        Raises:
            OSError: the disk is full or cannot be written; nothing half-written stays.
        """
        text = document.text.encode("utf-8")
        path = self._path(document.digest)
        content = line_of(heading_of(document, len(text))) + text
        if not _has(path, content):
            _write(path, content)
            self._make_room(path)

    def find(self, digest: str) -> Document | None:
        """The document whose text has this digest; `None` when it is not there, or not what it was."""
        if not _is_digest(digest):
            return None
        path = self._path(digest)
        try:
            with path.open("rb") as file:
                heading = heading_in(file.readline())
                text = file.read().decode("utf-8")
            document = document_of(heading, text)
        except (OSError, ValueError, msgspec.MsgspecError):
            return None
        if heading.digest != digest or digest_of(text) != digest:
            return None
        with suppress(OSError):
            os.utime(path)  # it was used
        return document

    def remember(self, mark: str, digest: str) -> None:
        """Note that the file with this mark has the text with this digest.

        Raises:
            OSError: the disk is full or cannot be written.
        """
        _write(self._mark_path(mark), digest.encode("ascii"))

    def recall(self, mark: str) -> str:
        """The digest of the text of the file with this mark; empty when it was never read."""
        try:
            digest = self._mark_path(mark).read_text(encoding="ascii")
        except (OSError, ValueError):
            return ""
        return digest if _is_digest(digest) else ""

    def forget(self, digest: str) -> None:
        """Let go of a text."""
        if _is_digest(digest):
            self._path(digest).unlink(missing_ok=True)

    def _path(self, digest: str) -> Path:
        return self._folder / digest[:2] / f"{digest}.txt"

    def _mark_path(self, mark: str) -> Path:
        return self._folder / "files" / hashlib.sha256(f"{VERSION}\n{mark}".encode("utf-8", "replace")).hexdigest()

    def _make_room(self, newest: Path) -> None:
        """Let the texts go that were not used for longest, until the others have room; never the newest."""
        found = []
        for path in self._folder.glob("??/*.txt"):
            with suppress(OSError):
                status = path.stat()
                found.append((status.st_mtime, status.st_size, path))
        total = sum(size for _, size, _ in found)
        for _, size, path in sorted(found):
            if total <= self._room:
                break
            if path != newest:
                with suppress(OSError):
                    path.unlink(missing_ok=True)
                    total -= size


def mark_of(path: Path, encoding: str) -> str:
    """What tells this file, in this state and read in this encoding, from every other.

    Raises:
        OSError: it cannot be looked at.
    """
    status = path.stat()
    parts = (path, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns, encoding)
    return "\n".join(map(str, parts))


def _is_digest(text: str) -> bool:
    return len(text) == 64 and set(text) <= set("0123456789abcdef")


def _has(path: Path, content: bytes) -> bool:
    try:
        return path.stat().st_size == len(content) and path.read_bytes() == content
    except OSError:
        return False


def _write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    # Folders that are made on the way to another one would get the usual mode.
    path.parent.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".new-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
