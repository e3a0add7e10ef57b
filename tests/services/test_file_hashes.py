"""The hash of a whole model file: once a file, in the background, and only of the file that answered."""

from __future__ import annotations

import asyncio
import hashlib
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from llmlab.engine.file_mark import sampled_hash, whole_hash
from llmlab.errors import ModelError, Stopped
from llmlab.services.file_hashes import FileHashes


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.gguf"
    path.write_bytes(os.urandom(20 << 20))
    return path


def hash_now(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def append(path: Path, data: bytes) -> None:
    path.write_bytes(path.read_bytes() + data)


def change_between_samples(path: Path) -> None:
    """Only the whole file tells of this byte."""
    data = bytearray(path.read_bytes())
    data[100_000] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(1, 1))


class Reads:
    """Counts the files that are read whole, and can hold a reading up."""

    def __init__(self) -> None:
        self.count = 0
        self.gate = threading.Event()
        self.gate.set()
        self.begun = threading.Event()

    def __call__(self, path: str, stopped: Callable[[], bool]) -> str | None:
        self.count += 1
        self.begun.set()
        assert self.gate.wait(20)
        return whole_hash(path, stopped)


@pytest.fixture
def reads() -> Reads:
    return Reads()


async def test_a_file_is_read_once_also_after_a_restart(tmp_path: Path, model: Path, reads: Reads) -> None:
    mark, expected = sampled_hash(str(model)), hash_now(model)
    hashes = FileHashes(tmp_path / "cache" / "hashes.json", reads)
    reads.gate.clear()
    both = [asyncio.create_task(hashes.of(str(model), mark)) for _ in range(2)]
    await asyncio.to_thread(reads.begun.wait, 20)
    # Nobody waits any more: it goes on all the same.
    both[0].cancel()
    reads.gate.set()
    assert await both[1] == expected
    assert await FileHashes(tmp_path / "cache" / "hashes.json", reads).of(str(model), mark) == expected
    assert reads.count == 1


async def test_a_touched_file_is_read_again_and_a_missing_one_is_still_known(
    tmp_path: Path, model: Path, reads: Reads
) -> None:
    mark = sampled_hash(str(model))
    hashes = FileHashes(tmp_path / "hashes.json", reads)
    first = await hashes.of(str(model), mark)
    change_between_samples(model)
    assert sampled_hash(str(model)) == mark
    second = await hashes.of(str(model), mark)
    assert second == hash_now(model) != first
    await asyncio.to_thread(model.unlink)
    assert await hashes.of(str(model), mark) == second
    assert reads.count == 2


async def test_another_file_in_its_place_is_not_hashed(tmp_path: Path, model: Path) -> None:
    mark = sampled_hash(str(model))
    append(model, b"more")
    with pytest.raises(ModelError, match="not the one that answered"):
        await FileHashes(tmp_path / "hashes.json").of(str(model), mark)


async def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        await FileHashes(tmp_path / "hashes.json").of(str(tmp_path / "none.gguf"), "")


async def test_a_file_that_changes_while_it_is_read_has_no_hash(tmp_path: Path, model: Path, reads: Reads) -> None:
    mark = sampled_hash(str(model))
    reads.gate.clear()
    task = asyncio.create_task(FileHashes(tmp_path / "hashes.json", reads).of(str(model), mark))
    await asyncio.to_thread(reads.begun.wait, 20)
    append(model, b"more")
    reads.gate.set()
    with pytest.raises(ModelError, match="changed while it was read"):
        await task


async def test_closing_stops_it(tmp_path: Path, model: Path, reads: Reads) -> None:
    hashes = FileHashes(tmp_path / "hashes.json", reads)
    reads.gate.clear()
    task = asyncio.create_task(hashes.of(str(model), sampled_hash(str(model))))
    await asyncio.to_thread(reads.begun.wait, 20)
    closing = asyncio.create_task(hashes.close())
    await asyncio.to_thread(hashes._stop.wait, 20)
    reads.gate.set()
    await closing
    with pytest.raises(Stopped):
        await task


@pytest.mark.parametrize("text", ["", "[", "{}", '[{"path": 1}]', '[1, "x"]'])
async def test_a_damaged_cache_is_begun_anew(tmp_path: Path, model: Path, text: str) -> None:
    place = tmp_path / "hashes.json"
    place.write_text(text, encoding="utf-8")
    expected = hash_now(model)
    assert await FileHashes(place).of(str(model), sampled_hash(str(model))) == expected
    assert expected in place.read_text(encoding="utf-8")
