"""A crowd of requests on a real engine that is cancelled, killed and started anew, and what each should have said."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from pathlib import Path

import psutil

from llmlab.domain.generation import Failed, Finished, Piece, StreamEvent
from llmlab.domain.model import ModelSpec
from llmlab.domain.sampling import DEFAULTS, Sampling
from llmlab.engine.child import ChildEngine
from llmlab.engine.llama import library
from llmlab.engine.llama.interrupt import Interrupt
from llmlab.engine.llama.model import Loader
from llmlab.engine.llama.outbox import Outbox
from llmlab.engine.llama.residents import Residents
from llmlab.engine.llama.scheduler import Scheduler
from llmlab.engine.llama.shelf import Shelf
from llmlab.engine.process import Patience
from llmlab.engine.protocol import GenerationRequest
from llmlab.engine.wire import Ended, Generate, decode_report

CALM = Patience(start=60.0, prompt=60.0, cancel=60.0, goodbye=20.0, terminate=20.0)
WINDOW = 512
AT_ONCE = 8
"""Requests that are open at any time."""
LOG = library.Log()


@dataclass(frozen=True)
class Wish:
    """One request and what happens to it."""

    tokens: tuple[int, ...]
    sampling: Sampling
    samples: int
    leave_after: int | None = None
    """Pieces after which its reader leaves."""
    kills: bool = False
    """The engine is killed at its first piece."""


@dataclass
class Outcome:
    """What came of it."""

    wish: Wish
    texts: dict[int, str] = field(default_factory=dict)
    terminals: dict[int, list[StreamEvent]] = field(default_factory=dict)
    left: bool = False


def wishes(count: int, seed: int, kills: int) -> list[Wish]:
    """Requests in random order: few beginnings, many ends, all lengths; the last third sees no kill."""
    dice = random.Random(seed)
    beginnings = [tuple(dice.choices(range(32, 127), k=length)) for length in (0, 20, 130, 260, 300)]
    ends = [tuple(dice.choices(range(32, 127), k=length)) for length in (1, 2, 9, 40, 120, 150)]
    fatal = set(dice.sample(range(count * 2 // 3), kills))
    found = []
    for number in range(count):
        most = dice.choice((1, 3, 10, 25, 60))
        sampling = replace(DEFAULTS, temperature=dice.choice((0.0, 1.2)), seed=dice.randrange(3), max_tokens=most)
        leaves = dice.randrange(1, 4) if dice.random() < 0.2 else None
        tokens = dice.choice(beginnings) + dice.choice(ends)
        found.append(Wish(tokens, sampling, dice.choice((1, 1, 1, 3)), leaves, number in fatal))
    return found


class Soak:
    """Engines one after the other, in one folder."""

    def __init__(self, spec: ModelSpec, folder: Path) -> None:
        self._spec, self._folder = spec, folder
        self._engine: ChildEngine | None = None
        self._starting = asyncio.Lock()
        self.starts = 0
        self.outcomes: list[Outcome] = []
        self.memory: list[int] = []
        """Bytes of the engine process after each request that ended while it lived."""

    async def run(self, asked: list[Wish]) -> None:
        """Ask for all of them, some at a time."""
        waiting = iter(asked)

        async def reader() -> None:
            for wish in waiting:
                self.outcomes.append(await self._ask(wish))

        try:
            await asyncio.gather(*(reader() for _ in range(AT_ONCE)))
        finally:
            if self._engine is not None:
                await self._engine.close()

    async def _alive(self) -> ChildEngine:
        async with self._starting:
            if self._engine is None or not self._engine.alive:
                if self._engine is not None:
                    await self._engine.close()
                self.starts += 1
                self._engine = ChildEngine(
                    log=self._folder / "engine.log", patience=CALM, snapshots=self._folder / "snapshots"
                )
                await self._engine.load(self._spec, lambda _share: None)
            return self._engine

    async def _ask(self, wish: Wish) -> Outcome:
        engine, outcome = await self._alive(), Outcome(wish)
        pieces = 0
        async with aclosing(engine.generate(GenerationRequest(wish.tokens, wish.sampling, wish.samples))) as events:
            async for event in events:
                if isinstance(event, Finished | Failed):
                    outcome.terminals.setdefault(event.sample, []).append(event)
                elif isinstance(event, Piece):
                    pieces += 1
                    outcome.texts[event.sample] = outcome.texts.get(event.sample, "") + event.text
                    if wish.kills and engine.alive:
                        kill_children()
                    if wish.leave_after == pieces:
                        outcome.left = True
                        break
        self.memory += [process.memory_info().rss for process in psutil.Process().children() if engine.alive]
        return outcome


def kill_children() -> None:
    """kill -9 of every engine process of this test."""
    for process in psutil.Process().children():
        os.kill(process.pid, getattr(signal, "SIGKILL", signal.SIGTERM))


class Alone:
    """What a fresh engine says that is given one request and nothing else."""

    def __init__(self, spec: ModelSpec) -> None:
        self._spec = spec
        self._known: dict[tuple[tuple[int, ...], Sampling], tuple[str, tuple[int, ...]]] = {}

    def says(self, wish: Wish, sample: int) -> tuple[str, tuple[int, ...]]:
        """Text and tokens of sample number `sample`."""
        sampling = replace(wish.sampling, seed=(wish.sampling.seed or 0) + sample)
        key = wish.tokens, sampling
        if key not in self._known:
            self._known[key] = self._ask(*key)
        return self._known[key]

    def _ask(self, tokens: tuple[int, ...], sampling: Sampling) -> tuple[str, tuple[int, ...]]:
        LOG.install()
        model = Loader(self._spec, LOG, lambda _share: None, lambda: False, abort=lambda: False).load()
        lines: list[bytes] = []
        outbox = Outbox(lines.append, time.monotonic)
        residents = Residents(model.context, model.context.sequences, Shelf(1 << 20))
        scheduler = Scheduler(model.context, model.vocabulary, outbox, Interrupt(), None, residents, time.monotonic)
        scheduler.submit(Generate(id=1, tokens=tokens, sampling=sampling))
        while scheduler.busy:
            scheduler.step()
        scheduler.close()
        model.close()
        reports = [decode_report(line) for part in lines for line in part.splitlines()]
        (ended,) = (report for report in reports if isinstance(report, Ended))
        return "".join(getattr(report, "text", "") for report in reports), ended.ids
