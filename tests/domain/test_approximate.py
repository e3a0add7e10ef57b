"""The fewest edits are the fewest, and what is nearly there is found in a long text."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab.domain.approximate import fewest_edits, find_near


def edits_between(one: str, other: str) -> int:
    row = list(range(len(other) + 1))
    for at, character in enumerate(one, 1):
        left, row = row, [at]
        for place, second in enumerate(other, 1):
            row.append(min(left[place] + 1, row[-1] + 1, left[place - 1] + (character != second)))
    return row[-1]


SHORT = st.text("ab中c", max_size=9)


@given(SHORT.filter(bool), SHORT)
def test_no_stretch_takes_fewer_edits(pattern: str, text: str) -> None:
    match = fewest_edits(pattern, text)
    assert match is not None
    assert 0 <= match.start <= match.end <= len(text)
    assert match.edits == edits_between(pattern, text[match.start : match.end])
    spans = [(start, end) for start in range(len(text) + 1) for end in range(start, len(text) + 1)]
    assert match.edits == min(edits_between(pattern, text[start:end]) for start, end in spans)


def test_patterns_are_longer_than_a_machine_word() -> None:
    pattern = "".join(random.Random(1).choices("abcdef", k=300))
    match = fewest_edits(pattern, "zz" + pattern[:150] + "X" + pattern[151:200] + pattern[203:] + "zz")
    assert match is not None
    assert (match.start, match.end, match.edits) == (2, 299, 4)
    assert fewest_edits("", "abc") is None


@pytest.mark.parametrize("alphabet", ["abcdefghijklmnopqrstuvwxyz     ", "".join(map(chr, range(0x4E00, 0x5400)))])
@pytest.mark.parametrize("length", [12, 40, 200])
def test_a_changed_stretch_is_found_in_a_long_text(alphabet: str, length: int) -> None:
    rng = random.Random(length)
    text = "".join(rng.choices(alphabet, k=200_000))
    for _ in range(20):
        start = rng.randrange(len(text) - length)
        changed = list(text[start : start + length])
        for place in rng.sample(range(length), max(1, length // 12)):
            changed[place] = rng.choice(("", "#", changed[place] + "#"))
        match = find_near("".join(changed), text)
        assert match is not None
        assert abs(match.start - start) <= 2
        assert abs(match.end - start - length) <= 2
    assert find_near("".join(rng.choices(alphabet, k=length)), text) is None


def test_only_the_stretch_is_looked_at() -> None:
    text = "the quick brown fox " * 3
    match = find_near("quack brown fox", text, 20, 40)
    assert match is not None
    assert (match.start, match.end, match.edits) == (24, 39, 1)
    assert find_near("quick brown fox", text, 45, 50) is None
