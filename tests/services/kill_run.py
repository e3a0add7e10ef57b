"""Runs a small experiment on the embedded model, to be killed at any time: `python -m tests.services.kill_run HOME`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from llmlab import wiring
from llmlab.domain.experiment import Arm, Experiment, Item, ScorerUse
from llmlab.domain.model import ModelSpec
from llmlab.domain.modes import ReasoningUse
from llmlab.domain.recipe import Recipe
from llmlab.domain.sampling import Sampling
from llmlab.engine.child import ChildEngine
from llmlab.headless.run import job_of
from llmlab.library.experiments import Loaded
from llmlab.library.reasoning_files import ReasoningShelf
from llmlab.library.rendering import render_template
from llmlab.library.shipped import shipped_prompts_folder
from llmlab.paths import Paths
from llmlab.pocket import pocket_path
from llmlab.services.host import EngineHost
from llmlab.services.preview import Preparing
from llmlab.services.runner import Runner

ITEMS = 8
"""Questions."""


def experiment() -> Experiment:
    """Direct, with steps and with three votes, drawn at a temperature, on an engine that computes alike every time."""
    spec = ModelSpec(name="pocket-m", path=str(pocket_path("pocket-m")), n_ctx=512, n_threads=1, deterministic=True)
    modes = ReasoningShelf([shipped_prompts_folder()])
    items = tuple(
        Item(
            id=f"q{place}",
            question=f"Ann has {12 + place} apples. Ann buys {3 + place} more. How many apples does Ann have now?",
            gold=(str(15 + 2 * place),),
        )
        for place in range(ITEMS)
    )
    uses = {
        "direct": None,
        "steps": ReasoningUse(modes.find("steps", "en")),
        "votes": ReasoningUse(modes.find("votes", "en"), 3),
    }
    sampling = Sampling(temperature=0.7, max_tokens=48)
    arms = tuple(
        Arm(
            name=name, settings={"mode": name}, recipe=Recipe(model=spec, reasoning=use, sampling=sampling), items=items
        )
        for name, use in uses.items()
    )
    scorers = (ScorerUse(kind="number", name="number", counts="flexible"),)
    return Experiment(name="killed", arms=arms, scorers=scorers, seed=3)


async def run(home: Path) -> None:
    """Go on with the run in `home` until it is done; say each trial that is kept."""
    paths = Paths(home / "config", home / "data", home / "logs", home / "cache")
    paths.ensure()
    runs = wiring.open_runs(paths)
    host = EngineHost(lambda: ChildEngine(log=paths.engine_log))
    job = job_of(runs, Loaded(experiment=experiment()), {}, "", folder=paths.runs)
    try:
        async for value in Runner(host, Preparing(render_template), runs.store).run(job, asyncio.Event(), interval=0.0):
            for result in value.news:
                sys.stdout.write(f"{result.arm} {result.item} {result.id}\n")
                sys.stdout.flush()
    finally:
        await host.close()
        runs.close()


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1])))
