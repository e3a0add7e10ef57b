"""Completing paths in the composer."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from llmlab.tui.widgets.path_offers import MOST_OFFERED, Wanted, offers, wanted_in


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a few files."""
    for name in ("novel.txt", "Notes.md", "my notes.md", ".hidden", "红楼梦.txt"):
        (tmp_path / name).write_text("x" * 10, encoding="utf-8")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a b.txt").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("@", Wanted(0, "", mention=True)),
        ("what is @nov", Wanted(8, "nov", mention=True)),
        ("总结@红", Wanted(2, "红", mention=True)),
        ('see @"my no', Wanted(4, "my no", mention=True)),
        ("/read ", Wanted(6, "", mention=False)),
        ("/read my no", Wanted(6, "my no", mention=False)),
        ("me@home", None),
        ("@novel.txt and", None),
        ("/reason steps", None),
        ("", None),
    ],
)
def test_what_is_being_typed(line: str, wanted: Wanted | None) -> None:
    assert wanted_in(line) == wanted


def offered(line: str) -> list[str]:
    wanted = wanted_in(line)
    assert wanted is not None
    return [line[: wanted.start] + offer.text for offer in offers(wanted)]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("line", "texts"),
    [
        ("@", ["@docs/", '@"my notes.md" ', "@Notes.md ", "@novel.txt ", "@红楼梦.txt "]),
        ("see @no", ["see @Notes.md ", "see @novel.txt "]),
        ("总结@红", ["总结@红楼梦.txt "]),
        ("@docs/", ['@"docs/a b.txt" ']),
        ('@"my', ['@"my notes.md" ']),
        ("@.h", ["@.hidden "]),
        ("/read my", ["/read my notes.md"]),
        ("@novel.txt", []),
        ("@absent/x", []),
        ("@novel.txt/x", []),
    ],
)
def test_what_is_offered(line: str, texts: list[str]) -> None:
    assert offered(line) == texts


def test_a_folder_with_a_blank_stays_open_for_more(folder: Path) -> None:
    (folder / "my docs").mkdir()
    (folder / "my docs" / "c.txt").touch()
    assert offered('@"my d') == ['@"my docs/']
    assert offered('@"my docs/') == ['@"my docs/c.txt" ']


def test_only_so_many_are_offered(folder: Path) -> None:
    for number in range(MOST_OFFERED + 20):
        (folder / f"many{number}").touch()
    assert len(offered("@many")) == MOST_OFFERED


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_link_that_leads_nowhere_is_left_out(folder: Path) -> None:
    (folder / "zz").symlink_to(folder / "nothing")
    assert offered("@zz") == []
