"""Files that are written whole or not at all."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import pytest

from llmlab.library.writing import make_new, write_over


class FullDisk(io.RawIOBase):
    """A file that takes nothing."""

    def writable(self) -> bool:
        return True

    def write(self, _data: object) -> int:
        raise OSError(28, "No space left on device")


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files can be made, and nothing written into them."""

    def opened(place: Path, *_mode: Any, **_form: Any) -> io.TextIOWrapper:
        os.close(os.open(place, os.O_CREAT | os.O_EXCL))
        return io.TextIOWrapper(io.BufferedWriter(FullDisk()), encoding="utf-8")

    monkeypatch.setattr(Path, "open", opened)


def test_a_new_file_is_made_once(tmp_path: Path) -> None:
    place = tmp_path / "a.md"
    make_new(place, "one\n\ud800")
    assert place.read_bytes() == b"one\n?"
    with pytest.raises(FileExistsError):
        make_new(place, "two")
    assert place.read_bytes() == b"one\n?"


@pytest.mark.usefixtures("full")
def test_a_full_disk_leaves_no_half_of_a_new_file(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space left"):
        make_new(tmp_path / "a.md", "text")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="rights are others there")
def test_what_is_written_over_keeps_its_rights_and_its_text_until_the_new_one_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "a.md"
    write_over(place, "one")
    place.chmod(0o640)
    write_over(place, "two")
    assert (place.read_text(encoding="utf-8"), place.stat().st_mode & 0o777) == ("two", 0o640)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_over(place, "three")
    assert place.read_text(encoding="utf-8") == "two"
    assert list(tmp_path.iterdir()) == [place]


@pytest.mark.skipif(os.name == "nt", reason="needs a null device that is a file")
def test_a_device_is_written_to(tmp_path: Path) -> None:
    write_over(Path(os.devnull), "text")
    assert Path(os.devnull).is_char_device()


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_a_link_to_what_is_not_there_yet_is_written_through(tmp_path: Path) -> None:
    link, place = tmp_path / "link.md", tmp_path / "a.md"
    link.symlink_to(place)
    write_over(link, "one")
    assert (place.read_text(encoding="utf-8"), link.is_symlink()) == ("one", True)


def test_a_file_in_a_folder_that_takes_no_other_is_written_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "a.md"
    write_over(place, "one")

    def refused(*_args: Any, **_named: Any) -> tuple[int, str]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.mkstemp", refused)
    write_over(place, "two\ud800")
    assert place.read_bytes() == b"two?"


def test_what_is_written_is_written_though_its_rights_cannot_be_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "a.md"
    write_over(place, "one")

    def refused(*_args: Any, **_named: Any) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "chmod", refused)
    write_over(place, "two")
    assert place.read_text(encoding="utf-8") == "two"
