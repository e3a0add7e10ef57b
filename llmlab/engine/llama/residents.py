"""What the context's sequences hold: answers that run, and what earlier ones left for the next to begin from.

Attention looks at every cell below the last one in use, whoever owns it. So an idle sequence is moved to the shelf as
soon as another begins to run, and only what runs stays in the context.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, Protocol

import numpy as np

from llmlab.domain.model import AdapterScales
from llmlab.engine.llama.answer import Answer
from llmlab.engine.llama.prefix import Tokens, common_prefix
from llmlab.engine.llama.shelf import WORTH_KEEPING, Shelf, Shelved, State
from llmlab.engine.llama.snapshot_file import Snapshot
from llmlab.engine.llama.snapshots import Snapshots

WORTH_LOADING: Final = 64
"""Tokens that a snapshot on disk must save to be read."""
SAVED_AT_REST: Final = 4
"""Sequences of the shelf, the last ones used, that go to the disk when nothing is to be done."""
MARK_EVERY: Final = 2048
"""Tokens of a prompt after which a memory that cannot drop the end of a sequence is saved."""
MARK_BEFORE_END: Final = 8
"""The last such place of a prompt: before what a template writes at the end and leaves out of the next turn."""

Seating = Literal["seated", "soon", "full"]
"""An answer got a sequence; or it waits for a prefix that is being read; or for room."""


class SequenceMemory(Protocol):
    """The part of a context that this module steers."""

    rewindable: bool
    """Its memory can drop the end of a sequence."""
    grain: int
    """Prompts are computed in pieces that end at multiples of it, and reused by whole pieces; 1 is any."""

    def begins(self, sequence: int, length: int) -> bool:
        """Another could begin with the first `length` tokens of `sequence`, which holds more."""
        ...

    def truncate(self, sequence: int, length: int) -> bool:
        """Keep the first `length` tokens; False when that cannot be, and then nothing is left."""
        ...

    def forget(self, sequence: int) -> None:
        """Drop all of a sequence."""
        ...

    def share(self, source: int, target: int, length: int, *, whole: bool) -> None:
        """Let the empty `target` begin with the first `length` tokens of `source`."""
        ...

    def size(self, sequence: int) -> int:
        """Bytes of a copy of a sequence; 0 when none can be made."""
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
    adapters: AdapterScales = ()
    """LoRA adapters that it was computed with."""

    @property
    def resident(self) -> int:
        """Tokens whose state is in memory."""
        return self.owner.evaluated if self.owner is not None else self.length

    @property
    def holding(self) -> Tokens:
        """The tokens it holds or is about to hold."""
        return self.owner.tokens[: self.owner.length] if self.owner is not None else self.tokens[: self.length]


Source = Slot | Shelved | Snapshot
"""What an answer can begin from."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """From where an answer can begin."""

    source: Source | None = None
    known: int = 0
    """Tokens of the answer that the source holds."""
    coming: int = 0
    """Tokens that a running answer holds or is about to compute."""


def _held(source: Source) -> tuple[Tokens, int]:
    """The tokens of `source`, and how many of them are ready."""
    if isinstance(source, Slot):
        return source.holding, source.resident
    return source.tokens, len(source.tokens)


class Residents:
    """The sequences of one context, the shelf beside it, and the snapshots on disk."""

    def __init__(
        self, memory: SequenceMemory, sequences: int, shelf: Shelf, snapshots: Snapshots | None = None
    ) -> None:
        nothing = np.zeros(0, np.int32)
        self._memory, self._shelf, self._snapshots = memory, shelf, snapshots
        self._slots = [Slot(sequence, nothing) for sequence in range(sequences)]

    def seat(self, answer: Answer, room: int) -> Seating:
        """Give `answer` a sequence that begins with as much of it as is known anywhere.

        Tokens whose output is wanted are left to compute, the last one always.

        Args:
            answer: one that waits.
            room: tokens that it may add to the memory.
        """
        wanted = answer.tokens[: answer.outputs_from]
        beginning = self._find(self._sources(), wanted, answer.adapters, room)
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
        target.owner, target.adapters = answer, answer.adapters
        answer.mark = self.next_mark(answer)
        self._shelve_idle(None)
        return "seated"

    def _find(self, sources: Iterable[Source], wanted: Tokens, adapters: AdapterScales, room: float) -> Beginning:
        """The source that knows most of `wanted`, the first of those that are equal.

        What was computed with other `adapters` knows nothing, and what is not in the context must fit its `room`.
        """
        best: Source | None = None
        known = coming = 0
        for source in sources:
            if source.adapters != adapters:
                continue
            tokens, resident = _held(source)
            if not isinstance(source, Slot) and resident > room:
                continue
            common = common_prefix(tokens, wanted)
            ready = self._usable(min(common, resident), resident)
            if isinstance(source, Slot):
                coming = max(coming, self._coming(source, common))
                if 0 < ready < resident and not self._memory.begins(source.sequence, ready):
                    ready = 0
            from_disk = isinstance(source, Snapshot) and not isinstance(best, Snapshot)
            if ready >= known + (WORTH_LOADING if from_disk else 1):
                best, known = source, ready
        return Beginning(best, known, coming)

    def _sources(self) -> list[Source]:
        """Where something may be known: idle, running, shelved, on disk."""
        return [
            *sorted(self._slots, key=lambda slot: slot.owner is not None),
            *reversed(self._shelf.entries),
            *(reversed(self._snapshots.entries) if self._snapshots else ()),
        ]

    def _usable(self, ready: int, resident: int) -> int:
        """Of `ready` tokens that a sequence of `resident` has in common with a prompt, those that can be used."""
        if not self._memory.rewindable:
            return ready if ready == resident else 0
        return ready - ready % self._memory.grain

    def _coming(self, slot: Slot, common: int) -> int:
        """Of the `common` tokens, those that the running answer of `slot` has or is about to make usable."""
        answer = slot.owner
        if answer is None:
            return 0
        if self._memory.rewindable:
            return common if common > answer.evaluated else 0
        last = self._last_mark(answer)
        return last if answer.evaluated < last <= common else 0

    def _target(self, beginning: Beginning) -> Slot | None:
        """The slot to run in: the idle source itself, else an idle one."""
        source = beginning.source
        if isinstance(source, Slot) and source.owner is None:
            return source
        idle = [slot for slot in self._slots if slot.owner is None]
        return min(idle, key=lambda slot: slot.length, default=None)

    def _begin(self, target: Slot, beginning: Beginning) -> int:
        """Let `target` hold the beginning; how many tokens of it there really are."""
        source, known = beginning.source, beginning.known
        match source:
            case None:
                return 0
            case Slot() if source is target:
                return self._cut(target, known)
            case Slot():
                whole = known == source.resident
                self._memory.share(source.sequence, target.sequence, known, whole=whole)
                return known
            case Shelved():
                return self._unshelve(target, source, known)
            case Snapshot():
                return self._load(target, source, known)

    def _cut(self, slot: Slot, known: int) -> int:
        """Keep the first `known` tokens of an idle slot; what would be lost, and may be wanted, goes to the shelf."""
        if known == slot.length and self._memory.rewindable:
            return known
        self._copy(slot)
        return known if known == slot.length or self._memory.truncate(slot.sequence, known) else 0

    def _unshelve(self, target: Slot, entry: Shelved, known: int) -> int:
        """Put what is on the shelf back; it leaves the shelf when all of it goes on to be used."""
        if not self._memory.restore(target.sequence, entry.state):
            self._shelf.take(entry)
            return 0
        if known == len(entry.tokens) and self._memory.rewindable:
            self._shelf.take(entry)
        else:
            self._shelf.touch(entry)
        return known if known == len(entry.tokens) or self._memory.truncate(target.sequence, known) else 0

    def _load(self, target: Slot, snapshot: Snapshot, known: int) -> int:
        """Bring a snapshot back from the disk; one that turns out to be of no use is removed."""
        if self._snapshots is None or (state := self._snapshots.read(snapshot)) is None:
            return 0
        if not self._memory.restore(target.sequence, state):
            self._snapshots.drop(snapshot)
            return 0
        if known < len(snapshot.tokens) or not self._memory.rewindable:
            self._put(Shelved(snapshot.tokens, state, snapshot.adapters))
        return known if known == len(snapshot.tokens) or self._memory.truncate(target.sequence, known) else 0

    def _shelve_idle(self, keep: Source | None) -> None:
        """Empty the idle slots, `keep` excepted."""
        for slot in self._slots:
            if slot.owner is None and slot is not keep:
                self._shelve(slot)

    def _shelve(self, slot: Slot) -> None:
        """Empty an idle slot; what it holds goes to the shelf."""
        if not slot.length:
            return
        self._copy(slot)
        self._memory.forget(slot.sequence)
        slot.length = 0

    def _copy(self, slot: Slot) -> None:
        """Put a copy of what `slot` holds on the shelf, if it is worth it and fits there: copies may be gigabytes."""
        if slot.resident < WORTH_KEEPING or not self._shelf.fits(self._memory.size(slot.sequence)):
            return
        if (state := self._memory.save(slot.sequence)) is not None:
            self._put(Shelved(slot.holding[: slot.resident].copy(), state, slot.adapters))

    def _put(self, entry: Shelved) -> None:
        self._shelf.put(entry, supersedes=self._memory.rewindable)

    def leave(self, answer: Answer) -> None:
        """`answer` ended; what it computed stays for the next."""
        slot = self._slots[answer.slot]
        slot.tokens, slot.length, slot.owner = answer.tokens, answer.evaluated, None
        answer.slot = -1
        if self._memory.grain > 1:
            self._leave_whole_pieces(slot, min(answer.evaluated, answer.read_alike))

    def _leave_whole_pieces(self, slot: Slot, read: int) -> None:
        """Keep what any prompt would have computed alike: whole pieces of the `read` tokens, and no answer."""
        whole = read - read % self._memory.grain
        if whole != slot.length:
            slot.length = whole if self._memory.truncate(slot.sequence, whole) else 0

    def unseat(self, answer: Answer) -> None:
        """Take the sequence from `answer`; what it computed goes to the shelf, and it goes on later."""
        slot = self._slots[answer.slot]
        self.leave(answer)
        self._shelve(slot)
        answer.evaluated = answer.shared = 0

    def resume(self, answer: Answer) -> None:
        """Let `answer` go on after an abort; what lost its state begins again, from the best that is on the shelf."""
        if not answer.evaluated:
            wanted, shelved = answer.tokens[: answer.outputs_from], reversed(self._shelf.entries)
            beginning = self._find(shelved, wanted, answer.adapters, room=math.inf)
            answer.evaluated = self._begin(self._slots[answer.slot], beginning)
        answer.mark = self.next_mark(answer)

    def make_room(self) -> bool:
        """Move an idle sequence to the shelf; False when none holds anything."""
        slot = next((slot for slot in self._slots if slot.owner is None and slot.length), None)
        if slot is None:
            return False
        self._shelve(slot)
        return True

    # Places from which a memory that cannot be cut goes on ----------------------------------------------------------

    def next_mark(self, answer: Answer) -> int:
        """Tokens at which to stop reading and `mark` the prompt of `answer`; 0 for no more."""
        if self._memory.rewindable or answer.generated:
            return 0
        step = max(MARK_EVERY, self._memory.grain)
        mark = min((answer.evaluated // step + 1) * step, self._last_mark(answer))
        return mark if mark > answer.evaluated else 0

    def _last_mark(self, answer: Answer) -> int:
        last = answer.prompt - 1
        return last - last % self._memory.grain if self._memory.grain > 1 else last - MARK_BEFORE_END

    def mark(self, answer: Answer) -> None:
        """Keep the state that `answer` has reached, so that others can begin there."""
        self._copy(self._slots[answer.slot])
        answer.mark = self.next_mark(answer)

    # On disk --------------------------------------------------------------------------------------------------------

    def save_one(self) -> bool:
        """Offer the sequence used last that is not on the disk yet to be written; False when there is none."""
        snapshots = self._snapshots
        if snapshots is None:
            return False
        for slot in self._slots:
            if slot.owner is None and snapshots.wants(slot.holding, slot.adapters):
                fits = snapshots.fits(self._memory.size(slot.sequence))
                state = self._memory.save(slot.sequence) if fits else None
                if state is not None and snapshots.offer(Shelved(slot.holding.copy(), state, slot.adapters)):
                    return True
        return any(snapshots.offer(entry) for entry in self._shelf.entries[: -SAVED_AT_REST - 1 : -1])
