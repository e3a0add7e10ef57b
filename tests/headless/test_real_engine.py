"""`llmlab ask` as a person runs it: processes, signals, pipes and terminals, on the real engine."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import psutil
import pytest

from llmlab.pocket import pocket_names
from tests.support.gguf_fixtures import END_THINK, IM_END, THINK, script_log_odds, write_bigram_model

ROOT = Path(__file__).parents[2]
PATIENCE = 60
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals and terminals")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def endless(folder: Path) -> Path:
    """Says `ababab...` until it is stopped."""
    return write_bigram_model(folder / "endless.gguf", script_log_odds([[ord("\n"), *b"aba"]]), context=32_768)


@pytest.fixture(scope="module")
def hostile(folder: Path) -> Path:
    """Thinks `hm`, then says an escape sequence that clears the screen."""
    chain = [ord("\n"), THINK, *b"hm", END_THINK, *b"\x1b[2J", IM_END]
    return write_bigram_model(folder / "hostile.gguf", script_log_odds([chain]))


@contextmanager
def started(*arguments: str, terminal: int | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """`llmlab`, ended with everything below it when the test ends."""
    stream = subprocess.PIPE if terminal is None else terminal
    process = subprocess.Popen(
        [sys.executable, "-m", "llmlab", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=stream,
        stderr=stream,
        cwd=ROOT,
        env={**os.environ, "TERM": "xterm"},
    )
    family: list[psutil.Process] = []
    try:
        yield process
    finally:
        if process.poll() is None:
            family = psutil.Process(process.pid).children(recursive=True)
            process.kill()
        process.communicate() if terminal is None else process.wait()
        for child in family:
            child.kill()


def engines_of(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """The engine processes that `process` runs."""
    return psutil.Process(process.pid).children(recursive=True)


def read(stream: IO[bytes] | None) -> bytes:
    """Some bytes, as soon as there are any."""
    assert stream is not None
    assert select.select([stream], [], [], PATIENCE)[0], "nothing was said"
    return os.read(stream.fileno(), 16)


def test_ctrl_c_keeps_what_was_said_and_ends_the_engine(endless: Path) -> None:
    with started("ask", "hi", "-m", str(endless)) as process:
        first = read(process.stdout)
        engines = engines_of(process)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
    said = (first + out).decode()
    assert process.returncode == 130
    assert said.startswith("a")
    assert said.endswith("\n")
    assert set(said) <= {"a", "b", "\n"}
    assert b"Traceback" not in err
    assert len(engines) == 1
    assert psutil.wait_procs(engines, timeout=PATIENCE)[1] == []


def test_ctrl_c_with_json_is_still_one_object(endless: Path) -> None:
    with started("ask", "hi", "-m", str(endless), "--json") as process:
        deadline = time.monotonic() + PATIENCE
        while not engines_of(process) and time.monotonic() < deadline:
            select.select([], [], [], 0.02)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert json.loads(out)["finish"] == "cancelled"


def test_a_reader_that_leaves_ends_everything_quietly(endless: Path) -> None:
    with started("ask", "hi", "-m", str(endless)) as process:
        read(process.stdout)
        engines = engines_of(process)
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        err = process.stderr.read()
        assert process.wait(PATIENCE) == 0
    assert b"Traceback" not in err
    assert b"Exception" not in err
    assert psutil.wait_procs(engines, timeout=PATIENCE)[1] == []


def test_a_killed_command_leaves_no_engine_behind(endless: Path) -> None:
    with started("ask", "hi", "-m", str(endless)) as process:
        read(process.stdout)
        engines = engines_of(process)
        process.kill()
        process.communicate(timeout=PATIENCE)
    assert len(engines) == 1
    assert psutil.wait_procs(engines, timeout=PATIENCE)[1] == []


def test_a_killed_engine_is_one_message_and_what_was_said_stays(endless: Path) -> None:
    with started("ask", "hi", "-m", str(endless)) as process:
        first = read(process.stdout)
        for engine in engines_of(process):
            engine.kill()
        out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert (first + out).startswith(b"a")
    assert set(first + out) <= set(b"ab\n")
    assert b"Traceback" not in err
    assert b"llmlab: " in err


def test_on_a_terminal_thinking_is_dim_and_nothing_of_the_model_is_raw(hostile: Path) -> None:
    import pty

    controller, terminal = pty.openpty()
    try:
        with started("ask", "hi", "-m", str(hostile), terminal=terminal) as process:
            os.close(terminal)
            shown = b""
            while True:
                try:
                    chunk = os.read(controller, 4096)
                except OSError:  # Linux says EIO where others say end of file
                    break
                if not chunk:
                    break
                shown += chunk
            assert process.wait(PATIENCE) == 0
    finally:
        os.close(controller)
    text = shown.decode().replace("\r\n", "\n")
    assert "hm" in text.replace("\x1b[22m\x1b[2m", "")
    assert "\x1b[2mh" in text
    assert text.endswith("␛[2J\n")
    assert "\x1b[2J" not in text


def test_in_a_pipe_the_answer_is_data_and_thinking_stays_out(hostile: Path) -> None:
    with started("ask", "hi", "-m", str(hostile)) as process:
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (0, b"\x1b[2J\n")
    assert b"hm" not in err


@pytest.mark.parametrize(
    "content",
    [b"", b"GGUF", b"noise" * 200, b"GGUF\x03\0\0\0" + b"\xff" * 64],
    ids=["empty", "cut", "noise", "damaged"],
)
def test_a_file_that_is_no_model_is_one_clear_message(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.gguf"
    path.write_bytes(content)
    with started("ask", "hi", "-m", str(path), "--json") as process:
        out, err = process.communicate(timeout=PATIENCE)
    value = json.loads(out)
    assert process.returncode == 1
    assert (value["finish"], value["text"]) == ("failed", "")
    assert str(path) in value["error"]["where"]
    assert value["error"]["hint"]
    assert b"Traceback" not in err


@pytest.mark.skipif("pocket-m" not in pocket_names(), reason="the pocket model was not trained yet")
def test_the_shipped_model_answers_without_any_setting() -> None:
    with started("ask", "Hello!", "--seed", "1", "--json") as process:
        out, err = process.communicate(timeout=PATIENCE)
    value = json.loads(out)
    assert (process.returncode, err) == (0, b"")
    assert (value["model"], value["finish"]) == ("pocket-l", "stop")
    assert value["text"].strip()
