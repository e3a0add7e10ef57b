"""The figures of a stored run, printed or written as pictures."""

from __future__ import annotations

import io
from pathlib import Path
from xml.etree import ElementTree

import pytest

from llmlab.domain.plots.cells import cells
from llmlab.domain.summarising import summarise
from llmlab.errors import StoreError
from llmlab.headless.diagnostics import Exit
from llmlab.headless.output import Output
from llmlab.headless.run_plots import plot_run
from llmlab.paths import Paths
from llmlab.services.runs import Runs
from tests.headless.conftest import Command
from tests.support.made_runs import made_experiment, made_result, made_results
from tests.tui.run_lab import RunLab

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def runs(home: Path, paths: Paths) -> Runs:
    """One run of twelve items."""
    lab = RunLab(paths)
    asked = made_experiment()
    lab.keep(asked, made_results(asked), "made")
    return Runs(lab.store, summarise)


def plotted(runs: Runs, width: int = 80, picture: Path | None = None) -> str:
    written = io.StringIO()
    assert plot_run(runs, "last", Output(written), width=width, picture=picture) == Exit.ANSWERED
    return written.getvalue()


def test_they_are_printed_one_below_the_other(runs: Runs) -> None:
    text = plotted(runs)
    assert "● gold   ▲ wrong\n\nExamples help: every arm\n" in text
    assert max(map(cells, text.splitlines())) <= 80


def test_each_is_a_picture_of_its_own(runs: Runs, tmp_path: Path) -> None:
    names = plotted(runs, picture=tmp_path / "new" / "plot.svg").splitlines()
    assert [Path(name).name for name in names] == ["plot.svg", "plot-2.svg"]
    for name in names:
        assert ElementTree.parse(name).getroot().tag.endswith("svg")


def test_a_run_with_failures_says_so_in_each(runs: Runs, tmp_path: Path) -> None:
    failed = runs.summary("made").failed
    assert failed, "the made up run has some"
    said = f"{failed} of 84 trials failed"
    assert plotted(runs).count(said) == 2
    for name in plotted(runs, picture=tmp_path / "plot.svg").splitlines():
        assert said in [text.text for text in ElementTree.parse(name).getroot().iter(f"{SVG}text")]


def test_where_every_trial_failed_there_is_no_figure_and_that_is_said(home: Path, paths: Paths) -> None:
    lab = RunLab(paths)
    asked = made_experiment(2, (0,), twin=False)
    lab.keep(asked, [made_result(arm, item, "error") for arm in asked.arms for item in arm.items])
    assert plotted(Runs(lab.store, summarise)) == "4 of 4 trials failed\n"


def test_the_command_prints_and_writes_them(runs: Runs, llmlab: Command) -> None:
    assert llmlab("runs", "plot", "made", "--width", "70") == Exit.ANSWERED, llmlab.err
    assert llmlab.out == plotted(runs, 70)
    assert llmlab("runs", "plot", "last", "--svg", "plot.svg") == Exit.ANSWERED, llmlab.err
    assert llmlab.out.splitlines() == ["plot.svg", "plot-2.svg"]
    for name in llmlab.out.splitlines():
        assert ElementTree.parse(name).getroot().tag == f"{SVG}svg"
    assert llmlab("runs", "plot", "nowhere") == Exit.USAGE


def test_a_place_that_cannot_be_written_is_named(runs: Runs, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(StoreError) as caught:
        plotted(runs, picture=tmp_path / "file" / "plot.svg")
    assert "plot.svg" in caught.value.where
