"""Telling whether files were edited, cheaply enough for every second."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

Stamp = tuple[int, int, int] | None
"""Time of change, size and number of a file; `None` where there is none."""


def stamp_of(path: Path) -> Stamp:
    """What changes when the file does."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def distinct(paths: Iterable[Path]) -> tuple[Path, ...]:
    """`paths` without those that are the same under another name, the first one kept."""
    kept: dict[str, Path] = {}
    for path in paths:
        kept.setdefault(os.path.normcase(os.path.realpath(path)), path.absolute())
    return tuple(kept.values())
