"""The screen of runs, by keys alone: look through one, run another, stop, go on, back to the chat."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from textual.widgets import ContentSwitcher, Input, OptionList, Static

from llmlab.domain.experiment import Experiment, expand
from llmlab.domain.outcomes import TrialResult, prompt_file_of
from llmlab.engine.scripted import Hold, Reply, Script
from llmlab.paths import Paths
from llmlab.services.loads import TOGETHER
from llmlab.store.runs import Measured
from llmlab.tui.panes.run_trials import TrialsPane
from llmlab.tui.screens.run import RunScreen
from llmlab.tui.screens.runs import ExperimentPicker, RunsScreen
from llmlab.tui.widgets.figure_view import FigureView
from llmlab.tui.widgets.row_table import Row, RowTable
from llmlab.words import use_language
from tests.services.experiments import HELLO, experiment
from tests.support.made_runs import made_experiment, made_report, made_result, made_results
from tests.tui.laboratory import Laboratory, laboratory
from tests.tui.run_lab import RunLab, on_model, whole


@pytest.fixture
def runs(paths: Paths) -> RunLab:
    """A store with one run, whole."""
    return whole(paths)


def shown(lab: Laboratory, selector: str) -> str:
    return str(lab.app.screen.query_one(selector, Static).render())


def lines(lab: Laboratory, selector: str = "RowTable") -> list[str]:
    table = lab.app.screen.query_one(selector, RowTable)
    return [table.render_line(y).text.rstrip() for y in range(table.size.height)]


async def enter(lab: Laboratory) -> None:
    """Open the list of runs."""
    await lab.pilot.press("f4")
    await lab.until(lambda: isinstance(lab.app.screen, RunsScreen) and lab.app.screen.is_mounted)


async def open_run(lab: Laboratory) -> RunScreen:
    """Open the run that is first in the list."""
    await enter(lab)
    await lab.until(lambda: lab.app.screen.query_one(RowTable).count)
    await lab.pilot.press("enter")
    await lab.until(lambda: isinstance(lab.app.screen, RunScreen))
    await lab.until(lambda: lab.app.screen.query_one("#trial-rows", RowTable).count)
    screen = lab.app.screen
    assert isinstance(screen, RunScreen)
    return screen


async def test_an_empty_list_says_what_to_do(paths: Paths) -> None:
    async with laboratory(paths) as lab:
        await enter(lab)
        await lab.until(lambda: "n runs an experiment" in lines(lab)[0])
        await lab.pilot.press("escape")
        assert lab.app.screen is lab.screen


async def test_a_run_shows_its_arms_with_intervals_then_plots_then_trials(paths: Paths, runs: RunLab) -> None:
    async with laboratory(paths, runs=runs, size=(140, 45)) as lab:
        screen = await open_run(lab)
        summary = made_report().summary
        head, *rows = lines(lab, "#arm-rows")
        assert "k · labels" in head, "whole names have no room here"
        assert "number strict" in head
        assert "number flexible" in head
        for arm, row in zip(summary.arms, rows, strict=False):
            score = arm.scores[0].score
            assert " · ".join(map(str, arm.settings.values())) in row
            assert f"{100 * score.value:.0f} % [{100 * score.low:.0f}, {100 * score.high:.0f}]" in row
        assert "cannot distinguish" in shown(lab, "#finding-lines")
        await lab.pilot.press("tab")
        assert screen.query_one(ContentSwitcher).current == "plots"
        await lab.until(lambda: "● gold   ▲ wrong" in str(screen.query_one(FigureView).render()))
        await lab.pilot.press("3")
        assert screen.query_one(ContentSwitcher).current == "trials"
        assert "84 of 84" in shown(lab, "#filter")
        assert "The answer is" in shown(lab, "#trial")


async def test_trials_are_filtered_by_outcome_disagreement_arm_and_text(paths: Paths, runs: RunLab) -> None:
    results = made_results(made_experiment())
    async with laboratory(paths, runs=runs, size=(140, 45)) as lab:
        await open_run(lab)
        await lab.pilot.press("3", "o")
        correct = [result for result in results if result.scores and result.scores[0].correct]
        assert f"{len(correct)} of 84" in shown(lab, "#filter")
        assert lines(lab, "#trial-rows")[1].strip().startswith("✓")
        await lab.pilot.press("a")
        first = made_experiment().arms[0].name
        assert f"{sum(result.arm == first for result in correct)} of 84" in shown(lab, "#filter")
        assert first in shown(lab, "#filter")
        await lab.pilot.press(*["o"] * 6, *["a"] * 7, "x")
        assert "arms disagree" in shown(lab, "#filter")
        await lab.pilot.press("x", "slash", *"sum-03")
        assert "7 of 84" in shown(lab, "#filter")
        assert lab.app.screen.query_one("#find", Input).display
        await lab.pilot.press("enter", "down", "down")
        assert "sum-03" in shown(lab, "#trial")
        await lab.pilot.press("e")
        await lab.until(lambda: "number flexible" in shown(lab, "#filter"))
        assert "7 of 84" in shown(lab, "#filter"), "the filter stays"


async def test_what_was_taken_out_of_an_answer_can_be_seen_without_colour(paths: Paths, runs: RunLab) -> None:
    async with laboratory(paths, runs=runs, size=(140, 45)) as lab:
        await open_run(lab)
        await lab.pilot.press("3", "o")
        text = shown(lab, "#trial")
        assert "The answer is ⟦3⟧." in text
        assert "found “3”" in text
        assert "It is the number that is expected." in text
        assert "<|user|>What is 0 + 3?" in text


async def test_a_prompt_that_is_kept_apart_is_read_when_its_trial_is_shown(paths: Paths) -> None:
    asked = made_experiment(2, (0,), twin=False)
    text, runs = f"It begins. {'word ' * 9_000}It ends.", RunLab(paths)
    file = prompt_file_of(text)
    runs.keep(asked, [
        replace(made_result(arm, item, "correct"), prompt="", prompt_file=file, prompt_digest="ab12",
                prompt_characters=len(text))
        for item in asked.arms[0].items for arm in asked.arms
    ])  # fmt: skip
    async with laboratory(paths, runs=runs, size=(140, 45)) as lab:
        await open_run(lab)
        await lab.pilot.press("3")
        await lab.until(lambda: "It is not kept" in shown(lab, "#trial"), "nobody kept it")
        first = next(runs.store.results("made"))
        item = asked.arms[0].items[0]
        runs.store.put("made", [Measured(first, item, prompt=text)])
        await lab.pilot.press("down")
        await lab.until(lambda: "It ends." in shown(lab, "#trial"))
        assert "It begins." in shown(lab, "#trial")
        assert file in shown(lab, "#trial")


async def test_a_small_terminal_reads_a_trial_in_place_of_the_list(paths: Paths, runs: RunLab) -> None:
    async with laboratory(paths, runs=runs, size=(80, 24)) as lab:
        screen = await open_run(lab)
        await lab.pilot.press("3")
        detail = screen.query_one("#detail")
        assert not detail.display
        await lab.pilot.press("down", "enter")
        await lab.until(lambda: detail.display)
        assert not screen.query_one("#trial-rows").display
        await lab.pilot.press("escape")
        await lab.until(lambda: not detail.display)
        await lab.pilot.press("escape")
        await lab.until(lambda: isinstance(lab.app.screen, RunsScreen))
        await lab.pilot.press("escape")
        assert lab.app.screen is lab.screen


async def test_what_has_no_room_below_the_arms_is_scrolled(paths: Paths, runs: RunLab) -> None:
    async with laboratory(paths, runs=runs, size=(80, 24)) as lab:
        screen = await open_run(lab)
        await lab.pilot.press("space")
        assert screen.query_one("#findings").scroll_y > 0
        await lab.pilot.press("b")
        assert screen.query_one("#findings").scroll_y == 0


async def test_enter_on_an_arm_shows_its_trials(paths: Paths, runs: RunLab) -> None:
    async with laboratory(paths, runs=runs, size=(140, 45)) as lab:
        screen = await open_run(lab)
        await lab.pilot.press("down", "enter")
        assert screen.query_one(ContentSwitcher).current == "trials"
        assert "12 of 84" in shown(lab, "#filter")


async def test_an_experiment_is_run_from_the_screen_and_its_report_written(paths: Paths) -> None:
    runs = RunLab(paths)
    async with laboratory(paths, runs=runs) as lab:
        await enter(lab)
        await lab.pilot.press("n")
        await lab.until(lambda: isinstance(lab.app.screen, ExperimentPicker))
        await lab.pilot.press("enter")
        await lab.until(lambda: isinstance(lab.app.screen, RunScreen))
        await lab.until(lambda: "12 of 12 trials" in shown(lab, "#state"))
        await lab.until(lambda: (runs.folder / "report.html").exists())
        await lab.until(lambda: "100 % [" in "".join(lines(lab, "#arm-rows")))
        await lab.pilot.press("escape")
        await lab.until(lambda: isinstance(lab.app.screen, RunsScreen) and "done" in lines(lab)[1])


async def test_escape_stops_at_once_and_p_goes_on_where_it_was(paths: Paths) -> None:
    hold = asyncio.Event()
    script = Script(replies=(Reply(("Hello there.",)),) * 3 + (Reply((Hold(hold),)),))
    runs = RunLab(paths)
    async with laboratory(paths, script=script, runs=runs) as lab:
        await lab.command("/runs try.en")
        await lab.until(lambda: isinstance(lab.app.screen, RunScreen))
        await lab.until(lambda: "esc stop" in shown(lab, "#keys"))
        await lab.until(lambda: runs.store.list() and runs.store.list()[0].done)
        await lab.pilot.press("escape")
        await lab.until(lambda: "p go on" in shown(lab, "#keys"))
        assert isinstance(lab.app.screen, RunScreen), "the first esc stops, the second goes back"
        assert runs.store.list()[0].state == "stopped"
        hold.set()
        await lab.pilot.press("p")
        await lab.until(lambda: "12 of 12 trials" in shown(lab, "#state"))


def asked_for(lab: Laboratory) -> int:
    """Answers that engines were asked for."""
    return sum(request.samples for engine in lab.engines for request in engine.requests)


async def test_p_while_measuring_waits_for_the_answers_in_flight_and_goes_on_without_asking_twice(
    paths: Paths,
) -> None:
    gate = asyncio.Event()
    script = Script(replies=(*[Reply((HELLO,))] * 3, Reply((Hold(gate), HELLO))))
    runs = RunLab(paths, experiments={"try.en": experiment(30, ("one",))})
    async with laboratory(paths, script=script, runs=runs, size=(140, 45)) as lab:
        await lab.command("/runs try.en")
        await lab.until(lambda: isinstance(lab.app.screen, RunScreen))
        await lab.until(lambda: asked_for(lab) == 3 + TOGETHER and runs.store.list()[0].done == 3)
        await lab.pilot.press("p")
        await lab.until(lambda: "p or esc stop now" in shown(lab, "#keys"))
        assert "come first" in shown(lab, ".note")
        assert runs.store.list()[0].state == "running"
        gate.set()
        await lab.until(lambda: "p go on" in shown(lab, "#keys"))
        assert (runs.store.list()[0].state, runs.store.list()[0].done) == ("stopped", 3 + TOGETHER)
        assert not lab.app.screen.query_one(".note").display
        await lab.pilot.press("p")
        await lab.until(lambda: "60 of 60 trials" in shown(lab, "#state"))
        assert asked_for(lab) == 60


async def test_p_twice_while_measuring_stops_at_once(paths: Paths) -> None:
    script = Script(replies=(*[Reply((HELLO,))] * 3, Reply((Hold(), HELLO))))
    runs = RunLab(paths)
    async with laboratory(paths, script=script, runs=runs) as lab:
        await lab.command("/runs try.en")
        await lab.until(lambda: isinstance(lab.app.screen, RunScreen))
        await lab.until(lambda: runs.store.list() and runs.store.list()[0].done == 3)
        await lab.pilot.press("p")
        await lab.until(lambda: "p or esc stop now" in shown(lab, "#keys"))
        await lab.pilot.press("p")
        await lab.until(lambda: "p go on" in shown(lab, "#keys"))
        assert (runs.store.list()[0].state, runs.store.list()[0].done) == ("stopped", 3)


def begun(runs: RunLab, asked: Experiment, run_id: str = "made") -> None:
    """Keep a run of `try.en` of which four trials are measured."""
    trials = list(expand(asked))[:4]
    results = [replace(made_result(trial.arm, trial.item, "correct"), id=trial.id) for trial in trials]
    runs.keep(asked, results, run_id, source="try.en")


async def test_p_goes_on_with_a_run_on_the_model_that_it_was_begun_with(paths: Paths) -> None:
    runs = RunLab(paths)
    begun(runs, on_model(runs.experiments["try.en"], "two"))
    async with laboratory(paths, runs=runs) as lab:
        await open_run(lab)
        await lab.pilot.press("p")
        await lab.until(lambda: "12 of 12 trials" in shown(lab, "#state"))
        assert [(run.id, run.done, run.models) for run in runs.store.list()] == [("made", 12, ("two",))]
        assert asked_for(lab) == 8


async def test_p_goes_on_with_the_run_that_is_shown_not_with_a_later_one_of_the_same_experiment(paths: Paths) -> None:
    runs = RunLab(paths)
    for run_id in ("older", "newer"):
        begun(runs, runs.experiments["try.en"], run_id)
    async with laboratory(paths, runs=runs) as lab:
        await enter(lab)
        await lab.until(lambda: lab.app.screen.query_one(RowTable).count == 2)
        await lab.pilot.press("down", "enter")
        await lab.until(lambda: isinstance(lab.app.screen, RunScreen))
        await lab.until(lambda: "p go on" in shown(lab, "#keys"))
        await lab.pilot.press("p")
        await lab.until(lambda: "12 of 12 trials" in shown(lab, "#state"))
        assert {run.id: run.done for run in runs.store.list()} == {"older": 12, "newer": 4}


async def test_a_run_whose_experiment_has_changed_does_not_go_on(paths: Paths) -> None:
    runs = RunLab(paths)
    asked = runs.experiments["try.en"]
    begun(runs, on_model(asked, "two"))
    runs.experiments["try.en"] = replace(asked, seed=asked.seed + 1)
    async with laboratory(paths, runs=runs, size=(140, 45)) as lab:
        await open_run(lab)
        await lab.pilot.press("p")
        await lab.until(lambda: "this run cannot go on" in shown(lab, ".note"))
        assert "llmlab run try.en (--model chooses the model; this run is on two)" in shown(lab, ".note")
        assert [(run.id, run.done) for run in runs.store.list()] == [("made", 4)]
        del runs.experiments["try.en"]
        await lab.pilot.press("p")
        await lab.until(lambda: "There is no experiment try.en." in shown(lab, ".note"))


async def test_an_experiment_that_is_wrong_says_so_and_cannot_be_chosen(paths: Paths) -> None:
    runs = RunLab(paths, wrong="bad.en.toml:3: shots.k is no number")
    async with laboratory(paths, runs=runs) as lab:
        await enter(lab)
        await lab.pilot.press("n")
        await lab.until(lambda: isinstance(lab.app.screen, ExperimentPicker))
        options = lab.app.screen.query_one(OptionList)
        assert options.get_option_at_index(1).disabled
        assert "shots.k is no number" in str(options.get_option_at_index(1).prompt)


async def test_a_name_that_is_no_experiment_is_told(paths: Paths) -> None:
    async with laboratory(paths) as lab:
        await lab.command("/runs nothing")
        await lab.until(lambda: isinstance(lab.app.screen, RunScreen))
        await lab.until(lambda: "There is no experiment nothing." in shown(lab, ".note"))
        await lab.pilot.press("escape")
        await lab.until(lambda: isinstance(lab.app.screen, RunsScreen))


async def test_a_run_is_deleted_when_it_is_asked_for_twice(paths: Paths, runs: RunLab) -> None:
    async with laboratory(paths, runs=runs) as lab:
        await enter(lab)
        await lab.until(lambda: lab.app.screen.query_one(RowTable).count == 1)
        await lab.pilot.press("d")
        assert "84 results" in shown(lab, ".note")
        assert runs.store.list()
        await lab.pilot.press("d")
        await lab.until(lambda: not runs.store.list() and "n runs" in lines(lab)[0])


def many(count: int) -> tuple[Experiment, tuple[TrialResult, ...]]:
    """A run of so many trials."""
    asked = made_experiment(count // 2, (0,), twin=False)
    results = tuple(
        made_result(arm, item, "correct" if place % 3 else "wrong")
        for place, item in enumerate(asked.arms[0].items)
        for arm in asked.arms
    )
    return asked, results


async def test_ten_thousand_trials_are_painted_one_screen_at_a_time(paths: Paths, runs: RunLab) -> None:
    runs.keep(*many(10_000), run_id="large")
    async with laboratory(paths, runs=runs, size=(140, 45)) as lab:
        screen = await open_run(lab)
        table = screen.query_one("#trial-rows", RowTable)
        assert table.count == 10_000
        made: set[int] = set()
        original = table._make

        def watched(number: int, width: int) -> Row:
            made.add(number)
            return original(number, width)

        table._make = watched
        await lab.pilot.press("3", "end")
        await lab.pilot.pause()
        assert table.cursor == 9_999
        assert max(made) == 9_999
        assert len(made) < 120
        assert "sum-4999" in str(screen.query_one(TrialsPane).query_one("#trial", Static).render())


async def test_in_chinese(paths: Paths, runs: RunLab) -> None:
    use_language("zh")
    async with laboratory(paths, runs=runs, size=(80, 24)) as lab:
        await open_run(lab)
        assert "无法区分" in shown(lab, "#finding-lines")
        await lab.pilot.press("3")
        assert "84" in shown(lab, "#filter")
        await lab.pilot.press("o")
        assert "正确" in shown(lab, "#filter")
