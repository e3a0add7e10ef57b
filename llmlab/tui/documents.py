"""The documents of the lab: which are open, how long they are, what of them the prompt holds. Knows no widget."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

from llmlab.domain.document import Document
from llmlab.domain.reading import Coverage, DocumentRef, Material, ReadingUse, WishedWay
from llmlab.errors import LlmlabError, UsageError
from llmlab.tui.desk import Desk
from llmlab.tui.services import DocumentBatch
from llmlab.words import say

Phase = Literal["reading", "counting", "ready", "failed"]
FileState = tuple[int, int]
"""Bytes of a file, and when it changed, in nanoseconds."""


@dataclass(frozen=True, slots=True)
class Held:
    """A document of the lab, as far as it is known."""

    path: Path
    name: str
    phase: Phase = "reading"
    document: Document | None = None
    """Its text, once it is read."""
    encoding: str = ""
    """What its bytes are to be read as; empty finds out."""
    read: float = 0.0
    """Share of the file that is read."""
    tokens: int | None = None
    """Of the whole text, counted by the model's tokenizer; `None` until all is counted."""
    counted: float = 0.0
    """Share of the text that is counted."""
    embedded: float = 1.0
    """Share of its passages whose vectors are made; 1 where none are being made."""
    problem: LlmlabError | None = None
    """Why it cannot be read."""
    state: FileState | None = None
    """Of the file when it was read; `None` where the text came from elsewhere."""

    @property
    def is_stale(self) -> bool:
        """Its file is another one by now, as far as one can see from outside; looks at the disk."""
        return self.document is not None and self.phase != "reading" and self.state != state_of(self.path)

    @property
    def digest(self) -> str:
        """Of its text; empty until it is read."""
        return self.document.digest if self.document else ""

    @property
    def ref(self) -> DocumentRef | None:
        """What a recipe keeps of it; `None` until it is read."""
        one = self.document
        if one is None:
            return None
        return DocumentRef(name=one.name, path=one.path, digest=one.digest, characters=len(one.text))


