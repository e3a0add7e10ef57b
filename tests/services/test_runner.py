"""Runs on scripted engines: everything is measured once, kept at once, and nothing that fails takes the rest down."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from llmlab.domain.generation import StreamEvent
from llmlab.domain.prompting import ChatMessage, PromptOptions, RenderedPrompt
from llmlab.domain.scorers.judge import Judge
from llmlab.domain.scorers.likelihood import LikeliestChoice, Likelihood
from llmlab.domain.scorers.texts import Exact
from llmlab.engine.protocol import GenerationRequest
from llmlab.engine.scripted import Die, Fail, Hold, Reply, Script, ScriptedEngine
from llmlab.errors import ModelError, StoreError
from llmlab.services import keeping
from llmlab.services.loads import DEATHS
from llmlab.services.runner import Runner
from llmlab.store.runs import Measured, RunStore
from tests.services.experiments import HELLO, Laboratory, Raising, experiment
from tests.services.fixtures import Engines, model
from tests.store.test_faults import mounted


@pytest.fixture
def lab(tmp_path: Path) -> Laboratory:
    return Laboratory(tmp_path)


async def test_every_trial_is_measured_and_kept(lab: Laboratory) -> None:
    values = await lab.run(lab.job(experiment(3, repeats=2)))
    last = values[-1]
    assert (last.phase, last.run.done, last.run.failed, last.fresh) == ("done", 12, 0, 12)
    results = lab.results()
    assert [result.answer for result in results] == [HELLO] * 12
    assert [(each.item, each.arm, each.repeat) for each in results[:4]] == [
        ("q0", "tiny 0.0", 0),
        ("q0", "tiny 0.0", 1),
        ("q0", "tiny 1.0", 0),
        ("q0", "tiny 1.0", 1),
    ]
    assert {score.outcome for result in results for score in result.scores} == {"correct"}
    assert lab.runs.find("run").state == "done"
    assert sum(len(value.news) for value in values) == 12


async def test_what_was_measured_is_not_measured_again(lab: Laboratory) -> None:
    job = lab.job(experiment(3))
    await lab.run(job)
    loads = len(lab.engines.made)
    values = await lab.run(job)
    assert lab.asked == 6
    assert len(lab.engines.made) == loads
    assert (values[-1].fresh, values[-1].run.done) == (0, 6)


async def test_models_are_loaded_once_each(lab: Laboratory) -> None:
    await lab.run(lab.job(experiment(4, ("small", "large"))))
    assert [engine.spec.name for engine in lab.engines.made if engine.spec] == ["small", "large"]


async def test_a_limit_measures_the_first_items_and_the_rest_follows_later(lab: Laboratory) -> None:
    asked = experiment(4)
    values = await lab.run(lab.job(asked, limit=1))
    assert (values[-1].run.done, values[-1].run.planned, lab.asked) == (2, 2, 2)
    assert {each.item for each in lab.results()} == {"q0"}
    assert lab.runs.find("run").state == "stopped"
    await lab.run(lab.job(asked))
    assert lab.asked == 8
    assert lab.runs.find("run").state == "done"


async def test_another_run_takes_over_what_is_the_same(lab: Laboratory) -> None:
    """An arm that is added is all that is measured; what is taken over is scored anew and says where it is from."""
    first = experiment(3)
    await lab.run(lab.job(first, "first"))
    wider = experiment(3, ("tiny", "other"))
    await lab.run(lab.job(wider, "second"))
    assert lab.asked == 12
    assert [each.cached for each in lab.results("second")] == [True] * 6 + [False] * 6
    await lab.run(lab.job(first, "third", again=True))
    assert lab.asked == 18


async def test_stopping_keeps_what_is_measured_and_the_run_goes_on_from_there(tmp_path: Path) -> None:
    hold = Hold()
    lab = Laboratory(tmp_path, Engines(Script(replies=(Reply(), Reply(), Reply(), Reply((hold,)))), Script()))
    runner = Runner(lab.engines.host, lab.preparing, lab.store)
    job = lab.job(experiment(40))
    last = None
    async for last in runner.run(job, lab.stop, interval=0.0):
        if last.run.done == 3:
            lab.stop.set()
    assert last is not None
    assert (last.phase, last.run.done) == ("stopped", 3)
    assert lab.engines.made[0].cancelled > 0
    lab.stop.clear()
    hold.gate.set()
    values = await lab.run(job)
    assert (values[-1].phase, values[-1].run.done, values[-1].fresh) == ("done", 80, 77)
    assert len(lab.results()) == 80


async def test_failures_are_rows_and_are_tried_again(tmp_path: Path) -> None:
    lab = Laboratory(tmp_path, Engines(Script(replies=(Reply((Fail("out of luck", "here"),)), Reply()))))
    job = lab.job(experiment(3))
    values = await lab.run(job)
    assert (values[-1].run.done, values[-1].run.failed) == (6, 1)
    failed = [each for each in lab.results() if each.problem]
    assert [each.problem for each in failed] == ["out of luck (here)"]
    assert {score.outcome for score in failed[0].scores} == {"error"}
    assert lab.runs.summary("run").failed == 1
    values = await lab.run(job)
    assert (values[-1].run.failed, values[-1].fresh) == (0, 1)
    assert lab.runs.summary("run").failed == 0


async def test_a_model_that_dies_each_time_is_given_up_and_the_next_one_goes_on(tmp_path: Path) -> None:
    deadly = Script(replies=(Reply((Die(),)),))
    lab = Laboratory(tmp_path, Engines(*[deadly] * (DEATHS + 1), Script()))
    values = await lab.run(lab.job(experiment(5, ("deadly", "sound"))))
    assert (values[-1].phase, values[-1].run.done, values[-1].run.failed) == ("done", 20, 10)
    assert {each.model for each in lab.results() if each.problem} == {"deadly"}
    assert [engine.spec.name for engine in lab.engines.made if engine.spec].count("deadly") == DEATHS + 1


class Fragile(ScriptedEngine):
    """An engine that dies of one question at one temperature."""

    async def prompt(self, messages: Sequence[ChatMessage], options: PromptOptions) -> RenderedPrompt:
        prompt = await super().prompt(messages, options)
        self.deadly = prompt.tokens if "Question 2?" in messages[-1].text else getattr(self, "deadly", ())
        return prompt

    def generate(self, request: GenerationRequest) -> AsyncGenerator[StreamEvent, None]:
        if request.tokens == self.deadly and request.sampling.temperature == 1.0:
            self.die()
        return super().generate(request)


class FragileEngines(Engines):
    def __call__(self) -> ScriptedEngine:
        self.made.append(Fragile())
        return self.made[-1]


async def test_a_trial_that_kills_the_engine_takes_no_other_down(tmp_path: Path) -> None:
    lab = Laboratory(tmp_path, FragileEngines())
    values = await lab.run(lab.job(experiment(8)))
    assert (values[-1].phase, values[-1].run.done, values[-1].run.failed) == ("done", 16, 1)
    failed = [each for each in lab.results() if each.problem]
    assert [(each.item, each.arm) for each in failed] == [("q2", "tiny 1.0")]


async def test_a_model_that_cannot_be_loaded_is_told_in_every_row(tmp_path: Path) -> None:
    broken = Script(load_error=ModelError("The file is cut short."))
    lab = Laboratory(tmp_path, Engines(broken, Script()))
    values = await lab.run(lab.job(experiment(2, ("broken", "sound"))))
    assert (values[-1].run.done, values[-1].run.failed) == (8, 4)
    assert {each.problem for each in lab.results()} == {"", "The file is cut short."}


async def test_a_scorer_that_raises_is_an_error_of_its_own(tmp_path: Path) -> None:
    lab = Laboratory(tmp_path, None, Raising())
    values = await lab.run(lab.job(experiment(2)))
    assert (values[-1].phase, values[-1].run.done, values[-1].run.failed) == ("done", 4, 4)
    scores = [score for each in lab.results() for score in each.scores]
    assert {score.outcome for score in scores} == {"error"}
    assert "ZeroDivisionError: nothing to divide by" in scores[0].why
    assert lab.runs.find("run").failed == lab.runs.summary("run").failed == 4
    values = await lab.run(lab.job(experiment(2), limit=1))
    assert (values[-1].fresh, values[-1].run.done, values[-1].run.failed) == (0, 2, 2), "they have answers"


class FullDisk(RunStore):
    """A store that cannot write for a while."""

    def __init__(self, path: Path, fails: int) -> None:
        super().__init__(path)
        self.fails = fails

    def put(self, run_id: str, rows: Sequence[Measured]) -> None:
        self.fails -= 1
        if self.fails >= 0:
            raise StoreError("The disk is full.", where="runs.db", hint="Make room.")
        super().put(run_id, rows)


async def test_a_disk_that_is_full_for_a_while_costs_nothing(
    lab: Laboratory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "PAUSE", 0.0)
    values = await lab.run(lab.job(experiment(3)), FullDisk(tmp_path / "runs.db", 5))
    assert any(value.phase == "waiting" and "disk is full" in value.problem for value in values)
    assert (values[-1].phase, values[-1].run.done) == ("done", 6)
    assert lab.asked == 6


async def test_a_run_goes_on_when_a_full_disk_has_room_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real file system that is too small, and grows when the run says that it waits."""
    monkeypatch.setattr(keeping, "PAUSE", 0.01)
    long = Reply(("word " * 200,))
    with mounted(tmp_path / "small", "size=300k"):
        lab = Laboratory(tmp_path / "small", Engines(Script(replies=(long,))))
        runner, grown = Runner(lab.engines.host, lab.preparing, lab.store), 0
        last = None
        async for last in runner.run(lab.job(experiment(100)), lab.stop, interval=0.0):
            if last.phase == "waiting" and not grown:
                assert "disk is full" in last.problem
                grown = last.run.done
                wider = ["mount", "-o", "remount,size=8m", str(tmp_path / "small")]
                await asyncio.to_thread(subprocess.run, wider, check=True)
        assert last is not None
        assert (last.phase, last.run.done, last.run.failed) == ("done", 200, 0)
        assert 0 < grown < 200
        assert len(lab.results()) == lab.asked == 200
        lab.runs.close()


