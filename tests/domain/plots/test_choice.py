"""The figures of a run follow from its axes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from llmlab.domain.outcomes import Extractor
from llmlab.domain.plots.choice import MOST_PLACED, View, figures_of, scorers_of
from llmlab.domain.plots.figure import Bars, Graph, Heat
from llmlab.domain.plots.svg import svg
from llmlab.domain.plots.terminal import MARKS, as_text
from llmlab.domain.statistics import Interval, Unit
from llmlab.domain.summary import ArmScore, ArmSummary, Summary
from llmlab.domain.summary_words import score_text

VIEW = View(scorer="number")


def arm(score: float, tokens: float = 10, twin_of: str = "", model: str = "m", **settings: object) -> ArmSummary:
    """An arm of 20 trials; `a__b=1` varies `a.b`, and both extractors differ by 0.1."""

    def of(extractor: Extractor, value: float) -> ArmScore:
        interval = Interval(value, max(0.0, value - 0.2), min(1.0, value + 0.2))
        counts = extractor == "strict"
        return ArmScore(
            scorer="number", extractor=extractor, counts=counts, graded=False, n=20, items=20, score=interval,
            outcomes={"correct": round(20 * value), "wrong": 20 - round(20 * value)},
        )  # fmt: skip

    named = {key.replace("__", ".").rstrip("_"): value for key, value in settings.items()}
    name = ", ".join(f"{key}={value}" for key, value in named.items()) or "base"
    return ArmSummary(
        name=name + (" again" if twin_of else ""), settings=named, model=model, twin_of=twin_of, trials=20, planned=20,
        failed=0, scores=(of("strict", score), of("flexible", min(1.0, score + 0.1))), prompt_tokens=30,
        reused_tokens=0, generated_tokens=tokens, seconds=0.1,
    )  # fmt: skip


def summary(*arms: ArmSummary) -> Summary:
    return Summary(
        experiment="e.en", title="E", hypothesis="", alpha=0.05, seed=0, planned=1, done=1, failed=0, arms=arms
    )


def test_one_number_makes_a_curve_and_the_other_axes_tell_curves_apart() -> None:
    arms = [arm(k / 10, shots__k=k, shots__labels=labels) for k in (0, 8, 2) for labels in ("gold", "wrong")]
    graph, bars = figures_of(summary(*arms), VIEW)
    assert isinstance(graph, Graph)
    assert isinstance(bars, Bars)
    assert [series.name for series in graph.series] == ["gold", "wrong"]
    assert [point.x for point in graph.series[0].points] == [0, 2, 8]
    assert len(bars.bars) == 6


def test_many_curves_are_shared_out_among_graphs_by_the_first_other_axis() -> None:
    arms = [
        arm(k / 10, shots__k=k, kind=kind, shots__labels=labels)
        for k in (0, 2) for kind in ("string", "label") for labels in ("gold", "shuffled", "wrong")
    ]  # fmt: skip
    graphs = [figure for figure in figures_of(summary(*arms), VIEW) if isinstance(figure, Graph) and figure.joined]
    assert [graph.title for graph in graphs] == ["E: string", "E: label"]
    assert [[series.name for series in graph.series] for graph in graphs] == [["gold", "shuffled", "wrong"]] * 2


def test_depth_runs_down_and_length_across() -> None:
    arms = [arm(0.5, data__length=length, data__depth=depth) for length in (512, 1024) for depth in (0, 0.5, 1)]
    heat = figures_of(summary(*arms), VIEW)[0]
    assert isinstance(heat, Heat)
    assert (heat.columns, heat.rows) == (("512", "1,024"), ("0", "0.5", "1"))


def test_a_third_axis_makes_a_heatmap_each() -> None:
    arms = [
        arm(0.5, data__length=n, data__depth=d, reading__way=way)
        for way in ("whole", "stretched") for n in (512, 1024) for d in (0, 1)
    ]  # fmt: skip
    heats = [figure for figure in figures_of(summary(*arms), VIEW) if isinstance(figure, Heat)]
    assert [heat.title for heat in heats] == ["E: whole", "E: stretched"]


def test_models_of_known_size_stand_on_a_logarithmic_scale() -> None:
    arms = [arm(score, model=name, model_=name) for name, score in (("s", 0.1), ("m", 0.4), ("l", 0.9))]
    sizes: Mapping[str, float] = {"s": 1e6, "m": 8e6, "l": 3e7}
    graph = figures_of(summary(*arms), View(scorer="number", parameters=sizes))[0]
    assert isinstance(graph, Graph)
    assert graph.x.log
    assert [(point.x, point.name) for point in graph.series[0].points] == [(1e6, "s"), (8e6, "m"), (3e7, "l")]
    assert isinstance(figures_of(summary(*arms), VIEW)[0], Bars), "without sizes there is no place for a curve"


def test_words_alone_make_bars_and_tokens_are_set_against_them() -> None:
    modes = summary(arm(0.2, 5, mode="direct"), arm(0.7, 60, mode="steps"), arm(0.2, 5, twin_of="mode=direct"))
    bars, costs = figures_of(modes, VIEW)
    assert isinstance(bars, Bars)
    assert [bar.name for bar in bars.bars] == ["mode=direct", "mode=steps", "mode=direct (again)"]
    assert isinstance(costs, Graph)
    assert not costs.joined
    assert [series.points[0].x for series in costs.series] == [5, 60]


def test_arms_with_long_names_are_told_by_their_values() -> None:
    arms = [arm(0.2, reading__passages_at_most=k, reading__way="passages") for k in (2, 4)]
    bars = next(figure for figure in figures_of(summary(*arms), VIEW) if isinstance(figure, Bars))
    assert [bar.name for bar in bars.bars] == ["2 · passages", "4 · passages"]


def test_each_extractor_can_be_drawn() -> None:
    def first(extractor: Extractor | None) -> float:
        bars = figures_of(summary(arm(0.2)), View(scorer="number", extractor=extractor))[0]
        assert isinstance(bars, Bars)
        return bars.bars[0].estimate.value

    assert [first(None), first("strict"), first("flexible")] == [0.2, 0.2, 0.2 + 0.1]


def test_a_run_with_failures_says_so_in_every_figure() -> None:
    arms = (arm(0.2, 5, shots__k=0), arm(0.7, 60, shots__k=4))
    figures = figures_of(replace(summary(*arms), done=40, failed=3), VIEW)
    assert [type(figure) for figure in figures] == [Graph, Bars, Graph]
    cells = [arm(0.5, data__length=length, data__depth=depth) for length in (512, 1024) for depth in (0, 1)]
    figures += figures_of(replace(summary(*cells), done=40, failed=3), VIEW)[:1]
    for figure in figures:
        assert figure.note == "3 of 40 trials failed"
        for width in (20, 80):
            assert "3 of 40 trials failed" in " ".join(as_text(figure, width).split())
        shown = [
            text.text for text in ElementTree.fromstring(svg(figure, "f")).iter("{http://www.w3.org/2000/svg}text")
        ]
        assert "3 of 40 trials failed" in shown
    assert not any(figure.note for figure in figures_of(summary(*arms), VIEW))


def test_as_many_arms_as_can_be_told_apart_are_set_against_their_tokens() -> None:
    def costs(count: int) -> list[Graph]:
        arms = [arm(0.5, 5 + number, mode=f"m{number}") for number in range(count)]
        return [one for one in figures_of(summary(*arms), VIEW) if isinstance(one, Graph)]

    (graph,) = costs(MOST_PLACED)
    assert len(set(MARKS)) == len(MARKS) == MOST_PLACED
    legend = as_text(graph, 200)
    assert all(mark in legend for mark in MARKS)
    marks = [path.attrib["d"].partition("m")[2] for path in ElementTree.fromstring(svg(graph, "f")).iter()
             if path.attrib.get("class") == "mark"]  # fmt: skip
    assert len(set(marks)) == MOST_PLACED
    assert costs(MOST_PLACED + 1) == []


@pytest.mark.parametrize(("unit", "value", "told"), [("share", 0.625, "62 % ["), ("value", 1.625, "1.62 [")])
def test_a_graded_figure_is_drawn_in_the_unit_in_which_tables_tell_it(unit: Unit, value: float, told: str) -> None:
    made = arm(0.5, mode="direct")
    interval = Interval(value, value - 0.1, value + 0.1)
    score = replace(made.scores[0], scorer="f1", graded=True, unit=unit, score=interval, n=12)
    graded = replace(made, scores=(score,))
    (bars,) = figures_of(summary(graded), View(scorer="f1"))
    shown = as_text(bars, 80)
    assert score_text(score, 12) in shown
    assert told in shown
    ruler = shown.splitlines()[-2].split()
    assert ("%" in ruler) == (unit == "share"), "its axis too"
    assert ("100" in ruler) == (unit == "share"), "all that a share can be"


def test_the_level_of_a_run_s_intervals_is_told_with_its_figures() -> None:
    (bars,) = figures_of(replace(summary(arm(0.2, mode="direct")), alpha=0.1), VIEW)
    assert "20 trials a bar, with 90 % intervals" in as_text(bars, 80)


def test_nothing_measured_is_no_figure() -> None:
    assert figures_of(summary(), VIEW) == ()
    assert figures_of(summary(arm(0.2)), View(scorer="other")) == ()
    assert scorers_of(summary(arm(0.2))) == ("number",)
