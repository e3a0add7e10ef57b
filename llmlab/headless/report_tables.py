"""The figures of a run as rows of text, for the report and the terminal: nothing stands without its doubt."""

from __future__ import annotations

from typing import NamedTuple

from llmlab.domain.outcomes import OUTCOMES
from llmlab.domain.statistics import Interval
from llmlab.domain.summary import ArmScore, Contrast, Summary
from llmlab.domain.summary_words import (
    auroc_text,
    column_name,
    columns_of,
    outcome_in_words,
    score_text,
    scores_in_words,
)
from llmlab.domain.unit_words import difference_text, interval_text, size_text
from llmlab.words import say


class Rows(NamedTuple):
    """A table: its titles, rows of as many cells, and a sentence that says what its figures are."""

    head: list[str]
    rows: list[list[str]]
    caption: str


def arm_name(name: str) -> str:
    """An arm in tables."""
    return name or say("(all)")


def arm_rows(summary: Summary) -> Rows:
    """A row an arm: its scores and what it cost."""
    columns = columns_of(summary)
    with_failures = any(arm.failed for arm in summary.arms)
    head = [say("arm"), "n", *(column_name(summary, column) for column in columns), say("tokens"), say("seconds")]
    rows = []
    for arm in summary.arms:
        n = f"{arm.trials:,}" if arm.trials == arm.planned else f"{arm.trials:,}/{arm.planned:,}"
        row = [arm_name(arm.name), n, *(score_text(arm.score(*column), arm.trials) for column in columns)]
        row += [f"{arm.generated_tokens:,.0f}", f"{arm.seconds:.2f}"]
        rows.append([*row, *([f"{arm.failed:,}"] if with_failures else [])])
    return Rows([*head, *([say("failed")] if with_failures else [])], rows, scores_in_words(summary))


def sample_rows(summary: Summary) -> Rows | None:
    """How far several answers to an item agree, and how far scores move from repeat to repeat; `None` without any."""
    voted = any(arm.agreement is not None for arm in summary.arms)
    repeated = [
        column
        for column in columns_of(summary)
        if any(one.counts and one.repeat_spread is not None for arm in summary.arms if (one := arm.score(*column)))
    ]
    if not voted and not repeated:
        return None
    head = [say("arm"), *([say("agreement"), say("entropy (bits)")] if voted else [])]
    head += [say("spread of {scorer}", scorer=scorer) for scorer, _ in repeated]
    rows = []
    for arm in summary.arms:
        row = [arm_name(arm.name)]
        if voted:
            row += ["-" if arm.agreement is None else interval_text(arm.agreement, "share"), _bits(arm.entropy)]
        rows.append([*row, *(_spread(arm.score(*column)) for column in repeated)])
    told = [say("Agreement is the share of an item's answers that say what most say.")] if voted else []
    if repeated:
        told.append(
            say("Spread is the standard deviation of a score over {repeats:,} repeats.", repeats=summary.repeats)
        )
    return Rows(head, rows, " ".join(told))


def _bits(entropy: Interval | None) -> str:
    return "-" if entropy is None else f"{entropy.value:.2f} [{entropy.low:.2f}, {entropy.high:.2f}]"


def _spread(score: ArmScore | None) -> str:
    return "-" if score is None or score.repeat_spread is None else size_text(score.repeat_spread, score.unit)


def outcome_rows(summary: Summary) -> Rows:
    """Where the answers of each arm went, extractor by extractor: a row each."""
    seen = [one for one in OUTCOMES if any(s.outcomes.get(one) for arm in summary.arms for s in arm.scores)]
    rows = [
        [arm_name(arm.name), column_name(summary, column), *(f"{score.outcomes.get(one, 0):,}" for one in seen)]
        for arm in summary.arms
        for column in columns_of(summary)
        if (score := arm.score(*column)) is not None
    ]
    return Rows([say("arm"), say("scorer"), *map(outcome_in_words, seen)], rows, say("Outcomes, in trials"))


def contrast_rows(summary: Summary) -> Rows:
    """Every comparison of two arms."""
    with_failures = any(one.failed for one in summary.contrasts)
    head = [
        say("arm"), say("against"), say("scorer"), say("difference"), say("only this arm"), say("only the other"),
        "p", "p (Holm)", say("items"), say("verdict"), say("smallest that shows"),
    ]  # fmt: skip
    rows = [[*_contrast(summary, one), *([f"{one.failed:,}"] if with_failures else [])] for one in summary.contrasts]
    told = say(
        "Differences on the same items; the smallest that shows is what so many items show four times out of five."
    )
    if with_failures:
        told += " " + say("Failed are trials of the two arms that are in no pair.")
    return Rows([*head, *([say("failed")] if with_failures else [])], rows, told)


def _contrast(summary: Summary, one: Contrast) -> list[str]:
    verdicts = {
        "better": say("better"),
        "worse": say("worse"),
        "cannot distinguish": say("cannot distinguish"),
    }
    return [
        one.arm,
        arm_name(one.baseline),
        column_name(summary, (one.scorer, one.extractor)),
        difference_text(one.difference, one.unit),
        "-" if one.only_arm is None else f"{one.only_arm:,}",
        "-" if one.only_baseline is None else f"{one.only_baseline:,}",
        f"{one.p:.3g}",
        f"{one.p_holm:.3g}",
        f"{one.items:,}",
        verdicts[one.verdict],
        size_text(one.smallest, one.unit),
    ]


def detector_rows(summary: Summary) -> Rows:
    """How well figures tell wrong answers, arm by arm."""
    head = [say("arm"), say("figure"), say("of outcomes by"), "AUROC", say("wrong answers"), "n"]
    rows = [
        [arm_name(one.arm), one.figure, one.scorer, auroc_text(one.auroc), f"{one.wrong:,}", f"{one.n:,}"]
        for one in summary.detectors
    ]
    told = say("How well a figure tells wrong answers from right ones; 0.5 tells nothing.")
    return Rows(head, rows, told)
