"""Devices to offload to: the GPUs of this machine, or a server on loopback that plays one."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from llmlab.engine.probe import probe

PROGRAM = "ggml-rpc-server"
PATIENCE = 20.0


class DeviceServer:
    """A `ggml-rpc-server` on loopback, whose device llama.cpp takes for a GPU."""

    def __init__(self, program: str) -> None:
        self._program = program
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = int(free.getsockname()[1])
        self.address = f"127.0.0.1:{self._port}"
        self.start()

    def start(self) -> None:
        command = [self._program, "-H", "127.0.0.1", "-p", str(self._port)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self._process.poll() is None:
            with socket.socket() as look:
                look.settimeout(0.2)
                if look.connect_ex(("127.0.0.1", self._port)) == 0:
                    return
        raise AssertionError(f"{self._program} does not start")

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@pytest.fixture
def server() -> Iterator[Callable[[], DeviceServer]]:
    """Starts servers on loopback; skips where this build cannot use them."""
    folder = os.environ.get("LLAMA_CPP_LIB_PATH", "")
    program = shutil.which(PROGRAM, path=folder or None)
    if program is None or (folder and not list(Path(folder).glob("*ggml-rpc*"))):
        pytest.skip(f"needs LLAMA_CPP_LIB_PATH: a folder with a build of llama.cpp with -DGGML_RPC=ON and {PROGRAM}")
    started: list[DeviceServer] = []

    def start() -> DeviceServer:
        started.append(DeviceServer(program))
        return started[-1]

    yield start
    for each in started:
        each.kill()


@pytest.fixture
def device(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """What `rpc` has to be for a device to be there: nothing where this machine has a GPU."""
    if probe().devices:
        return ()
    start: Callable[[], DeviceServer] = request.getfixturevalue("server")
    return (start().address,)
