"""The model of embeddings on the command line, on real engines: passages, examples, and what is told when it fails."""

from __future__ import annotations

import json
from pathlib import Path

from tests.headless.conftest import Command
from tests.support.gguf_fixtures import write_encoder

TEXT = "\n\n".join(
    f"Paragraph {number} tells of the key number {number} and of the rain in the town." for number in range(80)
)


def told(llmlab: Command, *arguments: str) -> dict[str, object]:
    """What a preview tells of the documents; the prompt may be too long to be sent."""
    llmlab("preview", *arguments, "--json")
    value = json.loads(llmlab.out)
    assert isinstance(value, dict)
    return value


def named(llmlab: Command, path: Path) -> None:
    llmlab.paths.models_file.write_text(f'embeddings = "e"\n[e]\npath = "{path}"\n', encoding="utf-8")


def test_passages_are_embedded_by_the_model_that_is_named(llmlab: Command, tmp_path: Path) -> None:
    Path("text.txt").write_text(TEXT, encoding="utf-8")
    arguments = ("-f", "text.txt", "--reading", "passages", "Where is key number 7?", "-m", "pocket:pocket-m")
    assert "BM25" in json.dumps(told(llmlab, *arguments))
    assert not llmlab.paths.vectors.exists()
    named(llmlab, write_encoder(tmp_path / "encoder.gguf"))
    assert "BM25 + embeddings (e)" in json.dumps(told(llmlab, *arguments))
    assert llmlab.paths.vectors.stat().st_size > 0
    named(llmlab, tmp_path / "missing.gguf")
    failed = json.dumps(told(llmlab, *arguments))
    assert "embeddings" not in failed
    assert "found by their words alone: e cannot be used" in failed


def test_the_nearest_examples_are_embedded_and_a_failure_is_told_once(llmlab: Command, tmp_path: Path) -> None:
    arguments = ("--shots", "antonyms:2", "--shot-choice", "nearest", "hot", "-m", "pocket:pocket-m")
    named(llmlab, write_encoder(tmp_path / "encoder.gguf"))
    told(llmlab, *arguments)
    assert llmlab.paths.vectors.stat().st_size > 0
    assert "words alone" not in llmlab.err
    named(llmlab, tmp_path / "missing.gguf")
    told(llmlab, *arguments)
    assert llmlab.err.count("found by their words alone: e cannot be used") == 1
