"""A llama.cpp context: the batch it computes, the memory of its sequences, and the drawing of tokens."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from llama_cpp import llama_cpp as api

from llmlab.domain.model import AdapterScales, ModelSpec
from llmlab.engine.llama.adapters import Adapters
from llmlab.engine.llama.fit import CACHE_TYPE_IDS

SEQUENCES_OF_STATE: Final = 4
"""The same for models that keep a state of fixed size a sequence, whether it is used or not."""

OUTPUTS: Final = 64
"""Tokens of one batch whose output can be wanted, at least; each takes a row of logits."""

_FLASH_ATTENTION: Final = {"auto": -1, "off": 0, "on": 1}
_ROPE_SCALING: Final = {None: -1, "none": 0, "linear": 1, "yarn": 2, "longrope": 3}

_BYTES: Final = ctypes.POINTER(ctypes.c_uint8)

OK: Final = 0
FULL: Final = 1
ABORTED: Final = 2
"""What `decode` returns; anything below 0 is an error."""


@dataclass(frozen=True, slots=True)
class ContextSettings:
    """What a context is made from."""

    n_ctx: int
    n_batch: int
    n_ubatch: int
    sequences: int
    threads: int
    flash_attn: int
    type_k: int
    type_v: int
    rope_scaling: int = -1
    rope_base: float = 0.0
    rope_scale: float = 0.0
    original_context: int = 0

    @classmethod
    def of(cls, spec: ModelSpec, *, n_ctx: int, sequences: int, threads: int) -> ContextSettings:
        """The settings that `spec` asks for."""
        rope = spec.rope
        scale = rope.scale if rope.scale is not None else 1.0 / rope.factor if rope.factor else 0.0
        return cls(
            n_ctx=n_ctx,
            n_batch=spec.n_batch,
            n_ubatch=min(spec.n_ubatch, spec.n_batch),
            sequences=sequences,
            threads=threads,
            flash_attn=_FLASH_ATTENTION[spec.flash_attn],
            type_k=CACHE_TYPE_IDS[spec.cache_type_k],
            type_v=CACHE_TYPE_IDS[spec.cache_type_v],
            rope_scaling=_ROPE_SCALING[rope.scaling],
            rope_base=rope.base or 0.0,
            rope_scale=scale,
            original_context=rope.original_context or 0,
        )

    def params(self) -> Any:
        """llama.cpp's own structure."""
        params = api.llama_context_default_params()
        params.n_ctx, params.n_batch, params.n_ubatch = self.n_ctx, self.n_batch, self.n_ubatch
        params.n_seq_max = self.sequences
        # The buffers for logits stay small: 2,048 rows of a large vocabulary are 1 GB.
        params.n_outputs_max = outputs_of(self.sequences, self.n_batch)
        params.n_threads = params.n_threads_batch = self.threads
        params.flash_attn_type = self.flash_attn
        params.type_k, params.type_v = self.type_k, self.type_v
        params.rope_scaling_type = self.rope_scaling
        params.rope_freq_base, params.rope_freq_scale = self.rope_base, self.rope_scale
        params.yarn_orig_ctx = self.original_context
        # One memory for all sequences: prefixes are shared, and a sequence may fill the window alone.
        params.kv_unified = True
        params.no_perf = True
        return params


def outputs_of(sequences: int, n_batch: int) -> int:
    """Tokens of one batch whose output can be wanted."""
    return min(n_batch, max(OUTPUTS, sequences))


