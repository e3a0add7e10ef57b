"""Scorers in a run: what they look at is what was measured for them, and one that fails or hangs costs no answer."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from llmlab.domain.constraints import Constraint
from llmlab.domain.experiment import Experiment, Item
from llmlab.domain.outcomes import Answer, Scored
from llmlab.domain.scorers.forms import Instructions
from llmlab.domain.scorers.likelihood import LikeliestChoice, Likelihood
from llmlab.domain.scorers.own import Own
from llmlab.domain.scorers.texts import Exact, Pattern
from llmlab.engine.scripted import Script
from llmlab.services import loads, scoring_process
from llmlab.services.runner import Runner
from llmlab.services.scorers import Scoring
from tests.services import own_scorers
from tests.services.experiments import HELLO, Laboratory, Raising, experiment
from tests.services.fixtures import Engines

ITEM = Item(id="a", question="?")
SLOW = r"(a+)+$"
"""Takes longer than anybody waits for `ENDLESS`."""
ENDLESS = "a" * 60 + "b"


def lab_of(folder: Path, *scorers: LikeliestChoice | Likelihood) -> Laboratory:
    return Laboratory(folder, Engines(Script(logprobs={"yes": -0.1, "maybe": -0.2, "no": -3.0})), *scorers)


def with_answers(asked: Experiment, gold: str) -> Experiment:
    items = tuple(replace(item, gold=(gold,), choices=("no", gold)) for item in asked.arms[0].items)
    return replace(asked, arms=tuple(replace(arm, items=items) for arm in asked.arms))


def values(lab: Laboratory, run: str, scorer: str) -> set[float | None]:
    return {score.value for each in lab.results(run) for score in each.scores if score.scorer == scorer}


def scored(lab: Laboratory) -> int:
    """Texts whose likelihood engines were asked for."""
    return sum(len(request.texts) for engine in lab.engines.made for request in engine.scored)


async def test_each_scorer_looks_at_the_text_that_it_asked_for(tmp_path: Path) -> None:
    gold = Likelihood(of="gold", figure="logprob", name="gold")
    question = Likelihood(of="question", figure="logprob", name="question")
    lab = lab_of(tmp_path, gold, question)
    await lab.run(lab.job(with_answers(experiment(2), "yes")))
    assert (values(lab, "run", "gold"), values(lab, "run", "question")) == ({-0.1}, {-1.0})


async def test_another_text_is_measured_and_not_taken_from_an_earlier_run(tmp_path: Path) -> None:
    lab = lab_of(tmp_path, Likelihood(of="question", figure="logprob", name="p"))
    asked = with_answers(experiment(2), "yes")
    await lab.run(lab.job(asked, "one"))
    lab.scoring = Scoring([Likelihood(of="gold", figure="logprob", name="p")])
    await lab.run(lab.job(asked, "two"))
    assert (values(lab, "one", "p"), values(lab, "two", "p")) == ({-1.0}, {-0.1})
    before = scored(lab)
    await lab.run(lab.job(asked, "three"))
    assert (values(lab, "three", "p"), scored(lab)) == ({-0.1}, before)


async def test_other_choices_and_gold_answers_are_measured(tmp_path: Path) -> None:
    lab = lab_of(tmp_path, LikeliestChoice(), Likelihood(of="gold", figure="logprob", name="p"))
    await lab.run(lab.job(with_answers(experiment(2), "yes"), "one"))
    await lab.run(lab.job(with_answers(experiment(2), "maybe"), "two"))
    assert (values(lab, "one", "p"), values(lab, "two", "p")) == ({-0.1}, {-0.2})
    assert {each.score("choice_logprob").found for each in lab.results("two")} == {"maybe"}  # type: ignore[union-attr]


async def test_measurements_that_do_not_tell_their_text_are_made_anew(tmp_path: Path) -> None:
    lab = lab_of(tmp_path, Likelihood(of="gold", figure="logprob", name="p"))
    asked = with_answers(experiment(2), "yes")
    await lab.run(lab.job(asked, "one"))
    old = '{"text":"","gold":{"tokens":[{"token":1,"text":"x","logprob":-9.0,"rank":1,"entropy":0.0}]},"choices":[]}'
    with lab.store._database.writing() as connection:
        connection.execute("UPDATE results SET measures = ?", (old,))
    before = scored(lab)
    await lab.run(lab.job(asked, "two"))
    assert values(lab, "two", "p") == {-0.1}
    assert scored(lab) == 2 * before


async def test_a_mended_scorer_scores_what_is_answered_already(tmp_path: Path) -> None:
    lab = Laboratory(tmp_path, None, Raising())
    job = lab.job(experiment(2))
    told = await lab.run(job)
    assert told[-1].run.done == 4
    lab.scoring = Scoring([Exact()])
    told = await lab.run(replace(job, scoring=lab.scoring))
    assert (told[-1].phase, told[-1].run.done, told[-1].run.failed, told[-1].fresh) == ("done", 4, 0, 0)
    assert sum(len(each.news) for each in told) == 4
    assert {score.outcome for each in lab.results() for score in each.scores} == {"correct"}
    assert lab.asked == 4


def test_scorers_that_did_not_fail_are_not_asked_again() -> None:
    kept = Scored(scorer="exact", outcome="wrong", value=0.0)
    failed = Scored(scorer="contains", outcome="error", why="out of luck")
    scoring = Scoring([Exact(), replace(Exact(), name="contains")])
    scores = scoring.again(replace(ITEM, gold=("x",)), Answer(text="x"), (kept, failed))
    assert scores[0] is kept
    assert [score.outcome for score in scores[1:]] == ["correct", "correct"]


async def test_an_answer_outlives_a_scorer_that_hangs_and_the_run_can_be_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loads, "SOON", 0.0)
    monkeypatch.setattr(loads, "GRACE", 0.0)
    lab = Laboratory(tmp_path, None, Own(own_scorers.endless, "exact"))
    runner, job, last = Runner(lab.engines.host, lab.preparing, lab.store), lab.job(experiment(4)), None
    async for last in runner.run(job, lab.stop, interval=0.0):
        if last.run.done:
            assert {each.answer for each in lab.results()} == {HELLO}
            lab.stop.set()
    assert last is not None
    kept = lab.results()
    assert (last.phase, last.run.done, last.run.failed) == ("stopped", len(kept), len(kept))
    assert {each.scores[0].outcome for each in kept} == {"error"}
    before = lab.asked
    lab.stop.clear()
    await lab.run(replace(job, scoring=Scoring([Own(own_scorers.greets, "exact")])))
    assert {score.outcome for each in lab.results() for score in each.scores} == {"correct"}
    assert lab.asked - before == 8 - len(kept)


async def test_a_scorer_that_never_ends_is_asked_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring_process, "OWN", 0.0)
    lab = Laboratory(tmp_path, None, Exact(), Own(own_scorers.endless, "own"))
    told = await lab.run(lab.job(experiment(2)))
    assert (told[-1].phase, told[-1].run.done) == ("done", 4)
    reasons = [score.why for each in lab.results() for score in each.scores if score.scorer == "own"]
    assert sum("within 0 s" in why for why in reasons) == scoring_process.MOST
    assert sum("asked no more" in why for why in reasons) == 1
    assert {each.score("exact", "strict").outcome for each in lab.results()} == {"correct"}  # type: ignore[union-attr]


@pytest.fixture
def made() -> Iterator[list[Scoring]]:
    """Scorings whose processes end with the test."""
    scorings: list[Scoring] = []
    yield scorings
    for scoring in scorings:
        scoring.close()


def test_a_pattern_that_backtracks_for_ever_is_ended(made: list[Scoring], monkeypatch: pytest.MonkeyPatch) -> None:
    scoring = Scoring([Pattern(SLOW), Instructions()])
    made.append(scoring)
    assert {one.outcome for one in scoring(ITEM, Answer(text="aaa"))} == {"correct"}
    monkeypatch.setattr(scoring_process, "PATTERN", 0.1)
    item = replace(ITEM, constraints=(Constraint("matches", SLOW),))
    scores = scoring(item, Answer(text=ENDLESS))
    assert [(one.scorer, one.outcome) for one in scores] == [("regex", "error"), ("constraints", "error")]
    assert all("within 0.1 s" in one.why for one in scores)


@pytest.mark.parametrize(
    ("function", "outcome", "why"),
    [
        (own_scorers.greets, "correct", ""),
        (own_scorers.leaves, "error", "SystemExit: 3"),
        (own_scorers.falls, "error", "its process ended"),
        (own_scorers.divides, "error", f"{own_scorers.__file__}:{own_scorers.divides.__code__.co_firstlineno + 1}"),
    ],
)
def test_a_scorer_of_ones_own_is_told_with_its_places(
    made: list[Scoring], function: object, outcome: str, why: str
) -> None:
    made.append(Scoring([Own(function, "own")], {"own": "try.en.toml:12"}))  # type: ignore[arg-type]  # a function
    (one,) = made[-1](ITEM, Answer(text=HELLO))
    assert one.outcome == outcome
    assert why in one.why
    assert outcome == "correct" or "own (try.en.toml:12)" in one.why


def test_a_scorer_that_cannot_leave_its_process_can_be_given_up(made: list[Scoring]) -> None:
    begun, end = threading.Event(), threading.Event()

    def waits(item: Item, answer: Answer) -> bool:
        begun.set()
        return end.wait()

    scoring = Scoring([Own(waits, "own")])
    made.append(scoring)

    def give_up() -> None:
        begun.wait()
        scoring.give_up()

    giving_up = threading.Thread(target=give_up)
    giving_up.start()
    (one,) = scoring(ITEM, Answer(text=HELLO))
    assert (one.outcome, "stopped before" in one.why) == ("error", True)
    giving_up.join()
    end.set()
    scoring.close()
    assert [each.outcome for each in scoring(ITEM, Answer(text=HELLO))] == ["correct"]
