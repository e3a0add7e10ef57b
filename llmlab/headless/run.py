"""`llmlab run`: an experiment from its file to its table and its folder."""

from __future__ import annotations

import asyncio
import platform
import secrets
import time
from collections.abc import Mapping
from contextlib import aclosing, suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

from llmlab import __version__
from llmlab.domain.run import Plan, RunInfo, RunProgress
from llmlab.domain.scorers.registry import make_scorer
from llmlab.domain.summary_words import duration
from llmlab.errors import LlmlabError, Stopped
from llmlab.headless.console import Console, engine_in_use, report
from llmlab.headless.diagnostics import Diagnostics, Exit
from llmlab.headless.run_table import plan_lines, summary_lines
from llmlab.library.experiments import Loaded
from llmlab.services.job import Job, digest_of
from llmlab.services.run_folder import Page, RunReport, plain, write_folder
from llmlab.services.run_parts import RunParts
from llmlab.services.runner import Runner
from llmlab.services.runs import SHORT, Runs
from llmlab.services.scorers import Scoring
from llmlab.words import say


@dataclass(frozen=True, slots=True, kw_only=True)
class RunWish:
    """How a run is asked for."""

    dry: bool = False
    """Tell the plan and run nothing."""
    as_json: bool = False
    told: Path = field(default_factory=Path)
    """The record of notes about models that this user has read already."""
    pages: Mapping[str, Page] = field(default_factory=dict)
    """Pages of the report that are written into the folder, by file name."""


def run(parts: RunParts, job: Job, wish: RunWish, console: Console) -> Exit:
    """`run_job` on an event loop of its own."""
    return asyncio.run(run_job(parts, job, wish, console))


async def run_job(parts: RunParts, job: Job, wish: RunWish, console: Console) -> Exit:
    """Tell the plan, measure what is not measured yet, write the folder and print the table.

    Raises:
        ReaderGone: nobody reads the output any more; the engine has ended.
    """
    try:
        async with engine_in_use(parts.host, console, wish.told) as stop:
            try:
                known = await asyncio.to_thread(parts.runs.results, job.run.id)
                plan = await parts.planning.plan(job, known, stop, every=wish.dry)
                if wish.dry:
                    return _tell_plan(plan, wish, console)
                if plan.measured < plan.trials:
                    console.err.clear()
                    for line in filter(None, plan_lines(plan)):
                        console.err.note(line)
                last = await _measure(parts.runner, job, stop, console.err)
                return await asyncio.to_thread(_finish, parts.runs, job, last, wish, console)
            except LlmlabError as error:
                return report(error, console)
    finally:
        parts.runs.close()


def job_of(
    runs: Runs,
    loaded: Loaded,
    marks: Mapping[str, str],
    build: str,
    *,
    folder: Path,
    output: Path | None = None,
    limit: int | None = None,
    again: bool = False,
) -> Job:
    """The job of an experiment: a run that it began before goes on, unless it is to be measured `again`.

    Args:
        runs: what was measured.
        loaded: the experiment.
        marks: by model name, what tells its file from others.
        build: of the engine.
        folder: where folders of runs are made.
        output: the folder of this one.
        limit: items at most.
        again: measure everything anew, in a run of its own.
    """
    experiment = loaded.experiment
    digest = digest_of(experiment, marks, build)
    found = None if again else runs.of_digest(digest)
    run_id = found.id if found else secrets.token_hex(6)
    now = time.time()
    info = RunInfo(
        id=run_id,
        name=experiment.key,
        title=experiment.title,
        digest=digest,
        created=found.created if found else now,
        updated=now,
        state="stopped",
        planned=experiment.size,
        models=experiment.models,
        source=experiment.source,
        folder=str((output or folder / f"{experiment.name}-{run_id[:SHORT]}").absolute()),
    )
    return Job(
        run=info,
        experiment=experiment,
        scoring=Scoring(
            [make_scorer(use, loaded.own) for use in experiment.scorers],
            {use.name: use.source for use in experiment.scorers},
        ),
        judge=loaded.judge,
        marks=marks,
        build=build,
        environment=_machine(build),
        limit=limit,
        again=again,
    )


def _machine(build: str) -> dict[str, object]:
    """On what is measured, models aside."""
    import psutil

    return {
        "llmlab": __version__,
        "engine": build,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cores": psutil.cpu_count(logical=False) or 0,
        "threads": psutil.cpu_count() or 0,
        "memory_bytes": psutil.virtual_memory().total,
    }


def _tell_plan(plan: Plan, wish: RunWish, console: Console) -> Exit:
    console.err.clear()
    if wish.as_json:
        console.out.json(asdict(plan))
    else:
        for line in plan_lines(plan):
            console.out.line(line)
    return Exit.FAILED if plan.problems else Exit.ANSWERED


async def _measure(runner: Runner, job: Job, stop: asyncio.Event, err: Diagnostics) -> RunProgress:
    last: RunProgress | None = None
    async with aclosing(runner.run(job, stop)) as values:
        async for last in values:
            err.progress(progress_line(last))
    err.clear()
    if last is None:
        raise Stopped(say("Stopped before the answer began."))
    return last


def progress_line(progress: RunProgress) -> str:
    """How far a run has come, in a line."""
    run = progress.run
    if progress.phase == "loading":
        return say("Loading {model}", model=progress.model)
    if progress.phase == "waiting":
        return say("Waiting, results cannot be written: {problem}", problem=progress.problem.partition("\n")[0])
    told = [say("{done:,} of {planned:,} trials", done=run.done, planned=run.planned)]
    if progress.rate:
        told.append(say("{rate:.1f} a second", rate=progress.rate))
    if progress.remaining_s is not None:
        told.append(say("{time} left", time=duration(progress.remaining_s)))
    if run.failed:
        told.append(say("{failed:,} failed", failed=run.failed))
    return " · ".join(told)


def _finish(runs: Runs, job: Job, last: RunProgress, wish: RunWish, console: Console) -> Exit:
    """Write the folder, print the table, and say with the exit code what came of it."""
    made = report_of(runs, job.run.id)
    folder = Path(job.run.folder)
    problem: LlmlabError | None = None
    try:
        write_folder(folder, made, wish.pages)
    except LlmlabError as error:
        problem = error
    summary = made.summary
    if wish.as_json:
        console.out.json({"run": job.run.id, "folder": str(folder), **plain(summary)})
    else:
        for line in summary_lines(summary):
            console.out.line(line)
    if problem is not None:
        return report(problem, console)
    if not wish.as_json:
        console.err.note(say("Run {id}: {folder}", id=job.run.id[:SHORT], folder=folder))
    if last.phase == "stopped":
        console.err.note(say("Stopped; what was measured is kept, and the same command goes on from here."))
        return Exit.INTERRUPTED
    if not summary.passed:
        return Exit.MISSED
    return Exit.FAILED if summary.done and summary.failed == summary.done else Exit.ANSWERED


def report_of(runs: Runs, run_id: str) -> RunReport:
    """Everything that a run is told by.

    Raises:
        StoreError: it cannot be read.
    """
    experiment = runs.experiment(run_id)
    source = ""
    with suppress(OSError, UnicodeDecodeError):
        source = Path(experiment.source).read_text(encoding="utf-8-sig") if experiment.source else ""
    return RunReport(
        experiment=experiment,
        results=runs.results(run_id),
        summary=runs.summary(run_id),
        environment=runs.environment(run_id),
        source=source,
        prompt=partial(runs.prompt, run_id),
    )
