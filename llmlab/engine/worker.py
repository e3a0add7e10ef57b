"""The engine process, `python -m llmlab.engine.worker`: commands on stdin, reports on stdout, all else on stderr."""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import threading
from typing import BinaryIO

from llmlab.words import language_of_environment, use_language


def private_streams() -> tuple[BinaryIO, BinaryIO]:
    """Stdin and stdout for the protocol alone: C code prints to fd 1, which is the log from now on."""
    reading, writing = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    if sys.platform == "win32":
        import msvcrt

        for descriptor in (reading, writing):
            msvcrt.setmode(descriptor, os.O_BINARY)
    return os.fdopen(reading, "rb"), os.fdopen(writing, "wb", buffering=0)


def die_aloud(failure: threading.ExceptHookArgs) -> None:
    """End the process when one of its threads fails: what it owed would never come, and the parent would wait."""
    sys.excepthook(failure.exc_type, failure.exc_value or failure.exc_type(), failure.exc_traceback)
    os._exit(70)


def main() -> None:
    """Run the engine process until the parent ends it or goes away."""
    commands, reports = private_streams()
    faulthandler.enable()
    threading.excepthook = die_aloud
    # On an assertion ggml would start a debugger on this process and write its output to the log.
    os.environ.setdefault("GGML_NO_BACKTRACE", "1")
    # NumPy's own threads would take the cores from llama.cpp.
    for limit in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
        os.environ.setdefault(limit, "1")
    # Ctrl+C in the terminal reaches every process there; the parent decides what it means for this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    use_language(language_of_environment())
    # A thread that renders a prompt must not hold the one that computes for longer than a small step.
    sys.setswitchinterval(0.0005)

    # llama.cpp is loaded only now: it may print while it is.
    from llmlab.engine.llama.process import EngineProcess

    process = EngineProcess(commands, reports)
    process.obey_signals()
    code = process.run()
    # Libraries of GPUs crash when Python tears everything down; what matters is freed.
    os._exit(code)


if __name__ == "__main__":
    main()
