"""What happens to chats when the machine does its worst: kills, full disks, rubbish, read-only folders."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import pytest

from llmlab.domain.messages import Text
from llmlab.errors import StoreError
from llmlab.store.chats import ChatStore
from llmlab.store.writers import Writer, this_process
from tests.store.memory import make_chat, make_message

STREAM = """
import sys
from pathlib import Path
from llmlab.store.chats import ChatStore
from tests.store.memory import make_chat, make_message

store = ChatStore(Path(sys.argv[1]))
chat, last = sys.argv[2], int(sys.argv[3])
store.create(make_chat(chat))
for number in range(1, last + 1):
    store.save(chat, make_message("a", None, "word " * number, state="writing"))
    print(number, flush=True)
sys.stdin.readline()
store.save(chat, make_message("a", None, "the end"))
"""


@contextmanager
def streaming(path: Path, chat: str, last: int = 100_000) -> Iterator[subprocess.Popen[str]]:
    """A process that writes an answer word by word, says after each save how far it is, then waits for a line."""
    command = [sys.executable, "-c", STREAM, str(path), chat, str(last)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def read_until(process: subprocess.Popen[str], number: int) -> int:
    """The number of the last save that the process reported, at least `number`."""
    assert process.stdout is not None
    for line in process.stdout:
        if int(line) >= number:
            return int(line)
    raise AssertionError("the writer ended early")


def words_of(store: ChatStore, chat: str) -> int:
    return len(store.load(chat).conversation.messages["a"].text.split())


def test_a_killed_writer_loses_nothing_that_was_saved(path: Path) -> None:
    with streaming(path, "c") as process:
        reported = read_until(process, 40)
        process.kill()
        process.wait()
    store = ChatStore(path)
    assert words_of(store, "c") >= reported
    assert store.load("c").conversation.messages["a"].state == "writing"
    assert store.recover() == 1
    assert store.load("c").conversation.messages["a"].state == "interrupted"
    assert store.recover() == 0
    assert [summary.id for summary in store.list("word")] == ["c"]
    store.close()


def test_the_answer_of_a_process_that_lives_is_left_alone(path: Path) -> None:
    store = ChatStore(path)
    store.create(make_chat("mine"))
    store.save("mine", make_message("a", None, "half an", state="writing"))
    with streaming(path, "theirs", last=3) as process:
        read_until(process, 3)
        assert store.recover() == 0
        assert store.load("theirs").conversation.messages["a"].state == "writing"
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.wait() == 0
    assert store.load("theirs").conversation.messages["a"].text == "the end"
    assert store.load("mine").conversation.messages["a"].state == "writing"
    store.close()


def test_two_processes_write_at_once(path: Path) -> None:
    with streaming(path, "one", last=60) as one, streaming(path, "two", last=60) as two:
        read_until(one, 60)
        read_until(two, 60)
        store = ChatStore(path)
        assert (words_of(store, "one"), words_of(store, "two")) == (60, 60)
        store.close()


def test_a_process_id_that_was_given_out_again_is_not_the_writer() -> None:
    mine = this_process()
    assert mine.alive
    assert not Writer(mine.pid, mine.started - 60).alive
    assert not Writer(2**30, mine.started).alive


@pytest.mark.parametrize(
    "rubbish", [b"this is not a database, it is a letter to one. " * 100, os.urandom(8192), b"SQLite format 3\0" * 512]
)
def test_rubbish_is_kept_aside_and_named(path: Path, rubbish: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(rubbish)
    store = ChatStore(path)
    with pytest.raises(StoreError, match="damaged") as caught:
        store.list()
    kept = [entry for entry in path.parent.iterdir() if ".damaged-" in entry.name]
    assert [entry.read_bytes() for entry in kept] == [rubbish]
    assert str(kept[0]) in caught.value.hint
    store.create(make_chat())
    assert [summary.id for summary in store.list()] == ["c"]
    store.close()


def read_everything(store: ChatStore) -> None:
    for summary in store.list():
        store.load(summary.id)
    store.list("text")


def fill(store: ChatStore) -> None:
    """Twenty chats of twenty messages."""
    for number in range(20):
        store.create(make_chat(f"c{number}", f"Title {number}"))
        for step in range(20):
            store.save(f"c{number}", make_message(f"m{step}", f"m{step - 1}" if step else None, f"text {step} " * 30))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A sound file of twenty chats."""
    store = ChatStore(tmp_path_factory.mktemp("sound") / "llmlab.db")
    fill(store)
    store.close()
    return store.path.read_bytes()


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_file_cut_short_gives_back_what_can_be_read(whole: bytes, path: Path, share: float) -> None:
    store, cut = ChatStore(path), whole[: int(len(whole) * share)]
    path.parent.mkdir()
    path.write_bytes(cut)
    with pytest.raises(StoreError, match="new file: 20"):
        read_everything(store)
    (kept,) = (entry for entry in path.parent.glob("*.damaged-*") if not entry.name.endswith(("-wal", "-shm")))
    assert kept.read_bytes() == cut
    saved = {summary.id: summary.messages for summary in store.list()}
    assert len(saved) == 20
    assert sum(saved.values()) >= 400 * share * 0.5
    fullest = store.load(max(saved, key=lambda id_: saved[id_]))
    assert fullest.conversation.messages["m0"].parts == (Text("text 0 " * 30),)
    assert len(fullest.conversation.path()) == len(fullest.conversation.messages)
    store.close()


