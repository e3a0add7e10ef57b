"""Old checkpoints, and their mean: averaging the plateau gives much of what the decay gives, at no cost.

The idea is latest weight averaging (Kaddour 2022, "Stop wasting my time").
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy
import torch
from numpy.typing import NDArray

from training.model import interleave

KEPT = 4
"""How many older checkpoints stay beside the newest."""


def _older(folder: Path) -> list[Path]:
    return sorted(folder.glob("old-*.pt"))


def keep_old(checkpoint: Path) -> None:
    """Set the newest checkpoint aside under the number of its successor, and drop the oldest."""
    older = _older(checkpoint.parent)
    number = int(older[-1].stem.removeprefix("old-")) + 1 if older else 0
    # A second name instead of a move: a kill at any moment leaves a whole newest checkpoint.
    checkpoint.with_name(f"old-{number:06d}.pt").hardlink_to(checkpoint)
    for path in _older(checkpoint.parent)[:-KEPT]:
        path.unlink()


def newest(folder: Path, count: int) -> list[Path]:
    """List the newest checkpoints, the newest last."""
    return [*_older(folder), folder / "checkpoint.pt"][-count:]


def mean_of(paths: Sequence[Path], heads: int) -> tuple[dict[str, NDArray[numpy.float32]], dict[str, Any]]:
    """Average the weights, ready for llama.cpp, and tell how they came to be."""
    states: list[dict[str, Any]] = [torch.load(path, map_location="cpu", weights_only=True) for path in paths]
    weights: dict[str, NDArray[numpy.float32]] = {}
    for name in states[0]["model"]:
        mean = torch.stack([state["model"][name].float() for state in states]).mean(0)
        weights[name] = (interleave(mean, heads) if "attn_q." in name or "attn_k." in name else mean).numpy()
    progress: dict[str, Any] = states[-1]["progress"]
    curve: list[dict[str, float]] = progress["curve"]
    facts = {
        "parameters": sum(weight.size for weight in weights.values()),
        "tokens_seen": progress["tokens"],
        "steps": progress["step"],
        "minutes": round(progress["seconds"] / 60, 1),
        "averaged_steps": [state["progress"]["step"] for state in states],
        "loss_curve": curve[:: max(1, len(curve) // 60)],
    }
    return weights, facts
