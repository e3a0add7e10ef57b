"""Work that a person can stop before it is done."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from llmlab.errors import Stopped
from llmlab.words import say

T = TypeVar("T")


class Stop(asyncio.Event):
    """Set it to stop at once; `rest` lets what was begun end first."""

    def __init__(self) -> None:
        super().__init__()
        self.resting = False
        """Nothing more is to be begun."""

    def rest(self) -> None:
        """Begin nothing more: whoever heeds this sets the event when what was begun has ended and something is left."""
        self.resting = True


def rests(stop: asyncio.Event) -> bool:
    """Nothing more is to be begun."""
    return stop.is_set() or (isinstance(stop, Stop) and stop.resting)


async def unless(stop: asyncio.Event, work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, or `Stopped` as soon as `stop` is set; `work` is cancelled then."""
    task, stopped = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    try:
        waiting: set[asyncio.Future[Any]] = {task, stopped}
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise Stopped(say("Stopped before the answer began."))
    finally:
        stopped.cancel()
        if not task.done():
            task.cancel()
            await asyncio.wait({task})
