"""Opens a model file: checks it, decides where its layers go, loads it and makes its context, or says why it cannot."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

import psutil
from llama_cpp import llama_cpp as api

from llmlab.domain.model import Gpu, ModelSpec, Rope
from llmlab.engine.gguf import GgufFile, read_gguf
from llmlab.engine.health import wanted_window
from llmlab.engine.llama import fitting, library
from llmlab.engine.llama.adapters import Adapters
from llmlab.engine.llama.checks import (
    cache_is_known,
    check_purpose,
    check_window,
    context_refused,
    load_refused,
    without_vocabulary,
)
from llmlab.engine.llama.context import SEQUENCES_OF_STATE, Context, ContextSettings
from llmlab.engine.llama.devices import Device, gpu_devices
from llmlab.engine.llama.draft_spec import draft_estimate
from llmlab.engine.llama.fit import SEQUENCES, Estimate, Sizes, sizes_of
from llmlab.engine.llama.placement import Placement, place
from llmlab.engine.llama.threads import threads_for
from llmlab.engine.llama.vocabulary import Vocabulary
from llmlab.errors import EngineError
from llmlab.words import say

GRAIN: Final = 128
"""Prompt tokens that are computed, and reused, together where answers must not depend on what was computed before."""
SMALLEST_FITTED: Final = 4096
"""Tokens of a window below which llama.cpp moves layers off a device instead, as its own programs do."""
_PROGRESS_STEP: Final = 0.01
"""Progress is told when it grew by this share."""


class Weights:
    """A loaded model without a context."""

    def __init__(self, gguf: GgufFile, sizes: Sizes, pointer: Any, vocabulary: Vocabulary, adapters: Adapters) -> None:
        self.gguf = gguf
        self.sizes = sizes
        self.pointer = pointer
        self.vocabulary = vocabulary
        self.adapters = adapters
        self.n_gpu_layers = 0
        self.gpus: tuple[Device, ...] = ()
        """Devices that hold layers."""
        self.n_threads = 0
        self.load_s = 0.0
        self.notes: tuple[str, ...] = ()

    @property
    def layers(self) -> int:
        """Layers of the model, the output not counted."""
        return int(api.llama_model_n_layer(self.pointer))

    @property
    def keeps_state(self) -> bool:
        """It remembers a text as a state of fixed size, not as a cell for each token."""
        return bool(api.llama_model_is_recurrent(self.pointer) or api.llama_model_is_hybrid(self.pointer))

    def close(self) -> None:
        """Free the model; may be called twice."""
        if self.pointer:
            api.llama_model_free(self.pointer)
            self.pointer = None


class Model(Weights):
    """A loaded model and its context."""

    def __init__(
        self,
        gguf: GgufFile,
        sizes: Sizes,
        pointer: Any,
        vocabulary: Vocabulary,
        adapters: Adapters,
        context: Context,
    ) -> None:
        super().__init__(gguf, sizes, pointer, vocabulary, adapters)
        self.context = context

    def close(self) -> None:
        """Free the context, then the model; may be called twice."""
        self.context.close()
        super().close()


AnyWeights = TypeVar("AnyWeights", bound=Weights)
Make = Callable[[Weights, int], tuple[AnyWeights | None, library.Lines]]
"""Makes of weights what computes, with a window of so many tokens; `None` when memory does not suffice, and why."""


class Loader:
    """Loads one model; every failure is a `ModelError`, or an `EngineError` when it was cancelled."""

    def __init__(
        self,
        spec: ModelSpec,
        log: library.Log,
        progress: Callable[[float], None],
        give_up: Callable[[], bool],
        *,
        abort: Callable[[], bool],
    ) -> None:
        """Prepare.

        Args:
            spec: what to load.
            log: where llama.cpp's reasons come in.
            progress: called with the share loaded, 0 to 1.
            give_up: asked often while loading whether to stop.
            abort: asked often in long computations, later, whether to abort.
        """
        self._spec, self._log, self._give_up, self._abort = spec, log, give_up, abort
        self._progress = progress
        self._told = 0.0

    def another(self, spec: ModelSpec) -> Model:
        """A second model, loaded by the same rules; its progress is not told.

        Raises:
            ModelError: the file or its settings cannot be used.
            EngineError: loading was cancelled.
        """
        return Loader(spec, self._log, lambda _fraction: None, self._give_up, abort=self._abort).load()

    def load(self) -> Model:
        """The model, ready to compute.

        Raises:
            ModelError: the file or its settings cannot be used.
            EngineError: loading was cancelled.
        """
        gguf = read_gguf(self._spec.path)
        n_ctx = wanted_window(self._spec, gguf.of_architecture("context_length"))
        model = self._open(gguf, n_ctx, self._make_context)
        model.notes = (*model.notes, *self._window_notes(gguf, model.context.n_ctx))
        return model

    def load_weights(self) -> Weights:
        """The model without a context.

        Raises:
            ModelError: the file or its settings cannot be used.
            EngineError: loading was cancelled.
        """
        return self._open(read_gguf(self._spec.path), 0, lambda weights, _n_ctx: (weights, library.Lines()))

    def _open(self, gguf: GgufFile, n_ctx: int, make: Make[AnyWeights]) -> AnyWeights:
        started, spec = time.monotonic(), self._spec
        check_purpose(gguf, spec.purpose)
        sizes = sizes_of(gguf, spec.cache_type_k, spec.cache_type_v)
        placement = place(spec, sizes, n_ctx)
        if n_ctx:
            placement, n_ctx = self._fit(gguf, sizes, placement, n_ctx)
        model = self._load(gguf, sizes, placement, n_ctx, make)
        model.n_threads = threads_for(spec.n_threads)
        model.load_s = time.monotonic() - started
        if self._give_up():
            model.close()
            raise EngineError(say("Loading was cancelled."))
        model.notes = (*model.notes, *placement.notes, *self._notes(sizes))
        return model

    def _fit(self, gguf: GgufFile, sizes: Sizes, placement: Placement, n_ctx: int) -> tuple[Placement, int]:
        """The placement and the window that memory suffices for, as far as the spec leaves them open."""
        spec = self._spec
        # Without a window of the user's, llama.cpp may make a smaller one before it moves layers off a device.
        free = spec.n_ctx is None and spec.rope == Rope()
        if placement.fitted and fitting.available():
            fitted = self._measure(placement, 0 if free else n_ctx, n_ctx)
            if fitted is not None:
                window = min(n_ctx, fitted.n_ctx)
                notes = (*placement.notes, say("llama.cpp itself measured what fits."), *_smaller(window, n_ctx))
                return dataclasses.replace(placement, layers=fitted.layers, own=fitted, notes=notes), window
        if not free or not cache_is_known(gguf) or (placement.layers and not placement.fitted):
            return placement, n_ctx
        found = gpu_devices() if placement.gpus else ()
        gpus = tuple(Gpu(each.name, each.description, each.free, each.total) for each in found)
        memory = psutil.virtual_memory().available
        draft = draft_estimate(spec, n_ctx, memory)
        estimate = Estimate(spec, gguf, sizes, min(SEQUENCES, spec.n_batch), memory, gpus, draft)
        window = estimate.fit(n_ctx).fitting or n_ctx
        if window == n_ctx:
            return placement, n_ctx
        again = place(spec, sizes, window)
        return dataclasses.replace(again, notes=(*again.notes, *_smaller(window, n_ctx))), window

    def _measure(self, placement: Placement, n_ctx: int, wanted: int) -> fitting.Fitted | None:
        """What llama.cpp itself finds for a window of `n_ctx` tokens, 0 to be chosen."""
        params = api.llama_model_default_params()
        _kept = dataclasses.replace(placement, layers=params.n_gpu_layers).apply(params)
        if placement.split:
            # It does not fit within shares that somebody gave.
            return None
        threads = threads_for(self._spec.n_threads)
        sequences = 1 if self._spec.deterministic else min(SEQUENCES, self._spec.n_batch)
        settings = ContextSettings.of(self._spec, n_ctx=n_ctx, sequences=sequences, threads=threads)
        totals = [device.total for device in placement.gpus]
        draft = draft_estimate(self._spec, wanted, 0)
        beside = draft.fit(wanted).need if draft else 0
        return fitting.fit(self._spec.path, params, settings.params(), totals, min(wanted, SMALLEST_FITTED), beside)

    def _load(
        self, gguf: GgufFile, sizes: Sizes, placement: Placement, n_ctx: int, make: Make[AnyWeights]
    ) -> AnyWeights:
        """Load with the layers of `placement`; where they were fitted, with fewer each time memory does not suffice."""
        layers, whole = placement.layers, len(sizes.layers) + 1
        while True:
            if layers == 0 and n_ctx:
                check_window(self._spec, gguf, sizes, n_ctx, psutil.virtual_memory().available)
            pointer, errors = self._read_weights(dataclasses.replace(placement, layers=layers))
            if pointer:
                try:
                    model, errors = make(self._weights(gguf, sizes, pointer), n_ctx)
                except BaseException:
                    api.llama_model_free(pointer)
                    raise
                if model is not None:
                    model.n_gpu_layers = layers if layers >= 0 else model.layers + 1
                    model.gpus = placement.gpus if layers else ()
                    if placement.fitted:
                        model.notes = (self._chosen(whole if layers < 0 else layers, whole),)
                    return model
                api.llama_model_free(pointer)
            if self._give_up():
                raise EngineError(say("Loading was cancelled."))
            if not placement.fitted or layers == 0:
                if pointer:
                    raise context_refused(self._spec, sizes, n_ctx, errors, psutil.virtual_memory().available)
                raise load_refused(self._spec, errors)
            layers, placement = (whole if layers < 0 else layers) * 3 // 4, dataclasses.replace(placement, own=None)

    @staticmethod
    def _chosen(layers: int, whole: int) -> str:
        if layers >= whole:
            return say("All {count} layers fit the GPU.", count=whole)
        return say("{layers} of {count} layers fit the GPU; the others run on the CPU.", layers=layers, count=whole)

    def _read_weights(self, placement: Placement) -> tuple[Any, library.Lines]:
        params = api.llama_model_default_params()
        _kept = placement.apply(params)
        callback = api.llama_progress_callback(self._on_progress)
        params.progress_callback = callback
        with self._log.errors() as errors:
            pointer = api.llama_model_load_from_file(str(self._spec.path).encode("utf-8", "surrogateescape"), params)
        return pointer, errors

    def _on_progress(self, fraction: float, _data: object) -> bool:
        if fraction >= self._told + _PROGRESS_STEP or (fraction >= 1.0 > self._told):
            self._told = fraction
            self._progress(min(fraction, 1.0))
        return not self._give_up()

    def _weights(self, gguf: GgufFile, sizes: Sizes, pointer: Any) -> Weights:
        adapters = Adapters(self._spec.adapter_scales)
        adapters.load(self._spec, gguf, pointer, self._log)
        vocabulary = Vocabulary(api.llama_model_get_vocab(pointer))
        if not vocabulary.usable:
            raise without_vocabulary(self._spec)
        return Weights(gguf, sizes, pointer, vocabulary, adapters)

    def _make_context(self, weights: Weights, n_ctx: int) -> tuple[Model | None, library.Lines]:
        pointer, keeps_state = weights.pointer, weights.keeps_state
        threads = threads_for(self._spec.n_threads)
        # Each sequence may want an entry in every batch.
        sequences = min(SEQUENCES_OF_STATE if keeps_state else SEQUENCES, self._spec.n_batch)
        grain = 1
        if self._spec.deterministic:
            # Sums are built in another order beside other sequences, at other places in memory, and in other pieces.
            sequences, grain = 1, min(GRAIN, self._spec.n_ubatch, self._spec.n_batch)
        settings = ContextSettings.of(self._spec, n_ctx=n_ctx, sequences=sequences, threads=threads)
        with self._log.errors() as errors:
            made = api.llama_init_from_model(pointer, settings.params())
            if not made and self._spec.flash_attn == "auto":
                made = api.llama_init_from_model(pointer, dataclasses.replace(settings, flash_attn=0).params())
        if not made:
            return None, errors
        adapters = weights.adapters
        context = Context(
            made,
            rewindable=not keeps_state,
            give_up=self._abort,
            adapters=adapters,
            grain=grain,
            window=max(0, int(api.llama_model_n_swa(pointer))),
        )
        return Model(weights.gguf, weights.sizes, pointer, weights.vocabulary, adapters, context), errors

    def _window_notes(self, gguf: GgufFile, n_ctx: int) -> tuple[str, ...]:
        trained = gguf.of_architecture("context_length")
        rope = self._spec.rope
        stretched = rope.factor is not None or rope.scale is not None
        if not (trained and n_ctx > trained and (self._spec.n_ctx or 0) > trained and not stretched):
            return ()
        return (
            say(
                "The window of {n_ctx} tokens is longer than the {trained} the model was trained on; "
                "set rope.scaling and rope.factor, or expect worse answers past it.",
                n_ctx=f"{n_ctx:,}",
                trained=f"{trained:,}",
            ),
        )

    def _notes(self, sizes: Sizes) -> tuple[str, ...]:
        notes = []
        memory = psutil.virtual_memory().total
        if sizes.total > memory:
            notes.append(
                say(
                    "The model's {need} are more than the machine's memory, {have}; it will be slow.",
                    need=in_gigabytes(sizes.total),
                    have=in_gigabytes(memory),
                )
            )
        asked = self._spec.n_threads
        if asked != "auto" and threads_for(asked) < asked:
            notes.append(
                say(
                    "{asked} threads are more than this machine can use; {used} are used.",
                    asked=asked,
                    used=threads_for(asked),
                )
            )
        return tuple(notes)


def _smaller(window: int, wanted: int) -> tuple[str, ...]:
    """The note of a window that was made smaller so that it fits."""
    if window >= wanted:
        return ()
    return (
        say(
            "The window is {window} tokens and not {wanted}, so that it fits into what is free; n_ctx sets it.",
            window=f"{window:,}",
            wanted=f"{wanted:,}",
        ),
    )


def in_gigabytes(size: float) -> str:
    """`size` bytes for a person."""
    return f"{size / (1 << 30):.1f} GB"
