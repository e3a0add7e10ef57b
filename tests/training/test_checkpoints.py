"""Older checkpoints stay beside the newest, and their weights can be averaged; needs torch."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from training.checkpoints import KEPT, keep_old, mean_of, newest  # noqa: E402


def _write(path: Path, value: float, step: int) -> None:
    progress = {"step": step, "tokens": 10 * step, "seconds": 60.0, "curve": []}
    torch.save({"model": {"layers.0.ffn_up.weight": torch.full((2, 3), value)}, "progress": progress}, path)


def test_the_newest_few_are_kept_in_order(tmp_path: Path) -> None:
    checkpoint = tmp_path / "checkpoint.pt"
    for step in range(KEPT + 3):
        if checkpoint.exists():
            keep_old(checkpoint)
        partial = tmp_path / "partial.pt"
        _write(partial, float(step), step)
        partial.replace(checkpoint)
    assert len(newest(tmp_path, 99)) == KEPT + 1
    weights, facts = mean_of(newest(tmp_path, 3), heads=1)
    assert facts["averaged_steps"] == [KEPT, KEPT + 1, KEPT + 2]
    assert facts["tokens_seen"] == 10 * (KEPT + 2)
    assert weights["layers.0.ffn_up.weight"] == pytest.approx(KEPT + 1)
