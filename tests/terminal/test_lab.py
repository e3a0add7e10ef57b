"""The installed `llmlab` in a real terminal, with a real engine and real models."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

import psutil

from tests.terminal.driver import PATIENCE, Terminal

OpenLab = Callable[..., Terminal]
ANSWER = "Hi, you."


def test_a_day_in_the_lab(open_lab: OpenLab) -> None:
    with open_lab("endless") as lab:
        lab.until_shows("Ask something", "ready")
        lab.press("tell me a story", "enter")
        lab.until_shows("tell me a story", "writing")
        lab.press("escape")
        lab.until_gone("writing")
        lab.press("alt+up", "r")
        lab.until_shows("2/2", "writing")
        lab.press("escape")
        lab.until_gone("writing")
        lab.press("left")
        lab.until_shows("1/2")
        lab.press("right")
        lab.until_shows("2/2")
        lab.press("ctrl+q")
        assert lab.until_ended() == 0
    with open_lab("endless", "--continue") as lab:
        lab.until_shows("tell me a story", "ready")
        lab.press("alt+up")
        lab.until_shows("2/2")
        lab.press("ctrl+q")
        assert lab.until_ended() == 0


def test_the_answer_streams_and_the_chat_is_in_the_list_of_the_next_start(open_lab: OpenLab) -> None:
    with open_lab("short") as lab:
        # The model need not be there yet: the question waits for it.
        lab.until_shows("Ask something")
        lab.press("good morning", "enter")
        lab.until_shows(ANSWER, "tok/s")
        lab.press("ctrl+q")
        assert lab.until_ended() == 0
    with open_lab("short") as lab:
        lab.until_shows("good morning", "Ask anything")
        lab.press("ctrl+k", "you", "enter", "enter")
        lab.until_shows(ANSWER)


def test_quitting_in_the_middle_of_an_answer_keeps_what_was_said(open_lab: OpenLab) -> None:
    with open_lab("endless") as lab:
        lab.until_shows("ready")
        lab.press("go on", "enter")
        lab.until(lambda text: re.search(r"writing [1-9]", text), "a speed")
        lab.press("ctrl+q")
        assert lab.until_ended() == 0
        assert b"\x1b[?1049l" in lab.raw
    with open_lab("endless", "--continue") as lab:
        lab.until_shows("go on", "endless")
        lab.press("alt+up", "y")
        lab.until(lambda text: re.search(r"Copied [1-9][\d,]* char", text), "a copy of what was said")


def test_a_killed_lab_loses_nothing_but_the_last_moment(open_lab: OpenLab) -> None:
    with open_lab("endless") as lab:
        lab.until_shows("ready")
        lab.press("go on", "enter")
        lab.until(lambda text: re.search(r"writing [1-9]", text), "a speed")
        os.kill(lab.process.pid, signal.SIGKILL)
        lab.until_ended()
    with open_lab("endless", "--continue") as lab:
        lab.until_shows("go on", "interrupted")


def test_what_a_model_says_cannot_steer_the_terminal(open_lab: OpenLab) -> None:
    with open_lab("rude") as lab:
        lab.until_shows("ready")
        lab.press("be rude", "enter")
        lab.until_shows("PWNED", "tok/s")
        assert "␛]2;PWNED␇" in lab.text
        assert b"\x1b]2;PWNED" not in lab.raw


def test_a_paste_of_a_megabyte_is_one_message_and_does_not_stop_the_keys(open_lab: OpenLab) -> None:
    with open_lab("short") as lab:
        lab.until_shows("ready")
        lab.paste("one line of many \x1b[31m\r" * 50_000)
        lab.until_shows("text 1:", "50,001 lines")
        lab.press(" and so on")
        lab.until_shows("and so on")
        lab.press("enter")
        # It cannot fit this model's window: nothing is cut, the text comes back, and the message says so.
        lab.until_shows("nothing was sent", "and so on")
        assert b"\x1b[31mone" not in lab.raw


def test_a_pasted_text_with_line_breaks_is_one_message(open_lab: OpenLab) -> None:
    with open_lab("short") as lab:
        lab.until_shows("ready")
        lab.paste("first line\rsecond line\r\nthird line")
        lab.press("enter")
        lab.until_shows("first line", "second line", "third line", ANSWER)
        assert lab.text.count(ANSWER) == 1


def test_twenty_columns(open_lab: OpenLab) -> None:
    with open_lab("short", columns=20, rows=12) as lab:
        lab.until_shows("Ask")
        lab.press("hi", "enter")
        lab.until_shows("Hi,")
        lab.press("f1")
        lab.until_shows("Keys and")
        lab.press("escape")
        lab.until_gone("Keys and")
        lab.press("ctrl+k")
        lab.until_gone("Ask")
        lab.press("escape")
        lab.until_shows("Ask")
        lab.press("xyz")
        lab.until_shows("xyz")
        lab.press("ctrl+q")
        assert lab.until_ended() == 0


def test_a_file_that_is_no_model_is_told_and_the_lab_goes_on(open_lab: OpenLab, tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + os.urandom(4096))
    with open_lab("", "-m", str(broken)) as lab:
        lab.until_shows("broken.gguf")
        lab.press("still here")
        lab.until_shows("still here")
        assert "Traceback" not in lab.text
        lab.press("ctrl+q")
        assert lab.until_ended() == 0


def test_without_a_terminal_it_says_what_to_use(open_lab: OpenLab) -> None:
    with Terminal(["/bin/sh", "-c", "llmlab < /dev/null"], environment={"PATH": _path()}) as shell:
        assert shell.until_ended() == 2
        assert "llmlab ask" in shell.text


def _path() -> str:
    import sys

    return f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


def test_a_killed_engine_is_told_what_was_said_stays_and_the_next_question_starts_it_again(open_lab: OpenLab) -> None:
    with open_lab("endless") as lab:
        lab.until_shows("ready")
        lab.press("go on", "enter")
        lab.until(lambda text: re.search(r"writing [1-9]", text), "a speed")
        for child in psutil.Process(lab.process.pid).children(recursive=True):
            child.kill()
        lab.until_shows("endless stopped")
        lab.press("and again", "enter")
        lab.until(lambda text: re.search(r"writing [1-9]", text), "a speed")
        lab.press("ctrl+q")
        assert lab.until_ended() == 0


def test_a_signal_to_end_leaves_the_terminal_in_order(open_lab: OpenLab) -> None:
    with open_lab("short") as lab:
        lab.until_shows("ready")
        os.kill(lab.process.pid, signal.SIGTERM)
        lab.until_ended()
        assert b"\x1b[?1049l" in lab.raw
        assert not psutil.pid_exists(lab.process.pid) or not lab.process.isalive()


def test_a_terminal_that_is_closed_ends_the_lab_and_its_engine(open_lab: OpenLab) -> None:
    with open_lab("endless") as lab:
        lab.until_shows("ready")
        screen = psutil.Process(lab.process.pid)
        engines = screen.children()
        assert engines, "the engine is a process of its own"
        lab.press("go on", "enter")
        lab.until_shows("tok/s")
        lab.hang_up()
        psutil.wait_procs(engines, PATIENCE)
        assert not any(engine.is_running() for engine in engines)


def test_what_is_typed_the_moment_something_is_drawn_is_not_lost(open_lab: OpenLab) -> None:
    with open_lab("short") as lab:
        lab.until_shows("Ask something")
        lab.press("early bird", "enter")
        lab.until_shows("early bird", ANSWER)


def test_a_novel_in_gb18030_is_dragged_in_read_and_searched(open_lab: OpenLab, tmp_path: Path) -> None:
    text = "".join(
        f"第{number}回　归来\n\n　　那年的钥匙藏在第{number}棵树下。{'雨一直下。' * 300}\n\n"
        for number in range(1, 200)
    )
    novel = tmp_path / "the novel.txt"
    novel.write_bytes(text.encode("gb18030"))
    with open_lab("short", columns=120, rows=36) as lab:
        lab.until_shows("Ask something", "ready")
        lab.paste(f"'{novel}'")
        # The name of the document stands in the message, and its line above it once it is read.
        lab.until_shows("the novel.txt, auto")
        lab.press("f12")
        lab.until_shows("GB18030", f"{len(text):,} characters", "第1回")
        lab.press("/", "第150棵树", "enter")
        lab.until_shows("1 of 1", "第150回 归来 ·")
        lab.press("ctrl+q")
        assert lab.until_ended() == 0
