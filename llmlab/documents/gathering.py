"""Which files a person means: names, patterns and folders, within bounds that are told."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from llmlab.documents.kinds import extension_of, names
from llmlab.domain.document import Remark, remark
from llmlab.domain.reading_limits import ReadingLimits
from llmlab.errors import DocumentError
from llmlab.words import say

LOOKED_AT: Final = 200_000
"""Entries of folders that are looked at for one name."""
_PASSED: Final = names("node_modules __pycache__ site-packages venv target dist build")
"""Folders that hold what programs made; those that begin with a dot are passed by, too."""
_BINARY: Final = names(
    "png jpg jpeg gif webp bmp tif tiff ico psd heic mp3 wav flac ogg m4a mp4 mkv avi mov webm zip gz bz2 xz 7z rar tar"
    " tgz zst jar war exe dll so dylib a o obj lib bin pyc class wasm woff woff2 ttf otf eot db sqlite sqlite3 gguf"
    " safetensors pt pth onnx npy npz parquet pkl doc xls ppt xlsb iso dmg pack idx lock"
)
"""Ends of names of files that are no text; one that is named by itself is looked into all the same."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """The files that names stand for."""

    files: tuple[Path, ...]
    """In order, each once."""
    remarks: tuple[Remark, ...] = ()
    """What was left out, and why."""


def gather(wanted: Sequence[str], limits: ReadingLimits) -> Gathered:
    """The files that `wanted` names: files, folders with all that is below them, patterns such as `notes/**/*.md`.

    Files that are named by themselves are taken even where they do not exist, so that reading them says why not.

    Raises:
        DocumentError: a pattern or a folder stands for no file.
    """
    files: dict[Path, None] = {}
    remarks: list[Remark] = []
    for name in wanted:
        path = Path(name).expanduser()
        if path.is_dir():
            found = _taken(name, _below(path), limits, remarks)
        elif glob.has_magic(name) and not os.path.lexists(path):
            matches = (Path(match) for match in glob.iglob(str(path), recursive=True))  # noqa: PTH207 - from any root
            found = _taken(name, (match for match in matches if match.is_file()), limits, remarks)
        else:
            found = [path]
        if not found:
            folder = path.is_dir()
            raise DocumentError(
                say("The folder holds no file that can be read.") if folder else say("No file matches the pattern."),
                where=name,
                hint=say("Name the files that you mean; hidden and binary ones are passed by.") if folder
                else say("Patterns are such as *.txt, or notes/**/*.md for folders below."),
            )  # fmt: skip
        files.update(dict.fromkeys(each.absolute() for each in found))
    return Gathered(tuple(files), tuple(remarks))


def _taken(name: str, found: Iterator[Path], limits: ReadingLimits, remarks: list[Remark]) -> list[Path]:
    """The first files of a folder or a pattern, in the order of their names; what is left out is told."""
    every: list[Path] = []
    binary = 0
    for looked, path in enumerate(found):
        if looked == LOOKED_AT:
            remarks.append(remark("unlooked", name=name, count=LOOKED_AT))
            break
        if extension_of(path.name) in _BINARY:
            binary += 1
        else:
            every.append(path)
    every.sort(key=lambda path: path.parts)
    if binary:
        remarks.append(remark("binary_files", name=name, count=binary))
    if len(every) > limits.files:
        remarks.append(remark("too_many_files", name=name, count=limits.files, all=len(every)))
    return every[: limits.files]


def _below(folder: Path) -> Iterator[Path]:
    """Every file below a folder, in no order; links to folders are not followed, so that no circle has no end."""
    waiting = [str(folder)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.name.startswith("."):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        if entry.name not in _PASSED:
                            waiting.append(entry.path)
                    elif entry.is_file():
                        yield Path(entry.path)
        except OSError:  # not ours to read, or gone meanwhile
            continue
