"""The report of a run: one page that needs no network and no script, and the same as Markdown."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from llmlab.domain.outcomes import LONGEST_PROMPT
from llmlab.domain.plots.choice import figures_of_all
from llmlab.domain.plots.svg import clean, svg
from llmlab.domain.plots.terminal import as_text
from llmlab.domain.summary import Summary
from llmlab.domain.summary_words import findings
from llmlab.domain.terminal import visible_line
from llmlab.headless.report_parts import PAGE_STYLE, element, folded, listed, table
from llmlab.headless.report_tables import Rows, arm_rows, contrast_rows, detector_rows, outcome_rows, sample_rows
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
        *_section(say("Result"), _result(summary)),
        *_section(say("Plots"), _plots(report)),
        *_section(say("Arms against each other"), [_rows(contrast_rows(summary), 3)] if summary.contrasts else []),
        *_section(say("Detectors"), [_rows(detector_rows(summary), 3)] if summary.detectors else []),
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
    if apart := len({result.prompt_file for result in report.results if result.prompt_file}):
        yield say(
            "Prompts longer than {most:,} characters: {count:,}. Each stands in a file of its own in the folder "
            "prompts, named by results.jsonl.",
            count=apart,
            most=LONGEST_PROMPT,
        )


def _result(summary: Summary) -> Iterator[str]:
    yield _paragraphs(findings(summary))
    yield _rows(arm_rows(summary))
    if samples := sample_rows(summary):
        yield _rows(samples)
    yield _rows(outcome_rows(summary), 2)


def _rows(made: Rows, words: int = 1) -> str:
    """A table of the page; its first `words` columns are words."""
    return table(made.head, made.rows, made.caption, words=words)


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
    for made in (arm_rows(summary), sample_rows(summary), outcome_rows(summary)):
        lines += _table(made) if made else []
    lines.append("")
    if summary.contrasts:
        lines += [f"## {say('Arms against each other')}", *_table(contrast_rows(summary)), ""]
    if summary.detectors:
        lines += [f"## {say('Detectors')}", *_table(detector_rows(summary)), ""]
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


def _table(made: Rows) -> Iterator[str]:
    """A table with an empty line above and what its figures are below."""
    yield ""
    yield "| " + " | ".join(map(_plain, made.head)) + " |"
    yield "|" + "|".join(" --- " for _ in made.head) + "|"
    for row in made.rows:
        yield "| " + " | ".join(map(_plain, row)) + " |"
    yield from ("", _plain(made.caption))


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
