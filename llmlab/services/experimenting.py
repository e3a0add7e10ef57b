"""Experiments as the screen runs and looks through them: found, measured, told, let go."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from llmlab.domain.document import Document
from llmlab.domain.experiment import Experiment
from llmlab.domain.outcomes import TrialResult
from llmlab.domain.recipe import Recipe
from llmlab.domain.run import RunInfo, RunProgress
from llmlab.domain.summarising import summarise
from llmlab.domain.summary import Summary
from llmlab.errors import LlmlabError, UsageError
from llmlab.services.job import Job
from llmlab.services.run_folder import Page, RunReport, write_folder
from llmlab.services.runner import Runner
from llmlab.services.runs import Runs
from llmlab.services.stopping import Stop
from llmlab.words import say


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
    prepare: Callable[[str, str], Job]
    """An experiment by its name or file, ready to run: in the run that it began before, if it did. The second name is
    that of a model in place of its base recipe's; empty leaves that."""
    report: Callable[[str], RunReport]
    """A run by its id, with all that was measured."""
    pages: Mapping[str, Page]
    """What a run's folder holds besides its data, by file name."""
    keep: Callable[[Document], object]
    """Lets a document that is in no file be found by its digest from now on."""

    def list(self) -> tuple[RunInfo, ...]:
        """Every run, the one touched last first."""
        return self.runs.list()

    def recipe(self, run_id: str, result: TrialResult) -> tuple[Recipe, str]:
        """The recipe and the question of a trial; a chat finds every document that the recipe names."""
        recipe, question = self.runs.recipe(run_id, result)
        named = {ref.digest for ref in recipe.reading.documents} if recipe.reading else set()
        for document in self.runs.documents(run_id, result):
            if document.digest in named:
                self.keep(document)
        return recipe, question

    def resume(self, run: RunInfo) -> Job:
        """The rest of a run that was begun before.

        Raises:
            LlmlabError: its experiment cannot be loaded, or would be another run now.
        """
        models = [arm.recipe.model for arm in self.runs.experiment(run.id).arms]
        problem: LlmlabError | None = None
        # Which model stood in for that of the file, if one did, is known by the run that comes of it alone.
        for model in dict.fromkeys(["", *(spec.name for spec in models), *(spec.path for spec in models)]):
            try:
                job = self.prepare(run.source, model)
            except LlmlabError as error:
                problem = problem if model else error
                continue
            if job.run.digest == run.digest:
                return replace(job, run=replace(job.run, id=run.id, created=run.created, folder=run.folder))
        raise problem or UsageError(
            say("The experiment, a model or the engine is not what it was: this run cannot go on."),
            where=run.source,
            hint=say(
                "Begin another run with: llmlab run {file} (--model chooses the model; this run is on {models})",
                file=run.source,
                models=", ".join(run.models),
            ),
        )

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
            prompt=partial(self.runs.prompt, job.run.id),
        )

    def summarise(self, experiment: Experiment, results: Sequence[TrialResult]) -> Summary:
        """The figures of results."""
        return summarise(experiment, results)

    def run(self, job: Job, stop: Stop) -> AsyncGenerator[RunProgress, None]:
        """Measure what is not measured yet.

        Setting `stop` ends it at once, with everything kept but the answers that are being written; its `rest` ends
        it after these.
        """
        return self.runner.run(job, stop)

    async def finish(self, job: Job) -> RunReport:
        """Write the folder of a run, and read the run once more, in the order in which it was planned."""
        report = await asyncio.to_thread(self.report, job.run.id)
        await asyncio.to_thread(write_folder, Path(job.run.folder), report, self.pages)
        return report
