"""The report of a run: one page that needs no network and no script, and the same as Markdown."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

from llmlab.domain.outcomes import OUTCOMES
from llmlab.domain.plots.choice import figures_of_all
from llmlab.domain.plots.svg import clean, svg
from llmlab.domain.plots.terminal import as_text
from llmlab.domain.summary import ArmScore, ArmSummary, Summary
from llmlab.domain.summary_words import findings, outcome_in_words, score_text
from llmlab.domain.terminal import visible_line
from llmlab.headless.report_parts import PAGE_STYLE, element, folded, listed, table
from llmlab.headless.report_trials import FILTERS, trials
from llmlab.services.recipe_codec import encode_recipe
from llmlab.services.run_folder import RunReport
from llmlab.words import current_language, say

PAGES = {"report.html": lambda report: report_html(report), "report.md": lambda report: report_markdown(report)}
"""What a run's folder holds besides its data."""

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""Whatever a model wrote, the page loads nothing and runs nothing."""


def report_html(report: RunReport) -> str:
    """The page: well-formed as XML too, so that it can be read strictly."""
    summary = report.summary
    title = summary.title or summary.experiment
    body = [
        element("h1", clean(title)),
        *(element("p", clean(line), class_="dim") for line in _about(report)),
        *_section(say("Result"), [_paragraphs(findings(summary)), _arms(summary), _outcomes(summary)]),
        *_section(say("Plots"), _plots(report)),
        *_section(say("Arms against each other"), [_contrasts(summary)] if summary.contrasts else []),
        *_section(say("Detectors"), [_detectors(summary)] if summary.detectors else []),
        *_section(say("Trials"), [trials(report.experiment, report.results)]),
        *_section(say("How to run it again"), _again(report)),
    ]
    head = (
        '<meta charset="utf-8"/><meta name="viewport" content="width=device-width, initial-scale=1"/>'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}"/>'
        '<meta name="referrer" content="no-referrer"/>'
        f"<title>{clean(title)}</title><style>{PAGE_STYLE}{FILTERS}</style>"
    )
    language = {"zh": "zh-Hans"}.get(current_language(), "en")
    page = element("head", head) + element("body", element("main", "".join(body)))
    return f'<!DOCTYPE html>\n<html lang="{language}">{page}</html>\n'


def _section(title: str, parts: Iterable[str]) -> Iterator[str]:
    """A part of the page, left out where it is empty."""
    inside = "".join(parts)
    if inside:
        yield element("section", element("h2", clean(title)) + inside)


def _paragraphs(lines: Iterable[str]) -> str:
    return "".join(element("p", clean(line)) for line in lines)


def _about(report: RunReport) -> Iterator[str]:
    experiment, summary = report.experiment, report.summary
    if experiment.description:
        yield experiment.description
    if summary.hypothesis:
        yield say("Expected: {hypothesis}", hypothesis=summary.hypothesis)
    done = say("{done:,} of {planned:,} trials", done=summary.done, planned=summary.planned)
    failed = say("{failed:,} failed", failed=summary.failed)
    yield " · ".join([done, *([failed] if summary.failed else []), *experiment.models])
    data = experiment.data
    if data.origin:
        yield say("Data: {origin}, {used:,} of {rows:,} items", origin=data.origin, used=data.used, rows=data.rows)
        yield from data.warnings


def _columns(summary: Summary) -> list[tuple[str, str]]:
    """Scorers with their extractors, in the order of the experiment."""
    return list(dict.fromkeys((one.scorer, one.extractor) for arm in summary.arms for one in arm.scores))


def _found(arm: ArmSummary, column: tuple[str, str]) -> ArmScore | None:
    return next((one for one in arm.scores if (one.scorer, one.extractor) == column), None)


def _named(summary: Summary, column: tuple[str, str]) -> str:
    """A scorer and its extractor; the one that decides is marked."""
    scorer, extractor = column
    how = {"strict": say("strict"), "flexible": say("flexible")}.get(extractor, "")
    counts = any(one.counts for arm in summary.arms if (one := _found(arm, column)))
    return f"{scorer} {how}".strip() + (" *" if counts and extractor else "")


def arm_name(arm: ArmSummary) -> str:
    """An arm in tables."""
    return arm.name or say("(all)")


def arm_rows(summary: Summary) -> tuple[list[str], list[list[str]]]:
    """The table of arms: its titles, and a row an arm."""
    columns = _columns(summary)
    head = [say("arm"), "n", *(_named(summary, column) for column in columns), say("tokens"), say("seconds")]
    with_agreement = any(arm.agreement is not None for arm in summary.arms)
    rows = []
    for arm in summary.arms:
        n = f"{arm.trials:,}" if arm.trials == arm.planned else f"{arm.trials:,}/{arm.planned:,}"
        row = [arm_name(arm), n, *(score_text(_found(arm, column)) for column in columns)]
        row += [f"{arm.generated_tokens:,.0f}", f"{arm.seconds:.2f}"]
        if with_agreement:
            row.append("-" if arm.agreement is None else f"{100 * arm.agreement:.0f} %")
        rows.append(row)
    return [*head, *([say("agreement")] if with_agreement else [])], rows


def caption(summary: Summary) -> str:
    """What the figures of the table are."""
    level = f"{1 - summary.alpha:.0%}"
    told = say("Scores with their {level} intervals; tokens and seconds are means of an answered trial.", level=level)
    if any(extractor for _, extractor in _columns(summary)):
        told += " " + say("* is the extractor that counts.")
    return told


def _arms(summary: Summary) -> str:
    head, rows = arm_rows(summary)
    return table(head, rows, caption(summary))


def outcome_rows(summary: Summary) -> tuple[list[str], list[list[str]]]:
    """Where the answers of each arm went, extractor by extractor: a row each."""
    seen = [one for one in OUTCOMES if any(s.outcomes.get(one) for arm in summary.arms for s in arm.scores)]
    head = [say("arm"), say("scorer"), *map(outcome_in_words, seen)]
    rows = [
        [arm_name(arm), _named(summary, column), *(f"{score.outcomes.get(one, 0):,}" for one in seen)]
        for arm in summary.arms
        for column in _columns(summary)
        if (score := _found(arm, column)) is not None
    ]
    return head, rows


def _outcomes(summary: Summary) -> str:
    head, rows = outcome_rows(summary)
    return table(head, rows, say("Outcomes, in trials"), words=2)


def contrast_rows(summary: Summary) -> tuple[list[str], list[list[str]]]:
    """Every comparison of two arms."""
    head = [
        say("arm"), say("against"), say("scorer"), say("difference"), say("only this arm"), say("only the other"),
        "p", "p (Holm)", say("items"), say("verdict"), say("smallest that shows"),
    ]  # fmt: skip
    verdicts = {
        "better": say("better"),
        "worse": say("worse"),
        "cannot distinguish": say("cannot distinguish"),
    }
    rows = []
    for one in summary.contrasts:
        graded = max(map(abs, (one.difference.low, one.difference.high))) > 1
        unit, form = (1.0, "+.3g") if graded else (100.0, "+.1f")
        value, low, high = (
            format(unit * part, form) for part in (one.difference.value, one.difference.low, one.difference.high)
        )
        rows.append(
            [
                one.arm,
                one.baseline or say("(all)"),
                _named(summary, (one.scorer, one.extractor)),
                f"{value} [{low}, {high}]",
                "-" if one.only_arm is None else f"{one.only_arm:,}",
                "-" if one.only_baseline is None else f"{one.only_baseline:,}",
                f"{one.p:.3g}",
                f"{one.p_holm:.3g}",
                f"{one.items:,}",
                verdicts[one.verdict],
                format(unit * one.smallest, ".3g"),
            ]
        )
    return head, rows


def contrast_caption() -> str:
    """In which unit, and what the last column is."""
    return say(
        "Differences on the same items, shares in points; the last column is the smallest difference that so many "
        "items show four times out of five."
    )


def _contrasts(summary: Summary) -> str:
    head, rows = contrast_rows(summary)
    return table(head, rows, contrast_caption(), words=3)


def _detectors(summary: Summary) -> str:
    head = [say("arm"), say("figure"), say("of outcomes by"), "AUROC", say("wrong answers"), "n"]
    rows = [
        [
            one.arm or say("(all)"), one.figure, one.scorer,
            f"{one.auroc.value:.2f} [{one.auroc.low:.2f}, {one.auroc.high:.2f}]",
            f"{100 * one.prevalence:.0f} %", f"{one.n:,}",
        ]
        for one in summary.detectors
    ]  # fmt: skip
    return table(head, rows, say("How well a figure tells wrong answers from right ones; 0.5 tells nothing."), words=3)


# Figures


def _plots(report: RunReport) -> Iterator[str]:
    for number, figure in enumerate(figures_of_all(report.summary, report.environment)):
        yield element("figure", svg(figure, f"figure-{number}", alone=False))


# Where it came from


def recipe_text(report: RunReport) -> str:
    """The recipe of the baseline, as indented JSON."""
    text = encode_recipe(report.experiment.baseline.recipe) if report.experiment.arms else ""
    return json.dumps(json.loads(text), ensure_ascii=False, indent=2) if text else ""


def _again(report: RunReport) -> Iterator[str]:
    axes = {axis.key: ", ".join(map(str, axis.values)) for axis in report.experiment.axes}
    if axes:
        yield element("p", clean(say("Varied:"))) + listed(axes)
    yield element("p", clean(say("Seed {seed}, {repeats} answers to each item.", **_drawn(report))))
    yield folded(say("Environment"), listed(report.environment), opened=True)
    if recipe := recipe_text(report):
        yield folded(say("Recipe of the baseline"), element("pre", clean(recipe)))
    if report.source:
        yield folded(say("Experiment file"), element("pre", clean(report.source)))


def _drawn(report: RunReport) -> dict[str, object]:
    return {"seed": report.experiment.seed, "repeats": report.experiment.repeats}


# Markdown


def report_markdown(report: RunReport) -> str:
    """The report for a terminal, an issue or a repository; what models wrote is left to `results.jsonl`."""
    summary = report.summary
    lines = [f"# {_plain(summary.title or summary.experiment)}", ""]
    for line in _about(report):
        lines += [_plain(line), ""]
    lines += [f"## {say('Result')}", ""]
    lines += [f"- {_plain(line)}" for line in findings(summary)]
    lines += ["", *_table(*arm_rows(summary)), "", _plain(caption(summary)), "", *_table(*outcome_rows(summary)), ""]
    if summary.contrasts:
        lines += [f"## {say('Arms against each other')}", "", *_table(*contrast_rows(summary))]
        lines += ["", _plain(contrast_caption()), ""]
    if figures := figures_of_all(report.summary, report.environment):
        lines += [f"## {say('Plots')}", ""]
        for figure in figures:
            lines += [*_fenced(as_text(figure, 76)), ""]
    lines += [
        f"## {say('How to run it again')}",
        "",
        say("Seed {seed}, {repeats} answers to each item.", **_drawn(report)),
    ]
    lines += ["", *_fenced(json.dumps(dict(report.environment), ensure_ascii=False, indent=2, default=str), "json"), ""]
    if report.source:
        lines += [*_fenced(report.source.rstrip("\n"), "toml"), ""]
    return "\n".join(lines)


def _plain(text: str) -> str:
    """A line that Markdown and HTML leave as it is."""
    line = visible_line(text)
    return "".join("\\" + one if one in "\\`*_[]<>|#" else one for one in line)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield "| " + " | ".join(map(_plain, head)) + " |"
    yield "|" + "|".join(" --- " for _ in head) + "|"
    for row in rows:
        yield "| " + " | ".join(map(_plain, row)) + " |"


def _fenced(text: str, language: str = "text") -> list[str]:
    """A block as it is; its fence is longer than any within."""
    longest = max((len(run) for run in _ticks(text)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}{language}", text, fence]


def _ticks(text: str) -> Iterator[str]:
    run = ""
    for character in text + " ":
        if character == "`":
            run += character
        elif run:
            yield run
            run = ""
