"""What an experiment is run with."""

from __future__ import annotations

from dataclasses import dataclass

from llmlab.services.host import EngineHost
from llmlab.services.planning import Planning
from llmlab.services.runner import Runner
from llmlab.services.runs import Runs


@dataclass(frozen=True, slots=True, kw_only=True)
class RunParts:
    """The services of a run, on one engine."""

    host: EngineHost
    planning: Planning
    runner: Runner
    runs: Runs
