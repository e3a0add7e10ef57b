"""Which figures an experiment calls for: that follows from its axes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from types import MappingProxyType
from typing import Final

from llmlab.domain.outcomes import Extractor
from llmlab.domain.plots.cells import cells
from llmlab.domain.plots.figure import Bar, Bars, Estimate, Figure, Graph, Heat, Point, Scale, Series
from llmlab.domain.summary import ArmSummary, Summary
from llmlab.domain.summary_words import extractor_name
from llmlab.words import say

LONGEST_NAME: Final = 28
"""Cells of an arm's name beside its bar."""
MOST_TOGETHER: Final = 4
"""Curves in one graph where they can be shared out among several."""
MOST_SERIES: Final = 8
"""Curves in one graph; more are drawn as bars, where each has a row of its own."""
MOST_PLACED: Final = 12
"""Arms that are set against what they cost: as many as there are marks to tell them apart."""


@dataclass(frozen=True, slots=True)
class _Measured:
    """One arm with a figure."""

    arm: ArmSummary
    estimate: Estimate
    tokens: float


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Which of a summary's figures are drawn."""

    scorer: str
    extractor: Extractor | None = None
    """`None` is the one that counts."""
    parameters: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    """By model name, how many parameters it has; where all are known, models stand on a scale of size."""


def scorers_of(summary: Summary) -> tuple[str, ...]:
    """The scorers of a summary, the one that decides first."""
    return tuple(dict.fromkeys(score.scorer for arm in summary.arms for score in arm.scores))


def figures_of_all(summary: Summary, environment: Mapping[str, object]) -> tuple[Figure, ...]:
    """The figures of a run by each scorer; the environment card tells how large its models are."""
    sizes = parameters_of(environment)
    views = (View(scorer=scorer, parameters=sizes) for scorer in scorers_of(summary))
    return tuple(figure for view in views for figure in figures_of(summary, view))


def parameters_of(environment: Mapping[str, object]) -> dict[str, float]:
    """By model, how many parameters it has, as far as the environment card tells."""
    models = environment.get("models")
    found: dict[str, float] = {}
    for name, card in models.items() if isinstance(models, Mapping) else ():
        count = card.get("parameters") if isinstance(card, Mapping) else None
        if isinstance(count, int | float) and count > 0:
            found[str(name)] = float(count)
    return found


def figures_of(summary: Summary, view: View) -> tuple[Figure, ...]:
    """The figures of a run, the one that its axes call for first; none while nothing is measured.

    Two numeric axes make a heatmap, one makes a curve, models of known size a curve over it, anything else bars; what
    is left of the axes tells the curves apart. Answers that cost different numbers of tokens are set against them.
    """
    measured = [one for arm in summary.arms if (one := _measured(arm, view)) is not None]
    if not measured:
        return ()
    own = [one for one in measured if not one.arm.twin_of]
    scale = _scale(measured[0].arm, view)
    main = _main(summary, own, view, scale)
    bars = _bars(summary, measured, scale)
    costs = _costs(own, scale)
    found = (*main, *([] if len(measured) < 2 and main else [bars]), *costs)
    note, level = failures_in_words(summary), 1 - summary.alpha
    return tuple(replace(figure, note=note, level=level) for figure in found)


def failures_in_words(summary: Summary) -> str:
    """That trials failed, and how many; empty where none did."""
    if not summary.failed:
        return ""
    return say("{failed:,} of {done:,} trials failed", failed=summary.failed, done=summary.done)


def _measured(arm: ArmSummary, view: View) -> _Measured | None:
    score = arm.score(view.scorer, view.extractor)
    if score is None or not score.n:
        return None
    interval = score.score
    estimate = Estimate(interval.value, interval.low, interval.high, score.n)
    return _Measured(arm, estimate, arm.generated_tokens) if estimate.finite else None


