"""Forgetting what was read: states of prompts on disk hold the tokens of what was said."""

from __future__ import annotations

from pathlib import Path


def forget_states(folder: Path, before: float) -> None:
    """Remove the states in `folder` that were last used before `before`, seconds since the epoch.

    Which chat a state belongs to is not written anywhere; one that is missed is read again, which costs only time.
    """
    try:
        files = list(folder.iterdir())
    except OSError:
        # No state was ever kept.
        return
    for path in files:
        try:
            if path.stat().st_mtime < before:
                path.unlink()
        except OSError:
            # Another llmlab removed it, or Windows has it open: the least recently used leave by themselves.
            continue
