"""`llmlab paths`: where everything is."""

from __future__ import annotations

from pathlib import Path

from llmlab import wiring
from llmlab.headless.diagnostics import Exit
from llmlab.headless.output import Output, table
from llmlab.paths import Paths


def list_paths(paths: Paths, folder: Path, out: Output, *, as_json: bool) -> Exit:
    """Print every folder and file, whether it exists or not."""
    shipped, user, local = wiring.models_files(paths, folder)
    places = {
        "config": paths.config,
        "data": paths.data,
        "logs": paths.logs,
        "cache": paths.cache,
        "settings": paths.settings_file,
        "models_shipped": shipped,
        "models": user,
        "models_here": local,
        "chats": paths.database,
        "runs": paths.runs_database,
        "documents": paths.texts,
        "engine_log": paths.engine_log,
    }
    if as_json:
        out.json({name: str(place) for name, place in places.items()})
    else:
        for line in table([(name, str(place)) for name, place in places.items()]):
            out.line(line)
    return Exit.ANSWERED
