"""How answers are judged, and the interval that stands beside a share."""

from __future__ import annotations

from random import Random

import pytest

from training.sample import Sample
from training.score import MAX_TOKENS, Cell, bare, cells, exact, final, found, refused, score_cell, wilson


@pytest.mark.parametrize(
    ("right", "items", "low", "high"),
    [(0, 200, 0.0, 0.0188), (200, 200, 0.9812, 1.0), (100, 200, 0.4314, 0.5686), (10, 10, 0.7225, 1.0)],
)
def test_wilson(right: int, items: int, low: float, high: float) -> None:
    assert wilson(right, items) == pytest.approx((low, high), abs=5e-4)


def test_bare_drops_citation_and_stop() -> None:
    assert bare(" The king is Dan [3]. ") == "The king is Dan"
    assert bare("国王是小明。") == "国王是小明"


@pytest.mark.parametrize(
    ("answer", "right"),
    [("5 + 7 = 12\nThe answer is 12.", True), ("The answer is 112.", False), ("12", False), ("答案是12。", True)],
)
def test_final(answer: str, right: bool) -> None:
    assert final(answer, Sample("k", gold="12")) is right


@pytest.mark.parametrize(
    ("answer", "right"),
    [("The code of Velora is 900.", True), ("The code of Velora is 9900.", False), ("900", True), ("", False)],
)
def test_found(answer: str, right: bool) -> None:
    assert found(answer, Sample("k", gold="900")) is right


def test_refusal_in_both_languages() -> None:
    sample = Sample("k")
    assert refused("I don't know.", sample)
    assert refused("我不知道。", sample)
    assert not refused("The king is Dan.", sample)


def test_perfect_answers_score_everything() -> None:
    cell = Cell("demo", cells()[0].make, exact)
    golds: list[str] = []

    def record(sample_answer: str, sample: Sample) -> bool:
        golds.append(sample.gold)
        return sample_answer == ""

    empty = score_cell(lambda prompts: [("", False) for _ in prompts], Cell("demo", cell.make, record), 8, 1)
    assert (empty.right, empty.items, empty.unfinished) == (8, 8, 8)
    answers = iter(golds)
    perfect = score_cell(lambda prompts: [(next(answers), True) for _ in prompts], cell, 8, 1)
    assert (perfect.right, perfect.unfinished) == (8, 0)


def test_cells_have_distinct_names_and_room_for_the_answer() -> None:
    names = [cell.name for cell in cells()]
    assert len(names) == len(set(names))
    assert MAX_TOKENS < 1024
    assert all(cell.make(Random(1)).gold for cell in cells())
