"""The models that llmlab carries, as data."""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).parent


def pocket_names() -> tuple[str, ...]:
    """The names of the shipped models, in alphabetical order."""
    return tuple(sorted(file.stem for file in _FOLDER.glob("*.gguf")))


def pocket_path(name: str) -> Path:
    """Where the shipped model `name` lies.

    Raises:
        KeyError: llmlab ships no such model.
    """
    if name not in pocket_names():
        raise KeyError(name)
    return _FOLDER / f"{name}.gguf"
