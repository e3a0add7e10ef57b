"""Writing a file for a person: whole or not at all."""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from llmlab.domain.terminal import encodable


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


def make_new(path: Path, text: str) -> None:
    """Make a file that is not there yet, with the rights that new files have.

    Raises:
        FileExistsError: there is one.
        OSError: it cannot be written; nothing is left behind.
    """
    file = path.open("x", encoding="utf-8", errors="replace", newline="\n")
    try:
        with file:
            file.write(text)
    except OSError:
        path.unlink(missing_ok=True)
        raise


def write_over(path: Path, text: str) -> None:
    """Replace a file, which keeps its rights, or make it; what is no file, such as a device, is written to.

    Raises:
        OSError: it cannot be written; a file that was there is still there.
    """
    target = Path(os.path.realpath(path))  # a link may lead to what is not there yet
    if not target.exists():
        make_new(target, text)
    elif target.is_file():
        _replace(target, text)
    else:
        _write_into(target, text)


def _replace(target: Path, text: str) -> None:
    rights = stat.S_IMODE(target.stat().st_mode)
    try:
        write_whole(target, encodable(text))
    except PermissionError:
        # Its folder takes no other file; the file itself may be written all the same.
        _write_into(target, text)
        return
    with suppress(OSError):  # it is written, whatever becomes of its rights
        target.chmod(rights)


def _write_into(target: Path, text: str) -> None:
    with target.open("w", encoding="utf-8", errors="replace", newline="\n") as file:
        file.write(text)
