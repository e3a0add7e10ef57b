"""Three ways to run the same model, each in a process of its own: a bare loop, the usual binding, and llmlab."""

from __future__ import annotations

import asyncio
import ctypes
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import IO, Any

from llmlab.domain.generation import Failed, Finished, Piece, Reading
from llmlab.domain.model import ModelSpec
from llmlab.domain.sampling import DEFAULTS, Sampling
from llmlab.engine.child import ChildEngine
from llmlab.engine.protocol import GenerationRequest

N_CTX = 4096


@dataclass(frozen=True, slots=True)
class Run:
    """One answer, timed where it is received."""

    first_s: float
    """From the request to the first token."""
    decode_s: float
    """From the first token to the last."""
    tokens: int
    reused: int = 0
    text_of_stray: bool = False
    """The answer holds U+FFFD."""
    ids: tuple[int, ...] = ()

    @property
    def speed(self) -> float:
        """Tokens a second after the first."""
        return (self.tokens - 1) / self.decode_s if self.tokens > 1 else 0.0


Answerer = Callable[[list[int], int], Run]


def bare(model_path: str, threads: int) -> Answerer:
    """The shortest loop on the low-level bindings: decode, sample greedily, again."""
    import numpy as np
    from llama_cpp import llama_cpp as api

    silence = api.llama_log_callback(lambda *_: None)
    api.llama_log_set(silence, ctypes.c_void_p(0))
    model = api.llama_model_load_from_file(model_path.encode(), api.llama_model_default_params())
    params = api.llama_context_default_params()
    params.n_ctx, params.n_threads, params.n_threads_batch = N_CTX, threads, threads
    context = api.llama_init_from_model(model, params)
    memory = api.llama_get_memory(context)
    sampler = api.llama_sampler_init_greedy()
    batch = api.llama_batch_init(512, 0, 1)
    token, position, wanted = (np.ctypeslib.as_array(field, (512,)) for field in (batch.token, batch.pos, batch.logits))
    for index in range(512):
        batch.n_seq_id[index] = 1
        batch.seq_id[index][0] = 0

    def answer(prompt: list[int], count: int) -> Run:
        _keep = silence
        api.llama_memory_clear(memory, False)
        begun = time.perf_counter()
        for start in range(0, len(prompt), 512):
            part = prompt[start : start + 512]
            token[: len(part)] = part
            position[: len(part)] = range(start, start + len(part))
            wanted[: len(part)] = 0
            wanted[len(part) - 1] = 1
            batch.n_tokens = len(part)
            api.llama_decode(context, batch)
        drawn = api.llama_sampler_sample(sampler, context, -1)
        first = time.perf_counter()
        ids = [drawn]
        batch.n_tokens = 1
        wanted[0] = 1
        for place in range(len(prompt), len(prompt) + count - 1):
            token[0], position[0] = drawn, place
            api.llama_decode(context, batch)
            drawn = api.llama_sampler_sample(sampler, context, -1)
            ids.append(drawn)
        return Run(first - begun, time.perf_counter() - first, len(ids), ids=tuple(ids))

    return answer


def binding(model_path: str, threads: int, **sampling: Any) -> Answerer:
    """`Llama.create_completion`, streaming, as its users write it; its default sampling unless told otherwise."""
    from llama_cpp import Llama

    llama = Llama(model_path, n_ctx=N_CTX, n_threads=threads, n_threads_batch=threads, verbose=False)

    def answer(prompt: list[int], count: int) -> Run:
        llama.reset()
        begun = time.perf_counter()
        first, text, reason = 0.0, [], None
        for chunk in llama.create_completion(prompt, max_tokens=count, stream=True, **sampling):
            first = first or time.perf_counter()
            text.append(chunk["choices"][0]["text"])
            reason = chunk["choices"][0]["finish_reason"]
        if reason != "length":
            raise RuntimeError(f"the answer ended with {reason}")
        return Run(first - begun, time.perf_counter() - first, count, text_of_stray="\ufffd" in "".join(text))

    return answer


