"""Vectors are kept by model and text, within a room, and a damaged file costs nothing but its vectors."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from llmlab.errors import StoreError
from llmlab.store.vectors import VectorStore

ONE, OTHER = b"model one", b"model other"


def key(number: int) -> bytes:
    return number.to_bytes(20, "big")


def test_what_is_kept_is_found_by_model_and_text(tmp_path: Path) -> None:
    path = tmp_path / "cache" / "vectors.db"
    store = VectorStore(path)
    assert store.find(ONE, [key(1)]) == {}
    assert not path.exists()
    store.keep(ONE, {key(number): bytes([number % 256]) * 8 for number in range(1200)})
    store.keep(OTHER, {key(1): b"other"})
    again = VectorStore(path)
    assert len(again.find(ONE, [key(number) for number in range(2000)])) == 1200
    assert again.find(ONE, [key(1), key(9999)]) == {key(1): b"\x01" * 8}
    assert again.find(OTHER, [key(1), key(2)]) == {key(1): b"other"}
    again.keep(OTHER, {key(1): b"newer"})
    assert again.find(OTHER, [key(1)]) == {key(1): b"newer"}
    if os.name == "posix":
        assert path.stat().st_mode & 0o077 == 0


def test_what_was_not_used_for_longest_goes_first(tmp_path: Path) -> None:
    path = tmp_path / "vectors.db"
    store = VectorStore(path, room=400_000)
    store.keep(ONE, {key(number): bytes(4000) for number in range(40)})
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE vectors SET day = day - 9")
        connection.commit()
    assert len(store.find(ONE, [key(number) for number in range(10)])) == 10, "these are used today"
    store.keep(ONE, {key(number): bytes(4000) for number in range(100, 160)})
    left = store.find(ONE, [key(number) for number in range(160)])
    assert {key(number) for number in (*range(10), *range(100, 160))} <= left.keys()
    assert len(left) < 100
    store.keep(ONE, {key(number): bytes(4000) for number in range(200, 900)})
    assert path.stat().st_size < 5_000_000


@pytest.mark.parametrize("content", [b"no database at all, but long enough to be looked at" * 9, b""])
def test_a_damaged_file_is_made_anew(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "vectors.db"
    path.write_bytes(content)
    store = VectorStore(path)
    assert store.find(ONE, [key(1)]) == {}
    store.keep(ONE, {key(1): b"vector"})
    assert store.find(ONE, [key(1)]) == {key(1): b"vector"}


def test_where_nothing_can_be_written_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    store = VectorStore(tmp_path / "file" / "vectors.db")
    assert store.find(ONE, [key(1)]) == {}
    with pytest.raises(StoreError, match="cannot be kept"):
        store.keep(ONE, {key(1): b"vector"})
