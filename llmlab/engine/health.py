"""Whether a model can be used, from the header of its file alone: nothing is loaded, llama.cpp is not even imported."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import psutil

from llmlab.domain.model import Fit, Gpu, ModelFacts, ModelSpec, Rope
from llmlab.domain.reasoning import marks_of
from llmlab.engine.formats import FILE_TYPES
from llmlab.engine.gguf import GgufFile, read_gguf
from llmlab.engine.hints import sampling_hints
from llmlab.engine.llama.checks import cache_is_known, check_adapters, check_purpose, check_window, is_encoder
from llmlab.engine.llama.draft_spec import draft_estimate
from llmlab.engine.llama.fit import SEQUENCES, Estimate, Sizes, sizes_of
from llmlab.engine.llama.template_choice import choose_template
from llmlab.words import say

DEFAULT_WINDOW: Final = 8192
"""Tokens of a window that nobody chose, where the model was trained on as many."""


def describe(spec: ModelSpec, gpus: Callable[[], tuple[Gpu, ...]] = tuple) -> ModelFacts:
    """What the header of the model's file says about `spec`, and whether it fits into what is free.

    Args:
        spec: the model.
        gpus: tells the GPUs with their memory; asked only where the machine's memory does not suffice, or where the
            layers that go to them are a number that somebody gave.

    Raises:
        ModelError: the file cannot be used, or the window does not fit into memory; the message says why.
    """
    gguf = read_gguf(spec.path)
    encoder = is_encoder(gguf)
    check_purpose(gguf, "vectors" if encoder else "answers")
    trained = gguf.of_architecture("context_length")
    n_ctx = longest_text(spec, gguf)
    sizes = sizes_of(gguf, spec.cache_type_k, spec.cache_type_v)
    if encoder:
        # It reads a whole text at once and keeps nothing of it.
        sizes = replace(sizes, cache_layers=(0.0,) * len(sizes.layers))
    check_adapters(spec, gguf)
    fit = _fit(spec, gguf, sizes, n_ctx, gpus)
    if spec.n_ctx is None and fit.fitting and spec.rope == Rope() and cache_is_known(gguf):
        # A window of nobody's choice is made as large as fits.
        n_ctx = min(n_ctx, fit.fitting)
    if not spec.rpc and not fit.n_gpu_layers:
        check_window(spec, gguf, sizes, n_ctx, fit.memory_free)
    template = choose_template(spec.chat_template, gguf.text("tokenizer.chat_template") or None, _Vocabulary(gguf))
    vocabulary = gguf.array("tokenizer.ggml.tokens")
    return ModelFacts(
        title=gguf.text("general.name") or Path(spec.path).stem,
        architecture=gguf.architecture,
        quantisation=_quantisation(gguf),
        parameters=sum(tensor.elements for tensor in gguf.tensors),
        file_bytes=gguf.file_bytes,
        n_layer=gguf.of_architecture("block_count"),
        n_ctx_train=trained,
        n_ctx=n_ctx,
        memory_bytes=fit.need,
        template_name=say("none") if encoder else template.name,
        can_think=marks_of(template.source) is not None,
        licence=gguf.text("general.license") or gguf.text("general.license.name"),
        n_vocab=vocabulary.count if vocabulary else 0,
        file_type=FILE_TYPES.get(gguf.integer("general.file_type", -1), ""),
        description=gguf.text("general.description"),
        sampling=sampling_hints(gguf),
        fit=None if spec.rpc else fit,
        writes=not encoder,
        notes=(say("An embedding model: for llmlab embed, not for answers."),)
        if encoder
        else (*template.notes, *_notes(spec, n_ctx, trained)),
    )


def wanted_window(spec: ModelSpec, trained: int) -> int:
    """The window that `spec` asks for, in tokens: its own, else the trained one as RoPE stretches it, up to a bound."""
    stretch = spec.rope.factor or (1.0 / spec.rope.scale if spec.rope.scale else 1.0)
    return spec.n_ctx or min(int((trained or DEFAULT_WINDOW) * stretch), DEFAULT_WINDOW)


def longest_text(spec: ModelSpec, gguf: GgufFile) -> int:
    """Tokens that the model of `gguf` reads of one text at most."""
    trained = gguf.of_architecture("context_length")
    window = wanted_window(spec, trained)
    # Encoders have learned positions, or none beyond their training; llama.cpp would read past the end of a table.
    return min(window, trained) if is_encoder(gguf) and trained else window


class _Vocabulary:
    """The texts of a file's tokens, read only when somebody asks: large models have 150,000 of them."""

    def __init__(self, gguf: GgufFile) -> None:
        self._tokens = gguf.array("tokenizer.ggml.tokens")

    def __contains__(self, text: object) -> bool:
        return self._tokens is not None and text in self._tokens.strings()


def _quantisation(gguf: GgufFile) -> str:
    """The number format that holds most of the weights."""
    held: Counter[str] = Counter()
    for tensor in gguf.tensors:
        held[tensor.type_name] += tensor.elements
    return held.most_common(1)[0][0] if held else ""


def _fit(spec: ModelSpec, gguf: GgufFile, sizes: Sizes, n_ctx: int, gpus: Callable[[], tuple[Gpu, ...]]) -> Fit:
    """How the model fits; GPUs are looked for only when that decides it."""
    memory = psutil.virtual_memory().available
    draft = draft_estimate(spec, n_ctx, memory)
    estimate = Estimate(spec, gguf, sizes, min(SEQUENCES, spec.n_batch), memory, draft=draft)
    fit = estimate.fit(n_ctx)
    if spec.n_gpu_layers == 0 or spec.rpc or (fit.verdict == "fits" and spec.n_gpu_layers == "auto"):
        return fit
    found = gpus()
    return replace(estimate, gpus=found).fit(n_ctx) if found else fit


def _notes(spec: ModelSpec, n_ctx: int, trained: int) -> tuple[str, ...]:
    notes = []
    stretched = spec.rope.factor is not None or spec.rope.scale is not None
    if trained and n_ctx > trained and not stretched:
        notes.append(
            say(
                "The window of {n_ctx} tokens is longer than the {trained} the model was trained on; "
                "set rope.scaling and rope.factor, or expect worse answers past it.",
                n_ctx=f"{n_ctx:,}",
                trained=f"{trained:,}",
            )
        )
    return tuple(notes)
