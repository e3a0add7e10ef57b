"""Reads a file whose own numbers are not trusted: never past its end, never more than was asked for."""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO, Final

from llmlab.errors import ModelError
from llmlab.words import say

MAX_STRING: Final = 16 << 20
"""Bytes of one string; the longest real ones are chat templates of some 100 kB."""
MAX_NAME: Final = 65_535
"""Bytes of a key or a tensor's name."""
MAX_ELEMENTS: Final = 16_000_000
"""Array elements of one file whose length must be walked; the largest vocabularies hold 300,000."""
WINDOW: Final = 1 << 20
"""Bytes read at once while string arrays are walked."""

SCALARS: Final[Mapping[int, struct.Struct]] = MappingProxyType(
    {number: struct.Struct(f"<{code}") for number, code in zip((*range(8), 10, 11, 12), "BbHhIif?Qqd", strict=True)}
)
"""GGUF's value types that are one number, by the type's own number."""


def open_model(path: Path) -> BinaryIO:
    """The file, opened for reading.

    Raises:
        ModelError: it is missing, empty, unreadable, a folder or a device.
    """
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise ModelError(
                say("The model path is a folder."), where=str(path), hint=say("Name the GGUF file inside it.")
            )
        if not stat.S_ISREG(status.st_mode):
            raise ModelError(
                say("The model path is no regular file."),
                where=str(path),
                hint=say("Choose the file of the model itself."),
            )
        if status.st_size == 0:
            raise ModelError(say("The model file is empty."), where=str(path), hint=say("Download it again."))
        return path.open("rb")
    except FileNotFoundError:
        raise ModelError(
            say("There is no model file at this path."),
            where=str(path),
            hint=say("Correct the path in models.toml, or put the file there."),
        ) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ModelError(
            say("The model file cannot be read: {reason}.", reason=reason),
            where=str(path),
            hint=say("Check the path and the file's permissions."),
        ) from error


class Cursor:
    """A position in a file; every verb raises `ModelError` rather than pass the end of the file or a limit."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self.file = file
        self.path = path
        self.size = os.fstat(file.fileno()).st_size
        self.position = 0
        self.walked = 0
        """Array elements whose length was walked so far."""

    def take(self, count: int) -> bytes:
        """The next `count` bytes."""
        self.require(count)
        try:
            data = self.file.read(count)
        except OSError as error:
            raise ModelError(
                say("The model file cannot be read: {reason}.", reason=error.strerror or str(error)),
                where=str(self.path),
                hint=say("Download or copy it again."),
            ) from error
        if len(data) != count:
            raise cut_off(self.path, self.position + count, self.position + len(data))
        self.position += count
        return data

    def require(self, count: int) -> None:
        """That `count` more bytes are there."""
        if self.position + count > self.size:
            raise cut_off(self.path, self.position + count, self.size)

    def seek(self, position: int) -> None:
        """Go to `position`, which must lie within the file."""
        if position > self.size:
            raise cut_off(self.path, position, self.size)
        self.file.seek(position)
        self.position = position

    def number(self, kind: int) -> int | float:
        """The next number of type `kind`."""
        scalar = SCALARS[kind]
        value: int | float = scalar.unpack(self.take(scalar.size))[0]
        return value

    def count(self) -> int:
        """The next unsigned 64-bit number."""
        return int(self.number(10))

    def word(self) -> int:
        """The next unsigned 32-bit number."""
        return int(self.number(4))

    def string(self, limit: int) -> bytes:
        """The next string; `limit` bytes at most."""
        length = self.count()
        if length > limit:
            raise damaged(self.path, say("a text of {count} bytes", count=f"{length:,}"))
        return self.take(length)

    def name(self) -> str:
        """The next string, as a name."""
        raw = self.string(MAX_NAME)
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            raise damaged(self.path, say("a name that is not UTF-8")) from None

    def skip_strings(self, count: int) -> None:
        """Walk over `count` strings, a window of the file at a time."""
        self.walked += count
        if self.walked > MAX_ELEMENTS:
            raise damaged(self.path, say("lists of {count} texts", count=f"{self.walked:,}"))
        self.require(count * 8)
        length_at = SCALARS[10].unpack_from
        left = count
        while left:
            self.seek(self.position)
            self.require(8)
            window = self.file.read(WINDOW)
            at = passed = 0
            try:
                # This loop is most of the time of reading a header; the end of the window ends it by raising.
                for passed in range(left):  # noqa: B007
                    at += 8 + length_at(window, at)[0]
                passed = left
            except (struct.error, OverflowError):
                if not passed:
                    raise cut_off(self.path, self.position + len(window) + 1, self.size) from None
            left -= passed
            self.position += at
        self.seek(self.position)


def cut_off(path: Path, needed: int, present: int) -> ModelError:
    """The error of a file that ends before all it promises; sizes in bytes."""
    return ModelError(
        say(
            "The model file is cut off: it needs at least {needed} bytes and has {present}.",
            needed=f"{needed:,}",
            present=f"{present:,}",
        ),
        where=str(path),
        hint=say("Download or copy it again; the last time did not finish."),
    )


def damaged(path: Path, detail: str) -> ModelError:
    """The error of a header that claims `detail`, which cannot be."""
    return ModelError(
        say("The model file is damaged: its header claims {detail}.", detail=detail),
        where=str(path),
        hint=say("Download or copy it again."),
    )


def looks_like(head: bytes) -> str:
    """What a file that begins with `head` probably is, in words."""
    if head.startswith(b"version https://git-lfs"):
        return say("a Git LFS pointer; run `git lfs pull` to get the file itself")
    if head.startswith(b"PK\x03\x04"):
        return say("a zip archive or a PyTorch checkpoint")
    if head.startswith((b"ggml", b"ggjt", b"ggla", b"lmgg", b"tjgg", b"algg")):
        return say("a model in the format that came before GGUF")
    if head[8:9] == b"{" and 0 < int.from_bytes(head[:8], "little") < 1 << 32:
        return say("a safetensors file")
    if head.startswith((b"\x1f\x8b", b"\xfd7zXZ", b"BZh", b"7z\xbc\xaf", b"\x28\xb5\x2f\xfd")):
        return say("a compressed archive")
    if head.lstrip()[:9].lower().startswith((b"<!doctype", b"<html")):
        return say("a web page, perhaps an error page saved as a file")
    if head and all(byte >= 32 or byte in b"\t\n\r\f" for byte in head) and _is_text(head):
        return say("a text file")
    return say("unknown data")


def _is_text(head: bytes) -> bool:
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        # The last character may be cut.
        return error.start > len(head) - 4
    return True
