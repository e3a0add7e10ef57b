"""Counts tokens by the vocabulary of a model file, before any engine has loaded it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Final

import msgspec

from llmlab.domain.model import ModelSpec
from llmlab.engine.gguf import read_gguf
from llmlab.engine.process import SAFE_FOLDER, describe_exit
from llmlab.engine.remote.prompt_code import estimate
from llmlab.errors import EngineError
from llmlab.words import say

COMMAND: Final = (sys.executable, "-m", "llmlab.engine.llama.counting")
"""The command of the child; the file follows."""
PATIENCE: Final = 120.0
"""Seconds until a child that says nothing is given up; the largest vocabularies take about two."""


def tokens_of(spec: ModelSpec, texts: Sequence[str]) -> list[int]:
    """Tokens of each text by the vocabulary of a model that need not be loaded; an estimate for one behind a server.

    Raises:
        LlmlabError: as `count_tokens` does.
    """
    if spec.remote is not None:
        return [estimate(text) for text in texts]
    return count_tokens(spec.path, texts)


def count_tokens(
    path: str, texts: Sequence[str], *, command: Sequence[str] = COMMAND, patience: float = PATIENCE
) -> list[int]:
    """Tokens of each text, as content, without the tokens that begin and end a prompt.

    Args:
        path: a GGUF file.
        texts: any texts.
        command: what to run instead of the child, for tests.
        patience: seconds until it is given up.

    Raises:
        ModelError: the file is no sound GGUF file.
        EngineError: the child cannot be started, died, or says nothing that makes sense.
    """
    read_gguf(path)
    asked = json.dumps([text.encode("utf-8", "replace").decode() for text in texts])
    try:
        done = subprocess.run(
            [*command, path], input=asked, capture_output=True, timeout=patience, check=False, cwd=SAFE_FOLDER,
            encoding="utf-8", errors="replace",
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise _failed(path, say("it said nothing for {seconds:g} s", seconds=patience)) from None
    except OSError as error:
        raise _failed(path, error.strerror or str(error)) from None
    try:
        counts = msgspec.json.decode(done.stdout, type=list[int]) if done.returncode == 0 else []
    except msgspec.DecodeError:
        counts = []
    if len(counts) != len(texts):
        raise _failed(path, describe_exit(done.returncode))
    return counts


def _failed(path: str, how: str) -> EngineError:
    return EngineError(
        say("The tokens cannot be counted: {how}.", how=how),
        where=path,
        hint=say("See what the file is with: llmlab models info FILE"),
    )
