"""A store in a folder of its own, with a clock that moves by one second whenever it is read."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from llmlab.store.chats import ChatStore


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "llmlab.db"


@pytest.fixture
def store(path: Path) -> Iterator[ChatStore]:
    ticks = count(1000)
    opened = ChatStore(path, clock=lambda: float(next(ticks)))
    yield opened
    opened.close()
