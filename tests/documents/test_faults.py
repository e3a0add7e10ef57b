"""What happens when a file, the reading process or the disk does its worst: one clear error, and the next is read."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from llmlab.documents.child import ReadingProcess
from llmlab.documents.reader import read_file
from llmlab.documents.shelf import DocumentShelf
from llmlab.domain.reading_limits import ReadingLimits
from llmlab.errors import DocumentError, Stopped
from tests.documents.awkward.zipped import make_docx, paragraph
from tests.store.test_faults import mounted

LIMITS = ReadingLimits()
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such thing")


def fake(deed: str, limits: ReadingLimits = LIMITS) -> ReadingProcess:
    return ReadingProcess(limits, (sys.executable, "-m", "tests.documents.fake_reader", deed))


@pytest.mark.parametrize(
    ("deed", "said"),
    [
        ("crash", "made the process that reads it end"),
        ("quit", r"made the process that reads it end \(3\)"),
        ("babble", "made the process that reads it end"),
        ("half", "made the process that reads it end"),
    ],
)
def test_a_process_that_dies_is_an_error_and_the_next_file_gets_another(deed: str, said: str) -> None:
    with fake(deed) as reading:
        for _ in range(2):
            with pytest.raises(DocumentError, match=said) as caught:
                reading.read("a.txt", b"x")
            assert caught.value.where == "a.txt"
            assert caught.value.hint
            assert reading.pid is None


def test_a_process_that_hangs_is_ended_after_its_time() -> None:
    with fake("hang", ReadingLimits(seconds=0)) as reading:
        with pytest.raises(DocumentError, match="more than 0 seconds") as caught:
            reading.read("a.txt", b"x")
        assert "seconds" in caught.value.hint
        assert reading.pid is None


def test_a_process_that_grows_is_ended_where_the_system_sets_it_no_limit() -> None:
    limits = ReadingLimits(memory_mb=128)
    with fake("grow", limits) as reading, pytest.raises(DocumentError, match="more than 128 MB") as caught:
        reading.read("a.txt", b"x")
    assert "memory_mb" in caught.value.hint


def test_reading_can_be_stopped_and_the_process_ends() -> None:
    stop, seen = threading.Event(), list[float]()

    def progress(share: float) -> None:
        seen.append(share)
        stop.set()

    with fake("tell") as reading:
        with pytest.raises(Stopped):
            reading.read("a.txt", b"x", progress=progress, stop=stop)
        assert seen == [0.5]
        assert reading.pid is None


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can limit what a process allocates")
def test_closing_waits_for_what_is_being_read() -> None:
    with fake("hang") as reading:
        stop, ends = threading.Event(), list[Stopped]()

        def read() -> None:
            try:
                reading.read("a", b"x", stop=stop)
            except Stopped as stopped:
                ends.append(stopped)

        reader = threading.Thread(target=read)
        reader.start()
        while reading.pid is None:
            reader.join(0.01)
        closer = threading.Thread(target=reading.close)
        closer.start()
        closer.join(0.2)
        assert closer.is_alive()
        stop.set()
        closer.join(10)
        reader.join(10)
        assert len(ends) == 1
        assert not closer.is_alive()


def test_a_memory_bomb_is_refused_and_the_same_process_reads_on() -> None:
    lines = ("x" * 60 + "\n").encode() * 2_000_000
    with ReadingProcess(ReadingLimits(memory_mb=128, characters=1_000_000_000)) as reading:
        with pytest.raises(DocumentError, match="more than 128 MB"):
            reading.read("bomb.txt", lines)
        assert reading.read("b.txt", b"calm").text == "calm"


def test_a_killed_process_is_replaced(tmp_path: Path) -> None:
    with ReadingProcess(LIMITS) as reading:
        assert reading.read("a.txt", b"one").text == "one"
        assert reading.pid is not None
        killed = psutil.Process(reading.pid)
        killed.kill()
        killed.wait(10)
        with pytest.raises(DocumentError, match="made the process that reads it end"):
            reading.read("a.txt", b"two")
        assert reading.read("a.txt", b"three").text == "three"


def test_the_process_ends_with_its_parent() -> None:
    code = (
        "import os, sys\n"
        "from llmlab.documents.child import ReadingProcess\n"
        "from llmlab.domain.reading_limits import ReadingLimits\n"
        "reading = ReadingProcess(ReadingLimits())\n"
        "reading.read('a.txt', b'x')\n"
        "print(reading.pid, flush=True)\n"
        "os._exit(0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    deadline, pause = time.monotonic() + 20, threading.Event()
    while lives(int(done.stdout)):
        assert time.monotonic() < deadline
        pause.wait(0.02)


def lives(pid: int) -> bool:
    """Whether the process runs; one that ended may wait for somebody to notice."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_program_that_cannot_be_started_is_named() -> None:
    reading = ReadingProcess(LIMITS, ("/nowhere/python",))
    with pytest.raises(DocumentError, match="cannot be started"):
        reading.read("a.txt", b"x")


