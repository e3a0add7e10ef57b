"""Figures of a run as sentences: nothing stands without its interval."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

from llmlab.domain.outcomes import Outcome
from llmlab.domain.statistics import Interval
from llmlab.domain.summary import ArmScore, Contrast, NoiseFloor, Summary, Verified
from llmlab.domain.terminal import visible_line
from llmlab.words import say

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


def score_text(score: ArmScore | None) -> str:
    """A score with its interval: `82 % [74, 88]`, or plain figures where it is a mean of values."""
    if score is None or not score.n:
        return "-"
    if score.graded:
        return f"{score.score.value:.3g} [{score.score.low:.3g}, {score.score.high:.3g}]"
    return f"{100 * score.score.value:.0f} % [{100 * score.score.low:.0f}, {100 * score.score.high:.0f}]"


def contrast_line(contrast: Contrast) -> str:
    """An arm against the baseline, in a sentence."""
    graded = contrast.only_arm is None and contrast.test == "sign flip" and _beyond_a_share(contrast.difference)
    unit = 1.0 if graded else 100.0
    points = "" if graded else " " + say("points")
    verdict = {
        "better": say("better"),
        "worse": say("worse"),
        "cannot distinguish": say("cannot distinguish"),
    }[contrast.verdict]
    told = say(
        "{arm} against {baseline}: {difference}{points} [{low}, {high}], p = {p} (Holm {holm}) on {items:,} items: "
        "{verdict}",
        arm=visible_line(contrast.arm),
        baseline=visible_line(contrast.baseline),
        difference=f"{unit * contrast.difference.value:+.3g}",
        points=points,
        low=f"{unit * contrast.difference.low:+.3g}",
        high=f"{unit * contrast.difference.high:+.3g}",
        p=_p(contrast.p),
        holm=_p(contrast.p_holm),
        items=contrast.items,
        verdict=verdict,
    )
    if contrast.verdict == "cannot distinguish":
        told += "; " + say(
            "so many items show {smallest}{points} or more", smallest=f"{unit * contrast.smallest:.2g}", points=points
        )
    return told


def noise_line(noise: NoiseFloor) -> str:
    """What differs between an arm and its twin."""
    return say(
        "{arm} twice: {flips:,} of {items:,} outcomes differ, {rate} % [{low}, {high}]",
        arm=visible_line(noise.arm),
        flips=noise.flips,
        items=noise.items,
        rate=f"{100 * noise.rate.value:.1f}",
        low=f"{100 * noise.rate.low:.1f}",
        high=f"{100 * noise.rate.high:.1f}",
    )


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


def _beyond_a_share(interval: Interval) -> bool:
    return max(abs(interval.low), abs(interval.high), abs(interval.value)) > 1


def _p(value: float) -> str:
    return f"{value:.3f}" if value >= 0.001 else "<0.001"


def findings(summary: Summary) -> Iterator[str]:
    """What the run came to, in sentences."""
    contrasts = [contrast for contrast in summary.contrasts if decides(summary, contrast)]
    # Of many comparisons those that show something come first.
    yield from map(contrast_line, sorted(contrasts, key=lambda one: one.verdict == "cannot distinguish"))
    yield from (noise_line(noise) for noise in summary.noise if decides(summary, noise))
    yield from map(threshold_line, summary.thresholds)
    yield from summary.remarks


def decides(summary: Summary, found: Contrast | NoiseFloor) -> bool:
    """It is of the first scorer and the extractor that counts."""
    first = next((score.scorer for arm in summary.arms for score in arm.scores), "")
    arm = next((arm for arm in summary.arms if arm.name == found.arm), None)
    score = arm.score(found.scorer, found.extractor) if arm else None
    return found.scorer == first and (score is None or score.counts)
