"""Plans: what is counted, what is shared, what is left, and what a plan does when models do not load."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from llmlab.domain.model import ModelSpec
from llmlab.domain.outcomes import TrialResult
from llmlab.domain.run import Plan
from llmlab.domain.sampling import Sampling
from llmlab.engine.scripted import Script
from llmlab.errors import ModelError
from llmlab.services.job import Job
from llmlab.services.planning import TYPICAL_ANSWER, Planning, answer_length, shared_tokens
from tests.services.experiments import Laboratory, experiment
from tests.services.fixtures import Engines

PROMPTS = st.lists(st.lists(st.integers(0, 2), max_size=6).map(tuple), max_size=12)


@given(PROMPTS)
def test_what_is_shared_is_the_longest_beginning_that_any_prompt_before_has(prompts: list[tuple[int, ...]]) -> None:
    def common(one: tuple[int, ...], other: tuple[int, ...]) -> int:
        return max(size for size in range(min(len(one), len(other)) + 1) if one[:size] == other[:size])

    wanted = 0
    for place, prompt in enumerate(prompts):
        longest = max((common(prompt, other) for other in prompts[:place]), default=0)
        wanted += min(longest, max(0, len(prompt) - 1))
    assert shared_tokens(prompts) == wanted


async def plan_of(lab: Laboratory, job: Job, results: tuple[TrialResult, ...] = (), *, every: bool = False) -> Plan:
    planning = Planning(lab.engines.host, lab.preparing, lambda _spec: None)
    plan = await planning.plan(job, results, lab.stop, every=every)
    await lab.engines.host.close()
    return plan


async def test_a_plan_tells_trials_and_tokens(tmp_path: Path) -> None:
    lab = Laboratory(tmp_path)
    plan = await plan_of(lab, lab.job(experiment(5)))
    assert (plan.trials, plan.measured, plan.counted) == (10, 0, 10)
    assert [(arm.name, arm.trials, arm.votes) for arm in plan.arms] == [("tiny 0.0", 5, 1), ("tiny 1.0", 5, 1)]
    assert 0 < plan.shared_tokens < plan.prompt_tokens
    # The second arm sends the very prompts of the first: all but the last token of each is shared.
    assert plan.shared_tokens >= plan.prompt_tokens // 2 - 5
    assert (plan.answer_tokens, plan.answer_bound) == (10 * TYPICAL_ANSWER, False)


async def test_what_is_measured_is_not_planned_again(tmp_path: Path) -> None:
    lab = Laboratory(tmp_path)
    job = lab.job(experiment(4))
    await lab.run(job)
    plan = await plan_of(lab, job, tuple(lab.results()))
    assert (plan.trials, plan.measured, plan.counted, plan.prompt_tokens) == (8, 8, 0, 0)
    limited = await plan_of(lab, lab.job(experiment(4), limit=2), tuple(lab.results()))
    assert (limited.trials, limited.measured) == (4, 4)


async def test_the_run_loads_the_first_model_for_its_plan_and_a_dry_run_all(tmp_path: Path) -> None:
    lab = Laboratory(tmp_path)
    job = lab.job(experiment(2, ("small", "large")))
    plan = await plan_of(lab, job)
    assert [engine.spec.name for engine in lab.engines.made if engine.spec] == ["small"]
    assert (plan.trials, plan.prompt_tokens) == (8, 2 * (await plan_of(lab, lab.job(experiment(2)))).prompt_tokens)
    lab.engines.made.clear()
    await plan_of(lab, job, every=True)
    assert [engine.spec.name for engine in lab.engines.made if engine.spec] == ["small", "large"]


async def test_a_model_that_does_not_load_is_a_problem_of_the_plan(tmp_path: Path) -> None:
    lab = Laboratory(tmp_path, Engines(Script(load_error=ModelError("The file is cut short.")), Script()))
    plan = await plan_of(lab, lab.job(experiment(2, ("broken", "sound"))))
    assert plan.problems == ("The file is cut short.",)
    assert plan.counted == 4


def test_the_length_of_answers_is_measured_bounded_or_guessed() -> None:
    arm = experiment(1).arms[0]
    assert answer_length(arm, ()) == (TYPICAL_ANSWER, False)
    bounded = replace(arm, recipe=replace(arm.recipe, sampling=Sampling(max_tokens=40)))
    assert answer_length(bounded, ()) == (40, True)
    by_model = replace(arm.recipe, model=ModelSpec(name="m", path="/m", sampling=Sampling(max_tokens=30)))
    assert answer_length(replace(arm, recipe=by_model), ()) == (30, True)
    line = TrialResult(id="1", arm=arm.name, model="m", item="q", cluster="q", repeat=0, seed=0, generated_tokens=12)
    assert answer_length(arm, (line, replace(line, generated_tokens=14))) == (13, False)
