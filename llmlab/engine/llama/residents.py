"""What the context's sequences hold: answers that run, and what earlier ones left for the next to begin from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from llmlab.engine.llama.answer import Answer, Tokens

Seating = Literal["seated", "soon", "full"]
"""An answer got a sequence; or it waits for a prefix that is being read; or for room."""


class SequenceMemory(Protocol):
    """The part of a context that this module steers."""

    rewindable: bool

    def truncate(self, sequence: int, length: int) -> bool:
        """Keep the first `length` tokens; False when that cannot be, and then nothing is left."""
        ...

    def forget(self, sequence: int) -> None:
        """Drop all of a sequence."""
        ...

    def share(self, source: int, target: int, length: int, *, whole: bool) -> None:
        """Let the empty `target` begin with the first `length` tokens of `source`."""
        ...


@dataclass(slots=True)
class Slot:
    """One sequence of the context."""

    sequence: int
    tokens: Tokens
    length: int = 0
    """Of `tokens`, those whose state is in memory, while no answer runs here."""
    owner: Answer | None = None
    used: int = 0
    """When it was last used, as a count of uses."""

    @property
    def resident(self) -> int:
        """Tokens whose state is in memory."""
        return self.owner.evaluated if self.owner is not None else self.length

    @property
    def holding(self) -> Tokens:
        """The tokens it holds or is about to hold."""
        return self.owner.tokens[: self.owner.length] if self.owner is not None else self.tokens[: self.length]


def common_prefix(first: Tokens, second: Tokens) -> int:
    """Tokens at the beginning that both have in common."""
    length = min(len(first), len(second))
    differ = first[:length] != second[:length]
    place = int(differ.argmax()) if length else 0
    return place if length and differ[place] else length


class Residents:
    """The sequences of one context: who runs where, and what idle ones still hold; least recently used goes first."""

    def __init__(self, memory: SequenceMemory, sequences: int) -> None:
        nothing = np.zeros(0, np.int32)
        self._memory = memory
        self.slots = [Slot(sequence, nothing) for sequence in range(sequences)]
        self._uses = 0

    def seat(self, answer: Answer, room: int) -> Seating:
        """Give `answer` a sequence that begins with as much of it as any holds.

        The last token is always left to compute, because its output is wanted.

        Args:
            answer: one that waits.
            room: tokens that it may add to the memory.
        """
        wanted = answer.tokens[: answer.length - 1]
        source, known, coming = self._best(wanted)
        if coming > known and 2 * (coming - known) >= len(wanted) - known:
            # A running answer is about to compute what would save half the work or more.
            return "soon"
        target = self._target(source, known)
        shared = known if source is not None and source.owner is not None else 0
        if target is None or answer.length - shared > room:
            return "full"
        if source is None:
            self._memory.forget(target.sequence)
        elif target is source:
            known = known if known == source.length or self._memory.truncate(source.sequence, known) else 0
        else:
            self._memory.forget(target.sequence)
            self._memory.share(source.sequence, target.sequence, known, whole=known == source.resident)
        self._occupy(target, answer, known, shared)
        return "seated"

    def _best(self, wanted: Tokens) -> tuple[Slot | None, int, int]:
        """The slot to begin from, how many tokens it gives, and how many a running one is going to give."""
        source, known, coming = None, 0, 0
        for slot in self.slots:
            common = common_prefix(slot.holding, wanted)
            ready = min(common, slot.resident)
            if not self._memory.rewindable and ready != slot.resident:
                ready = 0
            better_kept = ready == known and source is not None and source.owner is not None and slot.owner is None
            if ready > known or (ready and better_kept):
                source, known = slot, ready
            if slot.owner is not None and self._memory.rewindable:
                coming = max(coming, min(common, slot.owner.length))
        return source, known, coming

    def _target(self, source: Slot | None, known: int) -> Slot | None:
        """The slot to run in: an idle source itself unless most of it would be lost, else the least recently used."""
        idle = [slot for slot in self.slots if slot.owner is None]
        if not idle:
            return None
        reusable = source is not None and source.owner is None
        if reusable and source is not None and 2 * known >= source.length:
            return source
        others = [slot for slot in idle if slot is not source]
        return min(others, key=lambda slot: (slot.length > 0, slot.used), default=source if reusable else None)

    def _occupy(self, slot: Slot, answer: Answer, known: int, shared: int) -> None:
        slot.owner, slot.tokens, slot.length = answer, answer.tokens, known
        slot.used = self._next_use()
        answer.slot, answer.evaluated, answer.shared = slot.sequence, known, shared
        if answer.reused is None:
            answer.reused = known

    def leave(self, answer: Answer) -> None:
        """`answer` ended; what it computed stays for the next."""
        slot = self.slots[answer.slot]
        slot.tokens, slot.length, slot.owner = answer.tokens, answer.evaluated, None
        slot.used = self._next_use()
        answer.slot = -1

    def unseat(self, answer: Answer) -> None:
        """Take the sequence from `answer`, and with it what it computed; it begins again later."""
        slot = self.slots[answer.slot]
        self._memory.forget(slot.sequence)
        slot.length, slot.owner = 0, None
        answer.slot, answer.evaluated, answer.shared = -1, 0, 0

    def evict(self) -> bool:
        """Drop what the least recently used idle sequence holds; False when none holds anything."""
        idle = [slot for slot in self.slots if slot.owner is None and slot.length]
        if not idle:
            return False
        slot = min(idle, key=lambda each: each.used)
        self._memory.forget(slot.sequence)
        slot.length = 0
        return True

    def running(self) -> Iterator[Answer]:
        """The answers that have a sequence."""
        return (slot.owner for slot in self.slots if slot.owner is not None)

    def _next_use(self) -> int:
        self._uses += 1
        return self._uses
