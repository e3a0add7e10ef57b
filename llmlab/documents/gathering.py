"""Which files a person means: names, patterns and folders, within bounds that are told."""

from __future__ import annotations

import fnmatch
import glob
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from llmlab.documents.kinds import extension_of, names
from llmlab.domain.document import Remark, remark
from llmlab.domain.reading_limits import ReadingLimits
from llmlab.errors import DocumentError
from llmlab.words import say

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
        path = expanded(name)
        folder = _holds(path.is_dir)
        if folder:
            found = _taken(name, _below(path), limits, remarks)
        elif glob.has_magic(name) and not os.path.lexists(path):
            found = _taken(name, _matching(path), limits, remarks)
        else:
            found = [path]
        if not found:
            raise _nothing(name, folder, remarks)
        files.update(dict.fromkeys(each.absolute() for each in found))
    return Gathered(tuple(files), tuple(remarks))


def _nothing(name: str, folder: bool, remarks: Sequence[Remark]) -> DocumentError:
    """The error of a folder or a pattern that stands for no file, as far as was looked."""
    bounded = next((str(each) for each in remarks if each.code == "unlooked" and ("name", name) in each.values), "")
    if folder:
        what = say("The folder holds no file that can be read.")
        hint = say("Name the files that you mean; hidden and binary ones are passed by.")
    else:
        what = say("No file matches the pattern.")
        hint = say("Patterns are such as *.txt, or notes/**/*.md for folders below.")
    return DocumentError(bounded or what, where=name, hint=hint)


def expanded(written: str) -> Path:
    """A path as it is written: `~` is the home folder, and what is not absolute begins at the working directory."""
    try:
        return Path(written).expanduser()
    except RuntimeError:
        # There is no such user: then it is the name of a file.
        return Path(written)


def _holds(test: Callable[[], bool]) -> bool:
    """What `test` says of a path; `False` where it cannot be looked at, and reading it says why."""
    try:
        return test()
    except OSError:
        return False


def _taken(name: str, found: Iterator[Path | None], limits: ReadingLimits, remarks: list[Remark]) -> list[Path]:
    """The first files of a folder or a pattern, in the order of their names; what is left out is told."""
    texts: dict[Path, None] = {}
    binary = 0
    for looked, path in enumerate(found):
        if looked == limits.entries:
            remarks.append(remark("unlooked", name=name, count=limits.entries))
            break
        if path is None:
            continue
        if extension_of(path.name) in _BINARY:
            binary += 1
        else:
            texts[path] = None
    every = sorted(texts, key=lambda path: path.parts)
    if binary:
        remarks.append(remark("binary_files", name=name, count=binary))
    if len(every) > limits.files:
        remarks.append(remark("too_many_files", name=name, count=limits.files, all=len(every)))
    return every[: limits.files]


def _below(folder: Path) -> Iterator[Path | None]:
    """Every file below a folder, in no order, and `None` for each other entry.

    Links to folders are not followed, so that no circle has no end.
    """
    waiting = [folder]
    while waiting:
        for entry in _entries(waiting.pop()):
            if entry.name.startswith("."):
                yield None
            elif _holds(partial(entry.is_dir, follow_symlinks=False)):
                if entry.name not in _PASSED:
                    waiting.append(Path(entry.path))
                yield None
            else:
                yield Path(entry.path) if _holds(entry.is_file) else None


def _matching(pattern: Path) -> Iterator[Path | None]:
    """The files that fit a pattern, in no order, and `None` for each other entry that was looked at.

    `**` stands for folders below, however deep, but for hidden ones and links.
    """
    parts = pattern.parts[1:] if pattern.anchor else pattern.parts
    waiting = [(Path(pattern.anchor), parts)]
    while waiting:
        folder, (part, *rest) = waiting.pop()
        if not glob.has_magic(part):
            if rest:
                waiting.append((folder / part, tuple(rest)))
            else:
                yield folder / part if _holds((folder / part).is_file) else None
            continue
        if part == "**":
            if rest:
                waiting.append((folder, tuple(rest)))
            for entry in _entries(folder):
                shown = not entry.name.startswith(".")
                if shown and _holds(partial(entry.is_dir, follow_symlinks=False)):
                    waiting.append((Path(entry.path), (part, *rest)))
                yield Path(entry.path) if shown and not rest and _holds(entry.is_file) else None
            continue
        for entry in _entries(folder):
            fits = fnmatch.fnmatch(entry.name, part) and part.startswith(".") >= entry.name.startswith(".")
            if fits and rest and _holds(entry.is_dir):
                waiting.append((Path(entry.path), tuple(rest)))
            yield Path(entry.path) if fits and not rest and _holds(entry.is_file) else None


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except OSError:  # not ours to read, or gone meanwhile
        return
