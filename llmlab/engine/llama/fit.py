"""What fits into which memory: pure arithmetic over sizes in bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from llmlab.engine.gguf import GgufArray, GgufFile

COMPUTE_BYTES: Final = 400 << 20
"""Room left on a device for the buffers of a computation."""

SPARE_SHARE: Final = 0.06
"""Share of a device's free memory that is left alone."""

CACHE_TYPE_IDS: Final = {
    "f32": 0, "f16": 1, "q4_0": 2, "q4_1": 3, "q5_0": 6, "q5_1": 7, "q8_0": 8, "iq4_nl": 20, "bf16": 30,
}  # fmt: skip
"""ggml's number for each format of the KV cache."""

_CACHE_BYTES: Final = {
    "f32": 4.0, "f16": 2.0, "bf16": 2.0, "q8_0": 34 / 32, "q5_1": 24 / 32, "q5_0": 22 / 32, "q4_1": 20 / 32,
    "q4_0": 18 / 32, "iq4_nl": 18 / 32,
}  # fmt: skip
"""Bytes per number in each format."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """What a model needs, in bytes."""

    layers: tuple[int, ...]
    """Weights of each layer."""
    output: int
    """Weights of the output: its norm, and its matrix or the embedding in that role."""
    total: int
    """All weights."""
    cache_layers: tuple[float, ...]
    """KV cache of each layer, for one token."""

    @property
    def cache_per_token(self) -> float:
        """KV cache of all layers for one token."""
        return sum(self.cache_layers)


def sizes_of(gguf: GgufFile, cache_type_k: str, cache_type_v: str) -> Sizes:
    """The sizes that the header of a model file tells."""
    count = gguf.of_architecture("block_count")
    layers = [0] * count
    output = embedding = total = 0
    for tensor in gguf.tensors:
        size = tensor.size or 0
        total += size
        kind, _, rest = tensor.name.partition(".")
        number = rest.partition(".")[0]
        if kind == "blk" and number.isdigit() and int(number) < count:
            layers[int(number)] += size
        elif kind.startswith("output"):
            output += size
        elif kind == "token_embd":
            embedding = size
    if not any(tensor.name == "output.weight" for tensor in gguf.tensors):
        output += embedding
    return Sizes(tuple(layers), output, total, _cache_layers(gguf, count, cache_type_k, cache_type_v))


def _cache_layers(gguf: GgufFile, count: int, cache_type_k: str, cache_type_v: str) -> tuple[float, ...]:
    width, heads = gguf.of_architecture("embedding_length"), max(1, gguf.of_architecture("attention.head_count", 1))
    key = gguf.of_architecture("attention.key_length", width // heads)
    value = gguf.of_architecture("attention.value_length", width // heads)
    kv_heads: list[float] = [float(gguf.of_architecture("attention.head_count_kv", heads))] * count
    listed = gguf.metadata.get(f"{gguf.architecture}.attention.head_count_kv")
    if isinstance(listed, GgufArray):
        kv_heads = [*listed.numbers()[:count], *kv_heads][:count]
    per_head = key * _CACHE_BYTES[cache_type_k] + value * _CACHE_BYTES[cache_type_v]
    return tuple(number * per_head for number in kv_heads)


def layers_that_fit(sizes: Sizes, n_ctx: int, free: int) -> int:
    """How many layers, counted from the last, fit into `free` bytes of a device; one more than there are is all of it.

    The output goes first, with the last layers, as llama.cpp places them.
    """
    left = free * (1 - SPARE_SHARE) - COMPUTE_BYTES - sizes.output
    if left < 0:
        return 0
    fitting = 1
    for weights, cache in zip(reversed(sizes.layers), reversed(sizes.cache_layers), strict=True):
        left -= weights + cache * n_ctx
        if left < 0:
            break
        fitting += 1
    # Only the output would fit: not worth the copies.
    return fitting if fitting > 1 else 0


def room_on(free: Sequence[int], split: Sequence[float] = ()) -> int:
    """Bytes that a model may take on devices with `free` bytes each, when it is spread over them as `split` says.

    Each further device needs room to compute of its own.
    """
    if not split:
        return sum(max(0, each - COMPUTE_BYTES) for each in free) + COMPUTE_BYTES if free else 0
    whole = sum(split)
    return int(min(max(0, each - COMPUTE_BYTES) * whole / share for each, share in zip(free, split, strict=True))) + (
        COMPUTE_BYTES
    )


def window_that_fits(sizes: Sizes, free: int) -> int:
    """The largest window, a multiple of 256 tokens, whose KV cache fits into `free` bytes."""
    if not sizes.cache_per_token:
        return 1 << 30
    return max(0, int(free * (1 - SPARE_SHARE) / sizes.cache_per_token) // 256 * 256)
