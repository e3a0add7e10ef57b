"""The reading process: takes requests on its standard input, parses within limits, ends when its parent does."""

from __future__ import annotations

import os
import queue
import stat
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final

from llmlab import words
from llmlab.documents.extraction import Source, extract, too_large
from llmlab.documents.problems import out_of_memory
from llmlab.documents.wire import Answer, Progress, Refused, Request, heading_of, line_of, request_in
from llmlab.domain.document import Document
from llmlab.domain.reading_limits import ReadingLimits
from llmlab.domain.terminal import encodable
from llmlab.errors import DocumentError
from llmlab.words import say

SPARE_MB: Final = 256
"""Address space of the process beyond the limit of memory: code, stacks and what was mapped but is not used."""
_STEP: Final = 0.01
"""Share of a file after which progress is told again."""
_TRIES: Final = 3
"""How often a file that changes while it is read is read again."""


def main() -> None:
    """Answer requests until standard input ends."""
    words.use_language(words.language_of_environment())
    # Whatever a library prints must not get among the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    requests: queue.SimpleQueue[tuple[Request, bytes]] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, requests), daemon=True).start()
    while True:
        request, data = requests.get()
        _restrict(request.limits)
        _answer(request, data, answers)


def _listen(stream: BinaryIO, requests: queue.SimpleQueue[tuple[Request, bytes]]) -> None:
    """Take requests while the work goes on; the end of the stream is the end of the process, whatever it does."""
    while line := stream.readline():
        request = request_in(line)
        requests.put((request, stream.read(request.size)))
    os._exit(0)


def _restrict(limits: ReadingLimits) -> None:
    """Let allocations beyond the limit fail, where the system can do that; elsewhere the parent watches."""
    if sys.platform == "linux":
        import resource

        most = (limits.memory_mb + SPARE_MB) << 20
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _answer(request: Request, data: bytes, stream: BinaryIO) -> None:
    told = 0.0

    def progress(share: float) -> None:
        nonlocal told
        if share >= told + _STEP:
            told = share
            _send(stream, Progress(share))

    try:
        document = _document(request, data, progress)
        text = document.text.encode("utf-8")
    except DocumentError as error:
        _send(stream, _refusal(error))
    except MemoryError:
        _send(stream, _refusal(out_of_memory(request.limits)))
    else:
        _send(stream, heading_of(document, len(text)))
        stream.write(text)
        stream.flush()


def _refusal(error: DocumentError) -> Refused:
    return Refused(error.what, error.where, error.hint)


def _send(stream: BinaryIO, answer: Answer) -> None:
    stream.write(line_of(answer))
    stream.flush()


def _document(request: Request, data: bytes, progress: Callable[[float], None]) -> Document:
    path = os.fsdecode(request.path)
    if path:
        data = read_file(Path(path), request.limits)
    return extract(Source(request.name, encodable(path), data, request.encoding), request.limits, progress)


def read_file(path: Path, limits: ReadingLimits) -> bytes:
    """The content of a file as it was at one moment.

    Raises:
        DocumentError: it is missing, no file, too large, cannot be read, or changes all the time.
    """
    for _ in range(_TRIES):
        try:
            # A pipe would wait for a writer that may never come.
            handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
            with os.fdopen(handle, "rb") as file:
                before = os.fstat(handle)
                if not stat.S_ISREG(before.st_mode):
                    raise _no_file(before.st_mode)
                if before.st_size > limits.file_mb << 20:
                    raise too_large(before.st_size, limits)
                data = file.read((limits.file_mb << 20) + 1)
                after = os.fstat(handle)
        except FileNotFoundError:
            raise DocumentError(
                say("There is no such file."), hint=say("Check the path; the file may have been moved or deleted.")
            ) from None
        except ValueError:  # a path with a zero byte
            raise DocumentError(say("There is no such file."), hint=say("Check the path.")) from None
        except OSError as error:
            if path.is_dir():  # Windows opens no folders
                raise _no_file(stat.S_IFDIR) from None
            raise DocumentError(
                say("The file cannot be read: {reason}", reason=error.strerror or str(error)),
                hint=say("Check its permissions, or copy it elsewhere."),
            ) from None
        if (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns) and len(data) == after.st_size:
            return data
    raise DocumentError(
        say("The file changes while it is read."),
        hint=say("Wait until nothing writes to it, or copy it, and try again."),
    )


def _no_file(mode: int) -> DocumentError:
    if stat.S_ISDIR(mode):
        return DocumentError(say("This is a folder."), hint=say("Name the files in it, or a pattern such as *.txt."))
    return DocumentError(say("This is a pipe or a device and no file."), hint=say("Pipe it in, and name it -."))


if __name__ == "__main__":
    main()
