"""What fits into which memory: arithmetic over sizes in bytes."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from llmlab.domain.model import Fit, Gpu, ModelSpec
from llmlab.engine.gguf import GgufArray, GgufFile

COMPUTE_BYTES: Final = 400 << 20
"""Room left on a device for the buffers of a computation."""

SPARE_SHARE: Final = 0.06
"""Share of a device's free memory that is left alone."""

SEQUENCES: Final = 32
"""Sequences that a context holds at once; on kernels that work in tiles a step of 32 takes hardly longer than of 16."""

STEP: Final = 256
"""Windows are multiples of so many tokens."""

SMALLEST_WINDOW: Final = 512
"""Tokens below which a window is of no use."""

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
    heads = gguf.of_architecture("attention.head_count", 1)
    if not heads:
        # Every layer remembers a text as a state of fixed size.
        return (0.0,) * count
    width = gguf.of_architecture("embedding_length")
    key = gguf.of_architecture("attention.key_length", width // heads)
    value = gguf.of_architecture("attention.value_length", width // heads)
    kv_heads: list[float] = [float(gguf.of_architecture("attention.head_count_kv", heads))] * count
    listed = gguf.metadata.get(f"{gguf.architecture}.attention.head_count_kv")
    if isinstance(listed, GgufArray):
        kv_heads = [*listed.numbers()[:count], *kv_heads][:count]
    if every := gguf.of_architecture("full_attention_interval"):
        # The layers between keep a state of fixed size.
        kv_heads = [number if layer % every == 0 else 0.0 for layer, number in enumerate(kv_heads, 1)]
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
    left = [max(0, each - COMPUTE_BYTES) for each in free]
    room: float = sum(left)
    if split:
        whole = sum(split)
        room = min(each * whole / share for each, share in zip(left, split, strict=True))
    return min(sum(free), int(room) + COMPUTE_BYTES)


def window_that_fits(sizes: Sizes, free: int) -> int:
    """The largest window, a multiple of 256 tokens, whose KV cache fits into `free` bytes."""
    if not sizes.cache_per_token:
        return 1 << 30
    return max(0, int(free * (1 - SPARE_SHARE) / sizes.cache_per_token) // 256 * 256)


def compute_bytes(gguf: GgufFile, spec: ModelSpec, n_ctx: int, sequences: int) -> int:
    """Room that llama.cpp takes for computing one micro-batch: the widest moment of a layer, the mask, the logits."""
    rows = min(spec.n_ubatch, spec.n_batch)
    width, heads = gguf.of_architecture("embedding_length"), max(1, gguf.of_architecture("attention.head_count", 1))
    pairs = 2 * width // heads * gguf.of_architecture("attention.head_count_kv", heads)
    tokens = gguf.array("tokenizer.ggml.tokens")
    logits = 4 * sequences * (tokens.count if tokens else 0)
    # What is alive at the widest moment, in numbers a token; measured on five shapes, within some percent.
    mixing = 3 * gguf.of_architecture("feed_forward_length") + 4 * width
    if spec.flash_attn == "off":
        # The scores of all heads are held at once, and the mask in full precision.
        return logits + 4 * rows * max(n_ctx * (heads + 1) + 5 * width + pairs, n_ctx + mixing)
    return logits + 4 * rows * mixing + 2 * rows * n_ctx


def adapter_bytes(spec: ModelSpec) -> int:
    """What the LoRA adapters of `spec` take; loading tells of one that is not there."""
    size = 0
    for adapter in spec.lora:
        with suppress(OSError, ValueError):
            size += Path(adapter.path).stat().st_size
    return size


@dataclass(frozen=True, slots=True)
class Estimate:
    """What decides whether a model fits: its sizes, and what is free."""

    spec: ModelSpec
    gguf: GgufFile
    sizes: Sizes
    sequences: int
    memory_free: int
    gpus: tuple[Gpu, ...] = ()
    draft: Estimate | None = None
    """Of the draft model, which is loaded after this one."""
    adapters: int = field(init=False)
    """Bytes of its LoRA adapters: looked at once, for however many windows."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "adapters", adapter_bytes(self.spec))

    def fit(self, n_ctx: int) -> Fit:
        """Whether a window of `n_ctx` tokens fits, and if not, which does."""
        if self._fits(n_ctx):
            return self._told("fits", n_ctx, n_ctx)
        low, high = 0, n_ctx // STEP
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self._fits(middle * STEP) else (low, middle - 1)
        fitting = low * STEP if low * STEP >= SMALLEST_WINDOW else 0
        return self._told("smaller" if fitting else "no", n_ctx, fitting)

    def _told(self, verdict: Literal["fits", "smaller", "no"], n_ctx: int, fitting: int) -> Fit:
        layers = self._layers(n_ctx)
        memory, gpu = self._needs(n_ctx, layers)
        beside = self._draft_needs(n_ctx, gpu)
        memory, gpu = memory + beside[0], gpu + beside[1]
        return Fit(
            verdict=verdict,
            need=memory + gpu,
            draft=sum(beside),
            memory_need=memory,
            memory_free=self.memory_free,
            gpu_free=self._room if layers else 0,
            n_gpu_layers=layers,
            n_ctx=n_ctx,
            fitting=fitting,
        )

    def _fits(self, n_ctx: int) -> bool:
        layers = self._layers(n_ctx)
        memory, gpu = self._needs(n_ctx, layers)
        beside = self._draft_needs(n_ctx, gpu)
        return memory + beside[0] <= self.memory_free and (not layers or gpu <= self._room)

    def _draft_needs(self, n_ctx: int, taken: int) -> tuple[int, int]:
        """Bytes that the draft takes in the machine's memory, and on GPUs of what is left with `taken` bytes gone."""
        draft = self.draft
        if draft is None:
            return 0, 0
        window = min(n_ctx, draft.spec.n_ctx or n_ctx)
        asked = bool(self.gpus) and draft.spec.n_gpu_layers != 0
        layers = layers_that_fit(draft.sizes, window, self._room - taken) if asked else 0
        return draft._needs(window, layers)

    @property
    def _room(self) -> int:
        """Bytes on the GPUs that the spec chooses."""
        spec, free = self.spec, [gpu.free for gpu in self.gpus]
        if spec.main_gpu is not None:
            return room_on(free[spec.main_gpu : spec.main_gpu + 1])
        pairs = [(each, share) for each, share in zip(free, spec.tensor_split, strict=False) if share > 0]
        return room_on([each for each, _ in pairs], [share for _, share in pairs]) if pairs else room_on(free)

    def _layers(self, n_ctx: int) -> int:
        """Layers that would go to GPUs, the output counted as one."""
        asked, whole = self.spec.n_gpu_layers, len(self.sizes.layers) + 1
        if not self.gpus or asked == 0:
            return 0
        if asked == "auto":
            return min(whole, layers_that_fit(self.sizes, n_ctx, self._room))
        return whole if asked == "all" else min(asked, whole)

    def _needs(self, n_ctx: int, layers: int) -> tuple[int, int]:
        """Bytes in the machine's memory and on GPUs, with so many layers there: the output first, then the last."""
        sizes = self.sizes
        there = max(0, layers - 1)
        first = len(sizes.layers) - there
        compute = compute_bytes(self.gguf, self.spec, n_ctx, self.sequences)
        gpu = sum(sizes.layers[first:]) + n_ctx * sum(sizes.cache_layers[first:])
        gpu += sizes.output + compute if layers else 0
        memory = sizes.total + n_ctx * sizes.cache_per_token + compute - (gpu - (compute if layers else 0))
        # Adapters lie where the layers are that they change.
        return int(memory + (0 if layers else self.adapters)), int(gpu + (self.adapters if layers else 0))
