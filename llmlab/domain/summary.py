"""The results of a run as figures: arms with intervals, paired comparisons, noise, thresholds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from llmlab.domain.experiment import Threshold
from llmlab.domain.outcomes import Extractor, Outcome
from llmlab.domain.statistics import Interval, Unit

Verdict = Literal["better", "worse", "cannot distinguish"]
"""Of an arm against the baseline, after correction for the number of comparisons."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmScore:
    """One arm under one scorer and one extractor."""

    scorer: str
    extractor: Extractor
    counts: bool
    """The extractor that decides, where there are two."""
    graded: bool
    """The figure is a mean of values; otherwise the share of correct answers."""
    unit: Unit = "share"
    """Of `score` and `repeat_spread`."""
    n: int
    """Trials with a figure."""
    items: int
    score: Interval
    outcomes: Mapping[Outcome, int]
    """All trials by outcome, also those without a figure."""
    repeat_spread: float | None = None
    """Standard deviation of the score over repeats; `None` with fewer than two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmSummary:
    """One arm."""

    name: str
    settings: Mapping[str, object]
    model: str
    twin_of: str = ""
    trials: int
    """Done, failed ones among them."""
    planned: int
    failed: int
    scores: tuple[ArmScore, ...]
    prompt_tokens: float
    """Mean over answered trials, as the three below."""
    reused_tokens: float
    generated_tokens: float
    seconds: float
    agreement: Interval | None = None
    """Mean share of an item's answers that say what most say, over votes and repeats; `None` with one answer each."""
    entropy: Interval | None = None
    """Mean entropy of an item's answers in bits; `None` with one answer each."""

    def score(self, scorer: str, extractor: Extractor | None = None) -> ArmScore | None:
        """Its score; without `extractor` the one that counts."""
        fits = (one for one in self.scores if one.scorer == scorer)
        return next((one for one in fits if (one.counts if extractor is None else one.extractor == extractor)), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """One arm against the baseline, on the items that both answered."""

    arm: str
    baseline: str
    scorer: str
    extractor: Extractor
    unit: Unit
    """Of `difference` and `smallest`."""
    items: int
    """Trials that both have a figure of."""
    failed: int
    """Trials of the two arms that failed and are in no pair."""
    difference: Interval
    """Of the arm less the baseline: by Bonett and Price where each item is right or wrong once, else from a paired
    bootstrap over clusters."""
    only_arm: int | None
    """Items that the arm alone has right; `None` for graded scores and several repeats."""
    only_baseline: int | None
    p: float
    """McNemar's mid-p, or that of a sign-flip test over clusters."""
    p_exact: float | None
    p_holm: float
    """Corrected for the number of arms."""
    test: Literal["mcnemar mid-p", "sign flip"]
    smallest: float
    """The smallest difference that this many items would show four times out of five."""
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseFloor:
    """The same arm twice: what differs between the two is noise."""

    arm: str
    scorer: str
    extractor: Extractor
    unit: Unit
    """Of `difference`."""
    items: int
    """Trials that both have."""
    failed: int
    """Trials of the two that failed and are in no pair."""
    flips: int | None
    """Trials whose outcome is not the same; `None` for graded scorers, which measure and know no outcomes."""
    rate: Interval | None
    """The share of flips."""
    difference: Interval | None
    """The second mean less the first, paired; of graded scorers alone."""
    changed: int
    """Trials whose answer is not the same text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Detector:
    """How well a figure tells right answers from wrong ones."""

    arm: str
    figure: str
    """A graded scorer, or `agreement`."""
    scorer: str
    """Whose outcomes are told apart."""
    auroc: Interval
    """Chance that a wrong answer has the figure of a wrong one rather than a right one; 0.5 tells nothing."""
    prevalence: float
    """Share of wrong answers."""
    n: int
    """Answers."""

    @property
    def wrong(self) -> int:
        """Wrong answers."""
        return round(self.prevalence * self.n)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """One threshold, looked up."""

    threshold: Threshold
    arm: str
    value: float | None
    """`None`: there is no such figure, and the threshold counts as missed."""
    met: bool
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What `summary.json` holds."""

    experiment: str
    title: str
    hypothesis: str
    alpha: float
    seed: int
    planned: int
    repeats: int = 1
    """Answers to each item that were asked for in each arm."""
    done: int
    failed: int
    """Trials without an answer or whose scorer failed; they are in every count and in no mean."""
    arms: tuple[ArmSummary, ...]
    contrasts: tuple[Contrast, ...] = ()
    noise: tuple[NoiseFloor, ...] = ()
    detectors: tuple[Detector, ...] = ()
    thresholds: tuple[Verified, ...] = ()
    remarks: tuple[str, ...] = ()
    """What the reader must know about these figures, a sentence each."""

    @property
    def passed(self) -> bool:
        """Every threshold is met."""
        return all(one.met for one in self.thresholds)
