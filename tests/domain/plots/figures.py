"""Figures to draw in tests: of fixed shape, and any at all."""

from __future__ import annotations

from hypothesis import strategies as st

from llmlab.domain.plots.figure import Bar, Bars, Estimate, Figure, Graph, Heat, Point, Scale, Series

SHARE = Scale(title="correct", unit="share")


def estimate(value: float, half: float = 0.1, n: int = 40) -> Estimate:
    return Estimate(value, max(0.0, value - half), min(1.0, value + half), n)


def curve(*names: str) -> Graph:
    """One curve a name over k = 0, 1, 2, 4, 8, the first the highest."""
    series = tuple(
        Series(
            name=name,
            points=tuple(Point(x=k, y=estimate((k + 1) / (9 + 6 * rank))) for k in (0, 1, 2, 4, 8)),
        )
        for rank, name in enumerate(names)
    )
    return Graph(title="Examples help", x=Scale(title="examples k"), y=SHARE, series=series)


BARS = Bars(
    title="Modes",
    scale=SHARE,
    bars=(Bar(name="direct", estimate=estimate(0.2)), Bar(name="分步思考", estimate=estimate(0.6))),
)
HEAT = Heat(
    title="Needle",
    scale=SHARE,
    x_title="length",
    y_title="depth",
    columns=("512", "1,024"),
    rows=("0", "0.5", "1"),
    cells=((estimate(1.0), estimate(0.5)), (estimate(0.4), None), (estimate(0.9), estimate(0.0))),
)

names = st.text(max_size=40) | st.sampled_from(["分步思考" * 6, "<b>&\"'", "\x1b[31mred\x00", "a\ud800b", "x" * 200])
sizes = st.floats(allow_nan=False, allow_infinity=True, width=32)
estimates = st.builds(
    lambda three, n: Estimate(three[1], three[0], three[2], n),
    st.lists(st.floats(0, 1) | sizes, min_size=3, max_size=3).map(sorted),
    st.integers(0, 10_000),
)
scales = st.builds(Scale, title=names, unit=st.sampled_from(["share", "value"]), log=st.booleans())
points = st.builds(Point, x=st.floats(-1e9, 1e9), y=estimates, name=names)
graphs = st.builds(
    Graph,
    title=names,
    x=scales,
    y=scales,
    note=names,
    series=st.lists(st.builds(Series, name=names, points=st.lists(points, max_size=6).map(tuple)), max_size=10).map(
        tuple
    ),
    joined=st.booleans(),
)
bars = st.builds(
    Bars,
    title=names,
    scale=scales,
    note=names,
    bars=st.lists(st.builds(Bar, name=names, estimate=estimates), max_size=12).map(tuple),
)


@st.composite
def heats(draw: st.DrawFn) -> Heat:
    rows, columns = draw(st.integers(0, 6)), draw(st.integers(0, 12))
    row = st.lists(st.none() | estimates, min_size=columns, max_size=columns).map(tuple)
    return Heat(
        title=draw(names),
        note=draw(names),
        scale=draw(scales),
        x_title=draw(names),
        y_title=draw(names),
        columns=tuple(draw(st.lists(names, min_size=columns, max_size=columns))),
        rows=tuple(draw(st.lists(names, min_size=rows, max_size=rows))),
        cells=tuple(draw(st.lists(row, min_size=rows, max_size=rows))),
    )


figures: st.SearchStrategy[Figure] = st.one_of(graphs, bars, heats())
