"""Word problems as a model learns them: right where they are asked or shown, with a few slips where they are worked."""

from __future__ import annotations

import re
from itertools import pairwise
from random import Random

import pytest

from training.curriculum.steps import SLIP_SHARE, SLIPS, slipped, steps_sample, story
from training.judge import final_value

SUM = re.compile(r"(\d+) ([-+*]) (\d+) = (\d+)")


def wrong_by(match: tuple[str, ...]) -> int:
    """By how much a written sum is off."""
    first, sign, second, result = int(match[0]), match[1], int(match[2]), int(match[3])
    return result - {"+": first + second, "-": first - second, "*": first * second}[sign]


def test_a_few_sums_slip_and_what_follows_goes_on_from_them() -> None:
    rng = Random(3)
    off, sums = 0, 0
    for _ in range(2000):
        right = story(rng, rng.randint(1, 6), chinese=rng.random() < 0.5)
        told = slipped(rng, right)
        worked = SUM.findall("\n".join(told.steps))
        assert [(sign, amount) for _, sign, amount, _ in worked if sign != "*"] == [
            (sign, amount) for _, sign, amount, _ in SUM.findall("\n".join(right.steps)) if sign != "*"
        ]
        assert all(before[3] == after[0] for before, after in pairwise(worked))
        assert final_value(told.final()) == worked[-1][3]
        errors = [wrong_by(each) for each in worked]
        assert set(errors) <= {0, *SLIPS}
        off += sum(map(bool, errors))
        sums += len(errors)
    # A problem whose slip would lead below zero, or to a held-out sum, is told without one.
    assert 0.6 * SLIP_SHARE < off / sums < 1.1 * SLIP_SHARE


@pytest.mark.parametrize("mode", ["prompted", "native"])
def test_what_is_measured_is_right(mode: str) -> None:
    rng = Random(4)
    for _ in range(300):
        sample = steps_sample(rng, "story", rng.randint(1, 6), mode)
        written = SUM.findall(f"{sample.turns[-1].text}\n{sample.thinking}")
        assert written
        assert not any(map(wrong_by, written))
        assert final_value(sample.turns[-1].text) == sample.gold


def test_what_is_shown_before_a_problem_is_right_and_the_value_looked_for_never_slips() -> None:
    rng = Random(5)
    shown, slips = 0, 0
    for _ in range(3000):
        sample = steps_sample(rng, "story")
        for turn in sample.turns[:-1]:
            worked = SUM.findall(turn.text)
            assert not any(map(wrong_by, worked))
            shown += len(worked)
        slips += final_value(sample.turns[-1].text) != sample.gold
    assert shown > 300
    assert slips > 30
