"""Scorers that need more than a text, end to end: somebody's package, a judge, and likelihoods, on a real engine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from llmlab.domain.scorers.judge import Judge
from llmlab.headless.diagnostics import Exit
from llmlab.paths import Paths
from llmlab.pocket import pocket_names
from llmlab.services.trials import answer_of
from llmlab.store.runs import RunStore
from tests.headless.conftest import Command
from tests.headless.experiment_files import greedy_experiment

pytestmark = pytest.mark.skipif("pocket-s" not in pocket_names(), reason="the package holds no pocket-s")

FILE = greedy_experiment(
    "Scored",
    "data.digits = [2, 3]",
    'generator = "arithmetic"',
    "limit = 3",
    max_tokens=16,
    head="seed = 3\nnoise_floor = false",
    base='reasoning.mode = "direct.en"',
)


def lines(folder: str = "out") -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(folder, "results.jsonl").read_text("utf-8").splitlines()]


def scores(scorer: str, folder: str = "out") -> list[dict[str, Any]]:
    """What a scorer said of each trial, under its first extractor."""
    return [next(one for one in line["scores"] if one["scorer"] == scorer) for line in lines(folder)]


# A scorer of somebody's own, in a distribution of its own

OWN = '''
import os

def short(item, answer, *, words=5):
    """Whether an answer is short; it runs in a process of its own."""
    return len(answer.text.split()) <= words

def length(item, answer):
    return float(len(answer.text))

def where(item, answer):
    raise LookupError(f"{item.id} in process {os.getpid()}")
'''
ENTRY_POINTS = """
[llmlab.scorers]
short = measuring_rod:short
length = measuring_rod:length
where = measuring_rod:where
absent = measuring_rod:nothing_of_that_name
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder of packages as pip leaves it, with one distribution that offers scorers."""
    folder = tmp_path / "site"
    info = folder / "measuring_rod-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / "measuring_rod.py").write_text(OWN, "utf-8")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: measuring-rod\nVersion: 1.0\n", "utf-8")
    (info / "entry_points.txt").write_text(ENTRY_POINTS, "utf-8")
    return folder


def llmlab(site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`llmlab` in a process of its own that finds the packages of `site`; the test's home and folder are its own."""
    environment = {**os.environ, "PYTHONPATH": str(site), "PYTHONUTF8": "1"}
    command = [sys.executable, "-m", "llmlab", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, encoding="utf-8", timeout=120)


def test_a_scorer_of_an_installed_distribution_judges_a_real_run(shipped: Command, site: Path) -> None:
    own = '\n[[scorers]]\nkind = "short"\nname = "brief"\nwords = 3\n[[scorers]]\nkind = "length"\ngraded = true\n'
    Path("own.toml").write_text(FILE + own, "utf-8")
    ended = llmlab(site, "run", "own.toml", "--output", "out", "--json")
    assert ended.returncode == Exit.ANSWERED, ended.stderr
    summary = json.loads(ended.stdout)
    assert (summary["done"], summary["failed"]) == (6, 0)
    answers = [line["answer"] for line in lines()]
    assert all(answers)
    assert [one["outcome"] == "correct" for one in scores("brief")] == [len(text.split()) <= 3 for text in answers]
    assert [one["value"] for one in scores("length")] == [len(text) for text in answers]
    told = {score["scorer"]: score for score in summary["arms"][0]["scores"]}
    assert (told["brief"]["unit"], told["length"]["unit"]) == ("share", "value")
    assert told["length"]["n"] == 3
    assert told["length"]["score"]["low"] <= told["length"]["score"]["value"] <= told["length"]["score"]["high"]


def test_one_that_raises_is_named_with_both_places_and_mended_it_scores_what_was_kept(
    shipped: Command, site: Path
) -> None:
    Path("own.toml").write_text(FILE + '\n[[scorers]]\nkind = "where"\n', "utf-8")
    ended = llmlab(site, "run", "own.toml", "--output", "out")
    assert ended.returncode == Exit.FAILED, ended.stderr
    at = next(number for number, line in enumerate(OWN.splitlines(), 1) if "raise" in line)
    for line, score in zip(lines(), scores("where"), strict=True):
        assert score["outcome"] == "error"
        assert f"LookupError: {line['item']} in process" in score["why"]
        assert f"{site / 'measuring_rod.py'}:{at}" in score["why"]
        assert f"own.toml:{FILE.count(chr(10)) + 2}" in score["why"]
    assert "6 of 6 trials failed" in ended.stdout
    before = [line["answer"] for line in lines()]
    (site / "measuring_rod.py").write_text(OWN.replace("raise LookupError(", "return bool("), "utf-8")
    ended = llmlab(site, "run", "own.toml", "--output", "out", "--json")
    assert ended.returncode == Exit.ANSWERED, ended.stderr
    assert json.loads(ended.stdout)["failed"] == 0
    assert {one["outcome"] for one in scores("where")} == {"correct"}
    assert [line["answer"] for line in lines()] == before


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("absent", "the scorer absent cannot be imported: AttributeError"),
        ("shrot", 'there is no scorer "shrot"; did you mean short?'),
    ],
)
def test_one_that_cannot_be_had_is_told_before_anything_runs(
    shipped: Command, site: Path, kind: str, said: str
) -> None:
    Path("own.toml").write_text(FILE + f'\n[[scorers]]\nkind = "{kind}"\n', "utf-8")
    ended = llmlab(site, "run", "own.toml")
    assert ended.returncode == Exit.USAGE
    assert said in ended.stderr
    assert "own.toml:" in ended.stderr


