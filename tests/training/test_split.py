"""Training and test items never meet."""

from __future__ import annotations

from random import Random

import pytest

from training.curriculum import SKILLS, mixture
from training.curriculum.examples import RULES, instance
from training.curriculum.instructions import two_verbs
from training.sample import Sample, draw, held_out
from training.score import cells


def test_training_draws_only_training_items() -> None:
    rng = Random(3)
    assert not any(held_out(mixture(rng).key) for _ in range(3000))


@pytest.mark.parametrize("skill", sorted(set(SKILLS) - {"text"}))
def test_sides_share_no_instance(skill: str) -> None:
    rng = Random(5)
    train = {draw(SKILLS[skill], rng, test=False).key for _ in range(400)}
    test = {draw(SKILLS[skill], rng, test=True).key for _ in range(100)}
    assert test
    assert train.isdisjoint(test)


@pytest.mark.parametrize("cell", cells(), ids=lambda cell: cell.name)
def test_every_score_uses_held_out_items(cell: object) -> None:
    from training.score import Cell

    assert isinstance(cell, Cell)
    rng = Random(7)
    samples = [draw(cell.make, rng, test=True) for _ in range(5)]
    assert all(held_out(sample.key) for sample in samples)
    assert all(cell.right(sample.turns[-1].text, sample) for sample in samples if "refused, plain" not in cell.name)


def test_demonstrations_are_training_items() -> None:
    rules = {rule.name: rule for rule in RULES}
    rng = Random(11)
    shown = 0
    for _ in range(400):
        sample = SKILLS["examples"](rng)
        rule = rules.get(sample.key.split("|")[1])
        users = [turn.text for turn in sample.turns if turn.role == "user"][:-1]
        for text in users if rule is not None else []:
            value = text.removeprefix("Input: ").removeprefix("输入：")
            assert rule is not None
            assert not held_out(instance(rule, value))
            shown += 1
    assert shown > 100


def test_some_verb_pairs_are_never_trained() -> None:
    rng = Random(13)
    trained = {draw(two_verbs, rng, test=False).key for _ in range(600)}
    kept = {draw(two_verbs, rng, test=True).key for _ in range(100)}
    assert kept
    assert trained.isdisjoint(kept)


def test_same_seed_same_samples() -> None:
    def take() -> list[Sample]:
        rng = Random("1/0")
        return [mixture(rng) for _ in range(200)]

    assert take() == take()
