"""Why a model cannot be used, in words of ours around llama.cpp's own reason."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

from llmlab.domain.model import LoraAdapter, ModelSpec
from llmlab.engine.gguf import GgufFile, read_gguf
from llmlab.engine.llama.fit import Sizes, window_that_fits
from llmlab.errors import ModelError
from llmlab.words import say

_ENCODERS: Final = frozenset(
    {"bert", "modern-bert", "nomic-bert", "nomic-bert-moe", "neo-bert", "jina-bert-v2", "jina-bert-v3", "eurobert",
     "gemma-embedding", "t5encoder", "clip", "wavtokenizer-dec"}
)  # fmt: skip
"""Architectures that write no text."""
_NO_TEXT: Final = frozenset({"clip", "wavtokenizer-dec"})
_RANKS: Final = 4
"""The pooling type of rerankers."""
_ENCODER_DECODERS: Final = frozenset({"t5"})
_DIFFUSION: Final = frozenset({"dream", "llada", "llada-moe", "rnd1", "diffusion-gemma"})
"""Architectures that write text in another way than token after token."""
_NO_MODELS: Final = {
    "adapter": "a LoRA adapter",
    "mmproj": "a projector for images",
    "imatrix": "an importance matrix",
    "vocab": "a vocabulary",
}
"""What `general.type` may say instead of `model`."""
_LATENT: Final = "attention.kv_lora_rank"
"""Key of architectures whose cache is smaller than their heads suggest."""
_STATES: Final = ("ssm.state_size", "wkv.head_size", "shortconv.l_cache")
"""Keys of architectures in which layers keep a state of fixed size instead of a cache."""


_INVOCATION: Final = "adapter.alora.invocation_tokens"
"""Key of adapters that are switched on by certain tokens of the prompt only."""


def check_purpose(gguf: GgufFile, purpose: Literal["answers", "vectors"] = "answers") -> None:
    """That the file holds a model which can write text, or make vectors of texts.

    Raises:
        ModelError: it is something else; the message says what.
    """
    where = str(gguf.path)
    kind = gguf.text("general.type")
    architecture = gguf.architecture
    if kind in _NO_MODELS:
        raise ModelError(
            say("The file is {kind}, not a model.", kind=say(_NO_MODELS[kind])),
            where=where,
            hint=say("Choose the file of the model itself."),
        )
    if not any(tensor.name.startswith("blk.") for tensor in gguf.tensors) and gguf.integer("split.count") < 2:
        raise ModelError(
            say("The file holds no weights, only a vocabulary or settings."),
            where=where,
            hint=say("Choose the file of the model itself."),
        )
    refused = _cannot_chat if purpose == "answers" else _cannot_embed
    if architecture in _DIFFUSION:
        raise refused(say("a diffusion model"), where)
    if architecture in _ENCODER_DECODERS:
        raise refused(say("a model with a separate encoder"), where)
    if purpose == "answers" and is_encoder(gguf):
        raise ModelError(
            say("This is {kind}; it cannot write answers.", kind=say("an embedding model")),
            where=where,
            hint=say("Choose a chat or instruction model; llmlab embed makes vectors with this one."),
        )
    if purpose == "vectors":
        _check_vectors(gguf)
    if not (gguf.text("tokenizer.ggml.model") and gguf.array("tokenizer.ggml.tokens")):
        raise _no_vocabulary(where)


def is_encoder(gguf: GgufFile) -> bool:
    """The model looks at a whole text at once and writes none."""
    architecture = gguf.architecture
    return architecture in _ENCODERS or gguf.metadata.get(f"{architecture}.attention.causal") is False


def _check_vectors(gguf: GgufFile) -> None:
    """That the model makes vectors of texts.

    Raises:
        ModelError: it makes something else.
    """
    if gguf.architecture in _NO_TEXT:
        raise _cannot_embed(say("a model for images or sound"), str(gguf.path))
    if gguf.of_architecture("pooling_type", -1) == _RANKS:
        raise _cannot_embed(say("a reranker, which scores pairs of texts"), str(gguf.path))


def check_adapters(spec: ModelSpec, model: GgufFile) -> None:
    """That each LoRA adapter of `spec` is one, for the architecture of `model`.

    Raises:
        ModelError: one is not, or cannot be read.
    """
    for adapter in spec.lora:
        _check_adapter(adapter, model)


def _check_adapter(adapter: LoraAdapter, model: GgufFile) -> None:
    """That the file of `adapter` is a LoRA adapter for the architecture of `model`.

    Raises:
        ModelError: it is not, or cannot be read.
    """
    try:
        gguf = read_gguf(adapter.path)
    except ModelError as error:
        raise ModelError(
            say("A LoRA adapter cannot be used. {reason}", reason=error.what), where=adapter.path, hint=error.hint
        ) from None
    if gguf.text("general.type") != "adapter" or gguf.text("adapter.type") != "lora":
        raise adapter_unfit(adapter, say("it is no LoRA adapter"))
    if gguf.architecture != model.architecture:
        raise adapter_unfit(
            adapter,
            say("it was made for {theirs}, and the model is {ours}", theirs=gguf.architecture, ours=model.architecture),
        )
    if gguf.array(_INVOCATION) is not None:
        raise adapter_unfit(
            adapter, say("it waits for certain words in the prompt (aLoRA), which llmlab does not support")
        )


def adapter_unfit(adapter: LoraAdapter, reason: str) -> ModelError:
    """The adapter cannot be used with the model."""
    return ModelError(
        say("The LoRA adapter does not fit the model: {reason}.", reason=reason or say("it gives no reason")),
        where=adapter.path,
        hint=say("Choose the adapter that was made for this very model, or remove it from lora in its table."),
    )


def _cannot_chat(kind: str, where: str) -> ModelError:
    return ModelError(
        say("This is {kind}; it cannot write answers.", kind=kind),
        where=where,
        hint=say("Choose a chat or instruction model."),
    )


def _cannot_embed(kind: str, where: str) -> ModelError:
    return ModelError(
        say("This is {kind}; it gives no vectors.", kind=kind), where=where, hint=say("Choose an embedding model.")
    )


def _no_vocabulary(where: str) -> ModelError:
    return ModelError(
        say("The file has no vocabulary, so that text cannot be given to the model."),
        where=where,
        hint=say("Get a complete conversion of this model."),
    )


def without_vocabulary(spec: ModelSpec) -> ModelError:
    """The model has no usable vocabulary."""
    return _no_vocabulary(spec.path)


def check_window(spec: ModelSpec, gguf: GgufFile, sizes: Sizes, n_ctx: int, available: int) -> None:
    """That the KV cache of `n_ctx` tokens fits into `available` bytes of memory.

    llama.cpp fills the cache with zeros at once: asking for too much ends in the kernel killing the process.

    Raises:
        ModelError: it does not fit; the message names the window and the largest that does.
    """
    if cache_is_known(gguf) and n_ctx * sizes.cache_per_token > available:
        raise window_too_large(spec, sizes, n_ctx, available)


def cache_is_known(gguf: GgufFile) -> bool:
    """Its heads tell the size of its KV cache, and its header in which layers there is one."""
    told = (
        gguf.array(f"{gguf.architecture}.attention.head_count_kv") is not None
        or gguf.of_architecture("full_attention_interval") > 0
        or gguf.of_architecture("attention.head_count", 1) == 0
    )
    keeps_states = any(gguf.of_architecture(key) for key in _STATES)
    return not gguf.of_architecture(_LATENT) and (told or not keeps_states)


def window_too_large(spec: ModelSpec, sizes: Sizes, n_ctx: int, available: int) -> ModelError:
    """The KV cache does not fit into memory."""
    fits = window_that_fits(sizes, available)
    return ModelError(
        say(
            "A window of {n_ctx} tokens needs {need} GB of memory for its cache; {have} GB are free.",
            n_ctx=f"{n_ctx:,}",
            need=f"{n_ctx * sizes.cache_per_token / (1 << 30):,.1f}",
            have=f"{available / (1 << 30):,.1f}",
        ),
        where=say("n_ctx of model {name}", name=spec.name),
        hint=say(
            "About {fits} tokens would fit: set n_ctx to that, or cache_type_k and cache_type_v to q8_0.",
            fits=f"{fits:,}",
        )
        if fits
        else say("Close other programs, or choose a smaller model."),
    )


def load_refused(spec: ModelSpec, errors: Iterable[str]) -> ModelError:
    """llama.cpp did not load the file."""
    reason = reason_of(errors)
    if "unknown model architecture" in reason:
        hint = say("The model is newer than the installed llama-cpp-python; update it, or choose another model.")
    elif "alloc" in reason or "memory" in reason:
        hint = say("The model needs more memory than is free; choose a smaller one or fewer n_gpu_layers.")
    else:
        hint = say("The file is damaged or made for another program; get it again.")
    return ModelError(
        say("llama.cpp cannot load the model: {reason}", reason=reason or say("it gives no reason")),
        where=spec.path,
        hint=hint,
    )


def context_refused(spec: ModelSpec, sizes: Sizes, n_ctx: int, errors: Iterable[str], available: int) -> ModelError:
    """The model was loaded, but no context could be made for it."""
    lines = list(errors)
    if any("alloc" in line for line in lines):
        return window_too_large(spec, sizes, n_ctx, available)
    reason = reason_of(lines)
    hint = say("Change the settings of this model: n_ctx, cache_type_k, cache_type_v, flash_attn, rope.")
    if "V cache quantization" in reason or "flash" in reason.lower():
        hint = say('A quantised cache_type_v needs flash_attn; set it to "auto", or cache_type_v to "f16".')
    return ModelError(
        say(
            "llama.cpp cannot make a context of {n_ctx} tokens: {reason}",
            n_ctx=f"{n_ctx:,}",
            reason=reason or say("it gives no reason"),
        ),
        where=say("model {name}", name=spec.name),
        hint=hint,
    )


def reason_of(errors: Iterable[str]) -> str:
    """llama.cpp's own reason: the first error that says more than that something failed."""
    plain = [_without_function(line) for line in errors]
    for line in plain:
        if line and not line.startswith(("failed to load model", "error loading model", "failed to initialize")):
            return line
    for line in plain:
        if line.startswith("error loading model: "):
            return line.removeprefix("error loading model: ")
    return plain[0] if plain else ""


def _without_function(line: str) -> str:
    """`line` without the name of the C function that llama.cpp puts in front."""
    head, colon, rest = line.partition(": ")
    return rest if colon and rest and head.replace("_", "").replace("::", "").isalnum() and "_" in head else line