def test_a_page_overwritten_in_the_middle_costs_only_what_was_on_it(whole: bytes, path: Path) -> None:
    store, damaged = ChatStore(path), bytearray(whole)
    path.parent.mkdir()
    place = damaged.index(b"text 7 text 7") // 4096 * 4096
    damaged[place : place + 4096] = b"\xff" * 4096
    path.write_bytes(damaged)
    with pytest.raises(StoreError, match="new file: 20"):
        read_everything(store)
    saved = {summary.id: summary.messages for summary in store.list()}
    assert 360 <= sum(saved.values()) <= 400
    read_everything(store)
    store.close()


def use(store: ChatStore) -> Iterator[Callable[[], object]]:
    """Every verb, as a user may come to it."""
    yield store.list
    yield lambda: store.list("text 3")
    yield store.recover
    for chat in ("c0", "c1"):
        yield partial(store.load, chat)
        yield partial(store.save, chat, make_message("m1", "m0", "changed"))
        yield partial(store.choose, chat, None, "m0")
    yield lambda: store.delete("c2")
    yield lambda: store.discard("c3", "m3")
    yield lambda: store.purge(float("inf"))


@pytest.mark.parametrize("seed", range(24))
def test_random_damage_is_only_ever_a_store_error(whole: bytes, path: Path, seed: int) -> None:
    chance = random.Random(seed)
    damaged = bytearray(whole)
    for _ in range(chance.choice([1, 20, 200, 2000])):
        damaged[chance.randrange(len(damaged))] = chance.randrange(256)
    path.parent.mkdir()
    path.write_bytes(damaged[: chance.randrange(len(damaged))] if seed % 4 == 0 else damaged)
    store = ChatStore(path)
    for verb in use(store):
        with suppress(StoreError):
            verb()
    store.close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps files that are open")
def test_a_file_removed_while_it_is_open_is_put_back(path: Path) -> None:
    store = ChatStore(path)
    store.create(make_chat())
    store.save("c", make_message("m", None, "before"))
    shutil.rmtree(path.parent)
    store.save("c", make_message("n", "m", "after"))
    store.close()
    assert [step.text for step in store.load("c").conversation.path()] == ["before", "after"]
    assert [summary.id for summary in store.list("before")] == ["c"]
    store.close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps files that are open")
def test_a_file_that_took_the_place_of_the_open_one_is_used(path: Path, tmp_path: Path) -> None:
    store, other = ChatStore(path), ChatStore(tmp_path / "other.db")
    store.create(make_chat("old"))
    other.create(make_chat("new"))
    other.close()
    for ending in ("-wal", "-shm", ""):
        path.with_name(path.name + ending).rename(path.with_name("moved.db" + ending))
    other.path.rename(path)
    assert [summary.id for summary in store.list()] == ["new"]
    store.close()


@contextmanager
def mounted(folder: Path, options: str) -> Iterator[None]:
    """A small file system in memory at `folder`; skips the test where that is not allowed."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("needs root on Linux to mount a file system")
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_is_named_and_loses_nothing_that_was_saved(tmp_path: Path) -> None:
    folder = tmp_path / "small"
    with mounted(folder, "size=400k"):
        store = ChatStore(folder / "llmlab.db")
        store.create(make_chat())
        saved = 0

        def save_until_it_fails() -> None:
            nonlocal saved
            for saved in range(1000):
                store.save("c", make_message(f"m{saved}", None, "word " * 400))

        with pytest.raises(StoreError, match="disk is full") as caught:
            save_until_it_fails()
        assert 0 < saved < 1000
        assert caught.value.hint
        assert len(store.load("c").conversation.messages) == saved
        subprocess.run(["mount", "-o", "remount,size=4m", str(folder)], check=True)
        store.save("c", make_message(f"m{saved}", None, "goes on"))
        store.close()
        assert len(store.load("c").conversation.messages) == saved + 1
        store.close()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "fixed"
    if sys.platform != "win32" and os.geteuid() != 0:
        folder.mkdir(mode=0o500)
        with pytest.raises(StoreError, match="cannot be opened for writing"):
            ChatStore(folder / "llmlab.db").create(make_chat())
        return
    with mounted(folder, "size=1m,ro"), pytest.raises(StoreError, match="cannot be opened for writing") as caught:
        ChatStore(folder / "llmlab.db").create(make_chat())
    assert caught.value.hint
