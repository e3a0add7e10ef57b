"""Runs experiments: many trials in flight at once, each kept as soon as it was measured, failures told and passed."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from dataclasses import asdict, replace
from typing import Final

from llmlab.domain.model import ModelCard, ModelSpec
from llmlab.domain.outcomes import TrialResult
from llmlab.domain.run import RunPhase, RunProgress
from llmlab.services.host import EngineHost
from llmlab.services.job import Job, Pending, Source
from llmlab.services.judging import Unjudged
from llmlab.services.keeping import Keeper
from llmlab.services.loads import OneLoad
from llmlab.services.preview import Preparing
from llmlab.services.run_digests import RunDigests
from llmlab.services.scorers import Scoring
from llmlab.services.trials import Trials
from llmlab.store.runs import Measured, RunStore, TrialKey

TELL: Final = 0.2
"""Seconds between two values at the least."""
RECENT: Final = 60.0
"""Seconds over which the rate is told."""


class Runner:
    """Runs jobs, one at a time.

    Args:
        host: loads models.
        preparing: makes prompts.
        store: keeps what was measured.
        digests: makes digests of documents; `None` where none are read that way.
    """

    def __init__(
        self, host: EngineHost, preparing: Preparing, store: RunStore, digests: RunDigests | None = None
    ) -> None:
        self._host, self._preparing, self._store, self._digests = host, preparing, store, digests

    async def run(self, job: Job, stop: asyncio.Event, *, interval: float = TELL) -> AsyncGenerator[RunProgress, None]:
        """The run as it goes on; in the last value it is done or stopped.

        What was measured before is not measured again; trials that failed are tried again.

        Args:
            job: what to run.
            stop: set it to stop at once; what was measured is kept, and the same job goes on from there.
            interval: seconds between two values at the least.

        Raises:
            StoreError: results cannot be read, or could not be written for a minute.
        """
        going = _Going(self._host, self._preparing, self._store, self._digests, job, stop)
        task = asyncio.ensure_future(going.all())
        loop = asyncio.get_running_loop()
        try:
            while not task.done():
                due = loop.time() + interval
                news = asyncio.ensure_future(going.news.wait())
                await asyncio.wait({task, news}, return_when=asyncio.FIRST_COMPLETED)
                news.cancel()
                if not task.done() and (pause := due - loop.time()) > 0:
                    await asyncio.wait({task}, timeout=pause)
                going.news.clear()
                if not task.done():
                    yield going.progress()
            task.result()
            yield going.progress()
        finally:
            if not task.done():
                stop.set()
                await asyncio.wait({task})


class _Going:
    """One run in the making."""

    def __init__(
        self,
        host: EngineHost,
        preparing: Preparing,
        store: RunStore,
        digests: RunDigests | None,
        job: Job,
        stop: asyncio.Event,
    ) -> None:
        self.news = asyncio.Event()
        self._host, self._store, self._job, self._stop = host, store, job, stop
        self._preparing, self._digests = preparing, digests
        self._keeper = Keeper(store, job.run.id, stop, self._kept)
        self._run = replace(job.run, planned=job.planned, done=0, failed=0)
        self._phase: RunPhase = "loading"
        self._model = ""
        self._began = time.monotonic()
        self._fresh = 0
        self._failed: set[TrialKey] = set()
        self._ends: deque[float] = deque()
        self._news: list[TrialResult] = []
        self._cards: dict[str, ModelCard] = {}
        self._judging = False

    async def all(self) -> None:
        """Every trial that is not measured yet."""
        job, store = self._job, self._store
        await asyncio.to_thread(store.begin, job.run, job.experiment, job.environment)
        complete = False
        try:
            done = await asyncio.to_thread(store.done, job.run.id)
            self._failed.update(await asyncio.to_thread(self._unscored))
            self._count_failed()
            async with self._keeper:
                for spec in job.loads:
                    await self._on(spec, Pending(store, job, spec, done), job.scoring)
                if job.judge is not None and job.scoring.judge is not None:
                    await self._keeper.written()
                    self._judging = True
                    judge = job.scoring.judge
                    await self._on(job.judge, Unjudged(store, job, job.judge, judge), Scoring((judge,)))
            complete = not self._stop.is_set() and job.run.planned == job.planned <= self._run.done
        finally:
            await asyncio.to_thread(job.scoring.close)
            environment = await asyncio.to_thread(self._environment)
            await asyncio.to_thread(store.end, job.run.id, environment, complete=complete)
            self._phase, self._model = "stopped" if self._stop.is_set() else "done", ""
            self.news.set()

    async def _on(self, spec: ModelSpec, source: Source, scoring: Scoring) -> None:
        """All that a source has for one model, asked as the scorers need it."""
        if self._stop.is_set():
            return
        trials = Trials(self._host, self._preparing, scoring, self._stop, self._digests)
        load = OneLoad(self._host, trials, self._keeper, self._stop, source, self._show, self._skipped)
        await load.run(spec)
        if load.card is not None:
            self._cards[spec.name] = load.card

    def progress(self) -> RunProgress:
        """How far it has come."""
        now, news = time.monotonic(), tuple(self._news)
        self._news.clear()
        while self._ends and self._ends[0] < now - RECENT:
            self._ends.popleft()
        window = min(RECENT, now - self._began)
        rate = len(self._ends) / window if self._ends and window > 0 else 0.0
        waits = self._keeper.problem
        return RunProgress(
            run=self._run,
            phase="waiting" if waits else self._phase,
            model=self._model,
            seconds=now - self._began,
            fresh=self._fresh,
            rate=rate,
            remaining_s=(self._run.planned - self._run.done) / rate if rate else None,
            news=news,
            problem=waits,
        )

    def _environment(self) -> dict[str, object]:
        """On what the run was measured: what was known before, with the models that were loaded now."""
        known = self._store.environment(self._job.run.id)
        models = known.get("models")
        cards = {name: asdict(card) for name, card in self._cards.items()}
        return {**known, **self._job.environment, "models": {**(models if isinstance(models, dict) else {}), **cards}}

    def _show(self, phase: RunPhase, model: str) -> None:
        """It has come to another phase."""
        self._phase, self._model = phase, model
        self.news.set()

    def _skipped(self, count: int) -> None:
        """So many trials were measured before, in this run."""
        self._run = replace(self._run, done=self._run.done + count)
        self.news.set()

    def _unscored(self) -> set[TrialKey]:
        """Trials that are asked for now and have an answer already, at which a scorer failed."""
        asked = {(arm.name, item.id) for arm in self._job.experiment.arms for item in arm.items[: self._job.limit]}
        return {key for key in self._store.unscored(self._job.run.id) if key[:2] in asked}

    def _count_failed(self) -> None:
        self._run = replace(self._run, failed=len(self._failed))

    def _kept(self, rows: Sequence[Measured]) -> None:
        """These results were written; none where writing failed."""
        now = time.monotonic()
        results = [row.result for row in rows if not row.early]
        self._news.extend(results)
        new = [row.result for row in rows if not row.counted]
        fresh = [result for result in new if self._judging or not result.cached]
        self._ends.extend(now for _ in fresh)
        for result in results:
            # A judge that is asked again may have failed before.
            mark = self._failed.add if result.failed else self._failed.discard
            mark((result.arm, result.item, result.repeat))
        self._count_failed()
        if self._judging:
            # These are trials that were counted when they were answered.
            self.news.set()
            return
        self._fresh += len(fresh)
        self._run = replace(self._run, done=self._run.done + len(new))
        self.news.set()
