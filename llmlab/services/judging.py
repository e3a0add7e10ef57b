"""Answers that a judge has not seen yet: asked of its model once all models have answered."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from types import MappingProxyType
from typing import Final

from llmlab.domain.experiment import Arm, Trial
from llmlab.domain.model import ModelSpec
from llmlab.domain.modes import Extraction
from llmlab.domain.outcomes import Answer, Scored
from llmlab.domain.recipe import Recipe
from llmlab.domain.sampling import Sampling
from llmlab.domain.scorers.base import failure
from llmlab.domain.scorers.judge import Judge
from llmlab.services.job import CHUNK, Ahead, Job
from llmlab.services.trials import Asked, answer_of
from llmlab.store.runs import Measured, RunStore
from llmlab.words import say

LONGEST_VERDICT: Final = 512
"""Tokens that a judge may write."""


class Unjudged:
    """The answers of a run that have no verdict, as questions to the judge; a judge that fails is asked again."""

    def __init__(self, store: RunStore, job: Job, spec: ModelSpec, judge: Judge) -> None:
        """Prepare.

        Args:
            store: where the answers are.
            job: whose run it is.
            spec: the judge's model.
            judge: the scorer that asks it.
        """
        self._store, self._job, self._judge = store, job, judge
        sampling = Sampling(temperature=0.0, max_tokens=LONGEST_VERDICT)
        self._arm = Arm(name=judge.name, settings={}, recipe=Recipe(model=spec, sampling=sampling))
        self._answers: dict[str, Measured] = {}
        """By the id of the question to the judge, until it is answered."""
        self._rows: Iterator[Measured] | None = None
        self._extractions: dict[str, Extraction | None] = {
            arm.name: arm.recipe.reasoning.mode.extraction if arm.recipe.reasoning else None
            for arm in job.experiment.arms
        }

    def next(self) -> Ahead | None:
        """The next few questions; reads the store."""
        if self._rows is None:
            rows = self._store.answered(self._job.run.id)
            self._rows = (row for row in rows if row.measures is None or not row.measures.verdict)
        some = list(islice(self._rows, CHUNK))
        return Ahead([self._question(row) for row in some], [], 0) if some else None

    def measured(self, trial: Trial, asked: Asked) -> Measured:
        """The answer with what the judge says of it; where that is nothing, it says why and is asked again."""
        row, measures, others = self._heard(trial, asked)
        self._answers.pop(trial.id)
        answer = answer_of(self._extractions.get(row.result.arm), row.result, measures)
        scores = self._job.scoring.again(row.item, answer, others)
        if asked.result.problem:
            scores += (Scored(scorer=self._judge.name, outcome="error", why=asked.result.problem),)
        return replace(row, result=replace(row.result, scores=scores), measures=measures)

    def unscored(self, trial: Trial, asked: Asked) -> Measured:
        """The answer with what the judge wrote, before that is read."""
        row, measures, others = self._heard(trial, asked)
        scores = (*others, failure(self._judge.name, say("it has not come to this answer yet")))
        return replace(row, result=replace(row.result, scores=scores), measures=measures, early=True)

    def give_up(self) -> None:
        """End whatever is being scored."""
        self._job.scoring.give_up()

    def _heard(self, trial: Trial, asked: Asked) -> tuple[Measured, Answer, tuple[Scored, ...]]:
        """The answer that was judged, what is known beside its text now, and what other scorers said."""
        row = self._answers[trial.id]
        # A judge that says nothing has spoken all the same.
        verdict = "" if asked.result.problem else asked.answer.text or "-"
        others = tuple(one for one in row.result.scores if one.scorer != self._judge.name)
        return row, replace(row.measures or Answer(text=""), verdict=verdict), others

    def _question(self, row: Measured) -> Trial:
        result = row.result
        question = self._judge.question(row.item, result.answer)
        named = f"{result.arm}|{result.item}|{result.repeat}"
        trial_id = hashlib.sha256(named.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        self._answers[trial_id] = row
        item = replace(row.item, question=question, document="", variables=MappingProxyType({}), shots=())
        recipe = replace(self._arm.recipe, sampling=replace(self._arm.recipe.sampling, seed=result.seed))
        return Trial(
            id=trial_id,
            arm=self._arm,
            item=item,
            repeat=result.repeat,
            seed=result.seed,
            recipe=recipe,
            question=question,
        )
