"""The tokens from which one is drawn, in the form that llama.cpp's samplers work on."""

from __future__ import annotations

import ctypes
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from llama_cpp import llama_cpp as api

ENTRY: Final = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])
"""`llama_token_data`."""


class Candidates:
    """Up to a whole vocabulary of tokens; one work space that is filled again for every draw."""

    def __init__(self, size: int) -> None:
        """Room for `size` tokens."""
        self._data = np.zeros(size, ENTRY)
        self._ids = np.arange(size, dtype=np.int32)
        self._array = api.llama_token_data_array()
        kind = dict(api.llama_token_data_array._fields_)["data"]
        self._start = ctypes.cast(self._data.ctypes.data, kind)
        self._reference: Any = ctypes.byref(self._array)

    def fill(self, logits: npt.NDArray[np.float32]) -> None:
        """Hold every token with its logit."""
        self._data["id"] = self._ids
        self._data["logit"] = logits
        self._reset(len(logits))

    def hold(self, token: int) -> None:
        """Hold one token alone."""
        self._data[0] = (token, 1.0, 0.0)
        self._reset(1)

    def _reset(self, size: int) -> None:
        array = self._array
        array.data, array.size, array.selected, array.sorted = self._start, size, -1, False

    def pass_through(self, sampler: Any) -> None:
        """Let a sampler, or a chain of them, work on them."""
        api.llama_sampler_apply(sampler, self._reference)

    @property
    def possible(self) -> bool:
        """At least one can be drawn."""
        return bool((self._data["logit"][: self._array.size] > -np.inf).any())

    def draw(self, chain: Any) -> int:
        """The token that `chain` draws from them; -1 when it draws none."""
        self.pass_through(chain)
        place = int(self._array.selected)
        return int(self._left()["id"][place]) if 0 <= place < self._array.size else -1

    def _left(self) -> npt.NDArray[Any]:
        # A sampler may point the array elsewhere; what it points to is what counts.
        size = int(self._array.size)
        if ctypes.addressof(self._array.data.contents) == self._data.ctypes.data:
            return self._data[:size]
        held = ctypes.cast(self._array.data, ctypes.POINTER(ctypes.c_uint8))
        return np.ctypeslib.as_array(held, (size * ENTRY.itemsize,)).view(ENTRY)
