"""Runs in the store: kept row by row, found again, let go; and what kills, damage and full disks leave of them."""

from __future__ import annotations

import random
import subprocess
import sys
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab.domain.experiment import Item
from llmlab.domain.outcomes import Answer, Scored, TrialResult, prompt_file_of
from llmlab.domain.run import RunInfo
from llmlab.domain.scoring import ScoredText
from llmlab.domain.tokens import TokenScore
from llmlab.errors import StoreError
from llmlab.store.database import Database
from llmlab.store.rescue import rescue_runs
from llmlab.store.run_codec import decode_result, encode
from llmlab.store.run_migrations import RUN_MIGRATIONS
from llmlab.store.runs import _INFO, Measured, RunStore
from llmlab.store.writers import Writer
from tests.services.experiments import experiment

SCORED = Scored(
    scorer="exact", extractor="strict", outcome="correct", value=1.0, found="1", start=0, end=1, why="1 is 1."
)


def info(run_id: str = "run", digest: str = "digest", planned: int = 6) -> RunInfo:
    return RunInfo(
        id=run_id,
        name="try.en",
        title="Try",
        digest=digest,
        created=0.0,
        updated=0.0,
        state="stopped",
        planned=planned,
        models=("tiny",),
        source="try.toml",
        folder="runs/try",
    )


def measured(
    item: str = "q0", arm: str = "tiny 0.0", *, trial: str = "", problem: str = "", text: str = "1"
) -> Measured:
    result = TrialResult(
        id=trial or f"{arm} {item}",
        arm=arm,
        model="tiny",
        item=item,
        cluster=item,
        repeat=0,
        seed=1,
        settings={"k": 4, "labels": "gold"},
        gold=("1",),
        answer=text,
        scores=(SCORED,),
        problem=problem,
    )
    return Measured(result, Item(id=item, question="1?", gold=("1",)))


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    ticks = count(1000)
    return RunStore(tmp_path / "data" / "runs.db", clock=lambda: float(next(ticks)))


def test_a_run_is_listed_with_what_was_measured(store: RunStore) -> None:
    store.begin(info(), experiment(3), {"python": "3"})
    store.put("run", [measured("q0"), measured("q1", problem="out of luck")])
    found = store.info("run")
    assert (found.state, found.done, found.failed, found.planned) == ("running", 2, 1, 6)
    store.end("run", {"python": "3", "models": {}}, complete=True)
    assert [run.state for run in store.list()] == ["done"]
    assert store.environment("run") == {"python": "3", "models": {}}
    assert store.of_digest("digest") == store.info("run")
    assert store.of_digest("another") is None


def failing(item: str, text: str = "1") -> Measured:
    """A trial with an answer, at which the scorer failed."""
    row = measured(item, text=text)
    return replace(row, result=replace(row.result, scores=(replace(SCORED, outcome="error", why="raised"),)))


def test_a_trial_whose_scorer_failed_counts_as_failed_and_is_not_asked_again(store: RunStore) -> None:
    store.begin(info(), experiment(3), {})
    hostile = '"outcome":"error"'
    store.put("run", [failing("q0"), measured("q1", text=hostile), measured("q2", problem="out of luck")])
    assert store.info("run").failed == 2
    assert store.unscored("run") == {("tiny 0.0", "q0", 0)}
    assert set(store.done("run")) == {("tiny 0.0", "q0", 0), ("tiny 0.0", "q1", 0)}
    store.put("run", [measured("q0")])
    assert store.info("run").failed == 1
    assert store.unscored("run") == frozenset()


def test_a_file_of_before_counts_them_too(store: RunStore) -> None:
    old = Database(store.path, RUN_MIGRATIONS[:1], rescue=rescue_runs, busy_timeout=5.0, holds="runs")
    with old.writing() as connection:
        connection.execute(
            """INSERT INTO runs (id, name, title, digest, created, updated, planned, models, source, folder, experiment)
            VALUES ('run', 'try.en', 'Try', 'digest', 0, 0, 6, '[]', '', '', '{}')"""
        )
        connection.execute(
            """INSERT INTO results (run, trial, arm, item, repeat, failed, result, measures)
            VALUES ('run', 't', 'a', 'q0', 0, 0, ?, '')""",
            (encode(failing("q0").result),),
        )
    old.close()
    assert (store.info("run").done, store.info("run").failed) == (1, 1)


