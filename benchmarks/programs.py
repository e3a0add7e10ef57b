"""llama.cpp's own programs, built once from the very sources that llama-cpp-python vendors, and run."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

NAMES: Final = ("llama-bench", "llama-batched-bench", "llama-server", "ggml-rpc-server")
"""The programs, which are cmake targets of the same names."""
SETTINGS: Final = (
    "-DCMAKE_BUILD_TYPE=Release",
    "-DGGML_RPC=ON",
    "-DLLAMA_OPENSSL=OFF",
    "-DLLAMA_BUILD_UI=OFF",
    "-DLLAMA_USE_PREBUILT_UI=OFF",
    "-DLLAMA_BUILD_TESTS=OFF",
)
"""Nothing is downloaded while they are built."""
PATIENCE: Final = 900.0
"""Seconds that a program may take to answer."""


def built(cache: Path) -> Path:
    """The folder in which the programs of the installed version are, or will be."""
    return cache / f"llama.cpp-{version('llama-cpp-python')}" / "bin"


def complete(folder: Path) -> bool:
    """All programs are there."""
    return all(shutil.which(name, path=folder) for name in NAMES)


def build(cache: Path) -> Path:
    """Download the source package of the installed version, build the programs in a quarter of an hour or so."""
    target = built(cache)
    if complete(target):
        return target
    package = f"llama-cpp-python=={version('llama-cpp-python')}"
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as name:
        folder = Path(name)
        # Its build tools may come ready made; they are needed to read its metadata.
        download = ["pip", "download", "--no-binary", "llama-cpp-python", "--no-deps", "-d", name, package]
        subprocess.run([sys.executable, "-m", *download], check=True)
        with tarfile.open(next(folder.glob("*.tar.gz"))) as archive:
            archive.extractall(folder, filter="data")
        source = next(folder.glob("*/vendor/llama.cpp"))
        work = target.parent
        subprocess.run(["cmake", "-S", str(source), "-B", str(work), *SETTINGS], check=True)
        subprocess.run(
            ["cmake", "--build", str(work), "--config", "Release", "-j", str(os.cpu_count() or 1), "--target", *NAMES],
            check=True,
        )
    if not complete(target):
        raise FileNotFoundError(f"the programs were built, but not into {target}")
    return target


@dataclass(frozen=True, slots=True)
class Programs:
    """llama.cpp's programs on one model with so many threads."""

    folder: Path
    model: Path
    threads: int

    def bench(self, *, read: int = 0, write: int = 0) -> float:
        """Tokens a second of `llama-bench`, reading a prompt of `read` tokens or writing `write`."""
        rows = self._run("llama-bench", "-p", read, "-n", write, "-r", 1, "-o", "json", "-t", self.threads)
        return float(json.loads(rows)[0]["avg_ts"])

    def batched(self, *, prefix: int, write: int, sequences: int) -> tuple[float, float]:
        """Seconds in all, and tokens written a second, of `llama-batched-bench -pps`: one prefix for all sequences."""
        size = prefix + sequences * write
        shape = ("-npp", prefix, "-ntg", write, "-npl", sequences, "-pps", "-kvu", "-c", size)
        lines = self._run("llama-batched-bench", *shape, "-t", self.threads, "--output-format", "jsonl").splitlines()
        row = next(json.loads(line) for line in lines if line.startswith("{"))
        return float(row["t"]), float(row["speed_tg"])

    def _run(self, name: str, *options: object) -> str:
        command = [str(self.folder / name), "-m", str(self.model), *map(str, options)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
        if done.returncode:
            raise RuntimeError(f"{name} failed: {done.stderr[-500:]}")
        return done.stdout

    @contextmanager
    def server(self, *, slots: int, window: int, unified: bool, options: Sequence[str] = ()) -> Iterator[Server]:
        """A `llama-server` on loopback with nothing in its cache, ended with the block."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [str(self.folder / "llama-server"), "-m", str(self.model), "--host", "127.0.0.1", "--port", str(port)]
        command += [
            "-t",
            str(self.threads),
            "-np",
            str(slots),
            "-c",
            str(window),
            "--kv-unified" if unified else "-no-kvu",
            *options,
        ]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            server = Server(port)
            server.wait(process)
            yield server
        finally:
            process.terminate()
            process.wait()


@dataclass(frozen=True, slots=True)
class Server:
    """A running `llama-server`."""

    port: int

    def wait(self, process: subprocess.Popen[Any]) -> None:
        """Until it is ready."""
        deadline, pause = time.monotonic() + 60, threading.Event()
        while time.monotonic() < deadline and process.poll() is None:
            try:
                if self.ask("GET", "/health", None).get("status") == "ok":
                    return
            except OSError:
                pass
            pause.wait(0.1)
        raise RuntimeError("llama-server did not start")

    def complete(self, prompt: Sequence[int], count: int, *, answers: int = 1, seed: int = 1) -> int:
        """Tokens of `answers` answers to one prompt."""
        body = {
            "prompt": list(prompt), "n_predict": count, "n_cmpl": answers, "seed": seed, "ignore_eos": True,
            "temperature": 0.8, "top_k": 40, "top_p": 0.95, "min_p": 0.05,
        }  # fmt: skip
        reply = self.ask("POST", "/completion", body)
        replies = reply if isinstance(reply, list) else [reply]
        return sum(int(each["tokens_predicted"]) for each in replies)

    def together(self, prompts: Sequence[Sequence[int]], count: int) -> float:
        """Seconds until all `prompts`, sent at once, are answered with `count` tokens each."""
        begun = time.perf_counter()
        with ThreadPoolExecutor(len(prompts)) as crowd:
            written = sum(crowd.map(lambda prompt: self.complete(prompt, count), prompts))
        if written != count * len(prompts):
            raise RuntimeError(f"llama-server wrote {written} tokens")
        return time.perf_counter() - begun

    def ask(self, verb: str, path: str, body: object) -> Any:
        """The JSON reply to a request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(verb, path, json.dumps(body), {"Content-Type": "application/json"})
            reply = connection.getresponse()
            data = reply.read()
            if reply.status not in (200, 503):
                raise RuntimeError(f"llama-server: {data[:300]!r}")
            return json.loads(data)
        finally:
            connection.close()
