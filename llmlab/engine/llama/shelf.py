"""Sequences that are not in use, kept in the machine's memory: back in milliseconds, where reading takes seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from llmlab.engine.llama.prefix import Tokens, common_prefix

State = npt.NDArray[np.uint8]
"""A sequence as llama.cpp writes it out."""

WORTH_KEEPING: Final = 32
"""Shorter sequences are read again faster than anybody notices."""


@dataclass(frozen=True, slots=True, eq=False)
class Shelved:
    """A sequence on the shelf."""

    tokens: Tokens
    state: State


class Shelf:
    """Sequences by what they hold; the least recently used leave first when the room is used up."""

    def __init__(self, room: int) -> None:
        """An empty shelf for `room` bytes."""
        self._room = room
        self._entries: list[Shelved] = []
        """Least recently used first."""

    @property
    def entries(self) -> tuple[Shelved, ...]:
        """What is on the shelf, least recently used first."""
        return tuple(self._entries)

    def put(self, entry: Shelved) -> None:
        """Keep `entry`, and drop those that are nothing but its beginning; one that is too large is not kept."""
        if entry.state.nbytes > self._room or len(entry.tokens) < WORTH_KEEPING:
            return
        for other in self.entries:
            if common_prefix(other.tokens, entry.tokens) == len(other.tokens):
                self._entries.remove(other)
        self._entries.append(entry)
        while sum(each.state.nbytes for each in self._entries) > self._room:
            self._entries.pop(0)

    def take(self, entry: Shelved) -> None:
        """Remove `entry`."""
        self._entries.remove(entry)

    def touch(self, entry: Shelved) -> None:
        """`entry` was used."""
        self._entries.remove(entry)
        self._entries.append(entry)
