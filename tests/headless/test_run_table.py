"""The figures of a run as lines of a terminal."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

from llmlab.domain.experiment import Experiment, ScorerUse
from llmlab.domain.outcomes import TrialResult
from llmlab.domain.summarising import summarise
from llmlab.headless.diagnostics import Exit
from llmlab.headless.output import Output
from llmlab.headless.report import report_html, report_markdown
from llmlab.headless.report_tables import contrast_rows
from llmlab.headless.run_table import summary_lines
from llmlab.headless.runs import compare_runs, show_run
from llmlab.paths import Paths
from llmlab.services.runs import Runs
from tests.support.made_runs import made_experiment, made_report, made_results
from tests.tui.run_lab import RunLab

NUMBER = ScorerUse(kind="number", name="number", counts="strict")


def repeated() -> tuple[Experiment, tuple[TrialResult, ...]]:
    """Three answers to each item, right in the first repeat more often than in the others."""
    asked = replace(made_experiment(20, (0, 4), twin=False), repeats=3)
    results = tuple(
        replace(each, id=f"{each.id}|{repeat}", repeat=repeat, scores=each.scores)
        for repeat in range(3)
        for each in made_results(asked, seed=repeat)
    )
    return asked, results


def test_agreement_entropy_spread_and_detectors_stand_in_the_table() -> None:
    summary = summarise(*repeated())
    lines = list(summary_lines(summary))
    text = "\n".join(lines)
    (head,) = (line for line in lines if "entropy (bits)" in line)
    assert head.split() == ["arm", "agreement", "entropy", "(bits)", "spread", "of", "number"]
    row = lines[lines.index(head) + 1]
    assert row.startswith(summary.arms[0].name)
    assert row.endswith(" points")
    assert " % [" in row
    assert "Spread is the standard deviation of a score over 3 repeats." in text
    assert "agreement over repeats tells wrong answers from right ones: AUROC 0." in text


def test_both_reports_hold_them_too() -> None:
    report = made_report(*repeated())
    for page in (report_markdown(report), report_html(report)):
        assert "entropy (bits)" in page
        assert "spread of number" in page
        assert "AUROC" in page
    table = report_markdown(report).partition("## Detectors")[2]
    wrong, n = table.splitlines()[4].split(" | ")[-2:]
    assert int(wrong) < int(n.rstrip(" |"))


def test_one_answer_an_item_makes_no_second_table() -> None:
    assert "Spread" not in "\n".join(summary_lines(made_report().summary))


def test_a_comparison_in_the_report_counts_failures_only_where_there_are_some() -> None:
    failing = made_report()
    assert failing.summary.failed
    assert contrast_rows(failing.summary).head[-1] == "failed"
    sound = tuple(each for each in failing.results if not each.problem)
    assert "failed" not in contrast_rows(summarise(failing.experiment, sound)).head


def test_two_runs_against_each_other_say_what_failed(home: Path, paths: Paths) -> None:
    lab = RunLab(paths)
    asked = made_experiment()
    for run_id, seed in (("aaaa", 3), ("bbbb", 4)):
        lab.keep(asked, made_results(asked, seed), run_id)
    written = io.StringIO()
    assert compare_runs(Runs(lab.store, summarise), "aaaa", "bbbb", Output(written), as_json=False) == Exit.ANSWERED
    told = written.getvalue()
    assert "; failed and left out: " in told
    assert "trials failed: they are in no score, and every figure here lacks them." in told


def test_a_run_that_is_shown_has_its_spread(home: Path, paths: Paths) -> None:
    lab = RunLab(paths)
    asked, results = repeated()
    lab.keep(asked, results)
    written = io.StringIO()
    assert show_run(Runs(lab.store, summarise), "made", Output(written), as_json=False) == Exit.ANSWERED
    assert "spread of number" in written.getvalue()
