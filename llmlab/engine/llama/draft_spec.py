"""How a draft model is loaded, and what it takes beside the model that it guesses for: from its header alone."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from llmlab.domain.model import ModelSpec
from llmlab.engine.gguf import read_gguf
from llmlab.engine.llama.fit import SEQUENCES, Estimate, sizes_of

MOST_READ: Final = 512
"""Tokens at the end of a text that the draft begins from: more help little and delay the answer."""


def draft_spec(spec: ModelSpec, n_ctx: int) -> ModelSpec:
    """The draft model that `spec` names, for a window of `n_ctx` tokens.

    Raises:
        ModelError: its file cannot be read.
    """
    path = spec.draft or ""
    trained = read_gguf(path).of_architecture("context_length")
    batch = min(spec.n_batch, MOST_READ)
    return ModelSpec(
        name=Path(path).stem,
        path=path,
        n_ctx=min(n_ctx, trained or n_ctx),
        n_gpu_layers=0 if spec.n_gpu_layers == 0 else "auto",
        main_gpu=spec.main_gpu,
        n_threads=spec.n_threads,
        n_batch=batch,
        n_ubatch=batch,
        flash_attn=spec.flash_attn,
    )


def draft_estimate(spec: ModelSpec, n_ctx: int, memory_free: int) -> Estimate | None:
    """What the draft model of `spec` needs in a window of at most `n_ctx` tokens; `None` where it has none.

    Raises:
        ModelError: its file cannot be read.
    """
    if spec.draft is None:
        return None
    gguf, its = read_gguf(spec.draft), draft_spec(spec, n_ctx)
    sizes = sizes_of(gguf, its.cache_type_k, its.cache_type_v)
    return Estimate(its, gguf, sizes, min(SEQUENCES, its.n_batch), memory_free)
