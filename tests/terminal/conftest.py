"""Small real models for the installed program."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

if sys.platform == "win32":
    collect_ignore_glob = ["test_*.py"]
else:
    from tests.support import gguf_fixtures as fixtures
    from tests.terminal.driver import Terminal

    def _chain(text: str) -> list[int]:
        return [fixtures.token_of("\n"), *(fixtures.token_of(letter) for letter in text), fixtures.IM_END]

    @pytest.fixture(scope="session")
    def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
        """`short` always answers "Hi, you.", `rude` tries to steer the terminal, `endless` never ends."""
        folder = tmp_path_factory.mktemp("models")
        fixtures.write_bigram_model(folder / "short.gguf", fixtures.script_log_odds([_chain("Hi, you.")]))
        fixtures.write_bigram_model(folder / "rude.gguf", fixtures.script_log_odds([_chain("\x1b]2;PWNED\x07 [31mx")]))
        fixtures.write_bigram_model(folder / "endless.gguf", fixtures.random_log_odds(), context=32768)
        return folder

    @pytest.fixture
    def open_lab(home: Path, models: Path) -> Callable[..., Terminal]:
        """Starts the installed `llmlab` in a pseudo-terminal, in this test's home."""

        def start(model: str = "", *arguments: str, columns: int = 100, rows: int = 30) -> Terminal:
            chosen = ["-m", str(models / f"{model}.gguf")] if model else []
            return Terminal(
                [str(Path(sys.executable).parent / "llmlab"), *chosen, *arguments],
                environment={"LLMLAB_HOME": str(home), "LLMLAB_LANG": "en"},
                columns=columns,
                rows=rows,
            )

        return start
