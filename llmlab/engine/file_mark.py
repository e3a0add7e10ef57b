"""What tells one model file from another: samples of it, read in milliseconds however large it is, or all of it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

PIECE: Final = 64 * 1024
"""Bytes of a sample."""
SAMPLES: Final = 64
"""Samples, evenly from the beginning to the end; a file that is not larger than all of them is read whole."""

STEP: Final = 8 << 20
"""Bytes that are read in one go."""


def sampled_hash(path: str) -> str:
    """SHA-256 over the size of a file and samples of it, as hexadecimal digits; empty when it cannot be read."""
    try:
        with Path(path).open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            digest = hashlib.sha256(size.to_bytes(8, "little"))
            if size <= PIECE * SAMPLES:
                digest.update(file.read())
            else:
                for number in range(SAMPLES):
                    file.seek((size - PIECE) * number // (SAMPLES - 1))
                    digest.update(file.read(PIECE))
    except OSError:
        return ""
    return digest.hexdigest()


def whole_hash(path: str, stopped: Callable[[], bool]) -> str | None:
    """SHA-256 of all bytes of a file, as hexadecimal digits; `None` when `stopped` said so in between.

    Raises:
        OSError: it cannot be read.
    """
    digest = hashlib.sha256()
    with Path(path).open("rb", buffering=0) as file:
        while piece := file.read(STEP):
            if stopped():
                return None
            digest.update(piece)
    return digest.hexdigest()
