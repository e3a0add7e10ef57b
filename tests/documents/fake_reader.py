"""Reading processes that do what no file should make a real one do; run as a module with the deed as argument."""

from __future__ import annotations

import os
import signal
import sys
import threading

from llmlab.documents.wire import Progress, line_of, request_in


def main(deed: str) -> None:
    request = request_in(sys.stdin.buffer.readline())
    match deed:
        case "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "quit":
            sys.exit(3)
        case "hang":
            threading.Event().wait()
        case "tell":
            sys.stdout.buffer.write(line_of(Progress(0.5)))
            sys.stdout.buffer.flush()
            threading.Event().wait()
        case "babble":
            sys.stdout.buffer.write(b"what is this?\n" * 1000)
        case "grow":
            held = []
            for _ in range(request.limits.memory_mb * 2):
                held.append(bytearray(os.urandom(1 << 10) * 1024))
            threading.Event().wait()
        case "half":
            sys.stdout.buffer.write(
                b'{"type":"Heading","name":"a","path":"","kind":"text","pages":[],"unit":"","encoding":"",'
                b'"remarks":[],"digest":"","size":1000}\nonly this'
            )


if __name__ == "__main__":
    main(sys.argv[1])
