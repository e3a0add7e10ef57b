"""What the context's sequences hold: answers that run, and what earlier ones left for the next to begin from.

Attention looks at every cell below the last one in use, whoever owns it. So an idle sequence is moved to the shelf as
soon as another begins to run, and only what runs stays in the context.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from llmlab.engine.llama.answer import Answer
from llmlab.engine.llama.prefix import Tokens, common_prefix
from llmlab.engine.llama.shelf import WORTH_KEEPING, Shelf, Shelved, State

Seating = Literal["seated", "soon", "full"]
"""An answer got a sequence; or it waits for a prefix that is being read; or for room."""


class SequenceMemory(Protocol):
    """The part of a context that this module steers."""

    rewindable: bool
    """Its memory can drop the end of a sequence."""

    def truncate(self, sequence: int, length: int) -> bool:
        """Keep the first `length` tokens; False when that cannot be, and then nothing is left."""
        ...

    def forget(self, sequence: int) -> None:
        """Drop all of a sequence."""
        ...

    def share(self, source: int, target: int, length: int, *, whole: bool) -> None:
        """Let the empty `target` begin with the first `length` tokens of `source`."""
        ...

    def save(self, sequence: int) -> State | None:
        """A copy of a sequence; `None` when it cannot be made."""
        ...

    def restore(self, sequence: int, state: State) -> bool:
        """Let `sequence`, which is empty, be what was saved; False when that cannot be, and then it stays empty."""
        ...


@dataclass(slots=True, eq=False)
class Slot:
    """One sequence of the context."""

    sequence: int
    tokens: Tokens
    length: int = 0
    """Of `tokens`, those whose state is in memory, while no answer runs here."""
    owner: Answer | None = None

    @property
    def resident(self) -> int:
        """Tokens whose state is in memory."""
        return self.owner.evaluated if self.owner is not None else self.length

    @property
    def holding(self) -> Tokens:
        """The tokens it holds or is about to hold."""
        return self.owner.tokens[: self.owner.length] if self.owner is not None else self.tokens[: self.length]


@dataclass(frozen=True, slots=True)
class Beginning:
    """From where an answer can begin."""

    source: Slot | Shelved | None = None
    known: int = 0
    """Tokens of the answer that the source holds."""
    coming: int = 0
    """Tokens that a running answer holds or is about to compute."""


class Residents:
    """The sequences of one context, and the shelf beside it."""

    def __init__(self, memory: SequenceMemory, sequences: int, shelf: Shelf) -> None:
        nothing = np.zeros(0, np.int32)
        self._memory, self._shelf = memory, shelf
        self._slots = [Slot(sequence, nothing) for sequence in range(sequences)]

    def seat(self, answer: Answer, room: int) -> Seating:
        """Give `answer` a sequence that begins with as much of it as is known anywhere.

        The last token is always left to compute, because its output is wanted.

        Args:
            answer: one that waits.
            room: tokens that it may add to the memory.
        """
        wanted = answer.tokens[: answer.length - 1]
        beginning = self._find(wanted)
        source, known = beginning.source, beginning.known
        if beginning.coming > known and 2 * (beginning.coming - known) >= len(wanted) - known:
            # A running answer is about to compute what would save half the work or more.
            return "soon"
        target = self._target(beginning)
        shared = known if isinstance(source, Slot) and source.owner is not None else 0
        if target is None or answer.length - shared > room:
            return "full"
        self._shelve_idle(source)
        answer.evaluated = self._begin(target, beginning)
        answer.slot, answer.shared = target.sequence, shared
        if answer.reused is None:
            answer.reused = answer.evaluated
        target.owner = answer
        self._shelve_idle(None)
        return "seated"

    def _find(self, wanted: Tokens) -> Beginning:
        """The source that knows most of `wanted`; an idle one before a running one, both before the shelf."""
        best, known, coming = None, 0, 0
        candidates: list[Slot | Shelved] = [
            *sorted(self._slots, key=lambda slot: slot.owner is not None),
            *reversed(self._shelf.entries),
        ]
        for source in candidates:
            running = isinstance(source, Slot) and source.owner is not None
            resident = source.resident if isinstance(source, Slot) else len(source.tokens)
            common = common_prefix(source.holding if isinstance(source, Slot) else source.tokens, wanted)
            ready = min(common, resident)
            if not self._memory.rewindable and ready != resident:
                ready = 0
            if ready > known:
                best, known = source, ready
            if running and self._memory.rewindable:
                coming = max(coming, common)
        return Beginning(best, known, coming)

    def _target(self, beginning: Beginning) -> Slot | None:
        """The slot to run in: the idle source itself unless most of it would be lost, else an idle one."""
        idle = [slot for slot in self._slots if slot.owner is None]
        source = beginning.source
        if isinstance(source, Slot) and source.owner is None:
            others = [slot for slot in idle if slot is not source]
            if 2 * beginning.known >= source.length or not others:
                return source
            idle = others
        return min(idle, key=lambda slot: slot.length, default=None)

    def _begin(self, target: Slot, beginning: Beginning) -> int:
        """Let `target` hold the beginning; how many tokens of it there really are."""
        source, known = beginning.source, beginning.known
        match source:
            case None:
                return 0
            case Slot() if source is target:
                return known if known == source.length or self._memory.truncate(target.sequence, known) else 0
            case Slot():
                whole = known == source.resident
                self._memory.share(source.sequence, target.sequence, known, whole=whole)
                return known
            case Shelved():
                return self._unshelve(target, source, known)

    def _unshelve(self, target: Slot, entry: Shelved, known: int) -> int:
        """Put what is on the shelf back; it leaves the shelf if most of it goes on to be used."""
        if not self._memory.restore(target.sequence, entry.state):
            self._shelf.take(entry)
            return 0
        if 2 * known >= len(entry.tokens):
            self._shelf.take(entry)
        else:
            self._shelf.touch(entry)
        return known if known == len(entry.tokens) or self._memory.truncate(target.sequence, known) else 0

    def _shelve_idle(self, keep: Slot | Shelved | None) -> None:
        """Empty the idle slots, `keep` excepted."""
        for slot in self._slots:
            if slot.owner is None and slot is not keep:
                self._shelve(slot)

    def _shelve(self, slot: Slot) -> None:
        """Empty an idle slot; what it holds goes to the shelf."""
        if not slot.length:
            return
        if slot.length >= WORTH_KEEPING and (state := self._memory.save(slot.sequence)) is not None:
            self._shelf.put(Shelved(slot.tokens[: slot.length].copy(), state))
        self._memory.forget(slot.sequence)
        slot.length = 0

    def leave(self, answer: Answer) -> None:
        """`answer` ended; what it computed stays for the next."""
        slot = self._slots[answer.slot]
        slot.tokens, slot.length, slot.owner = answer.tokens, answer.evaluated, None
        answer.slot = -1

    def unseat(self, answer: Answer) -> None:
        """Take the sequence from `answer`; what it computed goes to the shelf, and it goes on later."""
        slot = self._slots[answer.slot]
        self.leave(answer)
        self._shelve(slot)
        answer.evaluated = answer.shared = 0

    def make_room(self) -> bool:
        """Move an idle sequence to the shelf; False when none holds anything."""
        slot = next((slot for slot in self._slots if slot.owner is None and slot.length), None)
        if slot is None:
            return False
        self._shelve(slot)
        return True
