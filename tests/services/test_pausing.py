"""Pausing a run: nothing more is asked, what was asked is waited for and kept, and the run goes on from there."""

from __future__ import annotations

import asyncio
from pathlib import Path

from llmlab.domain.experiment import Experiment
from llmlab.domain.run import RunProgress
from llmlab.engine.scripted import Die, Hold, Reply, Script
from llmlab.services.loads import TOGETHER
from llmlab.services.stopping import Stop
from tests.services.experiments import HELLO, Laboratory, experiment
from tests.services.fixtures import Engines

IN_FLIGHT = 3 + TOGETHER
"""Answers that were asked for once three of them are there."""


class Held:
    """Three answers come at once, the others, so many in all, once the gate is open."""

    def __init__(self, folder: Path, in_flight: int, *steps: Die) -> None:
        gate = asyncio.Event()
        self._gate, self._last = gate, Hold(gate)
        waiting = [Reply((Hold(gate), *steps, HELLO))] * (in_flight - 4)
        replies = (*[Reply((HELLO,))] * 3, *waiting, Reply((self._last, *steps, HELLO)))
        self.lab = Laboratory(folder, Engines(Script(replies=replies), Script()))

    async def paused(self, asked: Experiment, *, at_once: bool = False) -> RunProgress:
        """Pause a run while all of them are in flight; how it ends."""
        self.lab.stop = stop = Stop()
        run = asyncio.create_task(self.lab.run(self.lab.job(asked)))
        await asyncio.wait_for(self._last.reached.wait(), 10)
        stop.rest()
        if at_once:
            stop.set()
        else:
            assert not run.done()
            self._gate.set()
        return (await run)[-1]

    async def on(self, asked: Experiment) -> RunProgress:
        """Go on with the run; how it ends."""
        self.lab.stop = Stop()
        return (await self.lab.run(self.lab.job(asked)))[-1]


async def test_answers_in_flight_are_kept_and_no_other_is_asked_for(tmp_path: Path) -> None:
    held = Held(tmp_path, IN_FLIGHT)
    last = await held.paused(experiment(40))
    assert (last.phase, last.run.done, last.run.failed) == ("stopped", IN_FLIGHT, 0)
    assert len(held.lab.results()) == IN_FLIGHT
    assert held.lab.engines.made[0].cancelled == 0
    assert held.lab.runs.find("run").state == "stopped"
    last = await held.on(experiment(40))
    assert (last.phase, last.run.done, held.lab.asked) == ("done", 80, 80)


async def test_a_pause_at_the_very_end_is_the_end(tmp_path: Path) -> None:
    held = Held(tmp_path, 12)
    last = await held.paused(experiment(6))
    assert (last.phase, last.run.done) == ("done", 12)
    assert held.lab.runs.find("run").state == "done"


async def test_the_next_model_is_not_loaded(tmp_path: Path) -> None:
    held = Held(tmp_path, 12)
    last = await held.paused(experiment(6, ("small", "large")))
    assert (last.phase, last.run.done) == ("stopped", 12)
    assert [engine.spec.name for engine in held.lab.engines.made if engine.spec] == ["small"]


async def test_an_engine_that_dies_meanwhile_is_not_started_anew(tmp_path: Path) -> None:
    """What ran beside its death is asked when the run goes on."""
    held = Held(tmp_path, 12, Die())
    last = await held.paused(experiment(6))
    assert (last.phase, last.run.done, last.run.failed) == ("stopped", 3, 0)
    assert len(held.lab.engines.made) == 1
    last = await held.on(experiment(6))
    assert (last.phase, last.run.done, last.run.failed) == ("done", 12, 0)


async def test_stopping_at_once_still_can_be_had(tmp_path: Path) -> None:
    held = Held(tmp_path, IN_FLIGHT)
    last = await held.paused(experiment(40), at_once=True)
    assert (last.phase, last.run.done) == ("stopped", 3)