async def test_a_disk_that_stays_full_ends_the_run_with_its_name(
    lab: Laboratory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "PAUSE", 0.0)
    await lab.run(lab.job(experiment(30), limit=2))
    full = FullDisk(tmp_path / "runs.db", 10**9)
    full_job = lab.job(experiment(30))
    monkeypatch.setattr("llmlab.services.keeping.PATIENCE", 0.0)
    with pytest.raises(StoreError, match="disk is full"):
        await asyncio.wait_for(lab.run(full_job, full), 20)
    assert len(lab.results()) == 4
    assert lab.runs.find("run").state == "stopped"


async def test_a_judge_is_asked_once_all_have_answered(tmp_path: Path) -> None:
    """Of its own model, loaded once; a verdict that is there is not asked for again, one that failed is."""
    verdicts = (Reply((Fail("out of luck"),)), Reply(("Yes",)), Reply(("No",)), Reply(("Yes",)))
    lab = Laboratory(tmp_path, Engines(Script(), Script(replies=verdicts)), Judge("Is it polite?", "judge"), Exact())
    job = lab.job(experiment(2), judge=model("judge"))
    values = await lab.run(job)
    assert (values[-1].run.done, values[-1].fresh, lab.asked) == (4, 4, 8)
    assert [engine.spec.name for engine in lab.engines.made if engine.spec] == ["tiny", "judge"]
    asked = lab.engines.made[1].prompts[-1][-1].text
    assert "Is it polite?" in asked
    assert HELLO in asked
    said = [each.score("judge") for each in lab.results()]
    assert sorted(one.outcome for one in said if one) == ["correct", "correct", "error", "wrong"]
    assert {one.why for one in said if one and one.outcome == "error"} == {"out of luck"}
    assert {each.score("exact", "flexible").outcome for each in lab.results()} == {"correct"}  # type: ignore[union-attr]
    assert max(value.run.failed for value in values) == 1, "an answer that awaits its verdict has not failed"
    assert values[-1].run.failed == lab.runs.find("run").failed == 1
    values = await lab.run(job)
    assert lab.asked == 9
    assert values[-1].run.failed == lab.runs.find("run").failed == 0
    assert {one.outcome for one in (each.score("judge") for each in lab.results()) if one} == {"correct", "wrong"}


async def test_likelihoods_are_measured_and_nothing_is_written_where_nobody_reads_it(tmp_path: Path) -> None:
    engines = Engines(Script(logprobs={"yes": -0.1, "no": -3.0}))
    lab = Laboratory(tmp_path, engines, LikeliestChoice(), Likelihood(of="gold", figure="logprob"))
    asked = experiment(2)
    items = tuple(replace(item, gold=("yes",), choices=("no", "yes")) for item in asked.arms[0].items)
    await lab.run(lab.job(replace(asked, arms=tuple(replace(arm, items=items) for arm in asked.arms))))
    assert lab.asked == 0
    results = lab.results()
    assert [(each.score("choice_logprob").found, each.score("perplexity").value) for each in results] == [  # type: ignore[union-attr]
        ("yes", -0.1)
    ] * 4
    assert all(each.prompt and not each.answer for each in results)
