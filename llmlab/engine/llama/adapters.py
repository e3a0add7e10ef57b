"""LoRA adapters of a loaded model: checked before llama.cpp sees them, and switched between steps."""

from __future__ import annotations

import ctypes
from typing import Any

from llama_cpp import llama_cpp as api

from llmlab.domain.model import AdapterScales, ModelSpec
from llmlab.engine.gguf import GgufFile
from llmlab.engine.llama import library
from llmlab.engine.llama.checks import adapter_unfit, check_adapters, reason_of
from llmlab.errors import EngineError
from llmlab.words import say


class Adapters:
    """The adapters of one model, and which of them its context uses."""

    def __init__(self, scales: AdapterScales = ()) -> None:
        """None are loaded yet; `scales` is what a request gets that names none."""
        self._scales = scales
        self._pointers: dict[str, Any] = {}
        self.used: AdapterScales = ()
        """Those that the context computes with."""

    def load(self, spec: ModelSpec, gguf: GgufFile, model: Any, log: library.Log) -> None:
        """Load all adapters of `spec`; llama.cpp frees them with the model.

        Raises:
            ModelError: a file is missing, damaged, no LoRA adapter, or made for another model.
        """
        check_adapters(spec, gguf)
        for adapter in spec.lora:
            with log.errors() as errors:
                pointer = api.llama_adapter_lora_init(model, adapter.path.encode("utf-8", "surrogateescape"))
            if not pointer:  # a null pointer, which is not None
                raise adapter_unfit(adapter, reason_of(errors).removeprefix("failed to apply lora adapter: "))
            self._pointers[adapter.name] = pointer

    def wanted(self, asked: AdapterScales | None) -> AdapterScales:
        """The set that a request asks for: in one order, without those at 0.

        Raises:
            EngineError: it names an adapter that the model does not have.
        """
        scales = dict(self._scales if asked is None else asked)
        unknown = [name for name in scales if name not in self._pointers]
        if unknown:
            raise EngineError(
                say("The model has no LoRA adapter {name}.", name=unknown[0]),
                hint=say("It has: {names}.", names=", ".join(self._pointers))
                if self._pointers
                else say("Name adapters under lora in the model's table of models.toml."),
            )
        return tuple(sorted((name, scale) for name, scale in scales.items() if scale))

    def use(self, context: Any, wanted: AdapterScales) -> None:
        """Let `context` compute with exactly `wanted` from now on; what it holds was computed with another set."""
        if wanted != self.used:
            self.apply(context, wanted)
            self.used = wanted

    def apply(self, context: Any, wanted: AdapterScales) -> None:
        """Let `context`, which need not be that of the answers, compute with exactly `wanted`."""
        pointers = (api.llama_adapter_lora_p_ctypes * len(wanted))(*(self._pointers[name] for name, _ in wanted))
        scales = (ctypes.c_float * len(wanted))(*(scale for _, scale in wanted))
        api.llama_set_adapters_lora(context, pointers, len(wanted), scales)
