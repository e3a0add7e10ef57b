"""Standard error and exit codes."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from llmlab import errors
from llmlab.headless.diagnostics import Diagnostics, Exit, exit_code
from tests.headless.terminals import Closed, Stream


@pytest.fixture(autouse=True)
def term(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.UsageError, 2),
        (errors.ConfigError, 2),
        (errors.ModelError, 1),
        (errors.EngineError, 1),
        (errors.EngineDied, 1),
        (errors.StoreError, 1),
        (errors.LlmlabError, 1),
        (errors.Stopped, 130),
    ],
)
def test_every_failure_has_its_exit_code(kind: type[errors.LlmlabError], code: int) -> None:
    assert exit_code(kind("x")) == code
    assert (Exit.ANSWERED, Exit.FAILED, Exit.USAGE, Exit.INTERRUPTED) == (0, 1, 2, 130)


def test_a_problem_says_what_where_and_what_next_and_cannot_steer_the_terminal() -> None:
    stream = Stream(terminal=True)
    Diagnostics(stream).problem(errors.ModelError("bad \x1b]0;x\x07", where="a.gguf", hint="get another"))
    assert stream.text == "llmlab: bad ␛]0;x␇ (a.gguf)\n  get another\n"


def test_progress_is_replaced_and_taken_away_before_anything_else() -> None:
    stream = Stream(terminal=True)
    err = Diagnostics(stream)
    err.progress("Loading 1 %\n\x1b")
    err.progress("Loading 2 %")
    err.note("done")
    assert stream.text == "\r\x1b[KLoading 1 % ␛\r\x1b[KLoading 2 %\r\x1b[Kllmlab: done\n"


def test_thinking_is_dim_and_ends_with_an_empty_line() -> None:
    stream = Stream(terminal=True)
    err = Diagnostics(stream)
    err.progress("Reading")
    err.thinking("hm\x1b")
    err.thinking("")
    err.end_thinking()
    err.end_thinking()
    assert stream.text == "\r\x1b[KReading\r\x1b[K\x1b[2mhm␛\x1b[22m\n\n"


def test_a_pipe_gets_neither_progress_nor_thinking() -> None:
    stream = Stream(terminal=False)
    err = Diagnostics(stream)
    err.progress("Loading")
    err.thinking("hm")
    err.end_thinking()
    assert stream.text == ""


def test_a_terminal_without_escape_sequences_gets_thinking_but_no_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    stream = Stream(terminal=True)
    err = Diagnostics(stream)
    err.progress("Loading")
    err.thinking("hm")
    assert stream.text == "hm"


def test_a_closed_stream_is_no_reason_to_fail() -> None:
    err = Diagnostics(io.TextIOWrapper(io.BufferedWriter(Closed()), encoding="utf-8"))
    err.note("x")
    closed = Stream(terminal=False)
    err = Diagnostics(closed)
    closed.close()
    err.note("x")


@pytest.mark.parametrize("writable", [True, False])
def test_what_nobody_foresaw_goes_to_the_log(tmp_path: Path, writable: bool) -> None:
    log = tmp_path / "logs" / "llmlab.log"
    if not writable:
        (tmp_path / "logs").write_text("a file in the way", encoding="utf-8")
    stream = Stream(terminal=False)
    for _ in range(2):
        try:
            raise KeyError("odd")
        except KeyError:
            Diagnostics(stream).crash(log)
    first = stream.text.splitlines()[0]
    assert first == "llmlab: An error that llmlab did not foresee: KeyError: 'odd'"
    assert (str(log) in stream.text) is writable
    if writable:
        assert log.read_text(encoding="utf-8").count("Traceback (most recent call last)") == 2
