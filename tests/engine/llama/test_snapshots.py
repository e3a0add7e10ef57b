from __future__ import annotations

import dataclasses
import os
import stat
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from llmlab.domain.model import ModelSpec, Rope
from llmlab.engine.gguf import GgufFile, Tensor
from llmlab.engine.llama import snapshots as module
from llmlab.engine.llama.shelf import Shelved
from llmlab.engine.llama.snapshot_file import ENDING, PARTIAL, Damaged, name_of, read_head, read_state, write_snapshot
from llmlab.engine.llama.snapshots import WORTH_SAVING, Snapshots, model_mark, room_of, shaping_window

OURS, THEIRS = bytes(range(32)), bytes(32)
ROOM = 1 << 20


def sequence(first: int = 0, length: int = WORTH_SAVING, size: int = 1000, lora: str = "") -> Shelved:
    state = np.random.default_rng(first).integers(0, 256, size).astype(np.uint8)
    return Shelved(np.arange(first, first + length, dtype=np.int32), state, ((lora, 0.5),) if lora else ())


def filled(folder: Path, *sequences: Shelved, room: int = ROOM, model: bytes = OURS) -> Snapshots:
    """A folder into which these were written, in this order."""
    snapshots = Snapshots(folder, model, room)
    for number, each in enumerate(sequences):
        snapshots.offer(each)
        snapshots.settle(10)
        for path in folder.glob("*" + name_of(each, model)):
            os.utime(path, (1000 + number, 1000 + number))
    return snapshots


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def test_what_was_written_is_there_after_a_restart_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "snapshots"
    saved = sequence(lora="french")
    filled(folder, saved).close(10)
    (path,) = files(folder)
    if os.name != "nt":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    again = Snapshots(folder, OURS, ROOM)
    (entry,) = again.entries
    assert entry.tokens.tolist() == saved.tokens.tolist()
    assert entry.adapters == (("french", 0.5),)
    state = again.read(entry)
    assert state is not None
    assert state.tobytes() == saved.state.tobytes()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def lengthen(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0")


def flip(place: int) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        data = bytearray(path.read_bytes())
        data[place] ^= 1
        path.write_bytes(data)

    return damage


@pytest.mark.parametrize(
    "damage",
    [cut, lengthen, lambda path: path.write_bytes(b""), *map(flip, (0, 9, 13, 17, 30, 60, 100, 500, -1))],
    ids=lambda damage: getattr(damage, "__name__", "?"),
)
def test_a_damaged_file_is_ignored_and_removed(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    before = filled(tmp_path, sequence())
    (entry,) = before.entries
    damage(entry.path)
    after = Snapshots(tmp_path, OURS, ROOM)
    assert all(after.read(each) is None for each in after.entries)
    assert after.entries == ()
    assert before.read(entry) is None
    assert before.entries == ()
    assert files(tmp_path) == []


def test_a_foreign_file_under_our_name_is_removed_and_those_of_other_models_are_left(tmp_path: Path) -> None:
    filled(tmp_path, sequence(), model=THEIRS).close(10)
    (theirs,) = files(tmp_path)
    ours = tmp_path / name_of(sequence(), OURS)
    ours.write_bytes(theirs.read_bytes())
    assert Snapshots(tmp_path, OURS, ROOM).entries == ()
    assert files(tmp_path) == [theirs]


def test_unfinished_files_are_removed_when_they_are_old(tmp_path: Path) -> None:
    old, new = tmp_path / f"a.1{PARTIAL}", tmp_path / f"b.2{PARTIAL}"
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (1000, 1000))
    assert Snapshots(tmp_path, OURS, ROOM).entries == ()
    assert files(tmp_path) == [new]


def test_the_least_recently_used_leave_a_full_folder_whichever_model_they_belong_to(tmp_path: Path) -> None:
    theirs = sequence(9000)
    filled(tmp_path, theirs, model=THEIRS).close(10)
    first, second, third = (sequence(number * 1000) for number in range(3))
    # Three of about 2.1 kB fit.
    ours = filled(tmp_path, first, second, room=7000)
    used = ours.entries[0]
    assert ours.read(used) is not None
    ours.offer(third)
    ours.settle(10)
    assert not (tmp_path / name_of(theirs, THEIRS)).exists()
    ours.offer(sequence(5000))
    ours.settle(10)
    assert {int(entry.tokens[0]) for entry in ours.entries} == {0, 2000, 5000}
    assert len(files(tmp_path)) == 3


@pytest.mark.parametrize("keep", [False, True])
def test_the_beginning_of_another_is_superfluous_where_sequences_can_be_cut(tmp_path: Path, keep: bool) -> None:
    snapshots = Snapshots(tmp_path, OURS, ROOM, keep_beginnings=keep)
    for length in (300, 400):
        snapshots.offer(sequence(length=length))
        snapshots.settle(10)
    assert [len(entry.tokens) for entry in snapshots.entries] == ([300, 400] if keep else [400])
    assert snapshots.holds(sequence(length=350).tokens, ()) is not keep
    assert snapshots.holds(sequence(length=400).tokens, ())
    assert not snapshots.holds(sequence(length=400).tokens, (("other", 1.0),))


def test_what_is_short_large_or_known_is_not_written(tmp_path: Path) -> None:
    snapshots = filled(tmp_path, sequence())
    assert not snapshots.offer(sequence())
    assert not snapshots.offer(sequence(7, length=WORTH_SAVING - 1))
    assert not snapshots.offer(sequence(7, size=ROOM))
    assert len(files(tmp_path)) == 1


def test_a_disk_that_is_full_or_gone_costs_nothing_but_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "a file"
    place.write_bytes(b"")
    assert filled(place / "snapshots", sequence()).entries == ()

    def full(_write: object, _data: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("llmlab.engine.llama.snapshot_file._write_all", full)
    assert filled(tmp_path / "other", sequence()).entries == ()
    assert files(tmp_path / "other") == []


def test_a_file_that_somebody_else_removed_is_forgotten(tmp_path: Path) -> None:
    snapshots = filled(tmp_path, sequence())
    (entry,) = snapshots.entries
    entry.path.unlink()
    assert snapshots.read(entry) is None
    assert snapshots.entries == ()


def test_heads_and_states_tell_what_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / f"x{ENDING}"
    write_snapshot(path, sequence(), OURS)
    assert read_head(path, OURS).state_bytes == 1000
    with pytest.raises(Damaged, match="foreign"):
        read_head(path, THEIRS)
    flip(-1)(path)
    read_head(path, OURS)
    with pytest.raises(Damaged, match="other bytes"):
        read_state(path, OURS)


def test_the_mark_of_a_model_changes_with_what_shapes_its_states(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(b"a model" * 1000)
    spec = ModelSpec(name="a", path=str(path))
    mark = model_mark(spec)
    assert len(mark) == 32
    for same in ({"name": "b"}, {"n_ctx": 128}, {"system": "Be brief."}, {"n_threads": 1}):
        assert model_mark(dataclasses.replace(spec, **same)) == mark
    for other in ({"cache_type_k": "q8_0"}, {"flash_attn": "off"}, {"rope": Rope(factor=2.0)}):
        assert model_mark(dataclasses.replace(spec, **other)) != mark
    assert model_mark(spec, 4096) not in (mark, model_mark(spec, 8192)), "a window that shapes the states counts"
    path.write_bytes(b"b model" * 1000)
    assert model_mark(spec) != mark


@pytest.mark.parametrize(
    ("tensor", "window"), [("rope_factors_long.weight", 8192), ("rope_freqs.weight", 0), ("blk.0.attn_q.weight", 0)]
)
def test_the_window_shapes_the_states_of_models_with_two_sets_of_rope_factors(tensor: str, window: int) -> None:
    tensors = (Tensor("token_embd.weight", (1,), 0, 0, 4), Tensor(tensor, (1,), 0, 32, 4))
    gguf = GgufFile(Path("m.gguf"), 3, 100, {"general.architecture": "phi3"}, tensors, 0)
    assert shaping_window(gguf, 8192) == window


def test_room_is_bounded_by_what_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("Usage", (), {"free": 5000})
    monkeypatch.setattr("llmlab.engine.llama.snapshots.shutil.disk_usage", lambda _place: usage)
    assert room_of(tmp_path / "not" / "there") == 500
    usage.free = 1 << 50  # type: ignore[attr-defined]
    assert room_of(tmp_path) == module.ROOM
