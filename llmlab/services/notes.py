"""What a model noted of a document, as files that a person can read: one a request, found by what it depends on."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from llmlab.domain.digest import Note, Request
from llmlab.domain.document import Document
from llmlab.errors import StoreError
from llmlab.library.writing import write_whole
from llmlab.words import say

_RULE: Final = "---\n"


class NoteFolder:
    """The notes on one document.

    Args:
        root: where the notes on all documents are.
        document: what they are about.
    """

    def __init__(self, root: Path, document: Document) -> None:
        self.folder = root / document.digest[:16]
        self._document = document

    def find(self, request: Request, key: str) -> Note | None:
        """The note that was written for `request` when it depended on the same; what cannot be read is none."""
        try:
            written = self._file(request, key).read_text(encoding="utf-8")
        except (OSError, UnicodeError):
            return None
        _, _, rest = written.partition(_RULE)
        head, found, text = rest.partition(_RULE)
        if not found:
            return None
        return note_of(request, text.strip("\n"), key, kept=True, cut="cut: yes\n" in head)

    def keep(self, request: Request, note: Note, model: str) -> None:
        """Write a note, whole or not at all.

        Raises:
            StoreError: it cannot be written.
        """
        head = {
            "document": " ".join(self._document.name.split()),
            "sha256": self._document.digest,
            "model": model,
            "parts": f"{request.first}-{request.last} / {request.total}",
            "characters": f"{request.start}-{request.end}",
            "line": str(self._document.line_at(request.start)),
            "cut": "yes" if note.cut else "no",
        }
        lines = "".join(f"{name}: {value}\n" for name, value in head.items())
        path = self._file(request, note.key)
        try:
            write_whole(path, f"{_RULE}{lines}{_RULE}\n{note.text}\n")
        except OSError as error:
            raise StoreError(
                say("A note on {document} cannot be kept: {reason}", document=self._document.name, reason=str(error)),
                where=str(path),
                hint=say("Free disk space or set LLMLAB_HOME to another folder."),
            ) from None

    def _file(self, request: Request, key: str) -> Path:
        return self.folder / f"{request.name}-{key[:16]}.md"


def digest_in(root: Path, document: Document) -> str:
    """The text of the digest that was finished last, whichever model wrote it; empty where none was.

    Args:
        root: where the notes on all documents are.
        document: what the digest is of.
    """
    finished: list[tuple[float, str]] = []
    for path in (root / document.digest[:16]).glob("*.md"):
        try:
            written, changed = path.read_text(encoding="utf-8"), path.stat().st_mtime
        except (OSError, UnicodeError):
            continue
        _, _, rest = written.partition(_RULE)
        head, found, text = rest.partition(_RULE)
        said = dict(line.split(": ", 1) for line in head.splitlines() if ": " in line)
        first, _, last = said.get("parts", "").partition(" / ")[0].partition("-")
        task, total = path.name.partition("-")[0], said.get("parts", "").rpartition(" / ")[2]
        whole = task in ("final", "whole") or (task == "refine" and last == total)
        if found and first and whole and said.get("sha256") == document.digest:
            finished.append((changed, text.strip("\n")))
    return max(finished)[1] if finished else ""


def note_of(request: Request, text: str, key: str, *, kept: bool = False, cut: bool = False) -> Note:
    """What was written for `request`."""
    return Note(request.task, request.first, request.last, request.start, request.end, text, key, kept=kept, cut=cut)
