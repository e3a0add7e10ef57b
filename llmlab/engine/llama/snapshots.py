"""Sequences on disk: what was read once is there again after a restart, in milliseconds instead of a second reading."""

from __future__ import annotations

import hashlib
import os
import queue
import shutil
import threading
import time
from pathlib import Path
from typing import Final

import msgspec

from llmlab.domain.model import AdapterScales, ModelSpec
from llmlab.engine.gguf import GgufFile
from llmlab.engine.llama import library
from llmlab.engine.llama.prefix import Tokens, common_prefix
from llmlab.engine.llama.shelf import Shelved, State
from llmlab.engine.llama.snapshot_file import (
    ENDING,
    PARTIAL,
    Damaged,
    Snapshot,
    file_mark,
    name_of,
    prefix_of,
    read_head,
    read_state,
    remove,
    write_snapshot,
)
from llmlab.engine.llama.threads import threads_for

WORTH_SAVING: Final = 256
"""Shorter sequences are read again about as fast as anybody notices."""
MOST: Final = 512
"""Snapshots of one model that are known; tiny models would fill the room with very many."""
ROOM: Final = 1 << 30
"""Bytes that all snapshots may take, and never more than a tenth of what is free on the disk."""
_ABANDONED: Final = 3600.0
"""Seconds after which an unfinished file belongs to nobody any more."""
_LOOKING: Final = 5.0
"""Seconds that the first question waits for the folder to be looked through."""
_ELSEWHERE: Final = frozenset(
    {"name", "source", "path", "n_ctx", "chat_template", "system", "sampling", "thinking", "lora"}
)
"""Settings of a model that leave its states as they are; whatever is new counts until it is listed here."""
_LAST_BITS: Final = frozenset(
    {"n_threads", "n_batch", "n_ubatch", "n_gpu_layers", "main_gpu", "tensor_split", "rpc", "speculate", "draft"}
)
"""Settings that change the last bits of a state, and its meaning not."""


