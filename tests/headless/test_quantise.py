"""`llmlab models quantise` through the real library: the file it writes, and what it refuses."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from llmlab.engine.gguf import read_gguf
from llmlab.engine.quantise import quantise
from llmlab.errors import EngineError, ModelError
from llmlab.pocket import pocket_path
from tests.headless.conftest import Command


def pocket() -> str:
    return str(pocket_path("pocket-m"))


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_new_file_is_a_smaller_model_with_the_same_words(llmlab: Command, tmp_path: Path) -> None:
    made = llmlab.json("models", "quantise", pocket(), "--type", "q4_0", "-o", "small.gguf")
    assert isinstance(made, dict)
    before, after = read_gguf(pocket()), read_gguf("small.gguf")
    assert made["bytes_after"] == after.file_bytes < before.file_bytes == made["bytes_before"]
    assert {tensor.name: tensor.elements for tensor in after.tensors} == {
        tensor.name: tensor.elements for tensor in before.tensors
    }
    assert "Q4_0" in {tensor.type_name for tensor in after.tensors}
    assert after.text("tokenizer.chat_template") == before.text("tokenizer.chat_template")
    assert files(Path.cwd()) == ["small.gguf"], "nothing half written stays"


def test_without_a_name_the_file_is_called_after_model_and_format(llmlab: Command) -> None:
    assert llmlab("models", "quantise", pocket(), "--type", "q5_0") == 0
    assert llmlab.out.startswith("pocket-m-q5_0.gguf: q5_0, ")
    assert files(Path.cwd()) == ["pocket-m-q5_0.gguf"]


def test_a_file_that_is_there_is_replaced_only_by_force(llmlab: Command) -> None:
    Path("there.gguf").write_text("mine")
    assert llmlab("models", "quantise", pocket(), "-o", "there.gguf") == 2
    assert "--force" in llmlab.err
    assert Path("there.gguf").read_text() == "mine"
    assert llmlab("models", "quantise", pocket(), "-o", "there.gguf", "--force") == 0
    assert read_gguf("there.gguf").file_bytes < Path(pocket()).stat().st_size


def test_the_model_itself_is_never_replaced(llmlab: Command) -> None:
    Path("model.gguf").write_bytes(Path(pocket()).read_bytes())
    assert llmlab("models", "quantise", "model.gguf", "-o", "./model.gguf", "--force") == 2
    assert Path("model.gguf").read_bytes() == Path(pocket()).read_bytes()


def test_a_folder_that_is_not_there_is_named(llmlab: Command) -> None:
    assert llmlab("models", "quantise", pocket(), "-o", "nowhere/small.gguf") == 1
    assert "No such file or directory" in llmlab.err
    assert str(Path("nowhere") / "small.gguf") in llmlab.err


def test_a_file_that_is_no_model_is_refused_before_a_process_starts(llmlab: Command) -> None:
    Path("letter.gguf").write_text("Dear reader")
    assert llmlab("models", "quantise", "letter.gguf") == 1
    assert "a text file" in llmlab.err
    assert files(Path.cwd()) == ["letter.gguf"]


def broken(code: str, folder: Path) -> None:
    command = (sys.executable, "-c", code)
    quantise(
        Path(pocket()), folder / "out.gguf", "q4_0", threads=1, progress=lambda _done, _all: None, command=command
    )  # fmt: skip


def test_the_library_s_own_reason_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"quantise this file: the tensors are cursed\."):
        broken(
            "import sys; print('llama_model_quantize: failed to quantize: the tensors are cursed'); sys.exit(1)",
            tmp_path,
        )
    assert files(tmp_path) == []


def test_a_process_that_dies_leaves_nothing_and_says_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(EngineError) as failure:
        broken("import os, sys; sys.stderr.write('ggml went away\\n'); sys.stderr.flush(); os._exit(7)", tmp_path)
    assert "exit code 7" in failure.value.what
    assert "ggml went away" in failure.value.hint
    assert files(tmp_path) == []


def test_being_interrupted_ends_the_process_and_leaves_nothing(tmp_path: Path) -> None:
    def interrupted(_done: int, _all: int) -> None:
        raise KeyboardInterrupt

    code = "import sys, threading; print('[   1/  38] blk', file=sys.stderr, flush=True); threading.Event().wait()"
    with pytest.raises(KeyboardInterrupt):
        quantise(
            Path(pocket()), tmp_path / "out.gguf", "q4_0", threads=1, progress=interrupted,
            command=(sys.executable, "-c", code),
        )  # fmt: skip
    assert files(tmp_path) == []
