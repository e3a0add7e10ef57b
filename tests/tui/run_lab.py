"""Runs for the screen: a store with runs that were made up, and experiments on the lab's scripted engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from llmlab.domain.document import Document
from llmlab.domain.experiment import Experiment
from llmlab.domain.model import ModelSpec
from llmlab.domain.outcomes import TrialResult
from llmlab.domain.run import RunInfo
from llmlab.domain.scorers.texts import Exact
from llmlab.domain.summarising import summarise
from llmlab.errors import ConfigError
from llmlab.headless.report import PAGES
from llmlab.headless.run import report_of
from llmlab.library.rendering import render_template
from llmlab.paths import Paths
from llmlab.services.experimenting import Experimenting, Offer
from llmlab.services.host import EngineHost
from llmlab.services.job import Job, digest_of
from llmlab.services.preview import Preparing
from llmlab.services.runner import Runner
from llmlab.services.runs import Runs
from llmlab.services.scorers import Scoring
from llmlab.store.runs import Measured, RunStore
from llmlab.tui.screens.runs import RunsScreen
from tests.services.experiments import experiment
from tests.support.made_runs import made_experiment, made_results


@dataclass
class RunLab:
    """What the screen of runs is given in tests."""

    paths: Paths
    experiments: dict[str, Experiment] = field(default_factory=lambda: {"try.en": experiment(6, ("one",))})
    wrong: str = ""
    """What is wrong with an experiment that is offered as well."""
    store: RunStore = field(init=False)

    def __post_init__(self) -> None:
        self.store = RunStore(self.paths.runs_database)

    def keep(
        self, asked: Experiment, results: Sequence[TrialResult], run_id: str = "made", source: str = ""
    ) -> RunInfo:
        """Keep a run that was made up, of the experiment that is offered as `source`."""
        self.store.begin(replace(self._info(asked, run_id), source=source), asked, {"cpu": "2 cores"})
        items = {item.id: item for item in asked.arms[0].items}
        self.store.put(run_id, [Measured(result, items[result.item]) for result in results])
        self.store.end(run_id, {"cpu": "2 cores"}, complete=len(results) == asked.size)
        return self.store.info(run_id)

    def _info(self, asked: Experiment, run_id: str) -> RunInfo:
        return RunInfo(
            id=run_id, name=asked.key, title=asked.title, digest=digest_of(asked, {}, ""), created=1.0, updated=1.0,
            state="stopped", planned=asked.size, models=asked.models, source="", folder=str(self.folder),
        )  # fmt: skip

    @property
    def folder(self) -> Path:
        """Where a run's files go."""
        return self.paths.runs / "made"

    def open(self, host: EngineHost, keep: Callable[[Document], object]) -> partial[RunsScreen]:
        """What the lab is given."""
        runs = Runs(self.store, summarise)
        return partial(
            RunsScreen,
            Experimenting(
                runs=runs,
                runner=Runner(host, Preparing(render_template), self.store),
                offers=self._offers,
                prepare=self._prepare,
                report=partial(report_of, runs),
                pages=PAGES,
                keep=keep,
            ),
        )

    def _offers(self) -> tuple[Offer, ...]:
        good = [Offer(name=name, title=one.title, description="two arms") for name, one in self.experiments.items()]
        return (*good, *([Offer(name="bad.en", title="bad.en", problem=self.wrong)] if self.wrong else []))

    def _prepare(self, name: str, model: str) -> Job:
        if name not in self.experiments:
            raise ConfigError(f"There is no experiment {name}.", hint="F4")
        asked = on_model(self.experiments[name], model) if model else self.experiments[name]
        begun = self.store.of_digest(digest_of(asked, {}, ""))
        run = replace(self._info(asked, begun.id if begun else f"run-of-{asked.name}"), source=name)
        return Job(run=run, experiment=asked, scoring=Scoring([Exact()]), marks={}, build="", environment={"cpu": "2"})


def whole(paths: Paths) -> RunLab:
    """A store with one run, of which everything is measured."""
    lab, asked = RunLab(paths), made_experiment()
    lab.keep(asked, made_results(asked))
    return lab


def on_model(asked: Experiment, name: str) -> Experiment:
    """An experiment with another model in place of that of its file, as `--model` says it."""
    spec = ModelSpec(name=name, path=f"/models/{name}.gguf")
    return replace(asked, arms=tuple(replace(arm, recipe=replace(arm.recipe, model=spec)) for arm in asked.arms))
