"""Writes a model in fewer bits, `python -m llmlab.engine.llama.quantising SOURCE TARGET NUMBER THREADS`.

A process of its own: a file that takes llama.cpp down takes nothing else with it. llama.cpp's log goes to stderr;
stdout gets the reason of a failure.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

from llama_cpp import llama_cpp as api

from llmlab.engine.llama import library


def quantise(source: str, target: str, number: int, threads: int) -> str:
    """Write `source` as `target` in the mixture that llama.cpp calls `number`; why it failed, or nothing."""
    log = library.Log()
    log.install()
    library.start()
    settings = api.llama_model_quantize_default_params()
    settings.ftype = number
    settings.nthread = threads
    settings.allow_requantize = True
    with log.errors() as errors:
        code = api.llama_model_quantize(os.fsencode(source), os.fsencode(target), ctypes.byref(settings))
    return "" if code == 0 else (errors[-1] if errors else f"code {code}")


def main(source: str, target: str, number: str, threads: str) -> int:
    """Quantise; 1 when it failed."""
    # Ctrl+C reaches every process of the terminal; the parent decides what it means for this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.setdefault("GGML_NO_BACKTRACE", "1")
    reason = quantise(source, target, int(number), int(threads))
    sys.stdout.write(reason)
    return 1 if reason else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
