"""What tests of runs share: a small experiment on scripted engines, and what measures it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from llmlab.domain.experiment import Arm, Axis, Experiment, Item, ScorerUse
from llmlab.domain.model import ModelSpec
from llmlab.domain.outcomes import Answer, Scored, TrialResult
from llmlab.domain.run import RunInfo, RunProgress
from llmlab.domain.sampling import Sampling
from llmlab.domain.scorers.base import Need, Scorer
from llmlab.domain.scorers.texts import Exact
from llmlab.domain.summarising import summarise
from llmlab.library.rendering import render_template
from llmlab.services.job import Job, digest_of
from llmlab.services.preview import Preparing
from llmlab.services.runner import Runner
from llmlab.services.runs import Runs
from llmlab.services.scorers import Scoring
from llmlab.store.runs import RunStore
from tests.services.fixtures import Engines, recipe

HELLO = "Hello there."
"""What a scripted engine says."""


def items(count: int) -> tuple[Item, ...]:
    return tuple(Item(id=f"q{number}", question=f"Question {number}?", gold=(HELLO,)) for number in range(count))


def experiment(count: int = 3, models: Sequence[str] = ("tiny",), *, repeats: int = 1) -> Experiment:
    """Two temperatures on each model."""
    asked = items(count)
    arms = tuple(
        Arm(
            name=f"{model} {temperature}",
            settings={"model": model, "sampling.temperature": temperature},
            recipe=replace(recipe(model), sampling=Sampling(temperature=temperature)),
            items=asked,
        )
        for model in models
        for temperature in (0.0, 1.0)
    )
    return Experiment(
        name="try",
        title="Try",
        axes=(Axis("model", tuple(models)), Axis("sampling.temperature", (0.0, 1.0))),
        arms=arms,
        scorers=(ScorerUse(kind="exact", name="exact", counts="flexible"),),
        repeats=repeats,
        seed=7,
    )


class Laboratory:
    """Runs experiments on scripted engines, with a store of its own."""

    def __init__(self, folder: Path, engines: Engines | None = None, *scorers: Scorer) -> None:
        self.engines = engines or Engines()
        self.store = RunStore(folder / "runs.db")
        self.runs = Runs(self.store, summarise)
        self.scoring = Scoring(scorers or (Exact(),))
        self.preparing = Preparing(render_template)
        self.stop = asyncio.Event()

    @property
    def asked(self) -> int:
        """Answers that engines were asked for."""
        return sum(request.samples for engine in self.engines.made for request in engine.requests)

    def job(
        self,
        experiment: Experiment,
        run_id: str = "run",
        *,
        limit: int | None = None,
        again: bool = False,
        judge: ModelSpec | None = None,
    ) -> Job:
        digest = digest_of(experiment, {}, "")
        info = RunInfo(
            id=run_id,
            name=experiment.key,
            title=experiment.title,
            digest=digest,
            created=0.0,
            updated=0.0,
            state="stopped",
            planned=experiment.size,
            models=experiment.models,
        )
        return Job(
            run=info,
            experiment=experiment,
            scoring=self.scoring,
            marks={},
            build="",
            limit=limit,
            again=again,
            judge=judge,
        )

    async def run(self, job: Job, store: RunStore | None = None) -> list[RunProgress]:
        """Every value of a run until its end."""
        runner = Runner(self.engines.host, self.preparing, store or self.store)
        return [value async for value in runner.run(job, self.stop, interval=0.0)]

    def results(self, run_id: str = "run") -> list[TrialResult]:
        return list(self.runs.results(run_id))


class Raising:
    """A scorer that cannot score."""

    name = "exact"
    needs: Need = ""

    def score(self, item: Item, answer: Answer) -> tuple[Scored, ...]:
        raise ZeroDivisionError("nothing to divide by")
