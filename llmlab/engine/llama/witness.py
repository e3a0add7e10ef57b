"""Sees what a chain of samplers draws from, without taking part: the last one in the chain, which changes nothing."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import numpy.typing as npt
from llama_cpp import llama_cpp as api

from llmlab.engine.llama.candidates import ENTRY


class Witness:
    """Keeps the tokens that were left at the last draw of any chain it watches; must outlive them all."""

    def __init__(self) -> None:
        self._seen = b""
        self._interface = api.llama_sampler_i()
        # llama.cpp holds pointers to both; all that is left out is NULL, which it allows.
        self._interface.apply = self._callback = api.llama_sampler_i_apply(self._look)

    def watch(self, chain: Any) -> None:
        """See every draw of `chain`, which has its last sampler by now and owns the one added here."""
        api.llama_sampler_chain_add(chain, api.llama_sampler_init(ctypes.byref(self._interface), None))

    def _look(self, _sampler: object, candidates: Any) -> None:
        array = candidates.contents
        self._seen = ctypes.string_at(array.data, array.size * ENTRY.itemsize)

    def probabilities(self) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
        """Tokens that the samplers left at the last draw, and the probabilities by which one of them was drawn."""
        left = np.frombuffer(self._seen, ENTRY)
        return left["id"], np.ascontiguousarray(left["p"])
