"""What every command that uses a model shares: where it speaks, its progress, ctrl+c, and the end of the engine."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from llmlab.errors import LlmlabError, Stopped
from llmlab.headless.diagnostics import Diagnostics, Exit, exit_code
from llmlab.headless.once import is_news
from llmlab.headless.output import Output
from llmlab.services.host import EngineHost, HostState
from llmlab.words import say


@dataclass(frozen=True, slots=True)
class Console:
    """Where a command speaks."""

    out: Output
    err: Diagnostics


@asynccontextmanager
async def engine_in_use(host: EngineHost, console: Console, told: Path) -> AsyncIterator[asyncio.Event]:
    """Tell how loading goes, give the event that ctrl+c sets, and end the engine when the work is done.

    Args:
        host: loads the model.
        console: where progress and notes go.
        told: the record of notes about models that this user has read already.
    """
    stop = asyncio.Event()
    unsubscribe = host.subscribe(lambda state: _show_load(state, console.err, told))
    with _stopping_on_interrupt(stop):
        try:
            yield stop
        finally:
            unsubscribe()
            await host.close()


def report(error: LlmlabError, console: Console) -> Exit:
    """Tell a failure, and its exit code; that the user stopped it needs no words."""
    console.err.clear()
    if not isinstance(error, Stopped):
        console.err.problem(error)
    return exit_code(error)


def _show_load(state: HostState, err: Diagnostics, told: Path) -> None:
    if state.phase == "loading":
        err.progress(say("Loading {model}: {percent} %", model=state.model, percent=round(100 * state.fraction)))
    elif state.phase == "ready" and state.card:
        err.clear()
        # A script reads standard error as trouble, and nobody reads the same note every time.
        for note in state.card.notes if err.is_terminal else ():
            if is_news(note, told):
                err.note(note)


@contextmanager
def _stopping_on_interrupt(stop: asyncio.Event) -> Iterator[None]:
    """ctrl+c sets `stop`; a second one ends the program at once."""
    loop = asyncio.get_running_loop()
    before = signal.getsignal(signal.SIGINT)

    def first(number: int, frame: object) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        loop.call_soon_threadsafe(stop.set)

    # A plain handler works on every platform; the loop's own wake-up descriptor makes it prompt.
    signal.signal(signal.SIGINT, first)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
