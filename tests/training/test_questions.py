"""How many questions stand behind one text."""

from __future__ import annotations

from random import Random

import pytest

from training.curriculum import SKILLS
from training.curriculum.lookups import listed
from training.sample import Generator


@pytest.mark.parametrize(
    "make", [SKILLS["documents"], listed, SKILLS["instructions"], SKILLS["talk"]], ids=lambda make: make.__name__
)
def test_one_question_is_as_usual_as_several(make: Generator) -> None:
    """Only the last answer follows a thinking block, so the first answer must often be the last one."""
    rng = Random(6)
    asked = [sum(turn.role == "user" for turn in make(rng).turns) for _ in range(600)]
    assert asked.count(1) > 150
    assert sum(count > 1 for count in asked) > 60
