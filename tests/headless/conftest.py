"""The command line, called in the test's own process."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from llmlab.cli import run
from llmlab.commands.kit import Session
from llmlab.headless.diagnostics import Diagnostics
from llmlab.headless.output import Output
from llmlab.library import models
from llmlab.paths import Paths
from tests.headless.terminals import Stream
from tests.support.gguf_fixtures import write_random_model


@dataclass
class Command:
    """`llmlab`, called in this process."""

    paths: Paths
    out: str = ""
    err: str = ""
    terminal: bool = False

    def __call__(self, *arguments: str) -> int:
        out, err = Stream(terminal=self.terminal), Stream(terminal=self.terminal)
        code = run(arguments, Session(Output(out), Diagnostics(err), self.paths))
        self.out, self.err = out.text, err.text
        return code

    def json(self, *arguments: str) -> object:
        """What the command prints with `--json`; it must succeed."""
        assert self(*arguments, "--json") == 0, self.err
        return json.loads(self.out)


@pytest.fixture
def llmlab(paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"")))
    monkeypatch.setattr(models, "pocket_names", lambda: ("pocket-l", "pocket-l-base", "pocket-m", "pocket-s"))
    monkeypatch.setattr(models, "pocket_path", lambda name: write_random_model(tmp_path / f"{name}.gguf"))
    return Command(paths)


@pytest.fixture
def shipped(paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command line in a folder of its own, with the models that ship."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"")))
    return Command(paths)
