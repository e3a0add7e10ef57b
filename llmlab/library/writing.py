"""Writing a file that a person edits: whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write_whole(path: Path, text: str) -> None:
    """Replace the file in one step, its folder made when it is missing; readable by its owner alone.

    Raises:
        OSError: it cannot be written; what was there is still there.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = path.resolve()  # a file that is a link into a person's dotfiles stays one
    handle, name = tempfile.mkstemp(prefix=f".{target.stem}-", dir=target.parent)  # mkstemp makes it 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(target)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