class Snapshots:
    """The snapshots of one model in a folder that all models share; the least recently used leave a full folder.

    A thread of its own has the disk; the one that computes asks, offers and reads what it asked for. Nothing raises: a
    disk that is full or gone is as if there were no snapshots.
    """

    def __init__(self, folder: Path, model: bytes, room: int, *, keep_beginnings: bool = False) -> None:
        """Begin to look through `folder`.

        Args:
            folder: made when the first snapshot is written.
            model: 32 bytes that differ whenever states must not be exchanged, as `model_mark` makes them.
            room: bytes that all files of the folder may take.
            keep_beginnings: one that is the beginning of another is kept, because sequences cannot be cut.
        """
        self._folder, self._model, self._room = folder, model, room
        self._keep_beginnings = keep_beginnings
        self._lock = threading.Lock()
        self._entries: list[Snapshot] = []
        self._looked = threading.Event()
        self._idle = threading.Event()
        self._work: queue.SimpleQueue[Shelved | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, daemon=True, name="snapshots")
        self._thread.start()

    @property
    def entries(self) -> tuple[Snapshot, ...]:
        """The snapshots of this model, least recently used first."""
        self._looked.wait(_LOOKING)
        with self._lock:
            return tuple(self._entries)

    @property
    def busy(self) -> bool:
        """Something is being written."""
        return not self._idle.is_set()

    def holds(self, tokens: Tokens, adapters: AdapterScales) -> bool:
        """All of `tokens` can be had from a snapshot."""
        return any(
            entry.adapters == adapters
            and common_prefix(entry.tokens, tokens) == len(tokens)
            and (len(entry.tokens) == len(tokens) or not self._keep_beginnings)
            for entry in self.entries
        )

    def wants(self, tokens: Tokens, adapters: AdapterScales) -> bool:
        """A sequence of `tokens` is worth a file, and none holds it yet."""
        return len(tokens) >= WORTH_SAVING and not self.holds(tokens, adapters)

    def fits(self, size: int) -> bool:
        """A state of `size` bytes leaves room for others."""
        return size <= self._room // 2

    def offer(self, sequence: Shelved) -> bool:
        """Write `sequence` soon; False when it is too large, too short or there already."""
        if not self.fits(sequence.state.nbytes) or not self.wants(sequence.tokens, sequence.adapters):
            return False
        self._idle.clear()
        self._work.put(sequence)
        return True

    def read(self, snapshot: Snapshot) -> State | None:
        """The state of `snapshot`, which counts as used now; `None`, and it is gone, when it is damaged."""
        try:
            state = read_state(snapshot.path, self._model)
            os.utime(snapshot.path)
        except (OSError, Damaged):
            self.drop(snapshot)
            return None
        with self._lock:
            if snapshot in self._entries:
                self._entries.remove(snapshot)
                self._entries.append(snapshot)
        return state

    def drop(self, snapshot: Snapshot) -> None:
        """Remove `snapshot`."""
        self._forget(snapshot)
        remove(snapshot.path)

    def settle(self, patience: float) -> None:
        """Wait until what was offered is written, for at most `patience` seconds."""
        self._idle.wait(max(0.0, patience))

    def close(self, patience: float) -> None:
        """Write what was offered, for at most `patience` seconds."""
        self._work.put(None)
        self._thread.join(patience)

    def _forget(self, snapshot: Snapshot) -> None:
        with self._lock:
            if snapshot in self._entries:
                self._entries.remove(snapshot)

    # The thread that has the disk -----------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            found = self._look()
        except OSError:
            # There is no folder yet.
            found = []
        with self._lock:
            self._entries = found
        self._looked.set()
        self._idle.set()
        while (sequence := self._work.get()) is not None:
            self._save(sequence)
            if self._work.empty():
                self._idle.set()

    def _look(self) -> list[Snapshot]:
        """The snapshots of this model in the folder; what is damaged or abandoned is removed."""
        found: list[tuple[float, Snapshot]] = []
        for path in self._folder.iterdir():
            try:
                changed = path.stat().st_mtime
                if path.suffix == PARTIAL and time.time() - changed > _ABANDONED:
                    remove(path)
                elif path.suffix == ENDING and path.name.startswith(prefix_of(self._model)):
                    found.append((changed, read_head(path, self._model)))
            except Damaged:
                remove(path)
            except OSError:
                # Another process removed it, or it cannot be read: it is as if it were not there.
                continue
        return [snapshot for _, snapshot in sorted(found, key=lambda each: each[0])][-MOST:]

    def _save(self, sequence: Shelved) -> None:
        path = self._folder / name_of(sequence, self._model)
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._make_room(sequence.state.nbytes)
            write_snapshot(path, sequence, self._model)
        except OSError:
            # No room, no permission: nothing is lost but time.
            return
        self._add(Snapshot(path, sequence.tokens, sequence.state.nbytes, sequence.adapters))

    def _add(self, new: Snapshot) -> None:
        """Know `new`, and remove those that it makes superfluous."""
        known = self.entries
        surplus = set(known[: max(0, len(known) + 1 - MOST)])
        for entry in known:
            if entry.path == new.path:
                self._forget(entry)
            elif entry in surplus or (not self._keep_beginnings and _begins(new, entry)):
                self.drop(entry)
        with self._lock:
            self._entries.append(new)

    def _make_room(self, size: int) -> None:
        """Remove the least recently used files, whichever model they belong to, until `size` bytes fit."""
        files = []
        for path in self._folder.glob(f"*{ENDING}"):
            try:
                status = path.stat()
            except OSError:
                continue
            files.append((status.st_mtime, status.st_size, path))
        taken = sum(each[1] for each in files)
        for _, freed, path in sorted(files):
            if taken + size <= self._room:
                return
            for entry in self.entries:
                if entry.path == path:
                    self._forget(entry)
            remove(path)
            taken -= freed


def _begins(longer: Snapshot, shorter: Snapshot) -> bool:
    """All that `shorter` holds can be had from `longer`."""
    same = longer.adapters == shorter.adapters
    return same and common_prefix(longer.tokens, shorter.tokens) == len(shorter.tokens)


def model_mark(spec: ModelSpec, window: int = 0) -> bytes:
    """32 bytes that differ whenever the states of two loaded models must not be exchanged.

    Args:
        spec: of the model.
        window: tokens of its context where its states depend on that, as `shaping_window` tells; else 0.

    Raises:
        OSError: the file of the model or of an adapter cannot be read.
    """
    indifferent = _ELSEWHERE if spec.deterministic else _ELSEWHERE | _LAST_BITS
    settings = {name: value for name, value in msgspec.to_builtins(spec).items() if name not in indifferent}
    if spec.deterministic:
        settings["n_threads"] = threads_for(spec.n_threads)
    if window:
        settings["window"] = window
    shape = msgspec.json.encode([library.build_name(), settings], order="sorted")
    digest = hashlib.sha256(shape)
    for path in (spec.path, *(adapter.path for adapter in spec.lora)):
        digest.update(file_mark(path))
    return digest.digest()


def shaping_window(gguf: GgufFile, n_ctx: int) -> int:
    """`n_ctx` where keys are turned otherwise in a longer window, else 0.

    LongRoPE brings one set of factors for windows up to the trained length and another for longer ones.
    """
    return n_ctx if any(tensor.name.startswith("rope_factors_") for tensor in gguf.tensors) else 0


def room_of(folder: Path) -> int:
    """Bytes that snapshots below `folder` may take: `ROOM`, and at most a tenth of what is free with them."""
    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    try:
        return min(ROOM, shutil.disk_usage(place).free // 10)
    except OSError:
        return 0
