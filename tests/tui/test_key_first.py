"""A key is painted before anything else; garbage is collected while nobody types."""

from __future__ import annotations

import gc
import sys

import pytest
from textual import events
from textual.widget import Widget

from llmlab.tui.interpreter import DUE, OVERDUE, QUIET, TURN, Interpreter
from llmlab.tui.screens import key_first
from llmlab.tui.screens.key_first import PACE, KeyFirstScreen


class Watched(KeyFirstScreen):
    """A screen that counts its paints."""

    paints = 0

    def _on_timer_update(self) -> None:
        self.paints += 1


def idle(screen: Watched) -> int:
    """How often the screen has painted after it had nothing else to do."""
    screen.on_idle(events.Idle())
    return screen.paints


def test_what_a_key_changes_is_painted_at_once_and_the_rest_when_the_clock_says() -> None:
    screen = Watched()
    screen.key_pressed()
    assert idle(screen) == 0, "nothing has changed yet"
    screen._dirty_widgets.add(Widget())
    assert idle(screen) == 1
    assert idle(screen) == 1, "one key, one paint"


async def test_a_burst_of_keys_is_painted_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(key_first, "monotonic", clock)
    screen = Watched()
    screen._dirty_widgets.add(Widget())
    for _ in range(9):
        screen.key_pressed()
        idle(screen)
    assert screen.paints == 1
    clock.now += 2 * PACE
    assert idle(screen) == 2, "the last of them is not forgotten"


class Clock:
    """A clock that is set by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def collections(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Every full collection that was asked for; the middle generation has been collected often enough."""
    asked: list[int] = []
    monkeypatch.setattr(gc, "collect", lambda: asked.append(1))
    monkeypatch.setattr(gc, "get_count", lambda: (0, 0, DUE))
    return asked


def test_garbage_is_collected_when_nobody_has_typed_for_a_while(collections: list[int]) -> None:
    clock = Clock()
    python = Interpreter(clock)
    python.touch()
    clock.now += QUIET / 2
    assert not python.look()
    clock.now += QUIET
    assert python.look()
    assert len(collections) == 1


def test_nothing_is_collected_when_there_is_little(monkeypatch: pytest.MonkeyPatch, collections: list[int]) -> None:
    monkeypatch.setattr(gc, "get_count", lambda: (500, 9, DUE - 1))
    clock = Clock()
    python = Interpreter(clock)
    clock.now += 10 * QUIET
    assert not python.look()
    assert not collections


def test_python_gets_its_own_ways_back() -> None:
    thresholds, interval = gc.get_threshold(), sys.getswitchinterval()
    python = Interpreter()
    python.begin()
    assert gc.get_threshold()[2] == OVERDUE
    assert sys.getswitchinterval() == pytest.approx(TURN)
    python.end()
    python.end()
    assert gc.get_threshold() == thresholds
    assert sys.getswitchinterval() == pytest.approx(interval)
