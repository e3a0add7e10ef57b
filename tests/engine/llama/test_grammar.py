"""What llama.cpp's parser of grammars says, caught from standard error."""

from __future__ import annotations

import os
import tempfile

import pytest

from llmlab.engine.llama.grammar import _words_on_stderr


def error_file() -> tuple[int, int]:
    """Which file standard error is."""
    status = os.fstat(2)
    return status.st_dev, status.st_ino


def test_words_are_caught_and_standard_error_is_what_it_was() -> None:
    before = error_file()
    with _words_on_stderr() as said:
        os.write(2, b"expecting ')'")
    assert bytes(said) == b"expecting ')'"
    assert error_file() == before


def test_a_disk_without_room_costs_the_words_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> None:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    before, spare = error_file(), os.dup(0)
    os.close(spare)
    for _ in range(3):
        with _words_on_stderr() as said:
            assert bytes(said) == b""
    assert error_file() == before
    again = os.dup(0)
    os.close(again)
    assert again == spare, "no descriptor is left open"
