"""Tokens counted by the vocabulary of a file alone: as the engine counts them, and every failure told."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from llmlab.domain.model import ModelSpec
from llmlab.domain.remote import Remote
from llmlab.engine.child import ChildEngine
from llmlab.engine.counting import count_tokens, tokens_of
from llmlab.errors import EngineError, ModelError
from llmlab.pocket import pocket_path

TEXTS = ["", " The weather is mild in spring.", "春天的天气很温和。", "<|im_start|>", "a\ud800b", "two\nlines " * 50]
POCKET = str(pocket_path("pocket-m"))


async def test_counts_are_those_of_the_engine(tmp_path: Path) -> None:
    engine = ChildEngine(log=tmp_path / "engine.log")
    await engine.load(ModelSpec(name="p", path=POCKET), lambda _share: None)
    assert tokens_of(ModelSpec(name="p", path=POCKET), TEXTS) == await engine.count(TEXTS)
    await engine.close()
    assert count_tokens(POCKET, []) == []


def test_a_model_behind_a_server_is_estimated() -> None:
    far = ModelSpec(name="far", path="http://a/v1#m", remote=Remote(url="http://a/v1"))
    assert tokens_of(far, ["12345678", ""]) == [2, 0]


@pytest.mark.parametrize(
    "script", ["raise SystemExit(3)", "print('no list')", "print('[1]')", "import os; os.kill(os.getpid(), 9)"]
)
def test_a_child_that_fails_is_told(script: str) -> None:
    with pytest.raises(EngineError, match="cannot be counted"):
        count_tokens(POCKET, ["a", "b"], command=(sys.executable, "-c", script))


def test_a_child_that_hangs_is_given_up() -> None:
    waits = (sys.executable, "-c", "import threading; threading.Event().wait()")
    with pytest.raises(EngineError, match="said nothing"):
        count_tokens(POCKET, ["a"], command=waits, patience=0.5)


def test_what_is_no_model_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.gguf").write_bytes(b"no model")
    for place in (tmp_path / "a.gguf", tmp_path / "none.gguf"):
        with pytest.raises(ModelError):
            count_tokens(str(place), ["a"])
