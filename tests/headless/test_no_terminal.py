"""Starting the lab where there is nothing to draw on."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from llmlab.errors import UsageError
from llmlab.lab import open_lab
from llmlab.paths import Paths
from tests.headless.terminals import Stream


@pytest.mark.parametrize("redirected", ["stdin", "stdout", "stderr"])
def test_a_stream_that_is_no_terminal_is_told(
    paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, redirected: str
) -> None:
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, Stream(terminal=name != redirected))
    with pytest.raises(UsageError, match="needs a terminal"):
        open_lab(paths, tmp_path, model="", system=None, resume=False)
