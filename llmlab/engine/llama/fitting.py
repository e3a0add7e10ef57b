"""llama.cpp's own fitting: loads a model without memory, measures, and moves layers until it fits its devices.

It is C++ of llama.cpp's common library, which the wheels do not bring and builds of llama.cpp do. Its symbol spells its
signature out, so a library with another signature counts as one without.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from llama_cpp import llama_cpp as api

_SYMBOL: Final = (
    "_Z17common_fit_paramsPKcP18llama_model_paramsP20llama_context_paramsPfP32llama_model_tensor_buft_overridePmjPK22"
    "common_fit_extra_model14ggml_log_level"
)
_LIBRARIES: Final = ("libllama-common.so", "libllama-common.dylib")
_FITS: Final = 0
_ONLY_ERRORS: Final = 4
"""ggml's log level from which on its measuring speaks."""

SPARE_LEAST: Final = 256 << 20
SPARE_MOST: Final = 1 << 30
"""Bytes of a device that are left alone: a sixteenth of it within these bounds."""


class _Override(ctypes.Structure):
    _fields_ = (("pattern", ctypes.c_char_p), ("buffer_type", ctypes.c_void_p))


@dataclass(frozen=True, slots=True)
class Fitted:
    """What llama.cpp chose."""

    layers: int
    """Layers on devices, the output counted as one; below 0 is all."""
    n_ctx: int
    """The window in tokens."""
    split: Any = None
    """Shares of the devices, as llama.cpp wants them; `None` leaves them to it."""
    overrides: Any = None
    """Tensors that go elsewhere than their layer, such as the experts of a mixture; `None` for none."""

    def apply(self, params: Any) -> None:
        """Write the choice into llama.cpp's parameters of a model; this must live as long as they are used."""
        params.n_gpu_layers = self.layers
        if self.split is not None:
            params.tensor_split = self.split
        if self.overrides is not None:
            params.tensor_buft_overrides = ctypes.cast(self.overrides, ctypes.c_void_p)


def available() -> bool:
    """Whether this build brings llama.cpp's own fitting."""
    return _function() is not None


def fit(
    path: str, model_params: Any, context_params: Any, totals: Sequence[int], smallest_window: int, beside: int = 0
) -> Fitted | None:
    """How the model at `path` fits its devices; `None` when it does not, or this build cannot tell.

    Args:
        path: the model file.
        model_params: llama.cpp's parameters; `n_gpu_layers` and `tensor_split` must be untouched.
        context_params: those of the context; a window of 0 tokens is to be chosen.
        totals: bytes of each device.
        smallest_window: tokens below which the window is not made smaller to save layers.
        beside: bytes that another model will take of the first device.
    """
    function = _function()
    if function is None:
        return None
    devices = int(api.llama_max_devices())
    split = (ctypes.c_float * devices)()
    overrides = (_Override * int(api.llama_max_tensor_buft_overrides()))()
    spare = [min(max(total // 16, SPARE_LEAST), SPARE_MOST) for total in totals]
    spare[:1] = [spare[0] + beside] if spare else []
    margins = (ctypes.c_size_t * devices)(*spare, *[SPARE_LEAST] * (devices - len(spare)))
    status = function(
        path.encode("utf-8", "surrogateescape"),
        ctypes.byref(model_params),
        ctypes.byref(context_params),
        split,
        overrides,
        margins,
        smallest_window,
        None,
        _ONLY_ERRORS,
    )
    if status != _FITS:
        return None
    return Fitted(
        layers=int(model_params.n_gpu_layers),
        n_ctx=int(context_params.n_ctx),
        split=split if any(split) else None,
        overrides=overrides if overrides[0].pattern else None,
    )


@cache
def _function() -> Any:
    """llama.cpp's function; `None` where there is no library beside llama.cpp's own that has it."""
    folder = Path(api._lib._name).parent
    for name in _LIBRARIES:
        try:
            symbol = getattr(ctypes.CDLL(str(folder / name)), _SYMBOL)
        except (OSError, AttributeError):
            continue
        symbol.restype = ctypes.c_int
        symbol.argtypes = [
            ctypes.c_char_p,
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.c_uint32,
            ctypes.c_void_p,
            ctypes.c_int,
        ]
        return symbol
    return None
