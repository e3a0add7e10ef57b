"""A run that is asked for: its experiment, and which of its trials are still to be measured."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Final, Protocol

from llmlab.domain.experiment import Experiment, Trial, expand
from llmlab.domain.fingerprint import fingerprint
from llmlab.domain.model import ModelSpec
from llmlab.domain.outcomes import Answer, Scored, TrialResult
from llmlab.domain.recipe import Recipe
from llmlab.domain.run import RunInfo
from llmlab.services.host import loaded_part
from llmlab.services.scorers import Scoring
from llmlab.services.trials import Asked, answer_of
from llmlab.store.runs import Answered, Done, Measured, RunStore, TrialKey

CHUNK: Final = 200
"""Trials that are looked up at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is to be run."""

    run: RunInfo
    experiment: Experiment
    scoring: Scoring
    marks: Mapping[str, str]
    """By model name, what tells its file from others."""
    build: str
    """Of the engine."""
    judge: ModelSpec | None = None
    """The model that judges answers, where a scorer asks one."""
    environment: Mapping[str, object] = field(default_factory=dict)
    limit: int | None = None
    """Items at most; `None` is all of them."""
    again: bool = False
    """What other runs measured counts no more."""

    @property
    def planned(self) -> int:
        """Trials, those that were measured before among them."""
        return sum(len(arm.items[: self.limit]) for arm in self.experiment.arms) * self.experiment.repeats

    @property
    def loads(self) -> tuple[ModelSpec, ...]:
        """The models as they are loaded, in the order in which they first come."""
        return tuple(dict.fromkeys(loaded_part(arm.recipe.model) for arm in self.experiment.arms))

    def trials(self, load: ModelSpec) -> Iterator[Trial]:
        """Every trial on one load of a model, item by item: whatever is done of them is paired."""
        own = [arm for arm in self.experiment.arms if loaded_part(arm.recipe.model) == load]
        arms = tuple(replace(arm, items=arm.items[: self.limit]) for arm in own)
        return expand(replace(self.experiment, arms=arms), self.marks, self.build)

    @property
    def shares_items(self) -> bool:
        """Every arm is asked the very same."""
        first = self.experiment.arms[0].items
        return all(arm.items is first or arm.items == first for arm in self.experiment.arms)


@dataclass(frozen=True, slots=True)
class Ahead:
    """The next few trials of a job."""

    waiting: list[Trial]
    """To be measured."""
    copied: list[Measured]
    """Measured by another run; they count here as well."""
    skipped: int
    """Measured in this very run."""
    again: list[Measured] = field(default_factory=list)
    """Of these, those whose scorer failed, scored again from the answer that was kept."""


class Source(Protocol):
    """Where trials come from, and what becomes of them; `next` and `measured` block and are called in a thread."""

    def next(self) -> Ahead | None:
        """The next few; `None` at the end."""

    def measured(self, trial: Trial, asked: Asked) -> Measured:
        """What is kept of a trial that was asked, with its scores."""

    def unscored(self, trial: Trial, asked: Asked) -> Measured:
        """What is kept of it where its scores take their time; they are still to come."""

    def give_up(self) -> None:
        """End whatever is being scored: it is told as failed, and scored when the run goes on."""


class Pending:
    """The trials of one load that are not measured yet, looked up a few at a time."""

    def __init__(
        self,
        store: RunStore,
        job: Job,
        load: ModelSpec,
        done: Done,
    ) -> None:
        """Prepare.

        Args:
            store: what was measured before.
            job: what is to be run.
            load: the model.
            done: what was measured in this very run.
        """
        self._store, self._job, self._done = store, job, done
        self._trials = job.trials(load)
        self._shared = job.shares_items
        self._unscored: frozenset[TrialKey] | None = None

    def next(self) -> Ahead | None:
        """The next few; `None` at the end. Reads the store, and scores what other runs measured."""
        trials = list(islice(self._trials, CHUNK))
        if not trials:
            return None
        left = [trial for trial in trials if not self._is_done(trial)]
        waiting, copied = self._without_known(left) if left else ([], [])
        return Ahead(waiting, copied, len(trials) - len(left), self._scored_again(trials))

    def measured(self, trial: Trial, asked: Asked) -> Measured:
        """The line of a trial with its scores; scorers are anybody's code."""
        return self._line(trial, asked, self._job.scoring(trial.item, asked.answer))

    def unscored(self, trial: Trial, asked: Asked) -> Measured:
        """The line of a trial before its scores come."""
        return replace(self._line(trial, asked, self._job.scoring.unscored()), early=True)

    def give_up(self) -> None:
        """End whatever is being scored."""
        self._job.scoring.give_up()

    def _line(self, trial: Trial, asked: Asked, scores: tuple[Scored, ...]) -> Measured:
        line = replace(asked.result, scores=scores)
        return Measured(line, trial.item, self._scope(trial), asked.measures, prompt=asked.prompt)

    def _scope(self, trial: Trial) -> str:
        return "" if self._shared else trial.arm.name

    def _is_done(self, trial: Trial) -> bool:
        return self._done.get(_key(trial)) == trial.id

    def _scored_again(self, trials: Sequence[Trial]) -> list[Measured]:
        """Those of the trials that are done and whose scorer failed: it may have been mended since."""
        job = self._job
        if self._unscored is None:
            self._unscored = self._store.unscored(job.run.id)
        failed = [trial for trial in trials if _key(trial) in self._unscored and self._is_done(trial)]
        kept = self._store.kept(job.run.id, [trial.id for trial in failed]) if failed else ()
        by_key = {_key(trial): trial for trial in failed}
        again: list[Measured] = []
        for result, measures in kept:
            trial = by_key.get((result.arm, result.item, result.repeat))
            if trial is None:
                continue
            scores = job.scoring.again(trial.item, answer_of(trial.extraction, result, measures), result.scores)
            if scores != result.scores:
                mended = replace(result, scores=scores)
                again.append(Measured(mended, trial.item, self._scope(trial), measures, counted=True))
        return again

    def _fitting(self, trial: Trial, known: Sequence[Answered]) -> tuple[TrialResult, Answer | None, Answer] | None:
        """Of what other runs measured of a trial, the first that holds all that is looked at here."""
        for result, measures in known:
            # A judge may have been asked by another rubric.
            own = replace(measures, verdict="") if measures else None
            answer = answer_of(trial.extraction, result, own)
            if self._job.scoring.satisfied(trial.item, answer):
                return result, own, answer
        return None

    def _without_known(self, trials: Sequence[Trial]) -> tuple[list[Trial], list[Measured]]:
        """Those of the trials that no other run measured, and copies of the others."""
        job = self._job
        known: dict[str, list[Answered]] = {}
        for answered in () if job.again else self._store.known([trial.id for trial in trials], job.run.id):
            known.setdefault(answered[0].id, []).append(answered)
        waiting: list[Trial] = []
        copied: list[Measured] = []
        for trial in trials:
            found = self._fitting(trial, known.get(trial.id, ()))
            if found is None:
                waiting.append(trial)
                continue
            result, measures, answer = found
            here = replace(
                result,
                arm=trial.arm.name,
                item=trial.item.id,
                cluster=trial.item.hangs_with,
                settings=trial.arm.settings,
                gold=trial.item.gold,
                scores=job.scoring(trial.item, answer),
                cached=True,
            )
            copied.append(Measured(here, trial.item, self._scope(trial), measures))
        return waiting, copied


def _key(trial: Trial) -> TrialKey:
    return trial.arm.name, trial.item.id, trial.repeat


def votes_of(recipe: Recipe) -> int:
    """Answers that are drawn for a question at the same time."""
    return recipe.reasoning.vote_count if recipe.reasoning else 1


def digest_of(experiment: Experiment, marks: Mapping[str, str], build: str) -> str:
    """Everything that the results of an experiment depend on, hashed; 64 hexadecimal digits.

    How many of its items are asked, and what is made of the results, is not among it: with more items, or another
    threshold, the same run goes on.
    """
    told = hashlib.sha256()
    for arm in experiment.arms:
        told.update(fingerprint((arm.name, arm.twin_of, arm.recipe)).encode())
    firsts = [arm.items[:1] for arm in experiment.arms]
    data = (experiment.data.origin, experiment.data.digest, experiment.data.arguments, firsts)
    rest = (experiment.key, experiment.scorers, experiment.repeats, experiment.seed, data, dict(marks), build)
    told.update(fingerprint(rest).encode())
    return told.hexdigest()