def test_failures_are_counted_by_their_index(store: RunStore) -> None:
    """A list of runs reads no answers."""
    store.begin(info(), experiment(3), {})
    with store._database.reading() as connection:
        plan = " ".join(str(row[3]) for row in connection.execute(f"EXPLAIN QUERY PLAN {_INFO}"))
    assert "results_failures" in plan


def test_the_experiment_comes_back_with_the_ids_of_its_items(store: RunStore) -> None:
    asked = experiment(3)
    store.begin(info(), asked, {})
    back = store.experiment("run")
    assert [item.id for item in back.arms[1].items] == ["q0", "q1", "q2"]
    assert back.size == asked.size
    bare = tuple(replace(arm, items=()) for arm in asked.arms)
    assert tuple(replace(arm, items=()) for arm in back.arms) == bare
    assert (back.scorers, back.axes, back.seed) == (asked.scorers, asked.axes, asked.seed)


def test_a_result_takes_the_place_of_the_one_before(store: RunStore) -> None:
    store.begin(info(), experiment(), {})
    store.put("run", [measured(problem="out of luck")])
    assert store.done("run") == {}
    store.put("run", [measured(text="2")])
    assert [each.answer for each in store.results("run")] == ["2"]
    assert store.done("run") == {("tiny 0.0", "q0", 0): "tiny 0.0 q0"}


def test_what_another_run_measured_is_known_unless_it_failed(store: RunStore) -> None:
    tokens = (TokenScore(token=1, text="1", logprob=-0.5, rank=1, entropy=0.0),)
    answer = Answer(text="", likelihoods={"key": ScoredText(tokens)})
    store.begin(info("one"), experiment(), {})
    store.put("one", [replace(measured("q0"), measures=answer), measured("q1", problem="out of luck")])
    known = store.known(["tiny 0.0 q0", "tiny 0.0 q1", "nowhere"], but="two")
    assert known == ((measured("q0").result, answer),)
    assert store.known(["tiny 0.0 q0"], but="one") == ()
    assert store.kept("one", ["tiny 0.0 q0", "tiny 0.0 q1"]) == known


def test_items_are_kept_once_a_scope(store: RunStore) -> None:
    store.begin(info(), experiment(), {})
    special = Item(id="q0", question="other?")
    store.put("run", [measured("q0"), replace(measured("q0", "tiny 1.0"), item=special, scope="tiny 1.0")])
    assert store.item("run", "tiny 0.0", "q0") == Item(id="q0", question="1?", gold=("1",))
    assert store.item("run", "tiny 1.0", "q0") == special
    assert store.item("run", "tiny 1.0", "q9") is None


