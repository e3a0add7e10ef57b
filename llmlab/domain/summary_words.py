"""Figures of a run as sentences: nothing stands without its interval."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

from llmlab.domain.outcomes import Extractor, Outcome
from llmlab.domain.statistics import Interval
from llmlab.domain.summary import ArmScore, Contrast, Detector, NoiseFloor, Summary, Verified
from llmlab.domain.terminal import visible_line
from llmlab.domain.unit_words import difference_text, interval_text, level_text, size_text
from llmlab.words import say

Column = tuple[str, Extractor]
"""A scorer and its extractor."""
Mood = Literal["good", "bad", "warn", ""]
"""How an outcome stands out."""
SIGNS: Final[dict[Outcome, tuple[str, Mood]]] = {
    "correct": ("✓", "good"),
    "wrong": ("✗", "bad"),
    "unparsed": ("?", "warn"),
    "truncated": ("…", "warn"),
    "abstained": ("–", "warn"),
    "error": ("!", "bad"),
    "measured": ("·", ""),
}
"""What stands for an outcome, and how it stands out."""


def outcome_in_words(outcome: Outcome) -> str:
    """An outcome as a reader knows it."""
    words = {
        "correct": say("correct"),
        "wrong": say("wrong"),
        "unparsed": say("unparsed"),
        "truncated": say("cut"),
        "abstained": say("abstained"),
        "error": say("failed"),
        "measured": say("measured"),
    }
    return words[outcome]


def extractor_name(extractor: Extractor) -> str:
    """An extractor; empty for a scorer that has none."""
    return {"strict": say("strict"), "flexible": say("flexible")}.get(extractor, "")


def score_name(scorer: str, extractor: Extractor) -> str:
    """A scorer and its extractor."""
    return f"{scorer} {extractor_name(extractor)}".strip()


def score_text(score: ArmScore | None, trials: int) -> str:
    """A score with its interval, and how many trials have a figure where that is not all of the arm's `trials`."""
    if score is None or not score.n:
        return "-"
    told = interval_text(score.score, score.unit)
    return told if score.n == trials else f"{told} n={score.n:,}"


def scores_in_words(summary: Summary) -> str:
    """What the scores of a table are."""
    told = say(
        "Scores with their {level} intervals; tokens and seconds are means of an answered trial.",
        level=level_text(1 - summary.alpha),
    )
    two = any(score.extractor for arm in summary.arms for score in arm.scores)
    return f"{told} {say('* is the extractor that counts.')}" if two else told


def columns_of(summary: Summary) -> list[Column]:
    """Scorers with their extractors, in the order of the experiment."""
    return list(dict.fromkeys((one.scorer, one.extractor) for arm in summary.arms for one in arm.scores))


def column_name(summary: Summary, column: Column) -> str:
    """A scorer and its extractor as a title; the extractor that decides is marked."""
    scores = (arm.score(*column) for arm in summary.arms)
    counts = any(score.counts for score in scores if score is not None)
    return score_name(*column) + (" *" if column[1] and counts else "")


def contrast_line(contrast: Contrast) -> str:
    """An arm against the baseline, in a sentence."""
    verdict = {
        "better": say("better"),
        "worse": say("worse"),
        "cannot distinguish": say("cannot distinguish"),
    }[contrast.verdict]
    told = say(
        "{arm} against {baseline}: {difference}, p = {p} (Holm {holm}) on {items:,} items: {verdict}",
        arm=visible_line(contrast.arm),
        baseline=visible_line(contrast.baseline),
        difference=difference_text(contrast.difference, contrast.unit),
        p=_p(contrast.p),
        holm=_p(contrast.p_holm),
        items=contrast.items,
        verdict=verdict,
    )
    if contrast.verdict == "cannot distinguish":
        smallest = size_text(contrast.smallest, contrast.unit)
        told += "; " + say("so many items show {smallest} or more", smallest=smallest)
    return told + _left_out(contrast.failed)


def noise_line(noise: NoiseFloor) -> str:
    """What differs between an arm and its twin."""
    arm = visible_line(noise.arm)
    if noise.difference is not None:
        told = say(
            "{arm} twice: the means differ by {difference} on {items:,} items",
            arm=arm,
            difference=difference_text(noise.difference, noise.unit),
            items=noise.items,
        )
    else:
        rate = noise.rate or Interval(0.0, 0.0, 1.0)
        told = say(
            "{arm} twice: {flips:,} of {items:,} outcomes differ, {rate} % [{low}, {high}]",
            arm=arm,
            flips=noise.flips or 0,
            items=noise.items,
            rate=f"{100 * rate.value:.1f}",
            low=f"{100 * rate.low:.1f}",
            high=f"{100 * rate.high:.1f}",
        )
    if noise.changed > (noise.flips or 0):
        told += "; " + say("{changed:,} of {items:,} answers differ in words", changed=noise.changed, items=noise.items)
    return told + _left_out(noise.failed)


def _left_out(failed: int) -> str:
    return "; " + say("failed and left out: {failed:,}", failed=failed) if failed else ""


def detector_line(detector: Detector) -> str:
    """How well a figure tells an arm's wrong answers."""
    return say(
        "{arm}: {figure} tells wrong answers from right ones: AUROC {auroc}, {wrong:,} of {n:,} wrong by {scorer}",
        arm=visible_line(detector.arm) or say("(all)"),
        figure=detector.figure,
        auroc=auroc_text(detector.auroc),
        wrong=detector.wrong,
        n=detector.n,
        scorer=detector.scorer,
    )


def auroc_text(auroc: Interval) -> str:
    """An AUROC with its interval: `0.88 [0.79, 0.94]`."""
    return f"{auroc.value:.2f} [{auroc.low:.2f}, {auroc.high:.2f}]"


def threshold_line(verified: Verified) -> str:
    """A threshold, met or missed."""
    mark = say("met") if verified.met else say("MISSED")
    return f"{mark}: {visible_line(verified.why)}"


def duration(seconds: float) -> str:
    """A time as people say it: `40 s`, `12 min`, `3 h 20 min`."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


def _p(value: float) -> str:
    return f"{value:.3f}" if value >= 0.001 else "<0.001"


def findings(summary: Summary) -> Iterator[str]:
    """What the run came to, in sentences."""
    contrasts = [contrast for contrast in summary.contrasts if decides(summary, contrast)]
    # Of many comparisons those that show something come first.
    yield from map(contrast_line, sorted(contrasts, key=lambda one: one.verdict == "cannot distinguish"))
    yield from (noise_line(noise) for noise in summary.noise if decides(summary, noise))
    yield from map(detector_line, summary.detectors)
    yield from map(threshold_line, summary.thresholds)
    yield from summary.remarks


def decides(summary: Summary, found: Contrast | NoiseFloor) -> bool:
    """It is of the first scorer and the extractor that counts."""
    first = next((score.scorer for arm in summary.arms for score in arm.scores), "")
    arm = next((arm for arm in summary.arms if arm.name == found.arm), None)
    score = arm.score(found.scorer, found.extractor) if arm else None
    return found.scorer == first and (score is None or score.counts)
