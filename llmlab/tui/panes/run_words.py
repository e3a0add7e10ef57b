"""Runs in the screen: their rows, how far one has come, what it came to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from rich.cells import cell_len
from textual.content import Content

from llmlab.domain.run import RunInfo, RunPhase, RunProgress
from llmlab.domain.summary import Summary
from llmlab.domain.summary_words import (
    SIGNS,
    column_name,
    columns_of,
    duration,
    findings,
    outcome_in_words,
    score_text,
    scores_in_words,
)
from llmlab.domain.terminal import visible_line
from llmlab.tui.panes.trial_words import way_in_words
from llmlab.tui.runs import Looked
from llmlab.tui.widgets.row_table import Row, Tone, column
from llmlab.words import say

LEAST_NAME: Final = 16
"""Cells for the name of an arm before a figure is left out."""
BAR: Final = 24
"""Cells of the bar that fills while a run goes on."""


def state_in_words(run: RunInfo) -> str:
    """How a run stands."""
    return {"running": say("running"), "stopped": say("stopped"), "done": say("done")}[run.state]


def run_head(width: int) -> Row:
    """The titles of the list of runs."""
    return [
        (
            "  "
            + column(say("when"), 17)
            + column(say("state"), 9)
            + column(say("trials"), 14, right=True)
            + column(say("failed"), 8, right=True)
            + "  "
            + say("experiment"),
            "dim",
        )
    ]


def run_row(run: RunInfo, width: int) -> Row:
    """A run in the list."""
    when = datetime.fromtimestamp(run.updated).strftime("%Y-%m-%d %H:%M")
    trials = f"{run.done:,}" if run.done == run.planned else f"{run.done:,}/{run.planned:,}"
    models = ", ".join(run.models)
    return [
        ("  " + column(when, 17), "dim"),
        (column(state_in_words(run), 9), "good" if run.state == "done" else "warn"),
        (column(trials, 14, right=True), ""),
        (column(f"{run.failed:,}" if run.failed else "", 8, right=True), "bad"),
        ("  " + column(run.title or run.name, max(1, width - 52 - min(24, len(models) + 2))), "strong"),
        ("  " + column(models, min(24, len(models))), "dim"),
    ]


def progress_in_words(progress: RunProgress) -> Content:
    """How far a run has come: a bar, trials, rate, time left."""
    run = progress.run
    part = run.done / run.planned if run.planned else 0.0
    full = round(part * BAR)
    told = [say("{done:,} of {planned:,} trials", done=run.done, planned=run.planned)]
    if progress.rate:
        told.append(say("{rate:.1f} a second", rate=progress.rate))
    if progress.remaining_s is not None and progress.phase in ("measuring", "waiting"):
        told.append(say("{time} left", time=duration(progress.remaining_s)))
    if run.failed:
        told.append(say("{failed:,} failed", failed=run.failed))
    return Content.assemble(
        ("█" * full, "$primary"),
        ("░" * (BAR - full), "$foreground 60%"),
        f" {part:.0%}  ",
        " · ".join(told),
        ("  " + _phase(progress.phase, progress.model), "$foreground 60%"),
        ("  " + visible_line(progress.problem) if progress.problem else "", "$text-error"),
    )


def _phase(phase: RunPhase, model: str) -> str:
    name = visible_line(model)
    return {
        "loading": say("loading {model}…", model=name),
        "measuring": name,
        "waiting": say("waiting: results cannot be written"),
        "done": say("done"),
        "stopped": say("stopped; p goes on"),
    }[phase]


def still_in_words(run: RunInfo) -> Content:
    """A run that nobody measures here."""
    told = [state_in_words(run), say("{done:,} of {planned:,} trials", done=run.done, planned=run.planned)]
    if run.failed:
        told.append(say("{failed:,} failed", failed=run.failed))
    if run.folder:
        told.append(visible_line(run.folder))
    return Content(" · ".join(told))


# Arms


def arm_maker(summary: Summary, width: int) -> tuple[Row, Callable[[int], Row]]:
    """The head of the table of arms, and what makes its rows; figures that have no room are left out, arms never."""
    columns = columns_of(summary)
    cells = [(say("n"), 11)]
    for one in columns:
        texts = [score_text(arm.score(*one), arm.trials) for arm in summary.arms]
        cells.append((column_name(summary, one), max(20, *(cell_len(text) + 2 for text in texts))))
    cells += [(say("tokens"), 8), (say("seconds"), 9)]
    cells += [(outcome_in_words(one), 8) for one in ("unparsed", "truncated", "abstained", "error")]
    cells = [(title, max(size, cell_len(title) + 2)) for title, size in cells]
    while len(cells) > 2 and LEAST_NAME + sum(size for _, size in cells) > width:
        cells.pop()
    kept = len(cells)
    name = max(LEAST_NAME, width - sum(size for _, size in cells) - 1)
    full = all(cell_len(arm.name) <= name for arm in summary.arms)

    def row(number: int) -> Row:
        arm = summary.arms[number]
        first = next((one for one in arm.scores if one.counts), None)
        texts = [f"{arm.trials:,}" if arm.trials == arm.planned else f"{arm.trials:,}/{arm.planned:,}"]
        texts += [score_text(arm.score(*one), arm.trials) for one in columns]
        texts += [f"{arm.generated_tokens:,.0f}", f"{arm.seconds:.2f}"]
        outcomes = first.outcomes if first else {}
        texts += [f"{outcomes.get(one, 0) or ''}" for one in ("unparsed", "truncated", "abstained", "error")]
        sized = zip(texts[:kept], cells, strict=True)
        ink: Tone = "strong" if number == 0 else ""
        short = in_short(arm.settings, arm.name, twin=bool(arm.twin_of))
        return [
            (" " + column((arm.name or say("(all)")) if full else short, name), ink),
            *((column(text, size, right=True), "") for text, (_, size) in sized),
        ]

    title = say("arm") if full else varied(summary.arms[0].settings)
    head: Row = [(" " + column(title, name) + "".join(column(title, size, right=True) for title, size in cells), "")]
    return head, row


def findings_content(summary: Summary) -> Content:
    """What a run came to: comparisons, noise, thresholds, remarks."""
    lines = [Content(visible_line(line)) for line in findings(summary)]
    told = scores_in_words(summary)
    hypothesis = (
        say("Expected: {hypothesis}", hypothesis=visible_line(summary.hypothesis)) if summary.hypothesis else ""
    )
    first = [Content.styled(line, "$foreground 60%") for line in (told, hypothesis) if line]
    return Content("\n").join([*first, Content(""), *(Content.assemble("• ", line) for line in lines)])


# Trials


def varied(settings: Mapping[str, object]) -> str:
    """What an arm in short consists of."""
    return " · ".join(key.rpartition(".")[2] for key in settings) or say("arm")


def trial_head(looked: Looked, width: int) -> Row:
    """The titles of the list of trials."""
    arms = looked.report.experiment.arms
    arm = column(varied(arms[0].settings) if arms else say("arm"), arm_room(width))
    return [("    " + column(say("item"), 14) + " " + arm + " " + column(say("found"), 12) + say("answer"), "dim")]


def arm_room(width: int) -> int:
    """Cells for the arm of a trial."""
    return max(8, min(26, width // 4))


def in_short(settings: Mapping[str, object], name: str, *, twin: bool) -> str:
    """An arm by the values of what it varies alone, where its whole name has no room."""
    values = (", ".join(map(str, one)) if isinstance(one, tuple | list) else str(one) for one in settings.values())
    told = " · ".join(values) or name or say("(all)")
    return f"{told} {say('(again)')}" if twin else told


def trial_row(looked: Looked, number: int, width: int) -> Row:
    """A trial in the list: its outcome, item, arm, what was found in the answer."""
    place = looked.shown[number]
    result = looked.results[place]
    sign, tone = SIGNS[looked.outcomes[place]] if looked.outcomes else SIGNS["measured"]
    apart = "≠" if (result.item, result.repeat) in looked.apart else " "
    scored = next(
        (
            one
            for one in result.scores
            if looked.judged and (one.scorer, one.extractor) == (looked.judged.use.name, looked.judged.extractor)
        ),
        None,
    )
    found = (scored.found if scored else "") or ("" if looked.judged and looked.judged.extractor == "" else "-")
    twin = any(one.twin_of and one.name == result.arm for one in looked.report.experiment.arms)
    arm = arm_room(width)
    rest = max(1, width - 4 - 14 - 1 - arm - 1 - 12)
    return [
        (f" {sign}", tone),
        (apart + " ", "warn"),
        (column(result.item, 14) + " ", "strong"),
        (column(in_short(result.settings, result.arm, twin=twin), arm) + " ", ""),
        (column(found, 11) + " ", tone),
        (column(result.problem or result.answer, rest), "dim"),
    ]


def filter_content(looked: Looked) -> Content:
    """Which trials are shown, and by which keys that changes."""
    wanted = looked.wanted
    outcome = outcome_in_words(wanted.outcome) if wanted.outcome else say("all")
    judged = way_in_words(looked.judged) if looked.judged else "-"
    pieces = [
        ("e", judged, True),
        ("o", outcome, wanted.outcome is not None),
        ("a", visible_line(wanted.arm) or say("all arms"), bool(wanted.arm)),
        ("x", say("arms disagree") if wanted.disagreeing else say("agreeing or not"), wanted.disagreeing),
        ("/", f"“{visible_line(wanted.text)}”" if wanted.text else say("any text"), bool(wanted.text)),
    ]
    told = say("{shown:,} of {count:,}", shown=len(looked.shown), count=len(looked.results))
    parts: list[tuple[str, str] | str] = [(f" {told}  ", "bold")]
    for key, text, chosen in pieces:
        parts += [(key, "bold $text-accent"), (f" {text}  ", "" if chosen else "$foreground 60%")]
    return Content.assemble(*parts)
