"""What llama.cpp's parser of grammars says, caught from standard error."""

from __future__ import annotations

import json
import os
import tempfile

import pytest

from llmlab.engine.llama.grammar import _words_on_stderr, gbnf_of
from llmlab.errors import EngineError


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


@pytest.mark.parametrize(
    "bounds",
    [{"type": "string", "maxLength": 10**9}, {"type": "array", "items": {}, "minItems": 10**9}, {"maxLength": 1e30}],
)
def test_a_schema_that_would_be_written_out_without_end_is_refused(bounds: dict[str, object]) -> None:
    schema = json.dumps({"type": "object", "properties": {"maxLength": {"anyOf": [bounds]}}})
    with pytest.raises(EngineError, match="above 8,000"):
        gbnf_of(None, schema)
    assert gbnf_of(None, '{"type": "string", "maxLength": 20}')
