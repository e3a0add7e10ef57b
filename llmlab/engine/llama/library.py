"""llama.cpp's library in this process: its log, and whether these bindings fit it."""

from __future__ import annotations

import ctypes
import os
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Final

from llama_cpp import llama_cpp as api

from llmlab.errors import EngineError
from llmlab.words import say

LEVEL_WARN: Final = 3
LEVEL_ERROR: Final = 4
LEVEL_CONTINUED: Final = 5
"""ggml's log levels: none 0, debug 1, info 2, warn 3, error 4, and 5 for the rest of an unfinished line."""

_KEPT_ERRORS: Final = 50
"""Error lines of one step that are remembered."""

Lines = deque[str]
"""Lines of the log."""


class Log:
    """Sends what llama.cpp says to the process's stderr and remembers the errors of the step at hand."""

    def __init__(self) -> None:
        self._errors: Lines | None = None
        self._level = 0
        self._callback = api.llama_log_callback(self._receive)

    def install(self) -> None:
        """Take the log over from the bindings, whose levels are shifted and hide errors."""
        api.llama_log_set(self._callback, ctypes.c_void_p(0))

    @contextmanager
    def errors(self) -> Iterator[Lines]:
        """Collect the error lines of a step, first ones kept."""
        collected: Lines = deque()
        self._errors = collected
        try:
            yield collected
        finally:
            self._errors = None

    def _receive(self, level: int, text: bytes, _data: object) -> None:
        if level != LEVEL_CONTINUED:
            self._level = level
        if self._level >= LEVEL_ERROR and self._errors is not None and len(self._errors) < _KEPT_ERRORS:
            self._errors.append(text.decode("utf-8", "replace").strip())
        if self._level >= 2:
            try:
                os.write(2, text)
            except OSError:
                # The log is full or gone; the engine goes on without it.
                return


def start() -> None:
    """Check that these bindings fit the library, and start it.

    Raises:
        EngineError: structures do not have the shape that this llmlab was written for.
    """
    model, context = api.llama_model_default_params(), api.llama_context_default_params()
    sane = (
        context.n_batch == 2048
        and context.n_ubatch == 512
        and context.n_seq_max == 1
        and context.flash_attn_type == -1
        and context.type_k == 1
        and context.type_v == 1
        and not context.kv_unified
        and not context.embeddings
        and model.n_gpu_layers == -1
        and not model.vocab_only
        and model.main_gpu == 0
    )
    if not sane:
        raise EngineError(
            say("The installed llama-cpp-python {version} does not fit this llmlab.", version=binding_version()),
            hint=say("Install a version >= 0.3.36 and < 0.4 of llama-cpp-python."),
        )
    api.llama_backend_init()


def binding_version() -> str:
    """Version of llama-cpp-python."""
    return version("llama-cpp-python")


def build_name() -> str:
    """llama-cpp-python's version and what its library was built with."""
    features = api.llama_print_system_info().decode("utf-8", "replace")
    return f"llama-cpp-python {binding_version()} ({features.strip(' |')})"
