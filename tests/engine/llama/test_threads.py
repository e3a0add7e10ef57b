from __future__ import annotations

import os
import time
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import psutil
import pytest

from llmlab.engine.llama.threads import MOST_THREADS, QUIET_FOR, Governor, LoadMeter, quota, threads_for, usable_cores


class Machine:
    """A clock and the load of other processes, both set by the test."""

    def __init__(self, most: int, cores: int = 0) -> None:
        self.now = 100.0
        self.others = 0.0
        self.governor = Governor(most, lambda: self.others, self.now, cores=cores)

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


@pytest.mark.parametrize(("others", "threads"), [(0.0, 4), (3.0, 4), (5.0, 3), (7.0, 1), (50.0, 1)])
def test_others_take_the_cores_that_are_not_ours_first(others: float, threads: int) -> None:
    machine = Machine(4, cores=8)
    machine.others = others
    assert machine.run(1.5) == threads


def test_threads_come_back_when_others_have_enough_cores_beside_them() -> None:
    machine = Machine(4, cores=8)
    machine.others = 7.0
    assert machine.run(1.5) == 1
    machine.others = 3.9
    assert machine.run(QUIET_FOR - 1) == 1
    assert machine.run(3) == 4


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


@pytest.mark.parametrize(
    ("files", "group", "cores"),
    [
        ({}, "0::/", 1 << 16),
        ({"cpu.max": "max 100000"}, "0::/", 1 << 16),
        ({"cpu.max": "250000 100000"}, "0::/", 2),
        ({"cpu.max": "50000 100000"}, "", 1),
        ({"a/cpu.max": "max 100000", "a/b/cpu.max": "300000 100000"}, "12:cpu:/x\n0::/a/b", 3),
        ({"a/cpu.max": "400000 100000", "a/b/cpu.max": "max 100000"}, "0::/a/b", 4),
        ({"cpu/cpu.cfs_quota_us": "200000\n", "cpu/cpu.cfs_period_us": "100000\n"}, "4:cpu,cpuacct:/docker/x", 2),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, "4:cpu,cpuacct:/docker/x", 1 << 16),
        ({"cpu.max": "nonsense"}, "0::/../../..", 1 << 16),
        ({"cpu.max": "100000 0"}, "no line of any group", 1 << 16),
    ],
)
def test_a_containers_limit_is_kept(tmp_path: Path, files: dict[str, str], group: str, cores: int) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="ascii")
    membership = tmp_path / "cgroup"
    membership.write_text(group, encoding="ascii")
    assert quota(tmp_path, membership) == cores


class Times(NamedTuple):
    """What a processor did, in seconds."""

    user: float
    idle: float
    iowait: float = 0.0
    guest: float = 0.0


@pytest.mark.parametrize(("allowed", "others"), [({0, 1}, 0.5), ({2, 3}, 2.0), (set(), 2.5), ({0, 1, 2, 3}, 2.5)])
def test_others_count_where_this_process_may_run(
    monkeypatch: pytest.MonkeyPatch, allowed: set[int], others: float
) -> None:
    def read(seconds: float) -> list[Times]:
        # One rests, one waits for a disk half of the time, one works, and one works for a virtual machine.
        half = seconds / 2
        return [
            Times(0.0, seconds), Times(half, 0.0, iowait=half), Times(seconds, 0.0), Times(seconds, 0.0, guest=seconds)
        ]  # fmt: skip

    clock = [10.0]
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: allowed, raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    monkeypatch.setattr(psutil, "cpu_times", lambda percpu: read(clock[0]))
    monkeypatch.setattr(psutil.Process, "cpu_times", lambda _process: SimpleNamespace(user=0.0, system=0.0))
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    meter = LoadMeter()
    clock[0] += 2.0
    assert meter.others() == pytest.approx(others)