def _scale(arm: ArmSummary, view: View) -> Scale:
    score = arm.score(view.scorer, view.extractor)
    if score is None:
        return Scale(title=view.scorer)
    if score.graded:
        return Scale(title=view.scorer, unit=score.unit)
    how = extractor_name(score.extractor)
    title = say("correct, by {scorer}", scorer=view.scorer) + (f" ({how})" if how else "")
    return Scale(title=title, unit=score.unit)


# Axes


@dataclass(frozen=True, slots=True)
class _Axis:
    """One axis that takes several values, as far as they were measured."""

    key: str
    values: tuple[object, ...]
    """In the order of the experiment; numbers from the lowest."""
    numeric: bool
    log: bool = False


def _axes(measured: Sequence[_Measured]) -> list[_Axis]:
    keys = dict.fromkeys(key for one in measured for key in one.arm.settings)
    found = []
    for key in keys:
        values = tuple(dict.fromkeys(_frozen(one.arm.settings.get(key)) for one in measured))
        if len(values) < 2:
            continue
        numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
        if len(numbers) == len(values):
            ordered = sorted(numbers)
            found.append(_Axis(key, tuple(ordered), numeric=True, log=_spreads(ordered)))
        else:
            found.append(_Axis(key, values, numeric=False))
    return found


def _frozen(value: object) -> object:
    return tuple(map(_frozen, value)) if isinstance(value, list | tuple) else value


def _spreads(values: Sequence[float]) -> bool:
    """So wide that the low ones would crowd on an even scale."""
    return values[0] > 0 and values[-1] / values[0] >= 64


def _sizes(measured: Sequence[_Measured], view: View) -> Mapping[str, float]:
    """Parameters by model, where at least three models of known size were measured."""
    models = dict.fromkeys(one.arm.model for one in measured)
    known = {model: view.parameters[model] for model in models if view.parameters.get(model, 0) > 0}
    return known if len(known) == len(models) and len(set(known.values())) >= 3 else {}


def _main(summary: Summary, own: Sequence[_Measured], view: View, scale: Scale) -> list[Figure]:
    axes = _axes(own)
    numeric = [axis for axis in axes if axis.numeric]
    if len(numeric) >= 2:
        return _heats(summary, own, numeric, axes, scale)
    if numeric:
        # Arms without this setting, as those of a bundle may be, have no place on its axis; the bars show them.
        placed = [one for one in own if numeric[0].key in one.arm.settings]
        return _curves(_title(summary), placed, numeric[0], axes, scale, view)
    if sizes := _sizes(own, view):
        axis = _Axis("model", tuple(sizes), numeric=True, log=True)
        return _curves(_title(summary), own, axis, axes, scale, view)
    return []


def _key_in_words(key: str) -> str:
    """An axis as a title."""
    known = {
        "shots.k": say("examples k"),
        "reasoning.votes": say("votes"),
        "data.depth": say("depth"),
        "data.length": say("length"),
        "model": say("parameters"),
        "sampling.temperature": say("temperature"),
    }
    return known.get(key, key)


def _value_in_words(value: object) -> str:
    if value is None:
        return say("none")
    if isinstance(value, bool):
        return say("on") if value else say("off")
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _curves(
    title: str, own: Sequence[_Measured], axis: _Axis, axes: Sequence[_Axis], scale: Scale, view: View
) -> list[Figure]:
    """One graph; where its curves would hide each other, one for each value of the axis that tells them apart first."""
    others = [one for one in axes if one.key != axis.key]
    rest = [one.key for one in others]
    if len({_name_of(one.arm, rest) for one in own}) > MOST_TOGETHER and len(others) > 1:
        first, *last = others
        return [
            graph
            for value in first.values
            for graph in _curves(
                f"{title}: {_value_in_words(value)}",
                [one for one in own if _frozen(one.arm.settings.get(first.key)) == value],
                axis,
                last,
                scale,
                view,
            )
        ]
    found: dict[str, list[Point]] = {}
    for one in own:
        by_model = axis.key == "model"
        x = view.parameters[one.arm.model] if by_model else one.arm.settings[axis.key]
        assert isinstance(x, int | float)
        point = Point(x=float(x), y=one.estimate, name=one.arm.model if by_model else "")
        name = _name_of(one.arm, rest) or (say("models") if by_model else one.arm.model)
        found.setdefault(name, []).append(point)
    if not found or len(found) > MOST_SERIES or max(map(len, found.values())) < 2:
        return []
    series = tuple(
        Series(name=name, points=tuple(sorted(points, key=lambda point: point.x))) for name, points in found.items()
    )
    x_scale = Scale(title=_key_in_words(axis.key), log=axis.log)
    return [Graph(title=title, x=x_scale, y=scale, series=series)]


