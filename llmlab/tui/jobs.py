"""Work beside the screen."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from textual.dom import DOMNode
from textual.message import Message
from textual.worker import Worker, WorkerState


class DefectFound(Message):
    """Something beside the screen failed in a way that nobody foresaw."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error
        """What was raised."""


Job = Callable[[], Coroutine[Any, Any, None]]


class Watched(DOMNode):
    """Mixed into a screen that runs work: nothing of it fails in silence."""

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Tell the app what failed."""
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            self.post_message(DefectFound(event.worker.error))


def run_beside(node: DOMNode, job: Job, group: str, *, exclusive: bool = False) -> None:
    """Run `job` as a worker of `node`; an exclusive one takes the place of the one before in its group.

    The job is a function, not a coroutine: one that is displaced before it began leaves nothing behind. What it raises
    reaches the app, which writes it to the log.
    """
    _: Worker[None] = node.run_worker(job, group=group, exclusive=exclusive, exit_on_error=False)
