"""Prompts that are too long for the line of their trial: kept whole, once, and written beside the results."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from llmlab.domain.experiment import Experiment
from llmlab.domain.outcomes import LONGEST_PROMPT, prompt_file_of
from llmlab.engine.scripted import Script
from llmlab.headless.report import PAGES
from llmlab.headless.run import report_of
from llmlab.services.run_folder import write_folder
from tests.services.experiments import Laboratory, experiment
from tests.services.fixtures import Engines

LONG = "z" * LONGEST_PROMPT


def asked_at_length(count: int = 2) -> Experiment:
    """The first question is long, the others are not."""
    asked = experiment(count)
    first, *rest = asked.arms[0].items
    items = (replace(first, question=f"{LONG} Question 0?"), *rest)
    return replace(asked, arms=tuple(replace(arm, items=items) for arm in asked.arms))


def given(lab: Laboratory) -> str:
    """The long prompt as an engine was given it."""
    return next(prompt[-1].text for engine in lab.engines.made for prompt in engine.prompts if LONG in prompt[-1].text)


async def test_a_long_prompt_is_kept_whole_and_its_line_names_it(tmp_path: Path) -> None:
    lab = Laboratory(tmp_path, Engines(Script()))
    await lab.run(lab.job(asked_at_length()))
    long, short = ([one for one in lab.results() if one.item == item] for item in ("q0", "q1"))
    kept = {lab.runs.prompt("run", one.prompt_file) for one in long}
    (text,) = kept
    assert given(lab) in text
    for one in long:
        assert (one.prompt, one.prompt_file, one.prompt_characters) == ("", prompt_file_of(text), len(text))
        assert one.prompt_digest
    for one in short:
        assert (one.prompt_file, one.prompt_characters) == ("", len(one.prompt))
        assert "Question 1?" in one.prompt


async def test_another_run_that_takes_the_answers_over_has_the_prompt_too(tmp_path: Path) -> None:
    lab = Laboratory(tmp_path)
    await lab.run(lab.job(asked_at_length(), "one"))
    before = lab.asked
    await lab.run(lab.job(asked_at_length(3), "two"))
    assert lab.asked == before + 2
    lab.runs.delete("one")
    files = {one.prompt_file for one in lab.results("two") if one.item == "q0"}
    assert [LONG in lab.runs.prompt("two", file) for file in files] == [True]


async def test_the_folder_of_a_run_holds_it_once_and_the_report_tells_where(tmp_path: Path) -> None:
    lab, folder = Laboratory(tmp_path), tmp_path / "out"
    await lab.run(lab.job(asked_at_length()))
    report = report_of(lab.runs, "run")
    write_folder(folder, report, PAGES)
    named = [json.loads(line)["prompt_file"] for line in (folder / "results.jsonl").read_text("utf-8").splitlines()]
    (file,) = filter(None, set(named))
    assert [path.relative_to(folder).as_posix() for path in folder.rglob("*.txt")] == [file]
    assert (folder / file).read_text("utf-8") == report.prompt(file)
    assert LONG in report.prompt(file)
    for page in ("report.html", "report.md"):
        told = (folder / page).read_text("utf-8")
        assert "Prompts longer than 20,000 characters: 1." in told
    assert f"characters, in {file}" in (folder / "report.html").read_text("utf-8")


async def test_a_folder_that_has_it_is_not_written_again_and_one_that_lost_it_is(tmp_path: Path) -> None:
    lab, folder = Laboratory(tmp_path), tmp_path / "out"
    await lab.run(lab.job(asked_at_length()))
    report = report_of(lab.runs, "run")
    write_folder(folder, report, {})
    (path,) = folder.rglob("*.txt")
    read: list[str] = []

    def watched(file: str) -> str:
        read.append(file)
        return report.prompt(file)

    write_folder(folder, replace(report, prompt=watched), {})
    assert read == []
    path.unlink()
    write_folder(folder, replace(report, prompt=watched), {})
    assert path.exists()
