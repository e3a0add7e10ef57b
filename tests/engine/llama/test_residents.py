from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from llmlab.engine.llama.answer import Answer, AnswerKey
from llmlab.engine.llama.measuring import Measuring
from llmlab.engine.llama.prefix import common_prefix
from llmlab.engine.llama.residents import Residents
from llmlab.engine.llama.shelf import WORTH_KEEPING, Shelf, Shelved, State
from llmlab.engine.llama.snapshots import Snapshots
from llmlab.engine.llama.text import AnswerText


def tokens(*values: int) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    return np.array(values, np.int32)


def shelved(first: int, length: int = 100, size: int = 10) -> Shelved:
    return Shelved(np.arange(first, first + length, dtype=np.int32), np.zeros(size, np.uint8))


@pytest.mark.parametrize(
    ("first", "second", "common"),
    [
        ((), (), 0),
        ((1,), (), 0),
        ((1, 2, 3), (1, 2, 3), 3),
        ((1, 2, 3), (1, 2), 2),
        ((1, 2), (1, 2, 3), 2),
        ((5, 2), (1, 2), 0),
        ((1, 2, 9, 4), (1, 2, 3, 4), 2),
    ],
)
def test_common_prefix(first: tuple[int, ...], second: tuple[int, ...], common: int) -> None:
    assert common_prefix(tokens(*first), tokens(*second)) == common


def test_the_least_recently_used_leaves_a_full_shelf() -> None:
    shelf = Shelf(room=30)
    first, second, third, fourth = (shelved(number * 1000) for number in range(4))
    for entry in (first, second, third):
        shelf.put(entry)
    shelf.touch(first)
    shelf.put(fourth)
    assert shelf.entries == (third, first, fourth)


def test_what_is_only_the_beginning_of_another_is_dropped() -> None:
    shelf = Shelf(room=100)
    short, other, long = shelved(0, 50), shelved(7, 50), shelved(0, 60)
    shelf.put(short)
    shelf.put(other)
    shelf.put(long)
    assert shelf.entries == (other, long)


def test_what_is_too_large_or_too_short_is_not_kept() -> None:
    shelf = Shelf(room=100)
    shelf.put(shelved(0, size=101))
    shelf.put(shelved(0, length=WORTH_KEEPING - 1))
    assert shelf.entries == ()


class Memory:
    """Sequences whose copies take a byte a token times `weight`; counts the copies."""

    rewindable, grain = True, 1

    def __init__(self, weight: int) -> None:
        self.weight = weight
        self.lengths: dict[int, int] = {}
        self.copies = 0

    def begins(self, sequence: int, length: int) -> bool:
        return length <= self.lengths.get(sequence, 0)

    def truncate(self, sequence: int, length: int) -> bool:
        self.lengths[sequence] = length
        return True

    def forget(self, sequence: int) -> None:
        self.lengths.pop(sequence, None)

    def share(self, source: int, target: int, length: int, *, whole: bool) -> None:
        self.lengths[target] = length

    def size(self, sequence: int) -> int:
        return self.lengths.get(sequence, 0) * self.weight

    def save(self, sequence: int) -> State | None:
        self.copies += 1
        return np.zeros(self.size(sequence), np.uint8)

    def restore(self, sequence: int, state: State) -> bool:
        self.lengths[sequence] = len(state) // self.weight
        return True


def ran(residents: Residents, memory: Memory, length: int) -> None:
    """An answer of so many tokens came and went."""
    given = np.arange(length, dtype=np.int32)
    purpose = Measuring.__new__(Measuring)
    purpose.start = length
    purpose.next_output = length - 1
    answer = Answer(AnswerKey(1, 0), given, length, purpose, AnswerText(), 0.0)
    assert residents.seat(answer, room=10_000) == "seated"
    answer.evaluated = memory.lengths[answer.slot] = length
    residents.leave(answer)


@pytest.mark.parametrize(("weight", "copies"), [(1, 1), (100, 0)])
def test_what_has_no_room_on_the_disk_is_not_copied_for_it(tmp_path: Path, weight: int, copies: int) -> None:
    memory, snapshots = Memory(weight), Snapshots(tmp_path, bytes(32), room=2000)
    residents = Residents(memory, 2, Shelf(room=1_000_000), snapshots)
    ran(residents, memory, 300)
    assert residents.save_one() is (copies > 0)
    assert memory.copies == copies
    snapshots.close(10)


@pytest.mark.parametrize(("weight", "copies"), [(1, 1), (100, 0)])
def test_what_has_no_room_on_the_shelf_is_not_copied_for_it(weight: int, copies: int) -> None:
    memory, shelf = Memory(weight), Shelf(room=2000)
    residents = Residents(memory, 2, shelf)
    ran(residents, memory, 300)
    assert residents.make_room()
    assert (memory.copies, len(shelf.entries)) == (copies, copies)
    assert memory.lengths == {}
