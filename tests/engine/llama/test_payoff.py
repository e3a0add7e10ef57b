from __future__ import annotations

import pytest

from llmlab.engine.llama.payoff import WIDTHS, Account, Costs, Odds, best_count, width_of

TWO_CORES = {1: 1.0, 2: 1.6, 4: 2.5, 8: 4.6, 16: 6.5, 32: 13.0}
"""Measured with a 0.5B model in Q4_0."""


def test_odds_follow_what_comes_true_and_what_came_last_counts_most() -> None:
    odds = Odds((0.5, 0.5))
    for _ in range(300):
        odds.note(0, right=True)
    assert odds.of(0) > 0.95
    assert odds.of(1) == 0.5
    for _ in range(64):
        odds.note(0, right=False)
    assert odds.of(0) < 0.5


def test_the_unit_is_known_after_some_plain_steps_and_wants_to_be_measured_again() -> None:
    costs = Costs()
    for _ in range(Costs.KNOWN - 1):
        costs.note_plain(0.01)
        assert costs.unit == 0.0
    costs.note_plain(5.0)
    assert costs.unit == 0.01, "one step that was held up does not count"
    for _ in range(Costs.FRESH):
        assert costs.unit == 0.01
        costs.note_wide(1, 4, 2.5)
    assert costs.unit == 0.0
    costs.note_plain(0.01)
    assert costs.unit == 0.01
    costs.begin()
    assert costs.unit == 0.0
    assert costs.of(1, 4) == 2.5
    costs.forget()
    assert costs.of(1, 4) != 2.5


def test_costs_are_medians_by_width_and_unknown_ones_go_by_the_nearest() -> None:
    costs = Costs()
    assert costs.of(1, 1) == pytest.approx(1.0, abs=0.5)
    for ratio in (3.0, 40.0, 3.2):
        costs.note_wide(1, 4, ratio)
    assert costs.of(1, 3) == costs.of(1, 4) == 3.2
    assert costs.of(1, 8) > 3.2 > costs.of(1, 2) >= 1.0
    assert costs.of(4, 8) == Costs().of(4, 8), "steps for other numbers of answers tell nothing"


def test_a_width_that_was_not_used_for_long_is_tried_again() -> None:
    costs = Costs()
    costs.note_wide(1, 4, 90.0)
    for _ in range(2 * Costs.FORGET):
        costs.note_plain(0.01)
    assert costs.of(1, 4) == Costs().of(1, 4)


def test_an_account_grows_by_a_share_of_plain_steps_up_to_a_bound() -> None:
    account = Account()
    account.settle(-Account.START)
    for _ in range(50):
        account.note_plain()
    assert account.balance == pytest.approx(50 * Account.SHARE)
    account.settle(1000.0)
    assert account.balance == Account.MOST


@pytest.mark.parametrize(
    ("answers", "chances", "afford", "count"),
    [
        (1, [], 8.0, 0),
        (1, [0.99] * 31, 8.0, 15),
        (1, [0.99] * 31, 4.0, 7),  # 16 rows would lose 5.5 if all were wrong
        (1, [0.99] * 31, 1.0, 1),
        (1, [0.99] * 31, 0.5, 0),
        (1, [0.5, 0.25, 0.12], 8.0, 0),
        (1, [0.99] * 3, 8.0, 3),
        (4, [0.99] * 28, 8.0, 12),
    ],
)
def test_as_many_are_checked_as_pay_and_can_be_afforded(
    answers: int, chances: list[float], afford: float, count: int
) -> None:
    assert best_count(answers, chances, lambda rows: TWO_CORES[width_of(rows)] / TWO_CORES[answers], afford) == count


def test_nothing_is_checked_where_rows_cost_what_steps_cost() -> None:
    assert best_count(1, [1.0] * 31, float, 100.0) == 0


def test_widths_hold_what_they_are_asked_for() -> None:
    assert [width_of(rows) for rows in (2, 3, 4, 9, 32, 40)] == [2, 4, 4, 16, 32, 32]
    assert sorted(WIDTHS) == list(WIDTHS)