class Context:
    """One context; only the thread that computes may touch it."""

    def __init__(
        self,
        pointer: Any,
        *,
        rewindable: bool,
        give_up: Callable[[], bool],
        adapters: Adapters | None = None,
        grain: int = 1,
        window: int = 0,
    ) -> None:
        """Wrap a context that llama.cpp made.

        Args:
            pointer: llama.cpp's context; owned here from now on.
            rewindable: its memory can drop the end of a sequence.
            give_up: asked during long computations whether to abort.
            adapters: the LoRA adapters of its model.
            grain: prompts are computed in pieces that end at multiples of it; 1 is any.
            window: tokens back that layers with a sliding window see; 0 where there are none.
        """
        self.pointer = pointer
        self._window = window
        self.rewindable = rewindable
        self.grain = grain
        self.adapters = adapters or Adapters()
        self.n_ctx: int = api.llama_n_ctx(pointer)
        self.n_batch: int = api.llama_n_batch(pointer)
        self.n_ubatch: int = api.llama_n_ubatch(pointer)
        self.sequences: int = api.llama_n_seq_max(pointer)
        self.outputs = outputs_of(self.sequences, self.n_batch)
        self._memory = api.llama_get_memory(pointer)
        self._abort = api.ggml_abort_callback(lambda _data: give_up())
        self._no_abort = api.ggml_abort_callback()
        self._interruptible = False
        self.threads = int(api.llama_n_threads(pointer))
        self._make_batch(self.n_batch)

    def _make_batch(self, size: int) -> None:
        """Arrays that Python fills and llama.cpp reads in place."""
        self.tokens: npt.NDArray[np.int32] = np.zeros(size, np.int32)
        self.positions: npt.NDArray[np.int32] = np.zeros(size, np.int32)
        self.owners: npt.NDArray[np.int32] = np.zeros(size, np.int32)
        self.wanted: npt.NDArray[np.int8] = np.zeros(size, np.int8)
        self._one_each = np.ones(size, np.int32)
        first, stride = self.owners.ctypes.data, self.owners.itemsize
        self._owner_pointers = np.arange(first, first + size * stride, stride, dtype=np.uintp)
        batch = api.llama_batch()
        types = dict(api.llama_batch._fields_)
        for name, array in (
            ("token", self.tokens),
            ("pos", self.positions),
            ("n_seq_id", self._one_each),
            ("seq_id", self._owner_pointers),
            ("logits", self.wanted),
        ):
            setattr(batch, name, ctypes.cast(array.ctypes.data, types[name]))
        self._batch = batch

    def decode(self, count: int) -> int:
        """Compute the first `count` entries of the batch: `OK`, `FULL`, `ABORTED` or an error below 0."""
        self._batch.n_tokens = count
        return int(api.llama_decode(self.pointer, self._batch))

    def interruptible(self, wanted: bool) -> None:
        """Whether the next computations ask `give_up`; each node of the graph then costs a call into Python."""
        if wanted != self._interruptible:
            self._interruptible = wanted
            api.llama_set_abort_callback(self.pointer, self._abort if wanted else self._no_abort, None)

    def adapt(self, wanted: AdapterScales, *, change: bool) -> bool:
        """Whether a batch is computed with the `wanted` LoRA adapters: it has one set, which may `change` now."""
        if change:
            self.adapters.use(self.pointer, wanted)
        return wanted == self.adapters.used

    def use_threads(self, count: int) -> None:
        """Compute with `count` threads from now on."""
        if count != self.threads:
            self.threads = count
            api.llama_set_n_threads(self.pointer, count, count)

    def sample(self, chain: Any, row: int) -> int | None:
        """Draw a token from the output of batch entry `row`; `None` when its logits are no numbers."""
        logits = api.llama_get_logits_ith(self.pointer, row)
        # A NaN anywhere in the last layer reaches every logit, so one shows them all; samplers must not see them.
        if logits[0] != logits[0]:
            return None
        token = int(api.llama_sampler_sample(chain, self.pointer, row))
        chosen = logits[token]
        return None if chosen != chosen else token

    def likeliest(self, row: int, n_vocab: int) -> int | None:
        """The first token with the highest logit in the output of batch entry `row`; `None` where one is no number.

        llama.cpp's greedy sampler chooses the same one, but copies the whole vocabulary before it looks.
        """
        logits = self.output(row, n_vocab)
        token = int(logits.argmax())
        return None if np.isnan(logits[token]) else token

    def output(self, row: int, n_vocab: int) -> npt.NDArray[np.float32]:
        """The logits of batch entry `row`, shape (n_vocab,); valid until the next computation."""
        logits: npt.NDArray[np.float32] = np.ctypeslib.as_array(api.llama_get_logits_ith(self.pointer, row), (n_vocab,))
        return logits

    def logits(self, row: int, n_vocab: int) -> npt.NDArray[np.float32]:
        """A copy of the logits of batch entry `row`, shape (n_vocab,)."""
        return np.array(self.output(row, n_vocab), np.float32)

    def length(self, sequence: int) -> int:
        """Tokens of `sequence` in memory."""
        return int(api.llama_memory_seq_pos_max(self._memory, sequence)) + 1

    def truncate(self, sequence: int, length: int) -> bool:
        """Keep the first `length` tokens of `sequence`; when that cannot be, False, and nothing of it is left."""
        if length <= 0:
            self.forget(sequence)
            return True
        if self.begins(sequence, length) and api.llama_memory_seq_rm(self._memory, sequence, length, -1):
            return True
        self.forget(sequence)
        return False

    def begins(self, sequence: int, length: int) -> bool:
        """Another could begin with the first `length` tokens of `sequence`, which holds more.

        Cells that a sliding window has left behind may be used by others, the first ones first.
        """
        first = int(api.llama_memory_seq_pos_min(self._memory, sequence))
        return self.rewindable and first <= max(0, length - self._window if self._window else 0)

    def forget(self, sequence: int) -> None:
        """Drop all of `sequence`."""
        api.llama_memory_seq_rm(self._memory, sequence, -1, -1)

    def share(self, source: int, target: int, length: int, *, whole: bool) -> None:
        """Let `target`, which is empty, begin with the first `length` tokens of `source`; `whole`: these are all."""
        api.llama_memory_seq_cp(self._memory, source, target, *((-1, -1) if whole else (0, length)))

    def size(self, sequence: int) -> int:
        """Bytes of a copy of `sequence`; 0 when llama.cpp cannot make one."""
        return int(api.llama_state_seq_get_size(self.pointer, sequence))

    def save(self, sequence: int) -> npt.NDArray[np.uint8] | None:
        """A copy of `sequence`; `None` when llama.cpp cannot make one."""
        size = self.size(sequence)
        if not size:
            return None
        state = np.empty(size, np.uint8)
        written = api.llama_state_seq_get_data(self.pointer, state.ctypes.data_as(_BYTES), size, sequence)
        return state if written == size else None

    def restore(self, sequence: int, state: npt.NDArray[np.uint8]) -> bool:
        """Let `sequence`, which is empty, be what was saved; else it stays empty."""
        read = api.llama_state_seq_set_data(self.pointer, state.ctypes.data_as(_BYTES), state.nbytes, sequence)
        if not read:
            self.forget(sequence)
        return bool(read)

    def close(self) -> None:
        """Free the context; may be called twice."""
        if self.pointer:
            api.llama_free(self.pointer)
            self.pointer = None
