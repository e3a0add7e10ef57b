"""What a run will take: prompts made and counted, prefixes shared, speed measured on the model itself."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from statistics import fmean
from typing import Final

from llmlab.domain.experiment import Arm, Trial
from llmlab.domain.generation import Timing, Turn, Usage
from llmlab.domain.model import ModelFacts, ModelSpec
from llmlab.domain.outcomes import TrialResult
from llmlab.domain.run import Plan, PlannedArm, PlannedModel
from llmlab.engine.protocol import GenerationRequest
from llmlab.errors import LlmlabError, Stopped
from llmlab.services.ask import prepare_alone
from llmlab.services.generate import last_turn, stream_samples, stream_turns
from llmlab.services.host import EngineHost, loaded_part
from llmlab.services.job import Job, votes_of
from llmlab.services.preview import Prepared, Preparing
from llmlab.services.ready import Ready
from llmlab.services.stopping import unless

COUNTED: Final = 160
"""Trials whose prompts are made and counted on one model; more are estimated from these."""
PROBED: Final = 8
"""Answers that are written together to measure the speed."""
PROBE_TOKENS: Final = 16
"""Tokens of each."""
TYPICAL_ANSWER: Final = 128
"""Tokens that an answer is taken to have where nothing bounds it and nothing was measured."""

Tokens = tuple[int, ...]


@dataclass(slots=True)
class _Counted:
    """What was counted on one model."""

    trials: int
    """Still to be measured."""
    prompts: list[tuple[str, Tokens]] = field(default_factory=list)
    """Arm and prompt, in the order in which they will be sent."""
    read_speed: float = 0.0
    write_speed: float = 0.0
    problems: list[str] = field(default_factory=list)

    @property
    def tokens(self) -> int:
        """Of the prompts that were counted."""
        return sum(len(tokens) for _, tokens in self.prompts)


class Planning:
    """Makes plans.

    Args:
        host: loads models.
        preparing: makes prompts.
        facts: what a model's file tells without loading it; `None` where it tells nothing.
    """

    def __init__(self, host: EngineHost, preparing: Preparing, facts: Callable[[ModelSpec], ModelFacts | None]) -> None:
        self._host, self._preparing, self._facts = host, preparing, facts

    async def plan(self, job: Job, results: Sequence[TrialResult], stop: asyncio.Event, *, every: bool = False) -> Plan:
        """What is left of a job, and what it will take.

        The first model is loaded, its prompts are counted and its speed is measured; it stays loaded for the run.

        Args:
            job: what is to be run.
            results: what was measured of it.
            stop: set it to cancel.
            every: load every model; otherwise the others are estimated from the first by the size of their files.

        Raises:
            Stopped: `stop` was set.
        """
        results = () if job.again else tuple(each for each in results if not each.problem)
        done = frozenset(each.id for each in results)
        counts: dict[ModelSpec, _Counted] = {}
        for spec in job.loads:
            left = _left(job, spec, results)
            if left and (every or not any(each.prompts for each in counts.values())):
                counts[spec] = await self._count(job, spec, left, done, stop)
            else:
                counts[spec] = self._guess(left, spec, counts)
        return self._plan(job, counts, results)

    async def _count(self, job: Job, spec: ModelSpec, left: int, done: frozenset[str], stop: asyncio.Event) -> _Counted:
        """Make and count prompts on one model, and measure its speed."""
        counted = _Counted(left)
        try:
            await unless(stop, self._host.engine_for(spec))
        except Stopped:
            raise
        except LlmlabError as error:
            counted.problems.append(error.what)
            return counted
        asks: list[tuple[Prepared, Trial]] = []
        ready: Ready | None = None
        for trial in islice((trial for trial in job.trials(spec) if trial.id not in done), COUNTED):
            trial = _as_planned(trial)
            try:
                self._preparing.require_filled(trial.recipe, trial.question)
                ready = await unless(stop, self._preparing.ready(self._host, trial.recipe, (), trial.question))
                prepared = await unless(stop, prepare_alone(ready, self._preparing, ready.recipe, trial.question))
            except Stopped:
                raise
            except LlmlabError as error:
                counted.problems.append(error.what)
                continue
            counted.prompts.append((trial.arm.name, prepared.prompt.tokens))
            asks.append((prepared, trial))
        if ready is not None and asks:
            counted.read_speed, counted.write_speed = await _probe(ready, asks, stop)
        return counted

    def _guess(self, left: int, spec: ModelSpec, counts: Mapping[ModelSpec, _Counted]) -> _Counted:
        """A model that is not loaded, from one that was: the same prompts, slower as its file is larger."""
        known = next(((other, each) for other, each in counts.items() if each.prompts), None)
        if known is None:
            return _Counted(left)
        here, there = self._facts(spec), self._facts(known[0])
        ratio = there.file_bytes / here.file_bytes if here and there and here.file_bytes else 1.0
        return _Counted(left, known[1].prompts, known[1].read_speed * ratio, known[1].write_speed * ratio)

    def _plan(self, job: Job, counts: Mapping[ModelSpec, _Counted], results: Sequence[TrialResult]) -> Plan:
        prompt = shared = answers = seconds = 0.0
        bound, arms = True, []
        for spec, each in counts.items():
            scale = each.trials / len(each.prompts) if each.prompts else 0.0
            reads, again = each.tokens * scale, shared_tokens(tokens for _, tokens in each.prompts) * scale
            prompt, shared = prompt + reads, shared + again
            if each.read_speed:
                seconds += (reads - again) / each.read_speed
            for arm in job.experiment.arms:
                if loaded_part(arm.recipe.model) != spec:
                    continue
                left = _left(job, spec, results, arm)
                length, known = answer_length(arm, results)
                writes, bound = left * length, bound and known
                answers += writes
                seconds += writes / each.write_speed if each.write_speed else 0.0
                sizes = [len(tokens) for name, tokens in each.prompts if name == arm.name]
                mean = fmean(sizes) if sizes else 0.0
                arms.append(
                    PlannedArm(
                        name=arm.name, model=spec.name, trials=left, votes=votes_of(arm.recipe), prompt_tokens=mean
                    )
                )
        trials = sum(each.trials for each in counts.values())
        return Plan(
            experiment=job.experiment.key,
            trials=job.planned,
            measured=job.planned - trials,
            arms=tuple(arms),
            models=tuple(self._model(spec, each) for spec, each in counts.items()),
            counted=sum(len(each.prompts) for each in counts.values()),
            prompt_tokens=round(prompt),
            shared_tokens=round(shared),
            answer_tokens=round(answers),
            answer_bound=bound,
            seconds=seconds,
            problems=tuple(dict.fromkeys(problem for each in counts.values() for problem in each.problems)),
        )

    def _model(self, spec: ModelSpec, counted: _Counted) -> PlannedModel:
        facts = self._facts(spec)
        return PlannedModel(
            name=spec.name,
            memory_bytes=facts.memory_bytes if facts else 0,
            read_speed=counted.read_speed,
            write_speed=counted.write_speed,
        )


def _as_planned(trial: Trial) -> Trial:
    """`trial`, with documents read whole where it reads digests: making one reads all of a document, too."""
    reading = trial.recipe.reading
    if reading is None or reading.way != "digest":
        return trial
    return replace(trial, recipe=replace(trial.recipe, reading=replace(reading, way="whole")))


def shared_tokens(prompts: Iterable[Tokens]) -> int:
    """Tokens that need not be read again: for each prompt, those with which any prompt before begins as well."""
    seen: list[Tokens] = []
    shared = 0
    for prompt in prompts:
        # Sorted, so that the one with the longest common beginning is a neighbour.
        place = bisect_left(seen, prompt)
        near = seen[max(0, place - 1) : place + 1]
        # The last token is always read: it is what the answer goes on from.
        shared += min(max((_common(prompt, other) for other in near), default=0), max(0, len(prompt) - 1))
        seen.insert(place, prompt)
    return shared


def _common(one: Tokens, other: Tokens) -> int:
    return next(
        (place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )


def answer_length(arm: Arm, results: Sequence[TrialResult]) -> tuple[float, bool]:
    """Tokens that the answers of a trial will have, all votes and stages in it, and whether they cannot have more.

    The mean of what was measured; else what `max_tokens` allows, which is a bound; else a guess.
    """
    measured = [each.generated_tokens for each in results if each.arm == arm.name]
    if measured:
        return fmean(measured), False
    recipe = arm.recipe
    stages = recipe.reasoning.mode.stages if recipe.reasoning else ()
    most = recipe.sampling.max_tokens or recipe.model.sampling.max_tokens
    lengths = [most, *(stage.max_tokens or most for stage in stages)]
    return votes_of(recipe) * sum(length or TYPICAL_ANSWER for length in lengths), None not in lengths


def _left(job: Job, spec: ModelSpec, results: Sequence[TrialResult], only: Arm | None = None) -> int:
    """Trials on one load of a model, of one arm if it is given, that are not measured."""
    arms = [arm for arm in job.experiment.arms if loaded_part(arm.recipe.model) == spec and only in (None, arm)]
    asked = {arm.name: frozenset(item.id for item in arm.items[: job.limit]) for arm in arms}
    done = sum(each.item in asked.get(each.arm, ()) for each in results)
    return sum(map(len, asked.values())) * job.experiment.repeats - done


async def _probe(ready: Ready, asks: Sequence[tuple[Prepared, Trial]], stop: asyncio.Event) -> tuple[float, float]:
    """Tokens a second that are read, and written by several answers together; 0 where nothing could be measured."""

    def request(ask: tuple[Prepared, Trial], tokens: int) -> GenerationRequest:
        prepared, trial = ask
        sampling = replace(trial.recipe.complete_sampling(ready.card, trial.seed), max_tokens=tokens)
        return GenerationRequest(prepared.prompt.tokens, sampling)

    # The first answer after loading is slower than all that follow.
    await last_turn(stream_turns(ready.engine, request(asks[0], 1), stop=stop))
    spread = asks[:: max(1, len(asks) // PROBED)][: asks[0][1].recipe.model.together or PROBED]
    turns: tuple[Turn, ...] = ()
    streams = stream_samples(ready.engine, [request(ask, PROBE_TOKENS) for ask in spread], stop=stop)
    async for turns in streams:  # noqa: B007 - the last value is the result
        pass
    usages = [turn.usage or Usage() for turn in turns]
    timings = [turn.timing or Timing() for turn in turns]
    read, read_s = sum(each.prompt - each.reused for each in usages), max(each.prefill_s for each in timings)
    wrote, wrote_s = sum(each.generated for each in usages), max(each.decode_s for each in timings)
    return read / read_s if read_s else 0.0, wrote / wrote_s if wrote_s else 0.0
