"""The hash of a whole model file: seconds of work for gigabytes, so done once a file, beside everything else."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from llmlab.engine.file_mark import sampled_hash, whole_hash
from llmlab.errors import LlmlabError, ModelError, Stopped
from llmlab.library.watching import stamp_of
from llmlab.library.writing import write_whole
from llmlab.words import say

MOST_KEPT: Final = 500
"""Files whose hash is kept."""
Read = Callable[[str, Callable[[], bool]], str | None]
"""Hashes a file; `None` when it was told to stop in between."""


class FileHashes:
    """Computes hashes in threads and keeps them in a file; a file that was not touched is not read again."""

    def __init__(self, place: Path, read: Read = whole_hash) -> None:
        """Keep hashes in the JSON file `place`; one that is damaged is begun anew."""
        self._place = place
        self._read = read
        self._running: dict[tuple[str, str], asyncio.Task[str | LlmlabError]] = {}
        self._stop = threading.Event()
        self._writing = threading.Lock()

    async def of(self, path: str, mark: str) -> str:
        """SHA-256 of a whole file, as hexadecimal digits; goes on being computed when nobody waits any more.

        Args:
            path: the file.
            mark: what `sampled_hash` said of it when it was used.

        Raises:
            ModelError: it cannot be read, or is another file by now.
            Stopped: the program ends.
        """
        key = (path, mark)
        if key not in self._running:
            self._running[key] = asyncio.create_task(asyncio.to_thread(self._found, path, mark))
            self._running[key].add_done_callback(lambda _: self._running.pop(key, None))
        found = await asyncio.shield(self._running[key])
        if isinstance(found, LlmlabError):
            raise found
        return found

    async def close(self) -> None:
        """Let go of what is being computed."""
        self._stop.set()
        await asyncio.gather(*self._running.values())

    def _found(self, path: str, mark: str) -> str | LlmlabError:
        try:
            return self._hash(path, mark)
        except LlmlabError as error:
            return error
        except OSError as error:
            reason = error.strerror or str(error)
            return ModelError(say("The model file cannot be read: {reason}.", reason=reason), where=path)

    def _hash(self, path: str, mark: str) -> str:
        stamp = stamp_of(Path(path))
        for record in self._records():
            same = record["path"] == path and record["mark"] == mark
            # Of a file that is gone nothing can have changed since.
            if same and (stamp is None or [stamp[1], stamp[0]] == [record["bytes"], record["mtime_ns"]]):
                return str(record["sha256"])
        if stamp is not None and sampled_hash(path) != mark:
            raise ModelError(say("The model file is not the one that answered any more."), where=path)
        sha256 = self._read(path, self._stop.is_set)
        if sha256 is None:
            raise Stopped(say("Stopped."))
        if stamp_of(Path(path)) != stamp or stamp is None:
            raise ModelError(say("The model file changed while it was read."), where=path)
        self._keep({"path": path, "mark": mark, "bytes": stamp[1], "mtime_ns": stamp[0], "sha256": sha256})
        return sha256

    def _records(self) -> list[dict[str, Any]]:
        try:
            kept = json.loads(self._place.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return []
        wanted = {"path", "mark", "bytes", "mtime_ns", "sha256"}
        listed = kept if isinstance(kept, list) else []
        return [one for one in listed if isinstance(one, dict) and set(one) == wanted]

    def _keep(self, record: dict[str, Any]) -> None:
        with self._writing:
            others = [one for one in self._records() if one["path"] != record["path"] or one["mark"] != record["mark"]]
            try:
                write_whole(self._place, json.dumps([*others, record][-MOST_KEPT:], indent=1))
            except OSError:
                # A full disk costs the next card some seconds, nothing else.
                return
