"""A run of an experiment: what is planned, how far it has come, and how it is listed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from llmlab.domain.outcomes import TrialResult

RunState = Literal["running", "stopped", "done"]
"""It is being measured by a process that lives, it can be gone on with, or everything was measured."""
RunPhase = Literal["loading", "measuring", "waiting", "done", "stopped"]
"""What a run does now; `waiting`: results cannot be written, it goes on when they can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInfo:
    """A run as it is listed."""

    id: str
    name: str
    """Of the experiment: its key."""
    title: str
    digest: str
    """Everything that its figures depend on, hashed; the same experiment goes on in the same run."""
    created: float
    """Seconds since the epoch."""
    updated: float
    state: RunState
    planned: int
    """Trials in all."""
    done: int = 0
    """Trials that were measured, failed ones among them."""
    failed: int = 0
    """Of these, trials without an answer, which are tried again when the run goes on, or whose scorer failed."""
    models: tuple[str, ...] = ()
    source: str = ""
    """The experiment's file."""
    folder: str = ""
    """Where results and report are written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedArm:
    """One arm before it runs."""

    name: str
    model: str
    trials: int
    """Still to be measured."""
    votes: int
    """Answers that are drawn for a trial."""
    prompt_tokens: float
    """Of one trial's first prompt, the mean over those that were counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedModel:
    """One model before it runs; speeds in tokens a second."""

    name: str
    memory_bytes: int
    """Weights, cache and room to compute, as its file tells; 0 where that is not known."""
    read_speed: float
    """Of prompts; 0 where nothing was measured."""
    write_speed: float
    """Of all answers that are written together; 0 where nothing was measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run will take."""

    experiment: str
    trials: int
    """In all."""
    measured: int
    """Of these, trials that were measured before."""
    arms: tuple[PlannedArm, ...]
    models: tuple[PlannedModel, ...]
    counted: int
    """Trials whose prompts were made and counted; the rest is estimated from them."""
    prompt_tokens: int
    """Of the trials that are still to be measured."""
    shared_tokens: int
    """Of these, tokens that are not read again, since a prompt before begins with them."""
    answer_tokens: int
    """Estimate of what will be written, all votes and stages in it."""
    answer_bound: bool
    """`answer_tokens` is what `max_tokens` allows; otherwise it goes by answers that were measured, or is a guess."""
    seconds: float
    """Estimate; 0 where no speed was measured."""
    problems: tuple[str, ...] = ()
    """Why prompts could not be made, a sentence each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunProgress:
    """A run as far as it has come."""

    run: RunInfo
    """`planned`, `done` and `failed` are those of the items that were asked for now."""
    phase: RunPhase
    model: str = ""
    """The model that is asked now."""
    seconds: float = 0.0
    """Since the run began or went on."""
    fresh: int = 0
    """Trials that were measured since then."""
    rate: float = 0.0
    """Trials a second over the last ones; 0 until there is one."""
    remaining_s: float | None = None
    """At this rate; `None` until there is one."""
    news: tuple[TrialResult, ...] = field(default=(), repr=False)
    """What was measured since the value before."""
    problem: str = ""
    """Why it waits."""
