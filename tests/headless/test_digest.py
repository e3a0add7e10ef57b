"""`llmlab digest`: the cost first, then the digest, and where its notes are."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.headless.conftest import Command
from tests.support.gguf_fixtures import IM_END, script_log_odds, write_bigram_model


@pytest.fixture
def model(tmp_path: Path) -> str:
    """Answers every request with `Hey`."""
    answer = [ord("\n"), *b"Hey", IM_END]
    return str(write_bigram_model(tmp_path / "hey.gguf", script_log_odds([answer]), context=4096))


def book(words: int = 400) -> str:
    Path("book.txt").write_text("Some words of it. " * (words // 4), encoding="utf-8")
    return "book.txt"


def test_cost_then_digest_then_where_the_notes_are(llmlab: Command, model: str) -> None:
    assert llmlab("digest", book(), "-m", model) == 0, llmlab.err
    assert llmlab.out == "Hey\n"
    said = llmlab.err.splitlines()
    assert "tokens to read, at most" in said[0]
    assert "from the speed measured" in said[1]
    assert str(llmlab.paths.digests) in said[-1]
    assert llmlab("digest", book(), "-m", model) == 0
    assert llmlab.out == "Hey\n"
    assert "were answered in an earlier run" in llmlab.err
    assert "tokens to read" not in llmlab.err


def test_a_dry_run_writes_nothing(llmlab: Command, model: str) -> None:
    assert llmlab("digest", book(), "-m", model, "--dry-run") == 0
    assert "requests" in llmlab.out
    assert not llmlab.paths.digests.exists()


@pytest.mark.parametrize("way", ["map", "refine"])
def test_one_object(llmlab: Command, model: str, way: str) -> None:
    found = llmlab.json("digest", book(2000), "-m", model, "--way", way)
    assert isinstance(found, dict)
    assert (found["digest"], found["way"], found["document"], found["cut"]) == ("Hey", way, "book.txt", False)
    assert found["cost"]["requests"] >= len(found["notes"]) >= found["cost"]["parts"] > 1
    assert found["cost"]["seconds"] > 0
    planned = llmlab.json("digest", book(2000), "-m", model, "--way", way, "--dry-run")
    assert isinstance(planned, dict)
    assert planned["digest"] is None
    assert planned["cost"]["kept"] == planned["cost"]["requests"]


def test_what_cannot_be(llmlab: Command, model: str) -> None:
    assert llmlab("digest", "nothing.txt", "-m", model) == 1
    assert "nothing.txt" in llmlab.err
    folder = Path("texts")
    folder.mkdir()
    for name in ("a.txt", "b.txt"):
        (folder / name).write_text(f"Text {name}.", encoding="utf-8")
    assert llmlab("digest", "texts", "-m", model) == 2
    assert "one document" in llmlab.err
    Path("blank.txt").write_text(" \n", encoding="utf-8")
    assert llmlab("digest", "blank.txt", "-m", model, "--json") != 0
    assert llmlab("digest") == 2
