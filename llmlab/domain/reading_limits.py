"""How much reading a document may cost before it is refused."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingLimits:
    """Each is a key of the table `[documents]` in settings.toml, and is named where it ends a reading."""

    file_mb: int = 200
    """Size of a file in MiB, and of all that a zipped one holds once unpacked."""
    characters: int = 30_000_000
    """Characters of a document's text."""
    seconds: int = 120
    """Time for one file."""
    memory_mb: int = 1024
    """Memory of the process that reads, in MiB."""
    unpack_ratio: int = 200
    """Times its size that a zipped file may hold once unpacked, where that is more than 64 MiB."""
    zip_files: int = 20_000
    """Files in a zipped one."""
    files: int = 500
    """Files that are taken from one folder or pattern."""
    entries: int = 200_000
    """Files and folders that are looked at for one folder or pattern."""
    kept_mb: int = 2048
    """Size of all texts that are kept on disk, in MiB; beyond it, those not used for longest go."""

    def changed(self) -> dict[str, int]:
        """The limits that are not the usual ones."""
        usual = ReadingLimits()
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return {name: value for name, value in values.items() if value != getattr(usual, name)}


BOUNDS: Final = {"file_mb": (1, 100_000), "characters": (1_000, 1_000_000_000), "seconds": (1, 86_400),
                 "memory_mb": (128, 1_000_000), "unpack_ratio": (1, 1_000_000), "zip_files": (1, 1_000_000),
                 "files": (1, 1_000_000), "entries": (1, 100_000_000), "kept_mb": (1, 10_000_000)}  # fmt: skip
"""The smallest and largest value of each limit."""
