"""The reading process as its parent holds it: started when it is needed, watched, ended when a file takes too much."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final

import msgspec

import llmlab
from llmlab.documents.problems import out_of_memory, over_limit
from llmlab.documents.wire import Heading, Progress, Refused, Request, answer_in, document_of, line_of
from llmlab.domain.document import Document
from llmlab.domain.reading_limits import ReadingLimits
from llmlab.domain.terminal import encodable
from llmlab.errors import DocumentError, Stopped
from llmlab.words import current_language, say

READER: Final = (sys.executable, "-m", "llmlab.documents.reader")
"""The command of a reading process."""
WATCH: Final = 0.05
"""Seconds between two looks at the memory and the clock."""
_SAFE_FOLDER: Final = Path(llmlab.__file__).parent.parent
"""Where it runs: modules in the user's working folder must not shadow its own."""
_LONGEST_LINE: Final = 64 << 20
_LAST_WORDS: Final = 2000

Said = Progress | Refused | Document | None
"""What comes of a process; `None` is its end."""


class ReadingProcess:
    """Reads files one after the other, in a process that is started anew when it dies; any thread may use it.

    Args:
        limits: what one file may cost.
        command: what to run instead of the reader.
    """

    def __init__(self, limits: ReadingLimits, command: Sequence[str] = READER) -> None:
        self._limits = limits
        self._command = tuple(command)
        self._process: subprocess.Popen[bytes] | None = None
        self._said: queue.SimpleQueue[Said] = queue.SimpleQueue()
        self._stderr: IO[bytes] | None = None
        self._in_use = threading.RLock()

    def __enter__(self) -> ReadingProcess:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """The process that reads; `None` before the first file and after a death."""
        return self._process.pid if self._process else None

    def read(
        self,
        name: str,
        source: Path | bytes,
        encoding: str = "",
        *,
        progress: Callable[[float], None] = lambda _share: None,
        stop: threading.Event | None = None,
    ) -> Document:
        """The document of a file, or of bytes.

        Args:
            name: what it is called; its end tells what plain text is read as.
            source: the file, or what it holds.
            encoding: how it is encoded; empty finds out.
            progress: called with the share that is read, 0 to 1.
            stop: set it to give up.

        Raises:
            DocumentError: it cannot be read, or not within the limits.
            Stopped: `stop` was set.
        """
        where = encodable(str(source) if isinstance(source, Path) else name)
        with self._in_use:
            try:
                self._ask(name, source, encoding)
                return self._answer(progress, stop)
            except DocumentError as error:
                raise DocumentError(error.what, where=error.where or where, hint=error.hint) from None
            except BaseException:
                self.close()
                raise

    def close(self) -> None:
        """End the process once nothing is read; may be called twice."""
        with self._in_use:
            process, self._process = self._process, None
            if process is not None:
                process.kill()
                for pipe in (process.stdin, process.stdout):
                    if pipe is not None:
                        with suppress(OSError):
                            pipe.close()
                process.wait()
            if self._stderr is not None:
                self._stderr.close()
                self._stderr = None

    def _ask(self, name: str, source: Path | bytes, encoding: str) -> None:
        if self._process is None:
            self._start()
        assert self._process is not None
        assert self._process.stdin is not None
        data = b"" if isinstance(source, Path) else source
        path = os.fsencode(source.absolute()) if isinstance(source, Path) else b""
        request = Request(encodable(name), path, encodable(encoding), self._limits, len(data))
        # A process that ended says so on its other pipe.
        with suppress(OSError):
            self._process.stdin.write(line_of(request) + data)
            self._process.stdin.flush()

    def _start(self) -> None:
        self._said = queue.SimpleQueue()
        try:
            self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        except OSError:
            self._stderr = None
        try:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._stderr or subprocess.DEVNULL,
                cwd=_SAFE_FOLDER,
                env={**os.environ, "PYTHONUTF8": "1", "LLMLAB_LANG": current_language()},
                **_detached(),
            )
        except OSError as error:
            self.close()
            raise DocumentError(
                say("The process that reads documents cannot be started: {reason}", reason=error.strerror or error),
                hint=say("Close other programs, and try again."),
            ) from None
        assert self._process.stdout is not None
        threading.Thread(target=_listen, args=(self._process.stdout, self._said), daemon=True).start()

    def _answer(self, progress: Callable[[float], None], stop: threading.Event | None) -> Document:
        deadline = time.monotonic() + self._limits.seconds
        while True:
            try:
                said = self._said.get(timeout=WATCH)
            except queue.Empty:
                self._watch(deadline, stop)
                continue
            match said:
                case Progress(share=share):
                    progress(share)
                    self._watch(deadline, stop)
                case Refused(what=what, where=where, hint=hint):
                    raise DocumentError(what, where=where, hint=hint)
                case Document():
                    return said
                case None:
                    raise self._death()

    def _watch(self, deadline: float, stop: threading.Event | None) -> None:
        """End a reading that was stopped, or that takes more than it may."""
        if stop is not None and stop.is_set():
            self.close()
            raise Stopped(say("Reading was stopped."))
        if time.monotonic() > deadline:
            self.close()
            what = say("Reading it takes more than {count} seconds.", count=f"{self._limits.seconds:,}")
            raise over_limit(what, "seconds")
        # Not every system can limit what a process allocates.
        if _memory_of(self.pid) > self._limits.memory_mb << 20:
            self.close()
            raise out_of_memory(self._limits)

    def _death(self) -> DocumentError:
        """Why the process ended, when nobody ended it."""
        process = self._process
        assert process is not None
        try:
            code = process.wait(2.0)
        except subprocess.TimeoutExpired:
            code = 0
        words = self._last_words()
        self.close()
        if "MemoryError" in words:
            return out_of_memory(self._limits)
        return DocumentError(
            say("The file made the process that reads it end ({code}).", code=code),
            hint=say("The rest of llmlab goes on. The file is probably damaged: open it elsewhere and save it again."),
        )

    def _last_words(self) -> str:
        if self._stderr is None:
            return ""
        try:
            size = self._stderr.seek(0, os.SEEK_END)
            self._stderr.seek(max(0, size - _LAST_WORDS))
            return self._stderr.read().decode("utf-8", "replace")
        except OSError:
            return ""


def _listen(stream: IO[bytes], said: queue.SimpleQueue[Said]) -> None:
    """Put what comes out of a process on the queue, in a thread; its end last."""
    try:
        while line := stream.readline(_LONGEST_LINE):
            answer = answer_in(line)
            if isinstance(answer, Heading):
                text = stream.read(answer.size)
                if len(text) < answer.size:
                    break
                said.put(document_of(answer, text.decode("utf-8")))
            else:
                said.put(answer)
    except (OSError, ValueError, msgspec.MsgspecError):
        pass  # a process that was killed, or whose pipe was closed while it was read
    finally:
        said.put(None)


def _memory_of(pid: int | None) -> int:
    """Bytes that a process holds in memory; 0 when it has ended."""
    if pid is None:
        return 0
    import psutil

    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0


def _detached() -> Mapping[str, Any]:
    """What keeps the terminal's Ctrl+C from the process, and its window from the screen."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
    return {"start_new_session": True}
