"""Votes that were given before between the same recipes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from llmlab.domain.recipe import Recipe
from llmlab.library.records import read_records
from llmlab.services.recipe_codec import encode_recipe


def mark_of(recipe: Recipe) -> str:
    """What tells a recipe from others: the SHA-256 of its JSON, as hexadecimal digits."""
    return hashlib.sha256(encode_recipe(recipe).encode()).hexdigest()


def counted(records: Iterable[Mapping[str, object]], marks: Sequence[str]) -> tuple[int, ...]:
    """For each of `marks`, how many votes its recipe got against the others; `records` are lines of the votes' file."""
    counts = dict.fromkeys(marks, 0)
    for record in records:
        arms, better = record.get("arms"), record.get("better")
        if not isinstance(arms, list) or not isinstance(better, int) or not 0 <= better < len(arms):
            continue
        found = [str(arm.get("recipe")) if isinstance(arm, dict) else "" for arm in arms]
        if len(found) == len(marks) and set(found) == set(marks):
            counts[found[better]] += 1
    return tuple(counts[mark] for mark in marks)


def past_votes(path: Path, recipes: Sequence[Recipe]) -> tuple[int, ...]:
    """`counted` for `recipes`, over the file of votes at `path`. Reads the disk; call it in a thread.

    Raises:
        StoreError: the file cannot be read.
    """
    return counted(read_records(path), [mark_of(recipe) for recipe in recipes])
