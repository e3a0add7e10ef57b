"""The runs that are kept: listed, found, looked into, compared and let go; all of it reads the disk and blocks."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from llmlab.domain.document import Document
from llmlab.domain.experiment import Arm, Experiment, expand, own_documents
from llmlab.domain.outcomes import TrialResult
from llmlab.domain.recipe import Recipe
from llmlab.domain.run import RunInfo
from llmlab.domain.summary import Summary
from llmlab.errors import StoreError, UsageError
from llmlab.store.runs import RunStore
from llmlab.words import say

SHORT = 8
"""Characters of an id in a listing."""


class Runs:
    """What was measured. Every method may be called from any thread.

    Args:
        store: where runs are kept.
        summarise: makes the figures of results.
    """

    def __init__(self, store: RunStore, summarise: Callable[[Experiment, Sequence[TrialResult]], Summary]) -> None:
        self.store = store
        self._summarise = summarise

    def list(self) -> tuple[RunInfo, ...]:
        """Every run, the one touched last first."""
        return self.store.list()

    def find(self, name: str) -> RunInfo:
        """The run whose id begins with `name`, else the last one of the experiment of this name; `last` is any.

        Raises:
            UsageError: there is none, or several ids begin so.
        """
        runs = self.store.list()
        found = [run for run in runs if name and run.id.startswith(name.lower())]
        if len(found) > 1:
            ids = ", ".join(run.id[: len(name) + 4] for run in found[:5])
            raise UsageError(say("Several runs begin with {id}.", id=name), hint=ids)
        found = found or [run for run in runs if name in ("last", run.name, run.name.rpartition(".")[0])]
        if not found:
            raise UsageError(say("There is no run {id}.", id=name), hint=say("See all of them with: llmlab runs list"))
        return found[0]

    def of_digest(self, digest: str) -> RunInfo | None:
        """The run of the experiment that is hashed so, the one touched last."""
        return self.store.of_digest(digest)

    def experiment(self, run_id: str) -> Experiment:
        """The experiment of a run; its items have ids and nothing else.

        Raises:
            StoreError: there is no such run, or another version of llmlab wrote it.
        """
        return self.store.experiment(run_id)

    def environment(self, run_id: str) -> dict[str, Any]:
        """On what a run was measured last."""
        return self.store.environment(run_id)

    def results(self, run_id: str) -> tuple[TrialResult, ...]:
        """What was measured, one model after the other, item by item, the arms in the order of the experiment."""
        results = tuple(self.store.results(run_id))
        try:
            arms = self.experiment(run_id).arms
        except StoreError:
            arms = ()
        return in_order(results, arms)

    def prompt(self, run_id: str, file: str) -> str:
        """A prompt that stands in a file of its own, by the file's name; empty where it is not kept."""
        return self.store.prompt(run_id, file)

    def summary(self, run_id: str) -> Summary:
        """The figures of a run.

        Raises:
            StoreError: there is no such run, or another version of llmlab wrote it.
        """
        return self._summarise(self.experiment(run_id), self.results(run_id))

    def compare(self, first: str, second: str) -> tuple[Summary, ...]:
        """Two runs, a summary for each arm that both have: that of the first run is the baseline.

        They are compared on the items that both were asked, whatever else is different.

        Raises:
            StoreError: one of them cannot be read.
            UsageError: they have no arm in common.
        """
        if first == second:
            raise UsageError(say("This is one and the same run."), hint=say("See all of them with: llmlab runs list"))
        experiments = [self.experiment(first), self.experiment(second)]
        found = [self.results(first), self.results(second)]
        names = [arm.name for arm in experiments[0].arms if arm.name in {arm.name for arm in experiments[1].arms}]
        if not names:
            raise UsageError(
                say("The two runs have no arm in common."),
                hint=say("Arms are compared by name; see them with: llmlab runs show ID"),
            )
        summaries = []
        for name in names:
            arms: list[Arm] = []
            results: list[TrialResult] = []
            for run_id, experiment, measured in zip((first, second), experiments, found, strict=True):
                titled = f"{name} ({run_id[:SHORT]})".strip()
                own = next(arm for arm in experiment.arms if arm.name == name)
                arms.append(replace(own, name=titled, twin_of="", against=arms[0].name if arms else titled))
                results += [replace(each, arm=titled) for each in measured if each.arm == name]
            joined = replace(experiments[0], arms=tuple(arms), thresholds=())
            summaries.append(self._summarise(joined, results))
        return tuple(summaries)

    def recipe(self, run_id: str, result: TrialResult) -> tuple[Recipe, str]:
        """The recipe and the question of a trial, so that a chat can go on from there.

        Raises:
            StoreError: they cannot be read any more.
        """
        alone = self._alone(run_id, result)
        trial = next(trial for trial in expand(alone) if trial.repeat == result.repeat)
        return trial.recipe, trial.question

    def documents(self, run_id: str, result: TrialResult) -> tuple[Document, ...]:
        """What the question of a trial brings along to be read: its recipe names it, and no file holds it.

        Raises:
            StoreError: it cannot be read any more.
        """
        return tuple(own_documents(self._alone(run_id, result)).values())

    def delete(self, run_id: str) -> None:
        """Let go of a run; files that it wrote into a folder stay.

        Raises:
            StoreError: it is being measured, or cannot be deleted.
        """
        self.store.delete(run_id)

    def close(self) -> None:
        """Let the file go."""
        self.store.close()

    def _alone(self, run_id: str, result: TrialResult) -> Experiment:
        """The experiment of a run with the arm and the item of one trial alone."""
        experiment = self.experiment(run_id)
        arm = next((arm for arm in experiment.arms if arm.name == result.arm), None)
        item = self.store.item(run_id, result.arm, result.item)
        if arm is None or item is None:
            raise StoreError(
                say("What was asked in this trial cannot be read any more."),
                where=str(self.store.path),
                hint=say("Run the experiment again."),
            )
        return replace(experiment, arms=(replace(arm, items=(item,)),))


def in_order(results: Sequence[TrialResult], arms: Sequence[Arm]) -> tuple[TrialResult, ...]:
    """Results as they are planned: whatever order they were measured in."""
    models = {name: place for place, name in enumerate(dict.fromkeys(arm.recipe.model.name for arm in arms))}
    names = {arm.name: place for place, arm in enumerate(arms)}
    # Items of a model come in the order of the data, and are first measured in that order but for a few in flight.
    items = {item: place for place, item in enumerate(sorted({each.item for each in results}, key=_natural))}
    return tuple(
        sorted(
            results,
            key=lambda each: (
                models.get(each.model, len(models)),
                items[each.item],
                names.get(each.arm, len(names)),
                each.repeat,
            ),
        )
    )


def _natural(name: str) -> tuple[tuple[int, int | str], ...]:
    """By which names are sorted so that `item-10` comes after `item-9`."""
    return tuple((0, int(part)) if part.isdigit() else (1, part) for part in re.split(r"(\d+)", name) if part)
