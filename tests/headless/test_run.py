"""`llmlab run` and `llmlab runs` on the embedded model: from the file to the table, the folder and the exit code."""

from __future__ import annotations

import io
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from scipy.stats import binom
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from llmlab.headless.diagnostics import Exit
from llmlab.paths import Paths
from llmlab.pocket import pocket_names
from tests.headless.conftest import Command
from tests.headless.recomputed import check_detectors, check_graded, check_noise

pytestmark = pytest.mark.skipif("pocket-m" not in pocket_names(), reason="the package holds no pocket-m")

FILE = """
title = "Steps against direct"
seed = 4
[base]
model = "pocket-m"
sampling.temperature = 1.6
sampling.max_tokens = 80
[axes]
reasoning.mode = ["direct.en", "steps.en", "votes.en"]
reasoning.votes = [2]
[data]
generator = "word_problems"
steps = 3
limit = 14
[[scorers]]
kind = "number"
[[scorers]]
kind = "agreement"
"""


@pytest.fixture
def run(paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command line in a folder of its own, with the models that ship."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"")))
    (tmp_path / "steps.toml").write_text(FILE, encoding="utf-8")
    return Command(paths)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def scored(line: dict[str, Any], scorer: str, extractor: str) -> dict[str, Any]:
    return next(one for one in line["scores"] if (one["scorer"], one["extractor"]) == (scorer, extractor))


def test_an_experiment_from_file_to_figures_that_scipy_and_statsmodels_find_too(run: Command, tmp_path: Path) -> None:
    assert run("run", "steps.toml", "--output", "out") == Exit.ANSWERED, run.err
    assert "56 trials, 56 of them to be measured." in run.err
    table = run.out
    assert [
        path.name for path in sorted((tmp_path / "out").iterdir()) if path.suffix in (".json", ".jsonl", ".toml")
    ] == [
        "environment.json",
        "experiment.toml",
        "recipes.json",
        "results.jsonl",
        "summary.json",
    ]
    assert (tmp_path / "out" / "experiment.toml").read_text(encoding="utf-8") == FILE
    results, summary = (
        lines(tmp_path / "out" / "results.jsonl"),
        json.loads((tmp_path / "out" / "summary.json").read_text()),
    )
    assert (summary["done"], summary["failed"], len(results)) == (56, 0, 56)
    for arm in summary["arms"]:
        check_arm(arm, [line for line in results if line["arm"] == arm["name"]])
        assert arm["name"] in table
    check_contrasts(summary["contrasts"], results)
    check_graded(summary, results)
    check_noise(summary, results, next(arm["name"] for arm in summary["arms"] if arm["twin_of"]))
    check_detectors(summary, results)
    marks = json.loads((tmp_path / "out" / "environment.json").read_text())["models"]["pocket-m"]
    assert len(marks["file_mark"]) == 64


def check_arm(arm: dict[str, Any], results: list[dict[str, Any]]) -> None:
    """Shares with Wilson's interval, outcomes and means, recomputed."""
    assert len(results) == arm["trials"] == 14
    for score in (one for one in arm["scores"] if not one["graded"]):
        found = [scored(line, score["scorer"], score["extractor"]) for line in results]
        assert score["outcomes"] == Counter(one["outcome"] for one in found)
        right = sum(one["outcome"] == "correct" for one in found)
        low, high = proportion_confint(right, len(found), alpha=0.05, method="wilson")
        assert score["score"] == pytest.approx({"value": right / len(found), "low": low, "high": high}, abs=1e-9)
    for name in ("prompt_tokens", "generated_tokens", "reused_tokens", "seconds"):
        assert arm[name] == pytest.approx(sum(line[name] for line in results) / len(results))


def check_contrasts(contrasts: list[dict[str, Any]], results: list[dict[str, Any]]) -> None:
    """Differences on the same items, McNemar's tests, and Holm's correction within each score, recomputed."""
    plain = [one for one in contrasts if one["test"].startswith("mcnemar")]
    assert {one["extractor"] for one in plain} == {"strict", "flexible"}
    for one in plain:
        right = {
            (line["arm"], line["item"]): scored(line, one["scorer"], one["extractor"])["outcome"] == "correct"
            for line in results
        }
        items = sorted({item for _, item in right})
        pairs = Counter((right[one["arm"], item], right[one["baseline"], item]) for item in items)
        more, fewer = pairs[True, False], pairs[False, True]
        assert (one["items"], one["only_arm"], one["only_baseline"]) == (len(items), more, fewer)
        assert one["difference"]["value"] == pytest.approx((more - fewer) / len(items))
        table = [[pairs[True, True], more], [fewer, pairs[False, False]]]
        exact = mcnemar(table, exact=True).pvalue
        assert one["p_exact"] == pytest.approx(exact)
        mid = exact - binom.pmf(more, more + fewer, 0.5) if more + fewer else 1.0
        assert one["p"] == pytest.approx(min(1.0, mid) if more != fewer else 1.0)
    for extractor in ("strict", "flexible"):
        family = [one for one in plain if one["extractor"] == extractor]
        corrected = multipletests([one["p"] for one in family], method="holm")[1]
        assert [one["p_holm"] for one in family] == pytest.approx(list(corrected))


def test_what_was_measured_is_told_again_without_an_engine(
    run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("run", "steps.toml", "-n", "2") == Exit.ANSWERED
    before = run.out
    monkeypatch.setattr("llmlab.engine.child.ChildEngine.load", None)
    assert run("run", "steps.toml", "-n", "2") == Exit.ANSWERED
    assert run.out == before
    listed = run.json("runs", "list")
    assert isinstance(listed, list)
    assert [(each["done"], each["planned"], each["state"]) for each in listed] == [(8, 56, "stopped")]


def test_a_missed_threshold_ends_with_3(run: Command, tmp_path: Path) -> None:
    wanted = '\n[[thresholds]]\nscorer = "number"\narm = "mode=direct.en, votes=2"\nbound = "low"\nleast = 0.99\n'
    (tmp_path / "guard.toml").write_text(FILE + wanted, encoding="utf-8")
    assert run("run", "guard.toml", "-n", "3") == Exit.MISSED, run.err
    assert "MISSED" in run.out
    run("run", "guard.toml", "-n", "3", "--json")
    assert [one["met"] for one in json.loads(run.out)["thresholds"]] == [False]
    (tmp_path / "guard.toml").write_text(FILE + wanted.replace("0.99", "0.0"), encoding="utf-8")
    assert run("run", "guard.toml", "-n", "3") == Exit.ANSWERED, run.err


def test_a_dry_run_measures_nothing(run: Command) -> None:
    assert run("run", "steps.toml", "--dry-run") == Exit.ANSWERED, run.err
    assert "56 trials, 56 of them to be measured." in run.out
    plan = run.json("run", "steps.toml", "--dry-run", "-n", "3")
    assert isinstance(plan, dict)
    assert (plan["trials"], plan["measured"], plan["counted"]) == (12, 0, 12)
    assert 0 < plan["shared_tokens"] < plan["prompt_tokens"]
    assert plan["models"][0]["read_speed"] > 0
    assert plan["models"][0]["write_speed"] > 0
    assert run.json("runs", "list") == []


def test_a_file_that_is_wrong_is_told_before_anything_runs(run: Command, tmp_path: Path) -> None:
    wrong = FILE.replace('kind = "number"', 'kind = "nummer"').replace("limit = 14", "limit = 0")
    (tmp_path / "wrong.toml").write_text(wrong, encoding="utf-8")
    assert run("run", "wrong.toml") == Exit.USAGE
    assert "nummer" in run.err
    assert "limit" in run.err
    assert run("run", "nowhere") == Exit.USAGE
    assert run("run", "steps.toml", "-m", "nobody") == Exit.USAGE
    assert "There is no model nobody" in run.err
    assert "steps.toml" not in run.err, "the file is right"


def test_runs_are_shown_exported_compared_and_deleted(run: Command, tmp_path: Path) -> None:
    assert run("run", "steps.toml", "-n", "2") == Exit.ANSWERED
    assert run("run", "steps.toml", "-n", "2", "--again") == Exit.ANSWERED
    listed = run.json("runs", "list")
    assert isinstance(listed, list)
    newer, older = (each["id"] for each in listed)
    assert run("runs", "show", "steps") == 0
    assert newer in run.out
    assert run("runs", "show", older[:6]) == 0
    assert older in run.out
    assert run("runs", "export", "last") == 0
    assert [json.loads(line)["repeat"] for line in run.out.splitlines()] == [0] * 8
    assert run("runs", "export", "last", "-o", "copy") == 0
    assert len(lines(tmp_path / "copy" / "results.jsonl")) == 8
    compared = run.json("runs", "compare", newer, older)
    assert isinstance(compared, list)
    assert len(compared) == 4
    assert run("runs", "compare", newer, newer) == Exit.USAGE
    assert run("runs", "delete", older) == 0
    assert run("runs", "show", older) == Exit.USAGE
    assert "llmlab runs list" in run.err


def test_a_folder_that_cannot_be_written_loses_nothing(run: Command, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert run("run", "steps.toml", "-n", "1", "--output", "file/out") == Exit.FAILED
    assert "runs export" in run.err
    assert run("runs", "export", "last") == 0
    assert len(run.out.splitlines()) == 4
