"""How likely the gold answer is in place of the final answer that was given: measured after all that was written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from llmlab.domain.experiment import Experiment
from llmlab.domain.modes import Extraction, ReasoningMode, ReasoningUse, Stage
from llmlab.domain.scorers.likelihood import Likelihood
from llmlab.domain.scorers.texts import Exact
from llmlab.engine.scripted import Reply, Script, ScriptedEngine
from tests.services.experiments import Laboratory, experiment
from tests.services.fixtures import Engines

MODE = ReasoningMode(
    name="direct", language="en", title="Direct", extraction=Extraction("after", marker="The answer is", take="value")
)
GOLD = Likelihood(after="answer", figure="mean_logprob", name="gold")


def asked(gold: str = "9", mode: ReasoningMode = MODE) -> Experiment:
    """One question to two arms, under a reasoning mode."""
    made = experiment(1)
    items = tuple(replace(item, gold=(gold,)) for item in made.arms[0].items)
    arms = tuple(
        replace(arm, items=items, recipe=replace(arm.recipe, reasoning=ReasoningUse(mode))) for arm in made.arms
    )
    return replace(made, arms=arms)


def laboratory(folder: Path, *steps: str, **script: bool) -> Laboratory:
    made = Script(replies=(Reply(steps),), **script)  # type: ignore[arg-type]  # a switch of the script
    return Laboratory(folder, Engines(made), Exact(), GOLD)


def words(engine: ScriptedEngine, text: str) -> tuple[int, ...]:
    return tuple(engine.tokenise(text))


async def test_it_is_measured_after_the_prompt_and_what_was_written_before_the_final_answer(tmp_path: Path) -> None:
    lab = laboratory(tmp_path, "3 + 4 = 7\n", "The answer", " is 7.")
    await lab.run(lab.job(asked()))
    (engine,) = lab.engines.made
    for request, given in zip(engine.scored, engine.requests, strict=True):
        # A blank belongs to the word behind it, so that this is measured whole.
        assert request.texts == (words(engine, " 9"),)
        assert request.prompt == (*given.tokens, *words(engine, "3 + 4 = 7\nThe answer is"))
    assert [each.score("gold").value for each in lab.results()] == [-1.0, -1.0]  # type: ignore[union-attr]
    assert [each.score("exact", "strict").outcome for each in lab.results()] == ["wrong", "wrong"]  # type: ignore[union-attr]


async def test_thinking_stands_before_it_too(tmp_path: Path) -> None:
    lab = laboratory(tmp_path, "So 7.", "\n</think>\n\n", "The answer is 7.", opens_thinking=True)
    await lab.run(lab.job(asked()))
    (engine,) = lab.engines.made
    assert lab.results()[0].thinking.strip() == "So 7."
    request, given = engine.scored[0], engine.requests[0]
    assert request.prompt == (*given.tokens, *words(engine, "So 7.\n</think>\n\nThe answer is"))


async def test_thinking_that_was_cut_is_closed_before_it(tmp_path: Path) -> None:
    lab = laboratory(tmp_path, "So 7", opens_thinking=True)
    await lab.run(lab.job(asked()))
    (engine,) = lab.engines.made
    request, given = engine.scored[0], engine.requests[0]
    assert request.prompt == (*given.tokens, *words(engine, "So 7\n</think>\n\nThe answer is"))


async def test_behind_a_second_question_it_is_measured_after_that(tmp_path: Path) -> None:
    lab = laboratory(tmp_path, "The answer is 7.")
    await lab.run(lab.job(asked(mode=replace(MODE, stages=(Stage("Check it.", "question"),)))))
    (engine,) = lab.engines.made
    last = {given.tokens for given in engine.requests if words(engine, "Check it.")[0] in given.tokens}
    assert last
    assert {request.prompt for request in engine.scored} == {(*each, *words(engine, "The answer is")) for each in last}


async def test_what_an_answer_is_made_to_begin_with_stands_there_once(tmp_path: Path) -> None:
    lab = laboratory(tmp_path, " 7.")
    await lab.run(lab.job(asked(mode=replace(MODE, answer="The answer is"))))
    (engine,) = lab.engines.made
    assert lab.results()[0].answer == "The answer is 7."
    assert engine.scored[0].prompt == engine.requests[0].tokens


@pytest.mark.parametrize("scorers", [(Exact(), GOLD), (GOLD,)], ids=["beside another", "alone"])
async def test_an_answer_is_written_and_measured_once_whatever_run_asks(
    tmp_path: Path, scorers: tuple[Exact | Likelihood, ...]
) -> None:
    lab = Laboratory(tmp_path, Engines(Script(replies=(Reply(("The answer is 7.",)),))), *scorers)
    await lab.run(lab.job(asked(), "one"))
    await lab.run(lab.job(asked(), "two"))
    (engine,) = lab.engines.made
    assert (lab.asked, len(engine.scored)) == (2, 2)
    assert [each.score("gold").value for each in lab.results("two")] == [-1.0, -1.0]  # type: ignore[union-attr]
    await lab.run(lab.job(asked("11"), "three"))
    texts = [request.texts for request in engine.scored]
    assert texts == [(words(engine, " 9"),)] * 2 + [(words(engine, " 11"),)] * 2, "another gold answer for itself"


async def test_an_answer_that_fills_the_window_is_kept_and_scored_by_the_others(tmp_path: Path) -> None:
    lab = laboratory(tmp_path / "wide", "The answer is 9.")
    await lab.run(lab.job(asked()))
    request = lab.engines.made[0].scored[0]
    needed = len(request.prompt) + len(request.texts[0])
    for room, outcome in ((needed, "measured"), (needed - 1, "error")):
        lab = Laboratory(
            tmp_path / f"{room}", Engines(Script(replies=(Reply(("The answer is 9.",)),), n_ctx=room)), Exact(), GOLD
        )
        await lab.run(lab.job(asked()))
        for each in lab.results():
            assert (each.answer, each.problem) == ("The answer is 9.", "")
            assert each.score("exact", "strict").outcome == "correct"  # type: ignore[union-attr]
            assert each.score("gold").outcome == outcome  # type: ignore[union-attr]
        asked_once = lab.asked
        await lab.run(lab.job(asked(), "two"))
        assert lab.asked == asked_once, "no run asks again for what does not fit"
        assert [each.score("gold").outcome for each in lab.results("two")] == [outcome] * 2  # type: ignore[union-attr]
