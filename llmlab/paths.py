"""Where llmlab keeps things: settings, chats, logs and caches, each in the platform's own folder."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

HOME_VARIABLE = "LLMLAB_HOME"
"""Environment variable that puts every folder below one place (a stick, a test, a second profile)."""


@dataclass(frozen=True, slots=True)
class Paths:
    """The four folders; none is created before `ensure` is called."""

    config: Path
    """settings.toml, models.toml and the user's prompts."""
    data: Path
    """Chats."""
    logs: Path
    """llmlab.log and the engine's log."""
    cache: Path
    """What can be made again."""

    @property
    def settings_file(self) -> Path:
        """The user's settings."""
        return self.config / "settings.toml"

    @property
    def models_file(self) -> Path:
        """The user's own models.toml."""
        return self.config / "models.toml"

    @property
    def database(self) -> Path:
        """The SQLite file of chats."""
        return self.data / "llmlab.db"

    @property
    def engine_log(self) -> Path:
        """What llama.cpp and the engine process say."""
        return self.logs / "engine.log"

    @property
    def snapshots(self) -> Path:
        """The state of long prompts, so that they need not be read again."""
        return self.cache / "snapshots"

    @property
    def vectors(self) -> Path:
        """The SQLite file of vectors, so that texts need not be embedded again."""
        return self.cache / "vectors" / "vectors.db"

    @property
    def file_hashes(self) -> Path:
        """The hashes of whole model files, so that none is computed twice."""
        return self.cache / "file-hashes.json"

    @property
    def texts(self) -> Path:
        """The texts of documents, by their digest; chats and recipes refer to them."""
        return self.data / "documents"

    @property
    def digests(self) -> Path:
        """What models noted of documents, a folder for each."""
        return self.data / "digests"

    @property
    def votes(self) -> Path:
        """Which of several answers was found better, a JSON object a line."""
        return self.data / "votes.jsonl"

    @property
    def runs_database(self) -> Path:
        """The SQLite file of runs."""
        return self.data / "runs.db"

    @property
    def runs(self) -> Path:
        """Folders of runs, where nobody names another place."""
        return self.data / "runs"

    @property
    def recipes(self) -> Path:
        """Recipes that were kept under a name."""
        return self.config / "prompts" / "recipes"

    def ensure(self) -> None:
        """Create the folders, readable by their owner alone.

        Raises:
            OSError: a folder cannot be made.
        """
        for folder in (self.config, self.data, self.logs, self.cache):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def find_paths() -> Paths:
    """The folders of this user: `LLMLAB_HOME` when set, else the platform's."""
    root = os.environ.get(HOME_VARIABLE)
    if root:
        home = Path(root).expanduser().absolute()
        return Paths(home / "config", home / "data", home / "logs", home / "cache")
    # The import costs a few milliseconds that `--version` need not pay.
    from platformdirs import PlatformDirs

    dirs = PlatformDirs("llmlab", appauthor=False)
    return Paths(
        Path(dirs.user_config_dir), Path(dirs.user_data_dir), Path(dirs.user_log_dir), Path(dirs.user_cache_dir)
    )
