"""Notes that are told once on a machine, not with every command."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path


def is_news(note: str, record: Path) -> bool:
    """Whether `note` was not told yet; from now on it was. Where no `record` can be kept, it stays news."""
    mark = hashlib.sha256(note.encode("utf-8", "replace")).hexdigest()[:16]
    with suppress(OSError):
        record.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with record.open("a+", encoding="ascii", errors="replace") as file:
            file.seek(0)
            if mark in file.read().split():
                return False
            file.write(mark + "\n")
    return True
