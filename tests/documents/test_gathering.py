"""Which files names, folders and patterns stand for: in order, each once, within bounds that are told."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from llmlab.documents.gathering import gather
from llmlab.domain.reading_limits import ReadingLimits
from llmlab.errors import DocumentError

LIMITS = ReadingLimits()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "notes"
    for name in ("b.md", "a.txt", "deep/er/c.txt", ".git/config", "node_modules/x.js", "photo.PNG", "deep/.hidden"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return root


def names(wanted: list[str], limits: ReadingLimits = LIMITS) -> tuple[list[str], list[str]]:
    found = gather(wanted, limits)
    return [path.relative_to(Path.cwd()).as_posix() for path in found.files], [str(each) for each in found.remarks]


def test_a_folder_stands_for_the_texts_below_it(folder: Path) -> None:
    assert names(["notes"]) == (
        ["notes/a.txt", "notes/b.md", "notes/deep/er/c.txt"],
        ["notes: 1 files that are no text were passed by."],
    )


def test_a_pattern_stands_for_the_files_that_match(folder: Path) -> None:
    assert names(["notes/*.txt"]) == (["notes/a.txt"], [])
    assert names(["notes/**/*.txt"]) == (["notes/a.txt", "notes/deep/er/c.txt"], [])


def test_files_keep_the_order_in_which_they_were_named_and_come_once(folder: Path) -> None:
    assert names(["notes/b.md", "notes", "notes/b.md"])[0] == ["notes/b.md", "notes/a.txt", "notes/deep/er/c.txt"]


def test_a_file_that_was_named_by_itself_is_taken_whatever_it_is(folder: Path) -> None:
    assert names(["notes/photo.PNG", "none.txt"]) == (["notes/photo.PNG", "none.txt"], [])


def test_a_name_with_brackets_is_a_file_before_it_is_a_pattern(folder: Path) -> None:
    (folder / "[1].txt").write_text("x", encoding="utf-8")
    assert names(["notes/[1].txt"])[0] == ["notes/[1].txt"]
    assert names(["notes/[ab].*"])[0] == ["notes/a.txt", "notes/b.md"]


@pytest.mark.parametrize(
    ("wanted", "said"), [("notes/*.pdf", "No file matches"), ("notes/.git/empty", "holds no file"), ("?", "No file")]
)
def test_what_stands_for_nothing_is_an_error(folder: Path, wanted: str, said: str) -> None:
    (folder / ".git" / "empty").mkdir()
    with pytest.raises(DocumentError, match=said) as caught:
        gather([wanted], LIMITS)
    assert caught.value.where == wanted
    assert caught.value.hint


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights on Windows")
def test_a_link_back_to_the_folder_has_an_end(folder: Path) -> None:
    (folder / "deep" / "loop").symlink_to(folder)
    assert len(names(["notes"])[0]) == 3


def test_of_too_many_files_the_first_are_taken_and_the_rest_is_counted(folder: Path) -> None:
    for number in range(300):
        (folder / f"{number:03}.txt").touch()
    found, told = names(["notes"], ReadingLimits(files=10))
    assert found == [f"notes/{number:03}.txt" for number in range(10)]
    assert told[-1].startswith("notes: the first 10 of 303 files are read; raise files under [documents]")


@pytest.mark.parametrize("wanted", ["many", "many/**", "many/*.txt"])
def test_a_folder_without_end_is_looked_at_up_to_a_bound(folder: Path, wanted: str) -> None:
    many = folder.parent / "many"
    for number in range(10):
        (many / f"{number}.d").mkdir(parents=True)
    limits = ReadingLimits(entries=5)
    told = f"{wanted}: 5 files and folders were looked at, no more; raise entries under [documents] for more."
    with pytest.raises(DocumentError) as caught:
        gather([wanted], limits)
    assert caught.value.what == told
    for number in range(10):
        (many / f"{number}.d").rmdir()
        (many / f"{number}.txt").touch()
    found, remarks = names([wanted], limits)
    assert len(found) == 5
    assert remarks == [told]


def test_what_is_no_folder_counts_where_a_pattern_looks_for_folders(folder: Path) -> None:
    many = folder.parent / "many"
    many.mkdir()
    for number in range(10):
        (many / f"{number}.txt").touch()
    with pytest.raises(DocumentError) as caught:
        gather(["many/**/x/*"], ReadingLimits(entries=5))
    assert caught.value.what.startswith("many/**/x/*: 5 files and folders were looked at")


def test_a_pattern_goes_into_folders_as_it_says(folder: Path) -> None:
    (folder / "deep" / "er" / ".git").mkdir()
    (folder / "deep" / "er" / ".git" / "d.txt").touch()
    assert names(["notes/*/er/*.txt"])[0] == ["notes/deep/er/c.txt"]
    assert names(["notes/**"])[0] == ["notes/a.txt", "notes/b.md", "notes/deep/er/c.txt", "notes/node_modules/x.js"]
    assert names(["**/**/c.*"])[0] == ["notes/deep/er/c.txt"]
    assert names(["notes/deep/.h*"])[0] == ["notes/deep/.hidden"]
    assert names([f"{folder.as_posix()}/[ab].*"])[0] == ["notes/a.txt", "notes/b.md"]
    assert names(["notes/d*/er/c.txt"])[0] == ["notes/deep/er/c.txt"]


@pytest.mark.parametrize("name", ["字" * 120, "a" * 300, "~no-such-user/a.txt", "a\0b"])
def test_a_name_that_no_file_can_have_is_left_to_reading(folder: Path, name: str) -> None:
    assert [str(path) for path in gather([name], LIMITS).files] == [str(Path(name).absolute())]
