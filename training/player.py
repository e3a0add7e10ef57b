"""Greedy answers from one GGUF, many prompts at a time, straight on llama.cpp's decode call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import llama_cpp
import numpy

LANES = 16
"""Prompts that are answered together."""
CONTEXT = 1024

_api: Any = llama_cpp


class DecodeError(Exception):
    """llama.cpp could not decode a batch."""


@dataclass(slots=True)
class _Lane:
    """One prompt on its way to an answer."""

    pending: list[int]
    at: int = 0
    said: list[int] = field(default_factory=list)
    ended: bool = False


class Player:
    """Loads a GGUF once and answers lists of prompts."""

    def __init__(self, path: Path, threads: int, max_tokens: int) -> None:
        self.max_tokens = max_tokens
        self._loaded: Any = _api.Llama(str(path), vocab_only=True, verbose=False)
        self._model: Any = _api.llama_model_load_from_file(str(path).encode(), _api.llama_model_default_params())
        settings: Any = _api.llama_context_default_params()
        settings.n_ctx, settings.n_batch, settings.n_ubatch = LANES * CONTEXT, 2048, 512
        settings.n_seq_max, settings.kv_unified = LANES, False
        settings.n_threads = settings.n_threads_batch = threads or 1
        self._context: Any = _api.llama_init_from_model(self._model, settings)
        self._vocab: Any = _api.llama_model_get_vocab(self._model)
        self._size: int = _api.llama_vocab_n_tokens(self._vocab)
        self._batch: Any = _api.llama_batch_init(2048, 0, 1)

    def answer(self, prompts: Sequence[str]) -> list[tuple[str, bool]]:
        """Complete rendered prompts; each answer comes with whether it ended by itself."""
        answers: list[tuple[str, bool]] = []
        for start in range(0, len(prompts), LANES):
            answers += self._answer_some(prompts[start : start + LANES])
        return answers

    def _answer_some(self, prompts: Sequence[str]) -> list[tuple[str, bool]]:
        _api.llama_memory_clear(_api.llama_get_memory(self._context), True)
        lanes = [_Lane(self._loaded.tokenize(prompt.encode(), add_bos=False, special=True)) for prompt in prompts]
        for number, lane in enumerate(lanes):
            # Prompts are read one by one, so that no batch is larger than the context of a lane.
            self._advance([(number, lane)])
        while live := [(number, lane) for number, lane in enumerate(lanes) if lane.pending]:
            self._advance(live)
        return [
            (self._loaded.detokenize(lane.said, special=True).decode("utf-8", "replace"), lane.ended) for lane in lanes
        ]

    def _advance(self, live: Sequence[tuple[int, _Lane]]) -> None:
        """Decode what is pending in some lanes and append the likeliest token to each."""
        batch, count = self._batch, 0
        rows: list[int] = []
        for number, lane in live:
            for token in lane.pending:
                batch.token[count], batch.pos[count] = token, lane.at
                batch.n_seq_id[count], batch.seq_id[count][0], batch.logits[count] = 1, number, 0
                lane.at, count = lane.at + 1, count + 1
            batch.logits[count - 1] = 1
            rows.append(count - 1)
        batch.n_tokens = count
        if _api.llama_decode(self._context, batch) != 0:
            raise DecodeError(f"{count} tokens in {len(live)} sequences")
        for row, (_, lane) in zip(rows, live, strict=True):
            logits = numpy.ctypeslib.as_array(_api.llama_get_logits_ith(self._context, row), shape=(self._size,))
            token = int(logits.argmax())
            lane.ended = bool(_api.llama_vocab_is_eog(self._vocab, token))
            full = len(lane.said) >= self.max_tokens or lane.at >= CONTEXT
            lane.pending = [] if lane.ended or full else [token]
            lane.said += lane.pending
