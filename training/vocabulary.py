"""Reads the tokenizer of a finished GGUF back, to count tokens as the model does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gguf

from training import chat
from training.bpe import SPECIAL, Tokenizer, byte_alphabet
from training.sample import Sample


def tokenizer_of(path: Path) -> Tokenizer:
    """Give the tokenizer of a file that `export.py` wrote."""
    fields: Any = gguf.GGUFReader(str(path)).fields
    merges = [merge.split(" ") for merge in fields["tokenizer.ggml.merges"].contents()]
    tokens: list[str] = fields["tokenizer.ggml.tokens"].contents()
    byte_of = {letter: byte for byte, letter in enumerate(byte_alphabet())}
    spelled = tokens[len(SPECIAL) + len(byte_of) + len(merges) :]
    words = [bytes(byte_of[letter] for letter in word).decode() for word in spelled]
    return Tokenizer([(left, right) for left, right in merges], words)


def counter_of(path: Path) -> Callable[[Sample], int]:
    """Give a function that counts the tokens of a sample's prompt."""
    tokenizer = tokenizer_of(path)
    return lambda sample: len(tokenizer.encode(chat.prompt_text(sample)))
