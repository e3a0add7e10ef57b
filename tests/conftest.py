"""Every test has its own home, speaks English, and leaves the network alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from llmlab import words
from llmlab.paths import HOME_VARIABLE, Paths, find_paths

settings.register_profile("llmlab", deadline=None)  # a busy machine is no failure
settings.load_profile("llmlab")


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh LLMLAB_HOME, for this process and those it starts."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv(HOME_VARIABLE, str(folder))
    monkeypatch.setenv("LLMLAB_LANG", "en")
    return folder


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """The interface speaks English before and after each test."""
    words.use_language("en")
    yield
    words.use_language("en")


@pytest.fixture
def paths(home: Path) -> Paths:
    """The folders below the test's home, made."""
    found = find_paths()
    found.ensure()
    return found
