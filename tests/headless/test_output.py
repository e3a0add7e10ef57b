"""Standard output."""

from __future__ import annotations

import io
import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab.errors import LlmlabError
from llmlab.headless.diagnostics import Diagnostics
from llmlab.headless.output import Output, ReaderGone, display_width, json_text, table
from tests.headless.terminals import Closed, Stream

HOSTILE = "a\x1b[2Jb\x07\x9b31m\u202e\ud800\n"
ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=80)


def test_a_terminal_gets_nothing_that_steers_it() -> None:
    stream = Stream(terminal=True)
    Output(stream).write(HOSTILE)
    assert stream.text == "a␛[2Jb␇<U+009B>31m<U+202E><U+D800>\n"


def test_a_pipe_gets_the_data_as_it_is_but_lone_surrogates() -> None:
    stream = Stream(terminal=False, encoding="latin-1")
    Output(stream).write(HOSTILE + "中")
    assert stream.bytes.getvalue().decode("utf-8") == "a\x1b[2Jb\x07\x9b31m\u202e\ufffd\n中"


def test_a_terminal_that_lacks_letters_shows_question_marks() -> None:
    stream = Stream(terminal=True, encoding="ascii")
    Output(stream).write("中é")
    assert stream.bytes.getvalue() == b"??"


def test_lines_are_ended_once() -> None:
    stream = Stream(terminal=False)
    out = Output(stream)
    out.end_line()
    out.write("a")
    out.end_line()
    out.end_line()
    out.line("b\nc")
    assert stream.text == "a\nb c\n"


@pytest.mark.parametrize("write", ["write", "line", "paragraph", "matches", "json"])
def test_a_pipe_without_a_reader_is_told(write: str) -> None:
    out = Output(io.TextIOWrapper(io.BufferedWriter(Closed()), encoding="utf-8"))
    with pytest.raises(ReaderGone):
        getattr(out, write)("x")


def test_a_full_disk_is_one_clear_message() -> None:
    class Full(io.RawIOBase):
        def writable(self) -> bool:
            return True

        def write(self, data: object) -> int:
            raise OSError(28, "No space left on device")

    with pytest.raises(LlmlabError, match="No space left"):
        Output(io.TextIOWrapper(io.BufferedWriter(Full()), encoding="utf-8")).write("x")


def test_standard_streams_that_were_closed_are_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", None)
    monkeypatch.setattr("sys.stderr", None)
    Output().line("x")
    Diagnostics().note("x")


def test_matches_are_bold_on_a_terminal_and_plain_in_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    terminal, pipe = Stream(terminal=True), Stream(terminal=False)
    for stream in (terminal, pipe):
        Output(stream).matches("an \x02apple\x03 \x1b[2J\n  and more")
    assert terminal.text == "an \x1b[1mapple\x1b[22m ␛[2J and more\x1b[22m\n"
    assert pipe.text == "an apple \x1b[2J and more\n"
    Output(pipe).matches("a picture \u2402 is \x02none\x03 of the marks \u2403")
    assert pipe.text.endswith("\na picture \u2402 is none of the marks \u2403\n")


@given(st.dictionaries(ANY_TEXT, ANY_TEXT | st.floats(allow_nan=False) | st.none(), max_size=3))
def test_json_reads_back_and_holds_nothing_that_steers_a_terminal(value: dict[str, object]) -> None:
    text = json_text(value)
    assert json.loads(text) == value
    assert all(c == "\n" or unicodedata.category(c) not in ("Cc", "Cs") for c in text)
    assert "\u202e" not in text
    text.encode("utf-8")


def test_json_keeps_the_letters_of_every_script() -> None:
    assert json_text({"中": "é"}) == '{\n  "中": "é"\n}'


def test_columns_line_up_in_cells() -> None:
    lines = table([("中文", "x", "end"), ("a", "yy\x1b", "e\nnd")])
    assert lines == ["中文  x    end", "a     yy␛  e nd"]
    assert {display_width(line[: line.index("e")]) for line in lines} == {11}
    assert table([]) == []
