"""The cards of the models that llmlab carries: how each was trained, and what it scored."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmlab.pocket import pocket_names, pocket_path


@dataclass(frozen=True, slots=True)
class PocketScore:
    """What a model answered rightly of one task's held-out items."""

    task: str
    task_zh: str
    right: int
    items: int
    low: float
    """Lower end of the 95 % interval, 0 to 1."""
    high: float
    unfinished: int
    """Answers that did not end by themselves."""


@dataclass(frozen=True, slots=True)
class PocketCard:
    """One model that llmlab carries."""

    name: str
    parameters: int
    tokens: int
    """Tokens seen in training."""
    minutes: float
    """Time of training."""
    hardware: str
    seed: int
    """Seed of data and training."""
    score_seed: int
    """Seed of the scored items."""
    scores: tuple[PocketScore, ...]
    limits: tuple[str, ...]
    limits_zh: tuple[str, ...]


def read_pocket_card(path: str) -> PocketCard | None:
    """The card of the model file at `path`, when llmlab carries that file and its card."""
    name = next((name for name in pocket_names() if pocket_path(name) == Path(path)), None)
    card = pocket_path(name).with_suffix(".json") if name else None
    return parse_card(card.read_text("utf-8")) if card is not None and card.is_file() else None


def parse_card(text: str) -> PocketCard:
    """The card that `python -m training score` wrote."""
    card: dict[str, Any] = json.loads(text)
    training, scores = card["training"], card["scores"]
    return PocketCard(
        name=card["name"],
        parameters=training["parameters"],
        tokens=training["tokens_seen"],
        minutes=training["minutes"],
        hardware=training["hardware"],
        seed=training["seed"],
        score_seed=scores["seed"],
        scores=tuple(map(_score, scores["rows"])),
        limits=tuple(card["limits"]),
        limits_zh=tuple(card["limits_zh"]),
    )


def _score(row: dict[str, Any]) -> PocketScore:
    low, high = row["wilson_95"]
    return PocketScore(row["task"], row["task_zh"], row["right"], row["items"], low, high, row["unfinished"])
