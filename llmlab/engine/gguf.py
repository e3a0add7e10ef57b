"""Reads the header of a GGUF file in plain Python, distrusting every number in it.

llama.cpp asserts on some damaged headers and takes the process with it; what this reader accepts, it can be given.
Layout: the GGUF specification of ggml (versions 2 and 3, little endian).
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from llmlab.engine.bounded import MAX_STRING, SCALARS, Cursor, cut_off, damaged, looks_like, open_model
from llmlab.engine.formats import NEWEST_TENSOR_TYPE, TENSOR_TYPES
from llmlab.errors import ModelError
from llmlab.words import say

MAX_ENTRIES: Final = 65_536
"""Metadata keys, and tensors, that a header may hold; the largest known models stay below 3,000."""
MAX_LAYERS: Final = 512
"""llama.cpp asserts on more."""
MAX_RANK: Final = 4
"""Dimensions of a tensor."""
STRING: Final = 8
"""Type of a text value."""
ARRAY: Final = 9
"""Type of a list value."""


@dataclass(frozen=True, slots=True)
class GgufArray:
    """An array of the metadata, left in the file until it is asked for."""

    path: Path
    offset: int
    """Where its first element begins in the file."""
    kind: int
    """Type of its elements."""
    count: int

    def numbers(self, limit: int = 1 << 16) -> list[float]:
        """The first `limit` elements; empty when they are not numbers.

        Raises:
            ModelError: the file changed and can no longer be read.
        """
        scalar = SCALARS.get(self.kind)
        if scalar is None:
            return []
        with open_model(self.path) as file:
            cursor = Cursor(file, self.path)
            cursor.seek(self.offset)
            data = cursor.take(min(self.count, limit) * scalar.size)
        return [value for (value,) in scalar.iter_unpack(data)]

    def strings(self, limit: int = 1 << 20) -> list[str]:
        """The first `limit` elements, bytes that are no UTF-8 replaced; empty when they are not strings.

        Raises:
            ModelError: the file changed and can no longer be read.
        """
        if self.kind != STRING:
            return []
        with open_model(self.path) as file:
            cursor = Cursor(file, self.path)
            cursor.seek(self.offset)
            return [cursor.string(MAX_STRING).decode("utf-8", "replace") for _ in range(min(self.count, limit))]


Value = int | float | str | GgufArray
"""A value of the metadata; booleans are `bool`, which is an `int`."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor, as the header declares it."""

    name: str
    shape: tuple[int, ...]
    """Elements along each dimension, the fastest first."""
    kind: int
    offset: int
    """Where its data begin, counted from the start of the data section."""
    size: int | None
    """Bytes of its data; `None` for a type that is newer than this reader."""

    @property
    def type_name(self) -> str:
        """The name of its number format."""
        return TENSOR_TYPES[self.kind].name if self.kind in TENSOR_TYPES else f"type {self.kind}"

    @property
    def elements(self) -> int:
        """Numbers it holds."""
        product = 1
        for length in self.shape:
            product *= length
        return product


@dataclass(frozen=True, slots=True)
class GgufFile:
    """The header of a GGUF file that was found to be sound."""

    path: Path
    version: int
    file_bytes: int
    metadata: Mapping[str, Value]
    tensors: tuple[Tensor, ...]
    data_offset: int
    """Where the tensors' data begin in the file."""

    @property
    def architecture(self) -> str:
        """`general.architecture`."""
        return self.text("general.architecture")

    def text(self, key: str, default: str = "") -> str:
        """The string at `key`; `default` when there is none."""
        value = self.metadata.get(key)
        return value if isinstance(value, str) else default

    def integer(self, key: str, default: int = 0) -> int:
        """The whole number at `key`; `default` when there is none."""
        value = self.metadata.get(key)
        return value if isinstance(value, int) and not isinstance(value, bool) else default

    def number(self, key: str) -> float | None:
        """The number at `key`, if there is one."""
        value = self.metadata.get(key)
        return value if isinstance(value, int | float) and not isinstance(value, bool) else None

    def array(self, key: str) -> GgufArray | None:
        """The array at `key`, if there is one."""
        value = self.metadata.get(key)
        return value if isinstance(value, GgufArray) else None

    def of_architecture(self, key: str, default: int = 0) -> int:
        """The whole number at `ARCHITECTURE.key`; `default` when there is none."""
        return self.integer(f"{self.architecture}.{key}", default)


def read_gguf(path: str | os.PathLike[str]) -> GgufFile:
    """The header of the GGUF file at `path`.

    Raises:
        ModelError: the file is missing, unreadable, no GGUF, cut off or damaged, or names no architecture.
    """
    place = Path(path)
    with open_model(place) as file:
        cursor = Cursor(file, place)
        version, tensor_count, entry_count = _read_preamble(cursor)
        metadata = _read_metadata(cursor, entry_count)
        tensors = _read_tensors(cursor, tensor_count)
        data_offset = _data_offset(cursor, metadata)
        _check_bounds(cursor, tensors, data_offset, _alignment(metadata, place))
        gguf = GgufFile(place, version, cursor.size, MappingProxyType(metadata), tensors, data_offset)
    _check_architecture(gguf)
    return gguf


