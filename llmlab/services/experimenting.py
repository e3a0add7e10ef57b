"""Experiments as the screen runs and looks through them: found, measured, told, let go."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from llmlab.domain.experiment import Experiment
from llmlab.domain.outcomes import TrialResult
from llmlab.domain.recipe import Recipe
from llmlab.domain.run import RunInfo, RunProgress
from llmlab.domain.summarising import summarise
from llmlab.domain.summary import Summary
from llmlab.services.job import Job
from llmlab.services.run_folder import Page, RunReport, write_folder
from llmlab.services.runner import Runner
from llmlab.services.runs import Runs


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """An experiment that can be run."""

    name: str
    """By which it is found again: its key, or a path."""
    title: str
    description: str = ""
    problem: str = ""
    """Why it cannot be run, if so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Experimenting:
    """Verbs that are no coroutine read the disk and block; each raises `LlmlabError`, never anything else."""

    runs: Runs
    runner: Runner
    offers: Callable[[], tuple[Offer, ...]]
    """The experiments that ship, and the user's own."""
    prepare: Callable[[str], Job]
    """An experiment by its name or file, ready to run: in the run that it began before, if it did."""
    report: Callable[[str], RunReport]
    """A run by its id, with all that was measured."""
    pages: Mapping[str, Page]
    """What a run's folder holds besides its data, by file name."""

    def list(self) -> tuple[RunInfo, ...]:
        """Every run, the one touched last first."""
        return self.runs.list()

    def recipe(self, run_id: str, result: TrialResult) -> tuple[Recipe, str]:
        """The recipe and the question of a trial."""
        return self.runs.recipe(run_id, result)

    def delete(self, run_id: str) -> None:
        """Let go of a run; files of its folder stay."""
        self.runs.delete(run_id)

    def so_far(self, job: Job) -> RunReport:
        """What was measured of a job before."""
        results = self.runs.results(job.run.id)
        return RunReport(
            experiment=job.experiment,
            results=results,
            summary=self.summarise(job.experiment, results),
            environment=job.environment,
        )

    def summarise(self, experiment: Experiment, results: Sequence[TrialResult]) -> Summary:
        """The figures of results."""
        return summarise(experiment, results)

    def run(self, job: Job, stop: asyncio.Event) -> AsyncGenerator[RunProgress, None]:
        """Measure what is not measured yet; setting `stop` ends it at once, with everything kept."""
        return self.runner.run(job, stop)

    async def finish(self, job: Job) -> RunReport:
        """Write the folder of a run, and read the run once more, in the order in which it was planned."""
        report = await asyncio.to_thread(self.report, job.run.id)
        await asyncio.to_thread(write_folder, Path(job.run.folder), report, self.pages)
        return report
