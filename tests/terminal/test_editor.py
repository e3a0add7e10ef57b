"""The user's own editor in a real terminal: the lab gives way, comes back, and reads what was written."""

from __future__ import annotations

import re
import select
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from llmlab.paths import Paths
from tests.terminal.driver import PATIENCE, Terminal

OpenLab = Callable[..., Terminal]

EDITOR = """
import sys
from pathlib import Path
place = Path(sys.argv[-1])
print("EDITING", place.name, flush=True)
typed = input("title? ")
if typed == "fail":
    sys.exit(3)
text = place.read_text(encoding="utf-8").splitlines()
text[[line.startswith("title") for line in text].index(True)] = typed
place.write_text("\\n".join(text), encoding="utf-8")
"""
"""Asks for the line with the title and writes it, or fails."""


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    script = tmp_path / "my editor.py"
    script.write_text(EDITOR, encoding="utf-8")
    monkeypatch.setenv("VISUAL", "")
    monkeypatch.setenv("EDITOR", f"{sys.executable} '{script}'")
    return script


def at_titles(lab: Terminal) -> None:
    """The templates pane with one template under its cursor: the one in use."""
    lab.press("/t titles", "enter")
    lab.until_shows("Template: ", "from the next answer on")
    lab.press("f6")
    lab.until_shows("enter uses it", "titles.en  ")


def open_editor(lab: Terminal) -> None:
    """Open the editor and wait for its question, not for what one before it left on a screen not yet painted over."""
    lab.until_gone("title?")
    lab.press("o")
    lab.until_shows("EDITING titles.en.toml", "title?")


def saved(paths: Paths) -> str:
    return (paths.config / "prompts" / "templates" / "titles.en.toml").read_text(encoding="utf-8")


def test_the_lab_gives_way_comes_back_and_reads_what_was_written(open_lab: OpenLab, paths: Paths, editor: Path) -> None:
    with open_lab("short", columns=120) as lab:
        lab.until_shows("Ask something", "ready")
        at_titles(lab)
        open_editor(lab)
        assert b"\x1b[?1049l" in lab.raw
        lab.press('title = "Headings by hand"', "enter")
        lab.until_shows("● Headings by hand", "enter uses it", "titles.en")
        assert 'title = "Headings by hand"' in saved(paths)
        # What it wrote is nonsense: the last good state stays, and the line is named.
        open_editor(lab)
        lab.press("title = [", "enter")
        lab.until_shows("titles.en.toml:", "enter uses it", "● Headings by hand")
        lab.press("escape")
        lab.until_gone("enter uses it")
        lab.press("ctrl+q")
        assert lab.until_ended() == 0


def test_an_editor_that_fails_and_one_that_is_stopped_are_told(open_lab: OpenLab, paths: Paths, editor: Path) -> None:
    with open_lab("short", columns=120) as lab:
        lab.until_shows("Ask something", "ready")
        at_titles(lab)
        open_editor(lab)
        lab.press("fail", "enter")
        lab.until_shows("The editor ended with an error, status 3", "enter uses it")
        before = saved(paths)
        open_editor(lab)
        lab.press("ctrl+c")
        lab.until_shows("status -2", "enter uses it")
        assert saved(paths) == before
        lab.press("escape")
        lab.until_gone("enter uses it")
        lab.press("ctrl+q")
        assert lab.until_ended() == 0


@pytest.mark.parametrize("command", ["/no/such/editor -w", "'/no/such"])
def test_an_editor_that_does_not_exist_is_told(
    open_lab: OpenLab, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("VISUAL", command)
    with open_lab("short", columns=120) as lab:
        lab.until_shows("Ask something", "ready")
        at_titles(lab)
        lab.press("o")
        lab.until_shows("The editor cannot be opened: No such file or directory", "enter uses it")
        lab.press("escape")
        lab.until_gone("enter uses it")
        lab.press("ctrl+q")
        assert lab.until_ended() == 0


def test_an_answer_goes_on_while_the_editor_has_the_terminal(open_lab: OpenLab, paths: Paths, editor: Path) -> None:
    with open_lab("endless", columns=120) as lab:
        lab.until_shows("Ask something", "ready")
        lab.press("tell me a story", "enter")
        lab.until(lambda text: re.search(r"writing [1-9]", text), "a speed")
        at_titles(lab)
        open_editor(lab)
        drawn = len(lab.raw)
        # The answer is written down while it grows: three more times are more than a queue of unpainted frames holds.
        for _ in range(3):
            until_written(paths)
        while select.select([lab.process.fd], [], [], 0)[0]:
            lab._read()
        assert len(lab.raw) == drawn, bytes(lab.raw[drawn:])
        lab.press('title = "Headings by hand"', "enter")
        lab.until_shows("● Headings by hand", "enter uses it")
        lab.press("escape")
        lab.until_shows("writing")
        lab.press("escape")
        lab.until_gone("writing")
        lab.press("ctrl+q")
        assert lab.until_ended() == 0


def until_written(paths: Paths) -> None:
    """Wait until the store was written to once more."""
    journal = Path(f"{paths.database}-wal")
    before = journal.stat().st_mtime_ns
    deadline = time.monotonic() + PATIENCE
    while journal.stat().st_mtime_ns == before:
        assert time.monotonic() < deadline, "the answer does not go on"
        select.select([], [], [], 0.02)
