"""Sampler settings and the question, from the command line."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import BinaryIO

import pytest

from llmlab.domain.sampling import Sampling
from llmlab.errors import UsageError
from llmlab.headless.options import question_of, sampling_of, shape_of


def test_settings_arrive_with_their_types() -> None:
    pairs = [("temperature", "1"), ("top_k", "3"), ("stop", "a"), ("stop", "b"), ("seed", "5"), ("top_k", "4")]
    assert sampling_of(pairs) == Sampling(temperature=1.0, top_k=4, stop=("a", "b"), seed=5)
    assert sampling_of(pairs, seed=9, max_tokens=7) == Sampling(
        temperature=1.0, top_k=4, stop=("a", "b"), seed=9, max_tokens=7
    )
    assert sampling_of([]) == Sampling()
    assert sampling_of([("logit_bias", '" yes"=-5,7=1')]) == Sampling(logit_bias='" yes"=-5, 7=1')
    assert sampling_of([("top_k", "3")], seed=9, preset="balanced") == Sampling(
        temperature=0.7, top_k=3, top_p=1.0, min_p=0.05, seed=9
    )


@pytest.mark.parametrize(
    ("pair", "said"),
    [
        (("temprature", "1"), "There is no sampler setting temprature; did you mean temperature?"),
        (("temperature", "hot"), 'temperature: "hot" is not a number from 0 to 10'),
        (("temperature", "nan"), "temperature: nan is not a number from 0 to 10"),
        (("top_k", "1.5"), 'top_k: "1.5" is not a whole number from 0 to 1,000,000'),
        (("top_p", "2"), "top_p: 2.0 is not a number from 0 to 1"),
        (("stop", ""), 'stop: "" is neither a text nor a list of texts that are not empty'),
        (
            ("logit_bias", "yes=-5"),
            "logit_bias: yes=-5 is no bias: a text in double quotes or a token's id, then = and a number, "
            'as in " yes"=-5, 123=2.5',
        ),
    ],
)
def test_a_wrong_setting_says_what_is_allowed(pair: tuple[str, str], said: str) -> None:
    with pytest.raises(UsageError) as refusal:
        sampling_of([pair])
    assert refusal.value.what == said
    assert refusal.value.hint


@pytest.mark.parametrize(
    ("seed", "max_tokens", "where"), [(-1, None, "--seed -1"), (1 << 32, None, ""), (None, 0, "--max-tokens 0")]
)
def test_bounds_hold_for_the_flags_too(seed: int | None, max_tokens: int | None, where: str) -> None:
    with pytest.raises(UsageError) as refusal:
        sampling_of([], seed, max_tokens)
    assert where in refusal.value.where


@pytest.mark.parametrize(
    ("text", "piped", "question"),
    [
        ("hi", b"", "hi"),
        ("hi", b"  \n", "hi"),
        ("hi", b"data\n", "hi\n\ndata"),
        ("-", b"data\r\nmore\n", "data\nmore"),
        (None, "\ufeff中文".encode(), "中文"),
    ],
)
def test_text_first_then_what_was_piped_in(text: str | None, piped: bytes, question: str) -> None:
    assert question_of(text, io.BytesIO(piped)) == question


@pytest.mark.parametrize(("text", "piped"), [(None, b""), ("", b""), ("  ", b"\n"), ("-", b"")])
def test_no_question_says_how_to_ask_one(text: str | None, piped: bytes) -> None:
    with pytest.raises(UsageError, match="no question"):
        question_of(text, io.BytesIO(piped))


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(UsageError, match=r"UTF-8 text \(byte 2\)"):
        question_of(None, io.BytesIO(b"ab\xff"))


def test_a_null_device_says_nothing_and_a_file_does(tmp_path: Path) -> None:
    path = tmp_path / "in"
    path.write_bytes(b"from a file")
    stream: BinaryIO
    with path.open("rb") as stream:
        assert question_of("hi", stream) == "hi\n\nfrom a file"
    with Path(os.devnull).open("rb") as stream:
        assert question_of("hi", stream) == "hi"


def test_standard_input_that_was_closed_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    assert question_of("hi") == "hi"
    with pytest.raises(UsageError, match="no question"):
        question_of("-")


def test_standard_input_that_cannot_be_read_says_so() -> None:
    class Torn(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError(5, "Input/output error")

    with pytest.raises(UsageError, match="Input/output error"):
        question_of("-", Torn())


@pytest.mark.skipif(sys.platform == "win32", reason="pipes cannot be watched there")
def test_a_silent_pipe_is_told_once_and_still_read() -> None:
    reading, writing = os.pipe()
    told: list[str] = []

    def on_silence() -> None:
        told.append("waiting")
        os.write(writing, b"at last")
        os.close(writing)

    with os.fdopen(reading, "rb") as stream:
        assert question_of("hi", stream, on_silence=on_silence, patience=0.01) == "hi\n\nat last"
    assert told == ["waiting"]


@pytest.mark.skipif(sys.platform == "win32", reason="pipes cannot be watched there")
def test_a_pipe_that_speaks_is_not_remarked_on() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"data")
    os.close(writing)
    told: list[str] = []
    with os.fdopen(reading, "rb") as stream:
        assert question_of(None, stream, on_silence=lambda: told.append("waiting")) == "data"
    assert told == []


def test_shapes_are_read_from_files(tmp_path: Path) -> None:
    grammar, schema = tmp_path / "g.gbnf", tmp_path / "s.json"
    grammar.write_text('\ufeffroot ::= "é"\n', encoding="utf-8")
    schema.write_text('{"type": "string"}', encoding="utf-8")
    assert shape_of(grammar, None) == ('root ::= "é"\n', None)
    assert shape_of(None, schema) == (None, '{"type": "string"}')
    assert shape_of(None, None) == (None, None)


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b"[" * 100_000, None])
def test_a_schema_that_is_none_is_named(tmp_path: Path, content: bytes | None) -> None:
    schema = tmp_path / "s.json"
    if content is not None:
        schema.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        shape_of(None, schema)
    assert caught.value.where == str(schema)


def test_an_answer_has_one_shape(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="A grammar and a JSON schema"):
        shape_of(tmp_path, tmp_path)
