"""Sequences that are not in use, kept in the machine's memory: back in milliseconds, where reading takes seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from llmlab.domain.model import AdapterScales
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
    adapters: AdapterScales = ()
    """LoRA adapters that it was computed with; with others it is another state."""


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

    def fits(self, size: int) -> bool:
        """A state of `size` bytes has room here, if all others leave."""
        return size <= self._room

    def put(self, entry: Shelved, *, supersedes: bool = True) -> None:
        """Keep `entry`, unless it is too large or too short.

        Args:
            entry: a sequence.
            supersedes: sequences can be cut, so that what is nothing but the beginning of another is not kept.
        """
        if not self.fits(entry.state.nbytes) or len(entry.tokens) < WORTH_KEEPING:
            return
        for other in self.entries:
            if other.adapters != entry.adapters:
                continue
            common = common_prefix(other.tokens, entry.tokens)
            if common == len(other.tokens) and (supersedes or common == len(entry.tokens)):
                self._entries.remove(other)
            elif common == len(entry.tokens) and supersedes:
                self.touch(other)
                return
        self._entries.append(entry)
        while sum(each.state.nbytes for each in self._entries) > self._room:
            self._entries.pop(0)

    def take(self, entry: Shelved) -> None:
        """Remove `entry`, if it is still there."""
        if entry in self._entries:
            self._entries.remove(entry)

    def touch(self, entry: Shelved) -> None:
        """`entry` was used; it is there, also if it had left meanwhile."""
        self.take(entry)
        self._entries.append(entry)