# Files ----------------------------------------------------------------------------------------------------------------


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="no such file"):
        read_file(tmp_path / "none.txt", LIMITS)


def test_a_path_that_no_file_can_have(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="no such file"):
        DocumentShelf(tmp_path / "documents").open(Path("a\0b.txt"))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are text")
def test_a_name_that_is_no_text_is_read_and_shown(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.txt")
    path.write_bytes(b"hello")
    for _ in range(2):
        document = DocumentShelf(tmp_path / "documents").open(path)
        assert (document.name, document.text) == ("caf\ufffd.txt", "hello")
    with pytest.raises(DocumentError, match="no such file") as caught:
        DocumentShelf(tmp_path / "documents").open(path.with_suffix(".no"))
    assert caught.value.where.endswith("caf\ufffd.no")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="This is a folder"):
        read_file(tmp_path, LIMITS)


@POSIX
def test_a_pipe_that_nobody_writes_to_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DocumentError, match="a pipe or a device"):
        read_file(tmp_path / "pipe", LIMITS)


@POSIX
def test_a_device_without_end_is_refused() -> None:
    with pytest.raises(DocumentError, match="a pipe or a device"):
        read_file(Path("/dev/zero"), LIMITS)


def test_a_file_of_two_gigabytes_is_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "huge.txt").open("wb") as file:
        file.truncate(2 << 30)
    with pytest.raises(DocumentError, match="2,048 MB, more than the 200 MB") as caught:
        read_file(tmp_path / "huge.txt", LIMITS)
    assert "file_mb" in caught.value.hint


def growing(path: Path, times: int) -> Callable[[int], os.stat_result]:
    """`os.fstat` that lets the file grow between two looks at it, the first so many times."""
    left = times
    really = os.fstat

    def look(handle: int) -> os.stat_result:
        nonlocal left
        status = really(handle)
        if left:
            left -= 1
            with path.open("ab") as file:
                file.write(b"more")
        return status

    return look


def test_a_file_that_changes_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "log.txt"
    path.write_bytes(b"first ")
    monkeypatch.setattr("os.fstat", growing(path, 1))
    assert read_file(path, LIMITS) == b"first more"


def test_a_file_that_never_rests_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "log.txt"
    path.write_bytes(b"first ")
    monkeypatch.setattr("os.fstat", growing(path, 1000))
    with pytest.raises(DocumentError, match="changes while it is read"):
        read_file(path, LIMITS)


def test_a_text_longer_than_its_limit_is_named() -> None:
    limits = ReadingLimits(characters=1000)
    with ReadingProcess(limits) as reading:
        for name, data in (("a.txt", b"x" * 1001), ("a.docx", make_docx(paragraph("x" * 1001)))):
            with pytest.raises(DocumentError, match="longer than 1,000 characters") as caught:
                reading.read(name, data)
            assert "characters" in caught.value.hint


# The disk -------------------------------------------------------------------------------------------------------------


def test_on_a_full_disk_the_document_is_there_and_told(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("word " * 100_000, encoding="utf-8")
    small = tmp_path / "small"
    with mounted(small, "size=100k"):
        shelf = DocumentShelf(small / "documents")
        document = shelf.open(path)
        assert [each.code for each in document.warnings] == ["not_kept"]
        assert "No space left" in str(document.warnings[0])
        assert shelf.get(document.digest) is document
        assert [each.name for each in small.rglob("*") if each.is_file()] == []
        with pytest.raises(DocumentError, match="not kept any more"):
            DocumentShelf(small / "documents").get(document.digest)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("hello", encoding="utf-8")
    document = DocumentShelf(path / "below").open(path)
    assert document.text == "hello"
    assert [each.code for each in document.warnings] == ["not_kept"]