# A judge that is a real model


def judging(judge: Mapping[str, object]) -> str:
    table = "".join(f"{key} = {json.dumps(value)}\n" for key, value in judge.items())
    return f'{FILE}\n[[scorers]]\nkind = "judge"\n{table}'


RUBRIC = "Is the answer a number?"


@pytest.mark.parametrize(
    ("form", "fits"),
    [
        ({}, {"correct", "wrong", "unparsed"}),
        ({"scale": [1, 5], "passes": 3}, {"correct", "wrong", "unparsed"}),
        ({"scale": [0, 9]}, {"measured", "unparsed"}),
    ],
    ids=["yes or no", "a scale with a bound", "a scale"],
)
def test_a_real_model_judges_each_answer_by_the_rubric(
    shipped: Command, paths: Paths, form: Mapping[str, Any], fits: set[str]
) -> None:
    Path("judged.toml").write_text(judging({"rubric": RUBRIC, "model": "pocket-m", **form}), "utf-8")
    summary: Any = shipped.json("run", "judged.toml", "--output", "out")
    assert (summary["done"], summary["failed"]) == (6, 0)
    store = RunStore(paths.runs_database)
    rows = list(store.answered(summary["run"]))
    store.close()
    scale = form.get("scale")
    judge = Judge(RUBRIC, "pocket-m", scale=(scale[0], scale[1]) if scale else None, passes=form.get("passes"))
    for row in rows:
        assert row.measures is not None
        verdict = row.measures.verdict
        assert verdict.strip("- "), "a real model wrote it"
        score = row.result.score("judge")
        assert score is not None
        assert score.outcome in fits
        assert " ".join(verdict.split())[:40] in score.why
        # What is counted is what the verdict says, read once more.
        (again,) = judge.score(row.item, answer_of(None, row.result, row.measures))
        assert again == score
    (told,) = (one for one in summary["arms"][0]["scores"] if one["scorer"] == "judge")
    assert sum(told["outcomes"].values()) == 3
    models = json.loads(Path("out/environment.json").read_text("utf-8"))["models"]
    assert set(models) == {"pocket-s", "pocket-m"}


def test_a_judge_that_cannot_read_an_answer_fails_there_and_is_asked_again(shipped: Command) -> None:
    """Its prompt does not fit its window: the answers are kept, and with room enough they alone are judged."""
    long = {"rubric": RUBRIC, "model": "pocket-m", "prompt": "{answer} " + "word " * 9_000}
    Path("judged.toml").write_text(judging(long), "utf-8")
    assert shipped("run", "judged.toml", "--output", "out") == Exit.FAILED, shipped.out
    assert {one["outcome"] for one in scores("judge")} == {"error"}
    assert all(one["why"] for one in scores("judge"))
    assert {one["outcome"] for one in scores("number")} <= {"correct", "wrong", "unparsed", "truncated"}
    assert "6 of 6 trials failed" in shipped.out
    answers = [line["answer"] for line in lines()]
    Path("judged.toml").write_text(judging({"rubric": RUBRIC, "model": "pocket-m"}), "utf-8")
    summary: Any = shipped.json("run", "judged.toml", "--output", "again")
    assert summary["failed"] == 0
    assert [line["answer"] for line in lines("again")] == answers
    assert all(line["cached"] for line in lines("again")), "no answer was asked for twice"


def test_a_judge_that_is_no_model_is_told_before_anything_runs(shipped: Command) -> None:
    Path("judged.toml").write_text(judging({"rubric": RUBRIC, "model": "pocket-xl"}), "utf-8")
    assert shipped("run", "judged.toml") == Exit.USAGE
    assert "There is no model pocket-xl" in shipped.err


# How likely the right answer is where another one was given

GOLD = (
    greedy_experiment(
        "At once and step by step",
        'reasoning.mode = ["direct.en", "steps.en"]',
        'generator = "word_problems"',
        "steps = 4",
        "limit = 8",
        max_tokens=160,
        model="pocket-m",
        head="seed = 3\nnoise_floor = false",
    )
    + """[[scorers]]
kind = "perplexity"
name = "gold"
after = "answer"
figure = "mean_logprob"
"""
)


def test_the_gold_answer_is_likely_where_the_model_gives_it_and_measured_where_it_does_not(shipped: Command) -> None:
    Path("gold.toml").write_text(GOLD, "utf-8")
    summary: Any = shipped.json("run", "gold.toml", "--output", "out")
    assert (summary["done"], summary["failed"]) == (16, 0)
    right = [one["outcome"] == "correct" for one in scores("number")]
    found = [one["value"] for one in scores("gold")]
    given = [value for value, is_right in zip(found, right, strict=True) if is_right]
    missed = [value for value, is_right in zip(found, right, strict=True) if not is_right]
    assert given
    assert missed
    assert all(-50 < value < 0 for value in found)
    assert sum(given) / len(given) > sum(missed) / len(missed)
    assert min(given) > -2.0, "greedily, each token of a right answer was the likeliest"
    assert len(set(missed)) > 1, "wrong answers are told apart, where right or wrong says the same of all"
    columns = {(one["scorer"], one["unit"]) for one in summary["arms"][0]["scores"]}
    assert ("gold", "value") in columns
    assert not [one for one in summary["detectors"] if one["figure"] == "gold"]
    assert shipped("runs", "plot", "last", "--width", "100") == Exit.ANSWERED
    assert "\ngold\n" in shipped.out
