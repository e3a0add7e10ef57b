"""The files that fit what stands behind an `@`, or behind `/read`, in the composer."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from llmlab.documents.gathering import expanded
from llmlab.tui.typed_paths import mention_of

MOST_OFFERED: Final = 60
"""Files that are offered."""
MOST_READ: Final = 20_000
"""Entries of a folder that are looked at."""

_MENTION: Final = re.compile(r"""(?<![\w.+-])@(?:"(?P<quoted>[^"]*)|(?P<bare>[^\s"']*))$""", re.ASCII)
_READ: Final = re.compile(r"/read (?P<bare>.*)")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A path that is half typed."""

    start: int
    """Where it begins in the line: what an offer replaces."""
    path: str
    mention: bool
    """It stands behind an `@`."""


@dataclass(frozen=True, slots=True)
class PathOffer:
    """A file or folder that may be meant."""

    path: str
    """As it would be typed, a folder with a slash behind it."""
    folder: bool
    bytes: int
    wanted: Wanted

    @property
    def text(self) -> str:
        """What stands in the line in place of what was typed so far; a folder waits for more to be typed."""
        if not self.wanted.mention:
            return self.path
        mention = mention_of(self.path)
        return mention[:-1] if self.folder and mention.startswith('@"') else mention + " " * (not self.folder)


def wanted_in(line: str) -> Wanted | None:
    """The path that is being typed at the end of `line`; `None` where none is."""
    if match := _READ.fullmatch(line):
        return Wanted(match.start("bare"), match["bare"], mention=False)
    if match := _MENTION.search(line):
        return Wanted(match.start(), match["quoted"] or match["bare"] or "", mention=True)
    return None


def offers(wanted: Wanted) -> tuple[PathOffer, ...]:
    """What is there that begins as the path does, folders and files in order; nothing once it is complete.

    Reads a folder: call it in a thread.
    """
    head, slash, name = wanted.path.rpartition("/")
    try:
        found = [(*entry, wanted) for entry in _entries(expanded(head + slash) if slash else Path(), name)]
    except OSError:
        # A folder that is not there, or that may not be read, has nothing to offer.
        return ()
    if len(found) == 1 and found[0][0] == name and not found[0][1]:
        return ()
    shown = sorted(found, key=lambda entry: entry[0].casefold())[:MOST_OFFERED]
    return tuple(PathOffer(head + slash + name, folder, size, wanted) for name, folder, size, wanted in shown)


def _entries(folder: Path, begin: str) -> Iterator[tuple[str, bool, int]]:
    """Entries of a folder whose name begins so, letter case aside: name, whether it is a folder, bytes."""
    with os.scandir(folder) as entries:
        for entry in islice(entries, MOST_READ):
            if not entry.name.casefold().startswith(begin.casefold()):
                continue
            if (entry.name.startswith(".") and not begin.startswith(".")) or not entry.name.isprintable():
                continue
            try:
                is_folder = entry.is_dir()
                size = 0 if is_folder else entry.stat().st_size
            except OSError:
                # It went away meanwhile, or leads nowhere.
                continue
            yield entry.name + "/" * is_folder, is_folder, size
