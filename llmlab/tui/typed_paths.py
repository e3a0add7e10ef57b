"""Paths of files in what a person types, drags or pastes: `@path` in a message, and how terminals write a path."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from llmlab.documents.gathering import expanded

MOST_DROPPED: Final = 50
"""Files that are dropped at once; more are a folder's business."""
LONGEST: Final = 8_000
"""Characters of a paste that may still be paths."""
LONGEST_NAME: Final = 300
"""Characters behind an `@` that are looked at."""

_MENTION: Final = re.compile(r"""(?<![\w.+-])@(?:"([^"\n]+)"|'([^'\n]+)'|([^\s@"'][^\s]*))""", re.ASCII)
_SHELL_WORD: Final = re.compile(r"""(?:'[^']*'|"(?:[^"\\]|\\.)*"|\\.|[^\s'"\\])+""", re.DOTALL)
_SHELL_PART: Final = re.compile(r"""'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)|([^'"\\]+)""", re.DOTALL)
_ROOTED: Final = re.compile(r"(?:/|~[/\\]|file://|[A-Za-z]:[\\/]|\\\\)")


@dataclass(frozen=True, slots=True)
class Mention:
    """A file named in a message."""

    start: int
    """Offset of the `@`."""
    end: int
    path: Path


def mentions(text: str, is_there: Callable[[Path], bool]) -> tuple[Mention, ...]:
    """The files that `text` names behind an `@`; what names none is text and stays.

    Behind the name may stand anything, such as a full stop or Chinese without a space: the longest name that is there
    counts.

    Args:
        text: a message.
        is_there: whether a path names a file or folder; it is asked often.
    """
    found: list[Mention] = []
    for match in _MENTION.finditer(text):
        quoted = match.group(1) or match.group(2)
        if quoted:
            path = expanded(quoted)
            if _is_name(quoted) and is_there(path):
                found.append(Mention(match.start(), match.end(), path))
            continue
        bare = match.group(3)
        for length in range(min(len(bare), LONGEST_NAME), 0, -1):
            path = expanded(bare[:length])
            if _cut_here(bare, length) and _is_name(bare[:length]) and is_there(path):
                found.append(Mention(match.start(), match.start(3) + length, path))
                break
    return tuple(found)


def _is_name(written: str) -> bool:
    """The working folder, the one above, the root and the home folder are meant by /read alone."""
    return any(map(str.isalnum, written))


def _cut_here(bare: str, length: int) -> bool:
    """Whether a name may end here: never inside an English word, and not at a folder whose file is not there."""
    if length == len(bare):
        return True
    before, after = bare[length - 1], bare[length]
    if after in "/\\" or (before in "/\\" and (after.isalnum() or after in "._-~")):
        return False
    return not (after.isascii() and (before + after).isalnum())


def spoken(text: str, found: tuple[Mention, ...]) -> str:
    """`text` as it is sent: each file by its name, without `@` and folders."""
    parts, at = [], 0
    for mention in found:
        parts += [text[at : mention.start], mention.path.name]
        at = mention.end
    return "".join([*parts, text[at:]])


def mention_of(path: str) -> str:
    """How a message names a path; quoted when something in it would end the name."""
    if not re.search(r"""[\s"']""", path):
        return f"@{path}"
    return f"@'{path}'" if '"' in path else f'@"{path}"'


def dropped(pasted: str) -> Iterator[tuple[Path, ...]]:
    """The ways in which a paste may be read as paths of files, the likeliest first; none when it is a text.

    Terminals write a dragged file as a plain path, in quotes, with backslashes before special characters, or as an
    address (`file://`); several stand on lines, or behind each other. Only absolute paths count, so that no word is
    taken for a file; the root and the home folder are meant by /read alone.
    """
    text = pasted.strip()
    if not text or len(text) > LONGEST or not _ROOTED.match(text.lstrip("'\"")):
        return
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    words = [word for line in lines for word in _words(line)]
    for reading in (lines, words):
        if len(reading) <= MOST_DROPPED and all(_ROOTED.match(item) for item in reading):
            paths = tuple(_path(item) for item in reading)
            if all(path.name and path != expanded("~") for path in paths):
                yield paths


def _words(line: str) -> Iterator[str]:
    """The words of a line as a shell parts them; on Windows a backslash is part of a path."""
    if sys.platform == "win32":
        yield from (match.group(1) or match.group(2) for match in re.finditer(r'"([^"]+)"|(\S+)', line))
        return
    for word in _SHELL_WORD.finditer(line):
        yield "".join(
            part.group(1) or re.sub(r"\\(.)", r"\1", part.group(2) or "") or part.group(3) or part.group(4) or ""
            for part in _SHELL_PART.finditer(word.group())
        )


def _path(item: str) -> Path:
    if item.startswith("file://"):
        address = urlsplit(item)
        name = unquote(address.path)
        # file:///C:/folder has a slash too many for Windows.
        return Path(name[1:] if re.match(r"/[A-Za-z]:", name) else name)
    return expanded(item)