def _name_of(arm: ArmSummary, keys: Sequence[str]) -> str:
    """What tells an arm from others on these axes."""
    words = [_value_in_words(_frozen(arm.settings[key])) for key in keys if key in arm.settings]
    return " · ".join(words)


def _heats(
    summary: Summary, own: Sequence[_Measured], numeric: Sequence[_Axis], axes: Sequence[_Axis], scale: Scale
) -> list[Figure]:
    down, across = _down_and_across(numeric)
    others = [axis for axis in axes if axis.key not in (down.key, across.key)]
    heats: list[Figure] = []
    for combination in product(*(axis.values for axis in others)):
        place = dict(zip((axis.key for axis in others), combination, strict=True))
        found = {
            (_frozen(one.arm.settings.get(down.key)), _frozen(one.arm.settings.get(across.key))): one.estimate
            for one in own
            if all(_frozen(one.arm.settings.get(key)) == value for key, value in place.items())
        }
        if not found:
            continue
        named = " · ".join(_value_in_words(value) for value in combination)
        heats.append(
            Heat(
                title=f"{_title(summary)}: {named}" if named else _title(summary),
                scale=scale,
                x_title=_key_in_words(across.key),
                y_title=_key_in_words(down.key),
                columns=tuple(_number(value) for value in across.values),
                rows=tuple(_number(value) for value in down.values),
                cells=tuple(tuple(found.get((row, column)) for column in across.values) for row in down.values),
            )
        )
    return heats


def _down_and_across(numeric: Sequence[_Axis]) -> tuple[_Axis, _Axis]:
    """Depth runs down, length across; others as they stand in the file."""
    last = [axis.key.rpartition(".")[2] for axis in numeric]
    down = numeric[last.index("depth") if "depth" in last else 1 if last[0] == "length" else 0]
    across = next((a for a in numeric if a is not down and a.key.endswith("length")), None)
    return down, across or next(axis for axis in numeric if axis is not down)


def _number(value: object) -> str:
    return f"{value:,}" if isinstance(value, int | float) else str(value)


def _bars(summary: Summary, measured: Sequence[_Measured], scale: Scale) -> Bars:
    full = all(cells(one.arm.name) <= LONGEST_NAME for one in measured)
    bars = tuple(Bar(name=_arm_in_words(one.arm, full=full), estimate=one.estimate) for one in measured)
    return Bars(title=say("{title}: every arm", title=_title(summary)), scale=scale, bars=bars)


def _arm_in_words(arm: ArmSummary, *, full: bool) -> str:
    """An arm beside its bar; where names are long, by the values of what it varies alone."""
    name = arm.twin_of or arm.name
    name = name if full else _name_of(arm, list(arm.settings)) or name
    return say("{arm} (again)", arm=name) if arm.twin_of else name


def _costs(own: Sequence[_Measured], scale: Scale) -> Iterator[Graph]:
    """Tokens against the figure, where arms differ in what they cost."""
    tokens = [one.tokens for one in own if one.tokens > 0]
    if len(tokens) < 2 or len(own) > MOST_PLACED or max(tokens) < 1.2 * min(tokens):
        return
    series = tuple(
        Series(name=one.arm.name, points=(Point(x=one.tokens, y=one.estimate),)) for one in own if one.tokens > 0
    )
    x = Scale(title=say("tokens written for an answer"), log=_spreads(sorted(tokens)))
    yield Graph(title=say("What it costs"), x=x, y=scale, series=series, joined=False)


def _title(summary: Summary) -> str:
    return summary.title or summary.experiment
