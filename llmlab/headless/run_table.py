"""Figures of a run and its plan as lines of text: nothing stands without its interval."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from llmlab.domain.run import Plan
from llmlab.domain.summary import Contrast, NoiseFloor, Summary
from llmlab.domain.summary_words import (
    column_name,
    columns_of,
    contrast_line,
    detector_line,
    duration,
    noise_line,
    score_text,
    scores_in_words,
    threshold_line,
)
from llmlab.domain.terminal import visible_line
from llmlab.headless.output import table
from llmlab.headless.report_tables import sample_rows
from llmlab.words import say

MOST_PROBLEMS: Final = 5
"""Prompts that cannot be made and are told one by one."""


def summary_lines(summary: Summary) -> Iterator[str]:
    """The table of arms, then what stands against what, the noise, detectors, thresholds and remarks."""
    yield from arms_table(summary)
    sections = (
        [_named(summary, one) + contrast_line(one) for one in summary.contrasts if _decides(summary, one)],
        [_named(summary, one) + noise_line(one) for one in summary.noise if _decides(summary, one)],
        list(map(detector_line, summary.detectors)),
        [threshold_line(verified) for verified in summary.thresholds],
        list(summary.remarks),
    )
    for lines in sections:
        if lines:
            yield ""
            yield from lines


def arms_table(summary: Summary) -> Iterator[str]:
    """A row an arm: its scores with their intervals, where its answers went, what it cost.

    Below it how far several answers to an item agree, where there are some.
    """
    scores = columns_of(summary)
    titles = [column_name(summary, column) for column in scores]
    head = [say("arm"), "n", *titles, say("unparsed"), say("cut"), say("abstained"), say("failed"), say("tokens"), "s"]
    rows = [head]
    for arm in summary.arms:
        found = [arm.score(*column) for column in scores]
        first = next((one for one in found if one is not None and one.counts), None)
        outcomes = first.outcomes if first else {}
        rows.append(
            [
                arm.name or say("(all)"),
                f"{arm.trials:,}" if arm.trials == arm.planned else f"{arm.trials:,}/{arm.planned:,}",
                *(score_text(one, arm.trials) for one in found),
                *(f"{outcomes.get(name, 0):,}" for name in ("unparsed", "truncated", "abstained")),
                f"{arm.failed:,}",
                f"{arm.generated_tokens:,.0f}",
                f"{arm.seconds:.1f}",
            ]
        )
    yield from table(rows, right=range(1, len(head)))
    yield scores_in_words(summary)
    if samples := sample_rows(summary):
        yield ""
        yield from table([samples.head, *samples.rows], right=range(1, len(samples.head)))
        yield samples.caption


def plan_lines(plan: Plan) -> Iterator[str]:
    """What a run will take: cells, tokens, time and memory."""
    rows = [[say("arm"), say("model"), say("trials left"), say("answers each"), say("prompt tokens")]]
    rows += [
        [arm.name or say("(all)"), arm.model, f"{arm.trials:,}", f"{arm.votes}", f"{arm.prompt_tokens:,.0f}"]
        for arm in plan.arms
    ]
    yield from table(rows, right=(2, 3, 4))
    yield ""
    left = plan.trials - plan.measured
    yield say("{trials:,} trials, {left:,} of them to be measured.", trials=plan.trials, left=left)
    yield say(
        "Prompts: {tokens:,} tokens, {read:,} after sharing what they begin with ({counted:,} prompts counted).",
        tokens=plan.prompt_tokens,
        read=plan.prompt_tokens - plan.shared_tokens,
        counted=plan.counted,
    )
    bound = say("Answers: at most {tokens:,} tokens.", tokens=plan.answer_tokens)
    guess = say("Answers: about {tokens:,} tokens.", tokens=plan.answer_tokens)
    yield bound if plan.answer_bound else guess
    for model in plan.models:
        yield say(
            "{model}: {memory:,.0f} MB; reads {read:,.0f} and writes {write:,.0f} tokens a second.",
            model=visible_line(model.name),
            memory=model.memory_bytes / 1e6,
            read=model.read_speed,
            write=model.write_speed,
        )
    if plan.seconds:
        most = say("Time: about {time} at the most.", time=duration(plan.seconds))
        yield most if plan.answer_bound else say("Time: about {time}.", time=duration(plan.seconds))
    yield from plan.problems[:MOST_PROBLEMS]
    if (more := len(plan.problems) - MOST_PROBLEMS) > 0:
        yield say("{more:,} more prompts cannot be made.", more=more)


def _named(summary: Summary, one: Contrast | NoiseFloor) -> str:
    """The scorer, where there are several."""
    scorers = {score.scorer for arm in summary.arms for score in arm.scores}
    return f"{one.scorer}: " if len(scorers) > 1 else ""


def _decides(summary: Summary, one: Contrast | NoiseFloor) -> bool:
    """It is of the extractor that counts."""
    arm = next((arm for arm in summary.arms if arm.name == one.arm), None)
    score = arm.score(one.scorer, one.extractor) if arm else None
    return score is None or score.counts