class Documents:
    """Edits `desk.reading`. What takes time is awaited; `changed` is called whenever something more is known."""

    def __init__(self, desk: Desk, changed: Callable[[], None]) -> None:
        self._desk = desk
        self._tell = changed
        self._settled = asyncio.Event()
        self._settled.set()
        self._stops: dict[Path, threading.Event] = {}
        """What stops the reading of a file; the last one of each counts."""
        self._read: dict[Path, float] = {}
        """Shares of files that are read, told by threads."""
        self._held: dict[Path, Held] = {}
        """By absolute path, in the order of the prompt."""
        self._before: dict[Path, Held] = {}
        """What is shown again when a file is not read anew after all."""
        self._prepared: tuple[object, object] = (None, None)
        """The documents and the engine for which they are indexed and counted."""
        self._paused = False
        self.material: Material | None = None
        """What the prompt holds of the documents now, once that is known."""
        self.problem: LlmlabError | None = None
        """Why no prompt can be made with them."""

    # What there is

    @property
    def all(self) -> tuple[Held, ...]:
        """Every document, in the order of the prompt."""
        return tuple(self._held.values())

    @property
    def reading(self) -> ReadingUse | None:
        """The documents as the recipe has them."""
        return self._desk.reading

    @property
    def way(self) -> WishedWay:
        """How they are to be read."""
        return self._desk.reading.way if self._desk.reading else self._wished

    _wished: WishedWay = "auto"

    @property
    def busy(self) -> bool:
        """Something is being opened or counted."""
        return any(one.phase in ("reading", "counting") for one in self.all)

    @property
    def opening(self) -> bool:
        """Something is being opened."""
        return any(one.phase == "reading" for one in self.all)

    @property
    def window(self) -> int:
        """Tokens that the model's window holds; 0 while none is loaded."""
        card = self._desk.services.host.state.card
        return card.n_ctx if card is not None else 0

    def coverage(self, held: Held) -> Coverage | None:
        """What of a document the prompt holds now; `None` while that is not known."""
        material, ref = self.material, held.ref
        if material is None or ref is None or ref not in material.use.documents:
            return None
        return material.coverage[material.use.documents.index(ref)]

    # Opening

    def announce(self, paths: Iterable[Path], encoding: str = "") -> None:
        """Files are about to be read, which `open` does; what is shown of them before comes back if it does not."""
        for path in paths:
            if (before := self._held.get(path)) is not None and before.phase != "reading":
                self._before[path] = before
            self._held[path] = Held(path, path.name, encoding=encoding)
        self._changed()

    def find(self, path: Path) -> Held | None:
        """The document of a file; `None` where it is not open."""
        return self._held.get(path)

    def awaits(self, path: Path) -> bool:
        """A file was announced, and nobody has stopped that."""
        return path in self._held and self._held[path].phase == "reading"

    async def open(self, path: Path, batch: DocumentBatch) -> Document:
        """Read a file that was announced, as part of a batch; when that fails, it is as if it had not been announced.

        Raises:
            DocumentError: it cannot be read.
        """
        encoding, document = self._held[path].encoding, None
        stop = self._stops[path] = threading.Event()
        open_file = partial(batch.open, progress=partial(self._read.__setitem__, path), stop=stop)
        try:
            # Before it is read: what changes later makes it stale.
            state = await asyncio.to_thread(state_of, path)
            document = await asyncio.to_thread(open_file, path, encoding)
        finally:
            stop.set()
            self._read.pop(path, None)
            if document is None and self._stops.get(path) is stop:
                self._withdraw(path)
        # It may have been stopped meanwhile.
        if self._stops.get(path) is stop and path in self._held:
            self._before.pop(path, None)
            self._put(Held(path, document.name, "counting", document, encoding, state=state))
            self._use()
        return document

    def stop(self) -> None:
        """Nothing is opened any more."""
        for one in self.all:
            if one.phase == "reading":
                self._stops.pop(one.path, threading.Event()).set()
                self._withdraw(one.path)

    def _withdraw(self, path: Path) -> None:
        """What is being read is not read: show what was there before, if anything was."""
        if not self.awaits(path):
            return
        before = self._before.pop(path, None)
        if before is not None:
            self._held[path] = before
        else:
            self._held.pop(path, None)
        self._changed()

    async def prepare(self) -> None:
        """Begin to index every document, and to count its tokens for the model that is loaded, in the background.

        Raises:
            LlmlabError: a text is not kept any more.
        """
        services, spec, use = self._desk.services, self._desk.spec, self._desk.reading
        loaded = services.reader.loaded(services.host, spec) if spec is not None else None
        engine = services.host.loaded(loaded) if loaded is not None else None
        if spec is None or engine is None or use is None or self._prepared == (use.documents, engine):
            return
        self._paused = False
        await services.reader.prepare(use.documents, engine, spec, self.window)
        # Only now: one that is displaced by the next must not pass for done.
        self._prepared = (use.documents, engine)
        self.look()

    def pause(self) -> None:
        """Let indexing and counting rest until there is another document, or another model."""
        self._paused = True
        self._desk.services.reader.pause()
        self.look()

    def look(self) -> None:
        """See how far reading and counting have come."""
        spec, before = self._desk.spec, self.all
        for path, share in tuple(self._read.items()):
            if path in self._held:
                self._held[path] = replace(self._held[path], read=share)
        for one in before:
            if one.ref is None or spec is None:
                continue
            known = self._desk.services.reader.readiness(one.ref, spec, self.window)
            done = known.counted.complete and known.indexed >= 1
            self._held[one.path] = replace(
                one,
                phase="ready" if self._paused or (done and known.embedded >= 1) else "counting",
                tokens=known.counted.tokens if done else None,
                counted=min(known.counted.share, known.indexed),
                embedded=1.0 if self._paused else known.embedded,
            )
        if self.all != before:
            self._changed()

    async def renew(self) -> None:
        """Show the documents that the recipe names, which may have come from elsewhere; a text may be gone."""
        wanted = self._desk.reading.documents if self._desk.reading else ()
        if [one.ref for one in self.all if one.document is not None] == list(wanted):
            return
        shelf, kept = self._desk.services.documents, {one.digest: one for one in self.all if one.document}
        held: list[Held] = []
        for ref in wanted:
            if ref.digest in kept:
                held.append(kept[ref.digest])
                continue
            try:
                document = await asyncio.to_thread(shelf.get, ref.digest)
            except LlmlabError as error:
                held.append(Held(Path(ref.path), ref.name, phase="failed", problem=error))
                continue
            named = replace(document, name=ref.name, path=ref.path)
            held.append(Held(Path(ref.path), ref.name, phase="counting", document=named))
        self._held = {one.path: one for one in held}
        self._changed()

    async def settled(self) -> None:
        """Wait until nothing is being opened."""
        await self._settled.wait()

    def _changed(self) -> None:
        if self.opening:
            self._settled.clear()
        else:
            self._settled.set()
        self._tell()

    # Changing

    def remove(self, held: Held) -> None:
        """Take a document out of the prompt."""
        self._held.pop(held.path, None)
        self._use()

    def close_all(self) -> None:
        """Take every document out of the prompt."""
        self._held.clear()
        self._use()

    def read_by(self, way: WishedWay) -> None:
        """Read all documents in this way."""
        self._wished = way
        self._use()

    def read_as(self, use: ReadingUse) -> None:
        """Read them as `use` says, which names the same documents."""
        self._desk.reading = use
        self._changed()

    def require_one(self) -> None:
        """That there is a document.

        Raises:
            UsageError: there is none.
        """
        if not self._held:
            raise UsageError(say("No document is open."), hint=say("/read PATH opens one; so does @PATH in a message."))

    def _use(self) -> None:
        """Tell the recipe which documents there are."""
        refs = tuple(ref for one in self.all if (ref := one.ref) is not None)
        before = self._desk.reading
        if not refs:
            self._desk.reading = None
        elif before is None:
            self._desk.reading = ReadingUse(documents=refs, way=self._wished)
        else:
            self._desk.reading = replace(before, documents=refs, way=self._wished)
        self._changed()

    def _put(self, held: Held) -> None:
        self._held[held.path] = held
        self._changed()


def state_of(path: Path) -> FileState | None:
    """The state that a file is in; `None` where it cannot be looked at."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status.st_size, status.st_mtime_ns


async def changed_on_disk(documents: Sequence[Held]) -> list[tuple[Held, FileState]]:
    """Those whose files became others after they were read, and the states that those are in now."""
    read = [one for one in documents if one.state is not None and one.phase != "reading"]
    states = await asyncio.to_thread(lambda: [state_of(one.path) for one in read])
    return [(one, now) for one, now in zip(read, states, strict=True) if now is not None and now != one.state]
