"""Decides where the layers of a model go: how many to GPUs, and to which."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any, Final

from llama_cpp import llama_cpp as api

from llmlab.domain.model import ModelSpec
from llmlab.engine.llama import devices
from llmlab.engine.llama.fit import Sizes, layers_that_fit, room_on
from llmlab.engine.llama.fitting import Fitted
from llmlab.errors import ModelError
from llmlab.words import say

ALL: Final = -1
"""llama.cpp's number of layers that means every one."""
_ONE_GPU: Final = 0
"""llama.cpp's split mode in which one device gets all."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the layers go."""

    layers: int
    """Layers on GPUs; `ALL` is every one, the output with them."""
    fitted: bool = False
    """The number was chosen here, so that fewer may be tried."""
    gpus: tuple[devices.Device, ...] = ()
    """The devices that get layers, in order."""
    split: tuple[float, ...] = ()
    """Share of each; empty leaves it to llama.cpp, which goes by their free memory."""
    chosen: bool = False
    """The user chose the devices or their shares."""
    own: Fitted | None = None
    """What llama.cpp chose itself; it may hold more than the number of layers."""
    notes: tuple[str, ...] = ()

    def apply(self, params: Any) -> tuple[Any, ...]:
        """Write layers, devices and shares into llama.cpp's parameters of a model; keep what is returned until then."""
        params.n_gpu_layers = self.layers
        if self.own is not None:
            self.own.apply(params)
        if not self.chosen or not self.layers:
            return ()
        handles = (ctypes.c_void_p * (len(self.gpus) + 1))(*(device.handle for device in self.gpus), None)
        shares = (ctypes.c_float * int(api.llama_max_devices()))(*self.split)
        params.devices = ctypes.cast(handles, ctypes.c_void_p)
        if self.split:
            params.tensor_split = shares
        elif len(self.gpus) == 1:
            params.split_mode, params.main_gpu = _ONE_GPU, 0
        return handles, shares


def place(spec: ModelSpec, sizes: Sizes, n_ctx: int) -> Placement:
    """Where the layers of a model of these `sizes` go, as `spec` asks.

    Raises:
        ModelError: it asks for devices that are not there.
    """
    asked = spec.n_gpu_layers
    if asked == 0:
        return Placement(0)
    devices.connect(spec.rpc)
    found = devices.gpu_devices() if devices.can_offload() else ()
    if not found:
        why = (
            say("No GPU was found; the model runs on the CPU.")
            if devices.can_offload()
            else say("This build of llama-cpp-python has no GPU support; the model runs on the CPU.")
        )
        return Placement(0, notes=(why,))
    gpus, split = _chosen(spec, found)
    chosen = spec.main_gpu is not None or bool(split)
    if asked != "auto":
        return Placement(ALL if asked == "all" else asked, False, gpus, split, chosen)
    free = room_on([device.free for device in gpus], split)
    return Placement(min(len(sizes.layers) + 1, layers_that_fit(sizes, n_ctx, free)), True, gpus, split, chosen)


def _chosen(spec: ModelSpec, found: tuple[devices.Device, ...]) -> tuple[tuple[devices.Device, ...], tuple[float, ...]]:
    """The devices that `spec` wants of those `found`, and their shares."""
    if spec.main_gpu is not None:
        if spec.main_gpu >= len(found):
            raise _no_such_gpu(spec, say("There is no GPU {number}.", number=spec.main_gpu), "main_gpu", found)
        return (found[spec.main_gpu],), ()
    split = spec.tensor_split
    if len(split) > len(found):
        what = say("{count} shares are given and there are {found} GPUs.", count=len(split), found=len(found))
        raise _no_such_gpu(spec, what, "tensor_split", found)
    if not split:
        return found, ()
    pairs = [(device, share) for device, share in zip(found, split, strict=False) if share > 0]
    return tuple(device for device, _ in pairs), tuple(share for _, share in pairs)


def _no_such_gpu(spec: ModelSpec, what: str, key: str, found: tuple[devices.Device, ...]) -> ModelError:
    listed = ", ".join(f"{number}: {device.description} ({device.name})" for number, device in enumerate(found))
    return ModelError(
        what,
        where=say("{key} of model {name}", key=key, name=spec.name),
        hint=say("There are: {devices}.", devices=listed),
    )
