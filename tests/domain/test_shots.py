"""Which examples are shown: chosen, ordered and labelled as asked, the same every time, never the question itself."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab.domain.shots import LabelControl, Shot, ShotChoice, ShotOrder, ShotSet, ShotUse

FRUIT = (
    Shot("apples are red", "fruit"),
    Shot("carrots are orange", "vegetable"),
    Shot("pears are green", "fruit"),
    Shot("granite is grey", "stone"),
    Shot("leeks are green", "vegetable"),
)


def use(*rows: Shot, k: int = 3, **wished: object) -> ShotUse:
    """A use of these rows."""
    made = ShotSet(name="kinds", language="en", title="Kinds", rows=rows or FRUIT)
    return replace(ShotUse(made, k), **wished)  # type: ignore[arg-type]  # the tests name real fields


def inputs(shots: tuple[Shot, ...]) -> list[str]:
    """What the shots ask."""
    return [shot.input for shot in shots]


def test_the_first_are_taken_in_the_order_of_the_file() -> None:
    assert use(k=2).chosen("x") == FRUIT[:2]
    assert use(k=99).chosen("x") == FRUIT
    assert use(k=0).chosen("x") == use(k=-1).chosen("x") == ()


def test_a_row_that_is_off_is_passed_over() -> None:
    rows = (replace(FRUIT[0], on=False), *FRUIT[1:])
    assert use(*rows, k=2).places("x") == (1, 2)
    assert use(*rows).most == 4


@pytest.mark.parametrize("choice", ["first", "random", "nearest"])
@pytest.mark.parametrize("asked", ["apples are red", "  Apples are\nred "])
def test_the_question_is_never_its_own_example(choice: ShotChoice, asked: str) -> None:
    shown = use(k=4, choice=choice).places(asked)
    assert 0 not in shown
    assert len(shown) == 4


def test_nearest_are_those_most_like_the_question_and_then_those_of_the_file() -> None:
    assert use(k=3, choice="nearest").places("are tomatoes green?") == (2, 4, 0)
    assert use(k=2, choice="nearest").places("quartz") == (0, 1)
    assert use(k=2, choice="nearest").places("") == (0, 1)


def test_a_draw_depends_on_its_seed_alone_and_grows_by_one() -> None:
    rows = tuple(Shot(f"row {number}", "x") for number in range(50))
    drawn = use(*rows, k=10, choice="random", seed=3).places("x")
    assert drawn == use(*rows, k=11, choice="random", seed=3).places("x")[:10]
    assert drawn != use(*rows, k=10, choice="random", seed=4).places("x")
    # What is switched off leaves the others where they were.
    fewer = tuple(replace(row, on=False) if place == drawn[0] else row for place, row in enumerate(rows))
    assert use(*fewer, k=9, choice="random", seed=3).places("x") == drawn[1:]


def test_draws_are_even() -> None:
    rows = tuple(Shot(f"row {number}", "x") for number in range(4))
    first = Counter(use(*rows, k=1, choice="random", seed=seed).places("x")[0] for seed in range(400))
    assert set(first) == {0, 1, 2, 3}
    assert min(first.values()) > 60


@pytest.mark.parametrize(("order", "places"), [("chosen", (0, 1, 2)), ("reversed", (2, 1, 0))])
def test_order(order: ShotOrder, places: tuple[int, ...]) -> None:
    assert use(order=order).places("x") == places


def test_a_shuffled_order_is_one_of_all() -> None:
    orders = {use(order="shuffled", seed=seed).places("x") for seed in range(60)}
    assert len(orders) == 6
    assert all(sorted(places) == [0, 1, 2] for places in orders)


def test_labels_flipped_are_each_replaced_by_another_and_always_the_same() -> None:
    flipped = [shot.output for shot in use(k=5, labels="flipped").chosen("x")]
    assert flipped == ["vegetable", "stone", "vegetable", "fruit", "stone"]
    assert [shot.output for shot in use(k=5, labels="flipped", seed=9).chosen("x")] == flipped


def test_labels_drawn_come_from_the_whole_set_and_stay_when_more_are_shown() -> None:
    drawn = [shot.output for shot in use(k=2, labels="random", seed=1).chosen("x")]
    assert [shot.output for shot in use(k=5, labels="random", seed=1).chosen("x")][:2] == drawn
    seen = {use(k=1, labels="random", seed=seed).chosen("x")[0].output for seed in range(50)}
    assert seen == {"fruit", "vegetable", "stone"}


def test_a_set_with_one_label_cannot_be_told_wrong() -> None:
    rows = (Shot("a", "x"), Shot("b", "x"))
    for labels in ("shuffled", "random", "flipped"):
        assert use(*rows, labels=labels).chosen("q") == rows
    assert use(FRUIT[0], labels="flipped").chosen("q") == (FRUIT[0],)


def test_the_index_is_kept_while_inputs_stay() -> None:
    kinds = use().set
    assert not kinds.indexed
    index = kinds.index
    assert kinds.with_rows((replace(FRUIT[0], on=False), *FRUIT[1:])).index is index
    assert kinds.with_rows(FRUIT[1:]).index is not index


ROWS = st.lists(
    st.builds(Shot, st.text("ab退 ", max_size=4), st.sampled_from("xyz"), st.just(""), st.booleans()), max_size=12
)


@given(
    ROWS,
    st.integers(-1, 14),
    st.sampled_from(["first", "random", "nearest"]),
    st.sampled_from(["chosen", "reversed", "shuffled"]),
    st.sampled_from(["gold", "shuffled", "random", "flipped"]),
    st.integers(0, 99),
    st.text("ab退 ", max_size=4),
)
def test_what_is_shown_holds_for_every_use(
    rows: list[Shot], k: int, choice: ShotChoice, order: ShotOrder, labels: LabelControl, seed: int, asked: str
) -> None:
    made = use(*rows, k=k, choice=choice, order=order, labels=labels, seed=seed)
    rows = list(made.set.rows)
    shown, places = made.chosen(asked), made.places(asked)
    assert shown == replace(made, set=replace(made.set)).chosen(asked)
    allowed = [n for n, row in enumerate(rows) if row.on and row.input.split() != asked.split()]
    assert set(places) <= set(allowed)
    assert len(set(places)) == len(places) == min(max(0, k), len(allowed))
    assert inputs(shown) == [rows[place].input for place in places]
    gold, given_ = [rows[place].output for place in places], [shot.output for shot in shown]
    match labels:
        case "gold":
            assert given_ == gold
        case "shuffled":
            assert sorted(given_) == sorted(gold)
            assert (given_ != gold) == (len(set(gold)) > 1)
        case "random":
            assert set(given_) <= set(made.set.labels)
        case "flipped":
            wrong = len(made.set.labels) > 1
            assert all((one != other) == wrong for one, other in zip(given_, gold, strict=True))
            assert len(set(given_)) == len(set(gold))