def test_a_run_that_somebody_measures_cannot_be_taken_or_deleted(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        import psutil

        writer = Writer(other.pid, psutil.Process(other.pid).create_time())
        with monkeypatch.context() as patch:
            patch.setattr("llmlab.store.runs.this_process", lambda: writer)
            store.begin(info(), experiment(), {})
        with pytest.raises(StoreError, match="Another llmlab"):
            store.begin(info(), experiment(), {})
        with pytest.raises(StoreError, match="Another llmlab"):
            store.delete("run")
        assert store.info("run").state == "running"
        other.kill()
    assert store.info("run").state == "stopped"
    store.begin(info(), experiment(), {})
    store.end("run", {}, complete=False)
    store.delete("run")
    assert store.list() == ()
    with pytest.raises(StoreError, match="There is no run"):
        store.info("run")


def test_deleting_takes_the_results_along_and_no_others(store: RunStore) -> None:
    for name in ("one", "two"):
        store.begin(info(name), experiment(), {})
        store.put(name, [measured()])
        store.end(name, {}, complete=True)
    store.delete("one")
    assert list(store.results("one")) == []
    assert len(list(store.results("two"))) == 1


def long_row(text: str, item: str = "q0", *, kept: bool = True) -> Measured:
    """A trial whose prompt stands apart; without `kept` it only names it."""
    row = measured(item)
    named = replace(row.result, prompt_file=prompt_file_of(text), prompt_characters=len(text))
    return replace(row, result=named, prompt=text if kept else "")


PROMPT = "长 text " * 5_000


def test_a_long_prompt_is_kept_once_a_run_and_small(store: RunStore) -> None:
    store.begin(info(), experiment(3), {})
    store.put("run", [long_row(PROMPT), long_row(PROMPT, "q1"), measured("q2")])
    assert store.prompt("run", prompt_file_of(PROMPT)) == PROMPT
    assert store.prompt("run", prompt_file_of(PROMPT + "x")) == ""
    assert store.prompt("other", prompt_file_of(PROMPT)) == ""
    with store._database.reading() as connection:
        assert [row[0] < len(PROMPT) // 10 for row in connection.execute("SELECT length(text) FROM prompts")] == [True]
    store.put("run", [long_row(PROMPT, kept=False)])
    assert store.prompt("run", prompt_file_of(PROMPT)) == PROMPT, "scored again, it is still there"


def test_a_long_prompt_goes_along_to_a_run_that_takes_its_result_over_and_goes_with_its_run(store: RunStore) -> None:
    for name in ("one", "two"):
        store.begin(info(name), experiment(), {})
        store.put(name, [long_row(PROMPT, kept=name == "one")])
        store.end(name, {}, complete=True)
    store.delete("one")
    assert store.prompt("one", prompt_file_of(PROMPT)) == ""
    assert store.prompt("two", prompt_file_of(PROMPT)) == PROMPT
    store.delete("two")
    with store._database.reading() as connection:
        assert connection.execute("SELECT count(*) FROM prompts").fetchone() == (0,)


@pytest.mark.parametrize("steps", [2, len(RUN_MIGRATIONS)])
def test_runs_of_a_damaged_file_come_back_with_the_long_prompts_that_it_has(store: RunStore, steps: int) -> None:
    store.begin(info(), experiment(), {})
    store.put("run", [long_row(PROMPT)])
    if steps == 2:
        with store._database.writing() as connection:
            connection.execute("DROP TABLE prompts")
    store.close()
    fresh = Database(store.path.with_name("fresh.db"), RUN_MIGRATIONS, holds="runs")
    with fresh.writing() as connection:
        assert rescue_runs(store.path, connection) == 1
        kept = connection.execute("SELECT count(*) FROM prompts").fetchone()
    fresh.close()
    assert kept == (steps > 2,)


def test_rows_of_another_version_are_left_out_and_the_rest_is_read(store: RunStore) -> None:
    store.begin(info(), experiment(), {})
    store.put("run", [measured("q0"), measured("q1")])
    with store._database.writing() as connection:
        connection.execute("UPDATE results SET result = '{\"id\": 7}' WHERE item = 'q0'")
        connection.execute("UPDATE runs SET experiment = '{}'")
    assert [each.item for each in store.results("run")] == ["q1"]
    with pytest.raises(StoreError, match="cannot be read"):
        store.experiment("run")


def test_a_damaged_file_is_kept_aside_and_its_runs_come_back(store: RunStore) -> None:
    store.begin(info(), experiment(), {})
    store.put("run", [measured(f"q{number}", text="x" * 500) for number in range(200)])
    store.end("run", {}, complete=True)
    store.close()
    content = bytearray(store.path.read_bytes())
    draw = random.Random(3)
    page = 4096 * (len(content) // 4096 // 2)
    content[page : page + 4096] = draw.randbytes(4096)
    store.path.write_bytes(bytes(content))
    with pytest.raises(StoreError, match="file of runs was damaged"):
        list(store.results("run"))
    left = list(store.results("run"))
    assert 100 < len(left) < 200
    assert store.info("run").state == "stopped"
    kept = [path for path in store.path.parent.glob("runs.db.damaged-*") if not path.name.endswith(("-wal", "-shm"))]
    assert [path.read_bytes() == bytes(content) for path in kept] == [True]


@given(st.text(), st.text(), st.dictionaries(st.text(), st.text() | st.integers() | st.none()))
def test_results_come_back_as_they_were(answer: str, problem: str, settings: dict[str, object]) -> None:
    result = replace(measured().result, answer=answer, problem=problem, settings=settings)
    assert decode_result(encode(result)) == result


def test_half_a_surrogate_pair_costs_one_character() -> None:
    assert decode_result(encode(replace(measured().result, answer="a\ud83db"))).answer == "a\ufffdb"
