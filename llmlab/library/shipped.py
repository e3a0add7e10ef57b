"""Where the files lie that llmlab ships for people to read and override."""

from __future__ import annotations

from pathlib import Path


def shipped_models_file() -> Path:
    """The models.toml that came with llmlab: packaged, or that of the checkout it runs from."""
    package = Path(__file__).resolve().parents[1]
    packaged = package / "defaults" / "models.toml"
    return packaged if packaged.is_file() else package.parent / "models.toml"


def shipped_prompts_folder() -> Path:
    """The folder `prompts` that came with llmlab: packaged, or that of the checkout it runs from."""
    package = Path(__file__).resolve().parents[1]
    packaged = package / "defaults" / "prompts"
    return packaged if packaged.is_dir() else package.parent / "prompts"
