"""The documents that llmlab knows: files are read once, and their texts found again by digest."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from llmlab.documents.child import ReadingProcess
from llmlab.documents.texts import TextStore, mark_of
from llmlab.domain.document import Document, remark
from llmlab.domain.reading_limits import ReadingLimits
from llmlab.domain.terminal import encodable
from llmlab.errors import DocumentError
from llmlab.words import say

AT_HAND: Final = 8_000_000
"""Characters of documents that are kept in memory, beside the one used last."""


_Open = Callable[[ReadingProcess, Path, str, Callable[[float], None], threading.Event | None], Document]


class Batch:
    """Opens one file after the other in one process; `DocumentShelf.batch` makes it."""

    def __init__(self, open_in: _Open, process: ReadingProcess) -> None:
        self._open_in, self._process = open_in, process

    def open(
        self,
        path: Path,
        encoding: str = "",
        *,
        progress: Callable[[float], None] = lambda _share: None,
        stop: threading.Event | None = None,
    ) -> Document:
        """As `DocumentShelf.open`; the limits are those of each file."""
        return self._open_in(self._process, path, encoding, progress, stop)

    def close(self) -> None:
        """End the process once what is being read has ended; may be called twice."""
        self._process.close()


class DocumentShelf:
    """Opens documents; every verb may be called from any thread, and takes as long as reading the file does.

    Args:
        folder: where texts are kept; made when the first one is.
        limits: what reading a file may cost.
    """

    def __init__(self, folder: Path, limits: ReadingLimits | None = None) -> None:
        self.limits = limits or ReadingLimits()
        self._texts = TextStore(folder, self.limits.kept_mb << 20)
        self._at_hand: OrderedDict[str, Document] = OrderedDict()
        self._lock = threading.Lock()

    def open(
        self,
        path: Path,
        encoding: str = "",
        *,
        progress: Callable[[float], None] = lambda _share: None,
        stop: threading.Event | None = None,
    ) -> Document:
        """The document of a file; one that was read before and did not change is not read again.

        Args:
            path: the file.
            encoding: how it is encoded, such as `gb18030`; empty finds out.
            progress: called with the share that is read, 0 to 1.
            stop: set it to give up.

        Raises:
            DocumentError: it cannot be read, or not within the limits.
            Stopped: `stop` was set.
        """
        batch = self.batch()
        try:
            return batch.open(path, encoding, progress=progress, stop=stop)
        finally:
            batch.close()

    def batch(self) -> Batch:
        """Opens files one after the other in one process, which is started for the first that must be read."""
        return Batch(self._open, ReadingProcess(self.limits))

    def open_all(
        self,
        paths: Iterable[Path],
        encoding: str = "",
        *,
        progress: Callable[[int, float], None] = lambda _index, _share: None,
        stop: threading.Event | None = None,
    ) -> Iterator[Document | DocumentError]:
        """The documents of files in order, read by one process; what cannot be read gives its error in its place.

        Args:
            paths: the files.
            encoding: how they are encoded; empty finds out for each.
            progress: called with the index of the file at hand and the share of it that is read.
            stop: set it to give up.

        Raises:
            Stopped: `stop` was set.
        """
        with ReadingProcess(self.limits) as process:
            for index, path in enumerate(paths):
                try:
                    yield self._open(process, path, encoding, partial(progress, index), stop)
                except DocumentError as error:
                    yield error

    def take(self, name: str, data: bytes, encoding: str = "") -> Document:
        """The document of bytes that came from no file: standard input, a paste.

        Args:
            name: what it is called.
            data: what it holds.
            encoding: how it is encoded; empty finds out.

        Raises:
            DocumentError: it cannot be read, or not within the limits.
        """
        if len(data) > self.limits.file_mb << 20:
            raise DocumentError(
                say("More than {limit} MB came, which is the most that is read.", limit=self.limits.file_mb),
                where=name,
                hint=say("Raise {limit} under [documents] in settings.toml to read it.", limit="file_mb"),
            )
        with ReadingProcess(self.limits) as process:
            return self._keep(process.read(name, data, encoding))

    def keep(self, document: Document) -> None:
        """Let a document that was made, not read, be found by its digest from now on."""
        self._keep(document)

    def get(self, digest: str) -> Document:
        """The document whose text has this digest.

        Raises:
            DocumentError: its text is not kept any more.
        """
        with self._lock:
            found = self._at_hand.get(digest)
            if found is not None:
                self._at_hand.move_to_end(digest)
                return found
        found = self._texts.find(digest)
        if found is None:
            raise DocumentError(
                say("The text of this document is not kept any more."),
                where=digest[:12],
                hint=say("Add its file again."),
            )
        self._remember(found)
        return found

    def _open(
        self,
        process: ReadingProcess,
        path: Path,
        encoding: str,
        progress: Callable[[float], None],
        stop: threading.Event | None,
    ) -> Document:
        path = path.expanduser().absolute()
        try:
            mark = mark_of(path, encoding)
        except (OSError, ValueError):
            mark = ""  # the reading process says what is wrong
        known = self._texts.recall(mark) if mark else ""
        if known:
            try:
                return self._as(self.get(known), path)
            except DocumentError:
                pass  # its text was let go of
        document = process.read(path.name, path, encoding, progress=progress, stop=stop)
        return self._keep(document, mark)

    def _as(self, document: Document, path: Path) -> Document:
        """`document` under the name of the file that was asked for; another one may have the same text."""
        shown = encodable(str(path))
        return document if document.path == shown else replace(document, name=encodable(path.name), path=shown)

    def _keep(self, document: Document, mark: str = "") -> Document:
        try:
            self._texts.keep(document)
            if mark:
                self._texts.remember(mark, document.digest)
        except OSError as error:
            note = remark("not_kept", reason=error.strerror or str(error))
            document = replace(document, warnings=(*document.warnings, note))
        self._remember(document)
        return document

    def _remember(self, document: Document) -> None:
        with self._lock:
            self._at_hand[document.digest] = document
            self._at_hand.move_to_end(document.digest)
            while len(self._at_hand) > 1 and sum(len(each.text) for each in self._at_hand.values()) > AT_HAND:
                self._at_hand.popitem(last=False)
