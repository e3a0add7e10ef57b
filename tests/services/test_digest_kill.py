"""A digest that is killed again and again is made of notes that were each asked for once."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from llmlab.pocket import pocket_names

pytestmark = [
    pytest.mark.skipif("pocket-m" not in pocket_names(), reason="the package holds no pocket-m"),
    pytest.mark.skipif(sys.platform == "win32", reason="no kill -9 there"),
]


def run(home: Path, *, kill_after: int | None = None) -> list[str]:
    """Go on until the end, or kill it when it has told so many notes; what it told."""
    command = [sys.executable, "-m", "tests.services.kill_digest", str(home)]
    told = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            told.append(line.strip())
            if len(told) == kill_after:
                process.kill()
                break
        else:
            assert process.wait() == 0
    return told


def test_nothing_is_run_twice_after_kill_9(tmp_path: Path) -> None:
    told: Counter[str] = Counter()
    for kill_after in (1, 2):
        told.update(run(tmp_path, kill_after=kill_after))
        kept = {path.stem.rpartition("-")[2] for path in tmp_path.rglob("*.md")}
        assert {line.split()[2][:16] for line in told} <= kept
    told.update(run(tmp_path))
    assert max(told.values()) == 1
    files = list(tmp_path.rglob("*.md"))
    # What was kept in the instant of the kill was not told any more, and not asked for again.
    assert len(files) - 2 * 8 <= len(told) <= len(files)
    assert sum(path.name.startswith("final-") for path in files) == 1
    assert run(tmp_path) == []
