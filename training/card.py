"""Writes the card beside a GGUF: what it is, how it was trained, and what was measured."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from training.curriculum import SHARES
from training.sample import HELD_OUT_SHARE
from training.score import Result, wilson

LIMITS = (
    "Knows nothing about the world; meant for the lab, not an assistant.",
    "English and Chinese only, in a small vocabulary of its own synthetic world.",
    "Trained context is 1024 tokens.",
    "Numbers beyond 99 and wordings far from the curriculum fail.",
    "Problems of several steps need written steps or native thinking; direct answers are mostly wrong.",
    "The scores say which skills are weak; a skill far below 90 % is not learned well enough to rely on.",
)


def _row(result: Result) -> dict[str, Any]:
    low, high = wilson(result.right, result.items)
    return {
        "task": result.name,
        "right": result.right,
        "items": result.items,
        "share": round(result.share, 4),
        "wilson_95": [round(low, 4), round(high, 4)],
        "unfinished": result.unfinished,
    }


def write_card(output: Path, model: str, facts: Path, results: Sequence[Result], seed: int) -> None:
    """Write `<model>.json` beside the GGUF."""
    gguf = output / f"{model}.gguf"
    card: dict[str, Any] = {
        "name": model,
        "file": gguf.name,
        "bytes": gguf.stat().st_size,
        "sha256": hashlib.sha256(gguf.read_bytes()).hexdigest(),
        "license": "MIT",
        "data": {
            "source": "generators in training/curriculum, no scraped text",
            "shares_of_samples": dict(SHARES),
            "held_out": f"one instance in {HELD_OUT_SHARE} by hash, never trained",
        },
        "training": json.loads(facts.read_text("utf-8")),
        "generation": {"temperature": 0.0, "sampling_temperature": 0.3, "top_p": 0.9, "repeat_penalty": 1.0},
        "scores": {"seed": seed, "decoding": "greedy", "rows": [_row(result) for result in results]},
        "limits": list(LIMITS),
    }
    (output / f"{model}.json").write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n", "utf-8")
