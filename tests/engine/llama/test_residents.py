from __future__ import annotations

import numpy as np
import pytest

from llmlab.engine.llama.prefix import common_prefix
from llmlab.engine.llama.shelf import WORTH_KEEPING, Shelf, Shelved


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
