"""How many questions stand behind one text."""

from __future__ import annotations

import re
from random import Random

import pytest

from training.curriculum import SKILLS
from training.curriculum.documents import value_first
from training.curriculum.facts import ATTRIBUTES
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


def test_what_is_told_value_first_is_found_neither_by_its_attribute_nor_by_its_place_alone() -> None:
    rng = Random(8)
    texts = 0
    for _ in range(200):
        sample = value_first(rng)
        text = "\n".join(turn.text for turn in sample.turns if turn.role != "assistant")
        told = [
            (attribute, place)
            for attribute, _ in ATTRIBUTES
            for place in re.findall(rf"[\w.]+ is the {attribute} of (\w+)\.", text)
        ]
        if len(told) > 3:
            texts += 1
            attributes, places = ({pair[side] for pair in told} for side in (0, 1))
            assert len(attributes) < len(told)
            assert len(places) > 1
    assert texts > 80
