"""How answers are judged, and the interval that stands beside a share."""

from __future__ import annotations

from random import Random

import pytest

from training.bars import bars, size_bars
from training.card import in_chinese
from training.cells import cells
from training.judge import bare, final, found, refused, vote
from training.player import Said
from training.sample import Sample, draw
from training.score import MAX_TOKENS, Result, gain, score_cells, wilson


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


def _length(sample: Sample) -> int:
    return sum(len(turn.text) for turn in sample.turns) // 2


def test_perfect_answers_score_everything() -> None:
    chosen = [
        cell for cell in cells(_length) if cell.name in ("glossary, en", "word problems, 5-6 steps, 9 samples at 0.8")
    ]
    asked = [draw(cell.make, Random(f"1/{cell.items or cell.name}"), test=True) for cell in chosen]

    def perfect(_: object, asks: object) -> list[list[Said]]:
        del asks
        return [[Said(asked[0].turns[-1].text, ended=True)], [Said(asked[1].turns[-1].text, ended=True)] * 9]

    def silent(_: object, asks: object) -> list[list[Said]]:
        del asks
        return [[Said("", ended=False)], [Said("", ended=False)] * 9]

    assert [(result.right, result.unfinished) for result in score_cells(perfect, chosen, 1, 1)] == [(1, 0), (1, 0)]
    assert [(result.right, result.unfinished) for result in score_cells(silent, chosen, 1, 1)] == [(0, 1), (0, 9)]


def test_the_vote_takes_the_most_frequent_closing_value() -> None:
    assert vote(["The answer is 4.", "8", "The answer is 5.", "The answer is 5.", "答案是4。", "答案是5。"]) == "5"
    assert vote(["nothing"]) == ""


def test_gain_of_paired_items() -> None:
    better, base = Result("b", (True,) * 60 + (False,) * 40), Result("a", (True,) * 40 + (False,) * 60)
    value, low, high = gain(better, base)
    assert value == pytest.approx(0.2)
    assert 0.1 < low < 0.2 < high < 0.3
    assert gain(base, base)[1] < 0 < gain(base, base)[2]


def test_cells_have_distinct_names_in_both_languages_and_room_for_the_answer() -> None:
    names = [cell.name for cell in cells(_length)]
    assert len(names) == len(set(names))
    assert MAX_TOKENS < 1024
    assert len({in_chinese(name) for name in names}) == len(names)
    assert all(draw(cell.make, Random(1), test=True).gold for cell in cells(_length))


def test_every_bar_finds_its_cells() -> None:
    right = {cell.name: Result(cell.name, (True,) * 200) for cell in cells(_length)}
    missed = [bar.name for bar in bars(right) if not bar.met]
    assert missed == [
        "examples, 0-shot",
        "word problems, 4 steps, direct",
        "self-consistency: 9 samples against 1 at 0.8",
        "absent fact refused, plain",
        "past the trained context with YaRN against without",
    ]
    family = {"pocket-s": right, "pocket-l": right, "pocket-l-base": right}
    assert [bar.met for bar in size_bars(family)] == [False, True, False]
