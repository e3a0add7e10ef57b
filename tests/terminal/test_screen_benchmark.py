"""The benchmark of the screen still finds its way through the lab."""

from __future__ import annotations

from benchmarks.screen import CLEAR, F9, terminal


def test_its_long_chat_opens_in_the_lab_of_today() -> None:
    with terminal("lab") as running:
        running.write(CLEAR + F9)
        assert running.next_report("opened")["show_ms"] > 0
