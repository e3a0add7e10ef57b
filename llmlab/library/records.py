"""Files that grow by a line: one JSON object each, written whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from llmlab.errors import StoreError
from llmlab.words import say


def append_record(path: Path, record: Mapping[str, object]) -> None:
    """Add a line to the file at `path`, which only its owner can read.

    Raises:
        StoreError: it cannot be written; the lines before are as they were.
    """
    line = (json.dumps(record, ensure_ascii=False) + "\n").encode("utf-8", "replace")
    try:
        with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "r+b", buffering=0) as file:
            size = file.seek(0, os.SEEK_END)
            try:
                if file.write(line) != len(line):
                    raise OSError("only a part of the line could be written")
            except OSError:
                file.truncate(size)
                raise
    except OSError as error:
        raise StoreError(
            say("The vote cannot be kept: {reason}", reason=error.strerror or str(error)), where=str(path)
        ) from None


def read_records(path: Path) -> Iterator[dict[str, object]]:
    """The objects of the file at `path`, the oldest first; lines that are none are passed over.

    Raises:
        StoreError: it is there and cannot be read.
    """
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return
    except OSError as error:
        raise StoreError(
            say("The votes cannot be read: {reason}", reason=error.strerror or str(error)), where=str(path)
        ) from None
    for line in lines:
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(record, dict):
            yield record