def calls(model_path: str, threads: int, *, cached: bool = True) -> Answerer:
    """`Llama.create_completion` call after call, as people write it; it reuses the last prompt's beginning.

    Not `cached`, each call reads its prompt whole, as where each has a `Llama`, or a process, of its own.
    """
    from llama_cpp import Llama

    llama = Llama(model_path, n_ctx=N_CTX, n_threads=threads, n_threads_batch=threads, verbose=False)

    def answer(prompt: list[int], count: int) -> Run:
        if not cached:
            llama.reset()
        begun = time.perf_counter()
        llama.create_completion(prompt, max_tokens=count)
        return Run(0.0, time.perf_counter() - begun, count)

    return answer


def serve(kind: str, model_path: str, threads: int) -> None:
    """Answer requests of stdin, `[prompt, count]` a line, until it closes."""
    kinds: dict[str, Callable[[str, int], Answerer]] = {
        "bare": bare,
        "binding": partial(binding, temperature=0.0),
        "binding, default sampling": binding,
        "calls": calls,
        "calls, nothing cached": partial(calls, cached=False),
    }
    answer = kinds[kind](model_path, threads)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        sys.stdout.write(json.dumps(asdict(answer(*json.loads(line)))) + "\n")
        sys.stdout.flush()


@contextmanager
def contender(kind: str, model_path: Path, threads: int) -> Iterator[Answerer]:
    """A contender in a process of its own, ready to answer."""
    command = [sys.executable, "-m", "benchmarks.contenders", kind, str(model_path), str(threads)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    requests, replies = _pipes(process)
    if replies.readline().strip() != "ready":
        raise RuntimeError(f"the contender {kind} did not start")

    def answer(prompt: list[int], count: int) -> Run:
        requests.write(json.dumps([prompt, count]) + "\n")
        requests.flush()
        reply: dict[str, Any] = json.loads(replies.readline())
        return Run(**{**reply, "ids": tuple(reply["ids"])})

    try:
        yield answer
    finally:
        requests.close()
        process.wait()


@contextmanager
def lab(model_path: Path, threads: int, temperature: float = 0.0) -> Iterator[Answerer]:
    """The engine of llmlab as its services use it: a child process; time is taken where text arrives."""
    sampling = replace(DEFAULTS, temperature=temperature, seed=1)
    loop = asyncio.new_event_loop()
    with closing(loop), tempfile.TemporaryDirectory() as folder:
        engine = ChildEngine(log=Path(folder) / "engine.log")
        spec = ModelSpec(name="benchmark", path=str(model_path), n_ctx=N_CTX, n_threads=threads)
        loop.run_until_complete(engine.load(spec, lambda _share: None))
        try:
            yield lambda prompt, count: loop.run_until_complete(_ask(engine, prompt, count, sampling))
        finally:
            loop.run_until_complete(engine.close())


async def _ask(engine: ChildEngine, prompt: list[int], count: int, sampling: Sampling) -> Run:
    first, text = 0.0, []
    begun = time.perf_counter()
    async for event in engine.generate(GenerationRequest(tuple(prompt), replace(sampling, max_tokens=count))):
        match event:
            case Piece():
                first = first or time.perf_counter()
                text.append(event.text)
            case Finished():
                decode = time.perf_counter() - first
                stray = "\ufffd" in "".join(text)
                return Run(first - begun, decode, event.usage.generated, event.usage.reused, stray)
            case Failed():
                raise RuntimeError(event.what)
            case Reading():
                continue
    raise RuntimeError("the stream ended without a word")


def _pipes(process: subprocess.Popen[Any]) -> tuple[IO[Any], IO[Any]]:
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("the process has no pipes")
    return process.stdin, process.stdout


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2], int(sys.argv[3]))
