"""The file of a snapshot: a header, the adapters' names, the tokens, and the state as llama.cpp writes it out."""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import msgspec
import numpy as np

from llmlab.domain.model import AdapterScales
from llmlab.engine.llama.prefix import Tokens
from llmlab.engine.llama.shelf import Shelved, State

ENDING: Final = ".kv"
"""What the names of snapshots end with."""
PARTIAL: Final = ".part"
"""What the names of unfinished ones end with."""
EDGE: Final = 1 << 20
"""Bytes at the beginning and the end of a model file that stand for the whole."""

_MAGIC: Final = b"llmlabKV"
_HEADER: Final = struct.Struct("<8sIIQ32s32s")
"""Magic, bytes of the adapters' names, count of tokens, bytes of state, the model, digest of all that follows."""


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """A sequence on disk."""

    path: Path
    tokens: Tokens
    state_bytes: int
    adapters: AdapterScales = ()
    """LoRA adapters that it was computed with."""


class Damaged(ValueError):
    """A file is no snapshot of this model, or not as it was written."""


def name_of(sequence: Shelved, model: bytes) -> str:
    """The name of the file that holds `sequence`; those of one model begin alike."""
    digest = hashlib.blake2b(msgspec.json.encode(sequence.adapters), digest_size=16)
    digest.update(np.ascontiguousarray(sequence.tokens, np.int32).data)
    return f"{prefix_of(model)}{digest.hexdigest()}{ENDING}"


def prefix_of(model: bytes) -> str:
    """What the names of a model's files begin with."""
    return f"{model.hex()[:16]}-"


def write_snapshot(path: Path, sequence: Shelved, model: bytes) -> None:
    """Write `sequence` to `path` at once or not at all, readable by its owner alone.

    Raises:
        OSError: it cannot be written; nothing is left behind.
    """
    names = msgspec.json.encode(sequence.adapters)
    ids = np.ascontiguousarray(sequence.tokens, np.int32)
    digest = hashlib.blake2b(names, digest_size=32)
    digest.update(ids.data)
    digest.update(sequence.state.data)
    head = _HEADER.pack(_MAGIC, len(names), len(ids), sequence.state.nbytes, model, digest.digest())
    partial = path.with_suffix(f".{os.getpid()}{PARTIAL}")
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb", 0) as file:
            for part in (head, names, ids.data, sequence.state.data):
                _write_all(file.write, memoryview(part).cast("B"))
        partial.replace(path)
    except OSError:
        remove(partial)
        raise


def read_head(path: Path, model: bytes) -> Snapshot:
    """What `path` holds, its state left unread.

    Raises:
        Damaged: it is no snapshot of `model`, or not whole.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return _head(file, path, model)[0]


def read_state(path: Path, model: bytes) -> State:
    """The state in `path`.

    Raises:
        Damaged: it is no snapshot of `model`, or not as it was written.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        snapshot, digest, wanted = _head(file, path, model)
        state = np.empty(snapshot.state_bytes, np.uint8)
        if file.readinto(state.data) != state.nbytes:
            raise Damaged("not whole")
    digest.update(state.data)
    if digest.digest() != wanted:
        raise Damaged("other bytes")
    return state


def _head(file: BinaryIO, path: Path, model: bytes) -> tuple[Snapshot, hashlib.blake2b, bytes]:
    """The head of a file, the digest so far, and what it must come to."""
    head = file.read(_HEADER.size)
    if len(head) != _HEADER.size:
        raise Damaged("too short")
    magic, named, count, size, owner, wanted = _HEADER.unpack(head)
    if magic != _MAGIC or owner != model:
        raise Damaged("foreign")
    if os.fstat(file.fileno()).st_size != _HEADER.size + named + 4 * count + size:
        raise Damaged("not whole")
    names, ids = file.read(named), file.read(4 * count)
    try:
        adapters = msgspec.json.decode(names, type=AdapterScales)
    except msgspec.MsgspecError as error:
        raise Damaged("other bytes") from error
    digest = hashlib.blake2b(names, digest_size=32)
    digest.update(ids)
    return Snapshot(path, np.frombuffer(ids, np.int32), size, adapters), digest, wanted


def _write_all(write: Callable[[memoryview], int | None], data: memoryview) -> None:
    while data:
        data = data[write(data) or 0 :]


def remove(path: Path) -> None:
    """Remove a file if that can be."""
    try:
        path.unlink(missing_ok=True)
    except OSError:
        # Windows keeps a file that somebody else has open; it is removed another time.
        return


def file_mark(path: str) -> bytes:
    """What tells a file from another: size, time of change, and the bytes of both ends.

    Raises:
        OSError: it cannot be read.
    """
    with Path(path).open("rb") as file:
        status = os.fstat(file.fileno())
        digest = hashlib.sha256(f"{status.st_size} {status.st_mtime_ns} ".encode())
        digest.update(file.read(EDGE))
        file.seek(max(0, status.st_size - EDGE))
        digest.update(file.read(EDGE))
    return digest.digest()
