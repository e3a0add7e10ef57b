"""The devices that can hold layers: GPUs of this machine, and those of other machines that the user names."""

from __future__ import annotations

import ctypes
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from llama_cpp import _ggml as ggml
from llama_cpp import llama_cpp as api

from llmlab.errors import ModelError
from llmlab.words import say

_DISCRETE: Final = 1
_INTEGRATED: Final = 2
"""ggml's device types that hold layers: a GPU with its own memory, and one that shares the CPU's."""

CONNECT_TIMEOUT: Final = 5.0
"""Seconds that another machine may take to accept a connection."""

_SIZE_P: Final = ctypes.POINTER(ctypes.c_size_t)


@dataclass(frozen=True, slots=True)
class Device:
    """A device that can hold layers."""

    name: str
    """As llama.cpp calls it, `CUDA0`."""
    description: str
    """As its maker calls it; the address of one on another machine."""
    free: int
    """Bytes."""
    total: int
    """Bytes; shared with the CPU on integrated GPUs."""
    remote: bool = False
    """It belongs to another machine."""
    integrated: bool = False
    handle: int = 0
    """ggml's pointer."""


def can_offload() -> bool:
    """The library has a GPU backend."""
    return bool(api.llama_supports_gpu_offload())


def gpu_devices() -> tuple[Device, ...]:
    """The devices that llama.cpp would use, in its order, with their memory now.

    Those of other machines come first; integrated GPUs count only where there is no other.
    """
    found = [_device(handle) for handle in _handles()]
    remote = [device for device in found if device.remote]
    local = [device for device in found if not device.remote]
    discrete = [device for device in local if not device.integrated]
    return (*remote, *(discrete or local))


def _handles() -> list[int]:
    get = _function("ggml_backend_dev_get", ctypes.c_void_p, ctypes.c_size_t)
    kind = _function("ggml_backend_dev_type", ctypes.c_int, ctypes.c_void_p)
    handles = [get(index) for index in range(_function("ggml_backend_dev_count", ctypes.c_size_t)())]
    return [handle for handle in handles if handle and kind(handle) in (_DISCRETE, _INTEGRATED)]


def _device(handle: int) -> Device:
    free, total = ctypes.c_size_t(), ctypes.c_size_t()
    _function("ggml_backend_dev_memory", None, ctypes.c_void_p, _SIZE_P, _SIZE_P)(
        handle, ctypes.byref(free), ctypes.byref(total)
    )
    name, description = (
        _text(_function(f"ggml_backend_dev_{what}", ctypes.c_char_p, ctypes.c_void_p)(handle))
        for what in ("name", "description")
    )
    registry = _function("ggml_backend_dev_backend_reg", ctypes.c_void_p, ctypes.c_void_p)(handle)
    remote = _text(_function("ggml_backend_reg_name", ctypes.c_char_p, ctypes.c_void_p)(registry)).startswith("RPC")
    integrated = _function("ggml_backend_dev_type", ctypes.c_int, ctypes.c_void_p)(handle) == _INTEGRATED
    return Device(name, description or name, free.value, total.value, remote, integrated, handle)


def connect(servers: Sequence[str]) -> None:
    """Make the devices of other machines known: the only place of llmlab that opens a network connection.

    Args:
        servers: `host:port` of each machine's `ggml-rpc-server`.

    Raises:
        ModelError: this build cannot, or nobody answers there.
    """
    for server in servers:
        add = _add_server()
        if add is None:
            raise ModelError(
                say("This build of llama-cpp-python cannot use other machines (rpc)."),
                where=server,
                hint=say('Build it with CMAKE_ARGS="-DGGML_RPC=ON" (see the README), or remove rpc from the table.'),
            )
        host, _, port = server.rpartition(":")
        try:
            # ggml ends the process where nobody answers; a look beforehand is an error that can be read.
            socket.create_connection((host.strip("[]"), int(port)), CONNECT_TIMEOUT).close()
        except OSError as error:
            raise _unreachable(server, error.strerror or str(error)) from error
        registry = add(server.encode())
        if not registry:
            raise _unreachable(server, say("it offers no device"))
        _function("ggml_backend_register", None, ctypes.c_void_p)(registry)


def _add_server() -> Any:
    """The function of ggml that adds a server; `None` in a build without RPC."""
    by_name = _function("ggml_backend_reg_by_name", ctypes.c_void_p, ctypes.c_char_p)
    registry = by_name(b"RPC")
    if not registry:
        return None
    address = _function("ggml_backend_reg_get_proc_address", ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p)(
        registry, b"ggml_backend_rpc_add_server"
    )
    return ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_char_p)(address) if address else None


def _unreachable(server: str, reason: str) -> ModelError:
    return ModelError(
        say("The machine {server} cannot be used: {reason}.", server=server, reason=reason),
        where=say("rpc of the model's table"),
        hint=say("Start ggml-rpc-server there, or remove it from rpc."),
    )


def _text(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", "replace")


@cache
def _function(name: str, result: Any, *arguments: Any) -> Any:
    """A function of ggml, from the library that llama.cpp itself uses: another build may stand in for the wheel's."""
    symbol = getattr(api._lib, name, None) or getattr(ggml.libggml, name)
    prototype = ctypes.CFUNCTYPE(result, *arguments)
    return prototype(ctypes.cast(symbol, ctypes.c_void_p).value or 0)
