from __future__ import annotations

import pytest

from llmlab.engine.llama.threads import MOST_THREADS, QUIET_FOR, Governor, LoadMeter, threads_for, usable_cores


class Machine:
    """A clock and the load of other processes, both set by the test."""

    def __init__(self, most: int) -> None:
        self.now = 100.0
        self.others = 0.0
        self.governor = Governor(most, lambda: self.others, self.now)

    def run(self, seconds: float, step: float = 0.01) -> int:
        """Steps of the same length for a while; the threads after them."""
        threads = self.governor.threads
        for _ in range(round(seconds / step)):
            self.now += step
            threads = self.governor.step(self.now, step)
        return threads


def test_a_quiet_machine_gets_all_threads() -> None:
    assert Machine(4).run(5) == 4


@pytest.mark.parametrize(("others", "threads"), [(0.3, 4), (0.6, 3), (1.0, 3), (2.1, 2), (9.0, 1)])
def test_threads_leave_room_for_others(others: float, threads: int) -> None:
    machine = Machine(4)
    machine.others = others
    assert machine.run(1.5) == threads


def test_threads_come_back_after_some_quiet() -> None:
    machine = Machine(2)
    machine.others = 1.0
    assert machine.run(1.5) == 1
    machine.others = 0.0
    assert machine.run(QUIET_FOR - 1) == 1
    assert machine.run(3) == 2


def test_a_short_quiet_between_busy_times_changes_nothing() -> None:
    machine = Machine(2)
    for others in (1.0, 0.0, 0.0, 0.6, 0.0, 0.0, 0.9):
        machine.others = others
        threads = machine.run(1.0)
    assert threads == 1


def test_a_step_that_is_held_up_gives_up_a_thread_at_once() -> None:
    machine = Machine(2)
    assert machine.run(0.5) == 2
    machine.now += 0.2
    assert machine.governor.step(machine.now, 0.2) == 1


def test_small_hiccups_of_a_fast_model_are_no_reason() -> None:
    machine = Machine(2)
    machine.run(0.2, step=0.0005)
    machine.now += 0.005
    assert machine.governor.step(machine.now, 0.005) == 2


def test_many_hiccups_are_one() -> None:
    machine = Machine(2)
    machine.run(0.2, step=0.0005)
    for _ in range(20):
        machine.now += 0.005
        threads = machine.governor.step(machine.now, 0.005)
    assert threads == 1


def test_steps_that_grow_slowly_are_not_held_up() -> None:
    machine = Machine(2)
    for index in range(400):
        step = 0.01 + index * 0.0001
        machine.now += step
        assert machine.governor.step(machine.now, step) == 2


def test_one_thread_stays() -> None:
    machine = Machine(1)
    machine.others = 5.0
    machine.run(2)
    machine.now += 1
    assert machine.governor.step(machine.now, 1.0) == 1


def test_after_a_rest_threads_follow_what_others_did_meanwhile() -> None:
    machine = Machine(2)
    machine.run(0.5)
    machine.governor.rest(machine.now)
    machine.now += 60
    machine.others = 1.2
    assert machine.governor.wake(machine.now) == 1
    machine.governor.rest(machine.now)
    machine.now += 60
    machine.others = 0.1
    assert machine.governor.wake(machine.now) == 2


def test_a_very_short_rest_says_nothing() -> None:
    machine = Machine(2)
    machine.governor.rest(machine.now)
    machine.now += 0.05
    machine.others = 1.9
    assert machine.governor.wake(machine.now) == 2


def test_the_number_asked_for_is_kept_within_reason() -> None:
    assert threads_for(1) == 1
    assert threads_for("auto") == usable_cores()
    assert 1 <= threads_for(100_000) <= MOST_THREADS


def test_the_meter_does_not_count_this_process() -> None:
    meter = LoadMeter()
    assert meter.others() >= 0.0