def _read_preamble(cursor: Cursor) -> tuple[int, int, int]:
    """Version, number of tensors and number of metadata entries."""
    head = cursor.file.read(512)
    cursor.seek(0)
    if head[:4] != b"GGUF":
        raise ModelError(
            say("The file is no GGUF model: it looks like {kind}.", kind=looks_like(head)),
            where=str(cursor.path),
            hint=say("llmlab needs a GGUF file; the model's page usually offers one."),
        )
    cursor.seek(4)
    version = cursor.word()
    if version not in (2, 3):
        swapped = int.from_bytes(version.to_bytes(4, "little"), "big")
        kind = say("big-endian GGUF") if swapped in (2, 3) else say("GGUF version {version}", version=version)
        raise ModelError(
            say("The file is {kind}, which llama.cpp cannot load.", kind=kind),
            where=str(cursor.path),
            hint=say("Get a newer conversion of this model (GGUF version 3, little endian)."),
        )
    tensors, entries = cursor.count(), cursor.count()
    for count, noun in ((tensors, say("tensors")), (entries, say("metadata entries"))):
        if count > MAX_ENTRIES:
            raise damaged(cursor.path, f"{count:,} {noun}")
    return version, tensors, entries


def _read_metadata(cursor: Cursor, count: int) -> dict[str, Value]:
    metadata: dict[str, Value] = {}
    for _ in range(count):
        key = cursor.name()
        if key in metadata:
            raise damaged(cursor.path, say("the key {key} twice", key=repr(key)))
        metadata[key] = _read_value(cursor, cursor.word(), key)
    return metadata


def _read_value(cursor: Cursor, kind: int, key: str) -> Value:
    if kind in SCALARS:
        return cursor.number(kind)
    if kind == STRING:
        return cursor.string(MAX_STRING).decode("utf-8", "replace")
    if kind == ARRAY:
        return _read_array(cursor, key)
    raise damaged(cursor.path, say("the value type {kind} at {key}", kind=kind, key=repr(key)))


def _read_array(cursor: Cursor, key: str) -> GgufArray:
    """An array of numbers or strings; arrays of arrays are refused by llama.cpp too."""
    kind, count = cursor.word(), cursor.count()
    array = GgufArray(cursor.path, cursor.position, kind, count)
    if kind == STRING:
        cursor.skip_strings(count)
    elif kind in SCALARS:
        cursor.seek(cursor.position + count * SCALARS[kind].size)
    else:
        raise damaged(cursor.path, say("a list of type {kind} at {key}", kind=kind, key=repr(key)))
    return array


def _read_tensors(cursor: Cursor, count: int) -> tuple[Tensor, ...]:
    tensors: dict[str, Tensor] = {}
    for _ in range(count):
        name = cursor.name()
        dimensions = cursor.word()
        if name in tensors or not 1 <= dimensions <= MAX_RANK:
            raise damaged(cursor.path, say("a wrong entry for tensor {name}", name=repr(name)))
        shape = tuple(cursor.count() for _ in range(dimensions))
        kind, offset = cursor.word(), cursor.count()
        tensors[name] = Tensor(name, shape, kind, offset, _tensor_size(cursor.path, name, shape, kind))
    return tuple(tensors.values())


def _tensor_size(path: Path, name: str, shape: Sequence[int], kind: int) -> int | None:
    """Bytes of a tensor's data."""
    elements = 1
    for length in shape:
        elements *= length
    if not 0 < elements < 1 << 62:
        raise damaged(path, say("a wrong size for tensor {name}", name=repr(name)))
    if kind in TENSOR_TYPES:
        _, block, size = TENSOR_TYPES[kind]
        if shape[0] % block:
            raise damaged(path, say("a wrong size for tensor {name}", name=repr(name)))
        return elements // block * size
    if kind > NEWEST_TENSOR_TYPE:
        raise damaged(path, say("the number format {kind} for tensor {name}", kind=kind, name=repr(name)))
    return None


def _alignment(metadata: Mapping[str, Value], path: Path) -> int:
    alignment = metadata.get("general.alignment", 32)
    if not isinstance(alignment, int) or not 0 < alignment <= 1 << 20 or alignment & (alignment - 1):
        raise damaged(path, say("a wrong alignment"))
    return alignment


def _data_offset(cursor: Cursor, metadata: Mapping[str, Value]) -> int:
    alignment = _alignment(metadata, cursor.path)
    return -(-cursor.position // alignment) * alignment


def _check_bounds(cursor: Cursor, tensors: Sequence[Tensor], data_offset: int, alignment: int) -> None:
    """That tensors follow each other as llama.cpp requires, and that the file holds them all."""
    expected: int | None = 0
    end = data_offset if tensors else 0
    for tensor in tensors:
        if tensor.offset % alignment or (expected is not None and tensor.offset != expected):
            raise damaged(cursor.path, say("a wrong offset for tensor {name}", name=repr(tensor.name)))
        end = max(end, data_offset + tensor.offset + (tensor.size or 0))
        expected = None if tensor.size is None else -(-(tensor.offset + tensor.size) // alignment) * alignment
    if end > cursor.size:
        raise cut_off(cursor.path, end, cursor.size)


def _check_architecture(gguf: GgufFile) -> None:
    """What llama.cpp would assert on or complain about in words of its own."""
    if not gguf.architecture:
        raise ModelError(
            say("The file does not say which architecture the model has."),
            where=str(gguf.path),
            hint=say("It may be data other than a model; get a GGUF file made for llama.cpp."),
        )
    layers = gguf.metadata.get(f"{gguf.architecture}.block_count")
    if layers is not None and not (isinstance(layers, int) and 0 <= layers <= MAX_LAYERS):
        raise damaged(gguf.path, say("{count} layers", count=layers))
