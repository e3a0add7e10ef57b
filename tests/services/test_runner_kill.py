"""A run that is killed again and again ends as one that never was: nothing is lost, nothing is measured twice."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from llmlab import wiring
from llmlab.domain.outcomes import TrialResult
from llmlab.domain.summary import Summary
from llmlab.paths import Paths
from llmlab.pocket import pocket_names
from tests.services.kill_run import ITEMS

pytestmark = [
    pytest.mark.skipif("pocket-m" not in pocket_names(), reason="the package holds no pocket-m"),
    pytest.mark.skipif(sys.platform == "win32", reason="no kill -9 there"),
]

TRIALS = 3 * ITEMS


class Killed:
    """A run that is started, killed and started again in one home."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self.told: Counter[str] = Counter()
        """Lines that its processes wrote, one for each trial that was kept."""

    def start(self, *, kill_after: int | None = None, delay_s: float = 0.0) -> bool:
        """Run until the end, or kill it `delay_s` seconds after it has kept so many trials; whether it ended."""
        command = [sys.executable, "-m", "tests.services.kill_run", str(self._home)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            kept = 0
            if kill_after == 0:
                self._kill(process, delay_s)
            for line in process.stdout:
                if not line.endswith("\n"):
                    continue
                self.told[line.strip()] += 1
                kept += 1
                if kept == kill_after:
                    self._kill(process, delay_s)
            return process.wait() == 0

    @staticmethod
    def _kill(process: subprocess.Popen[str], delay_s: float) -> None:
        threading.Timer(delay_s, process.kill).start()

    def read(self) -> tuple[list[TrialResult], Summary]:
        """The results, and the figures made of them, with what depends on time and chance of the cache left out."""
        home = self._home
        runs = wiring.open_runs(Paths(home / "config", home / "data", home / "logs", home / "cache"))
        [run] = runs.list()
        assert (run.state, run.done, run.failed) == ("done", TRIALS, 0)
        results, summary = runs.results(run.id), runs.summary(run.id)
        runs.close()
        timeless = [replace(result, seconds=0.0, reused_tokens=0) for result in results]
        arms = tuple(replace(arm, seconds=0.0, reused_tokens=0.0) for arm in summary.arms)
        return timeless, replace(summary, arms=arms)


def ends_as_undisturbed(tmp_path: Path, kills: int, seed: int) -> None:
    undisturbed = Killed(tmp_path / "undisturbed")
    assert undisturbed.start()
    killed, draw = Killed(tmp_path / "killed"), random.Random(seed)
    ended = [
        # Anywhere: while Python starts, the model loads, answers are written, or right after one was kept.
        killed.start(kill_after=draw.choice((0, 0, 1, 2)), delay_s=draw.uniform(0.0, 0.6))
        for _ in range(kills)
    ]
    assert not all(ended)
    assert killed.start()
    assert killed.read() == undisturbed.read()
    # What one process said that it kept, no later process measured again.
    assert max(killed.told.values()) == 1


def test_a_run_that_is_killed_ends_as_one_that_was_not(tmp_path: Path) -> None:
    ends_as_undisturbed(tmp_path, kills=4, seed=1)


@pytest.mark.slow
def test_a_run_that_is_killed_twenty_times_ends_as_one_that_was_not(tmp_path: Path) -> None:
    ends_as_undisturbed(tmp_path, kills=20, seed=20)
