"""Figures of a run that draw at random, found again from `results.jsonl` by scipy and statsmodels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import bootstrap, mannwhitneyu, permutation_test
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

Line = dict[str, Any]
DRAWS = 5_000
NEAR = 0.03
"""How far two percentile intervals of the same values may lie apart; both are drawn."""


def values_of(results: list[Line], arm: str, scorer: str) -> dict[str, float]:
    """What a graded scorer found, by item."""
    return {
        line["item"]: score["value"]
        for line in results
        for score in line["scores"]
        if line["arm"] == arm and score["scorer"] == scorer
    }


def check_interval(told: Line, values: list[float]) -> None:
    """A mean with the percentile interval of its bootstrap."""
    assert told["value"] == pytest.approx(np.mean(values))
    if len(set(values)) == 1:
        assert (told["low"], told["high"]) == pytest.approx((values[0], values[0]))
        return
    found = bootstrap((values,), np.mean, method="percentile", n_resamples=DRAWS, rng=1).confidence_interval
    assert (told["low"], told["high"]) == pytest.approx((found.low, found.high), abs=NEAR)


def check_graded(summary: Line, results: list[Line]) -> None:
    """Means of graded scorers, their paired differences, sign-flip tests and Holm's correction."""
    for arm in summary["arms"]:
        for score in (one for one in arm["scores"] if one["graded"]):
            check_interval(score["score"], list(values_of(results, arm["name"], score["scorer"]).values()))
    graded = [one for one in summary["contrasts"] if one["test"] == "sign flip"]
    assert graded
    for one in graded:
        mine, other = (values_of(results, arm, one["scorer"]) for arm in (one["arm"], one["baseline"]))
        differences = [mine[item] - other[item] for item in sorted(mine)]
        check_interval(one["difference"], differences)
        drawn = permutation_test(
            (differences,), np.mean, permutation_type="samples", n_resamples=2**14, alternative="two-sided"
        )
        assert one["p"] == pytest.approx(drawn.pvalue, abs=0.002)
    corrected = multipletests([one["p"] for one in graded], method="holm")[1]
    assert [one["p_holm"] for one in graded] == pytest.approx(list(corrected))


def check_noise(summary: Line, results: list[Line], twin: str) -> None:
    """What two runs of one arm differ by: outcomes that flip, means that move."""
    counted, graded = 0, 0
    for noise in summary["noise"]:
        if noise["flips"] is None:
            first, second = (values_of(results, arm, noise["scorer"]) for arm in (noise["arm"], twin))
            check_interval(noise["difference"], [second[item] - first[item] for item in sorted(first)])
            graded += 1
            continue
        outcomes: dict[str, set[str]] = {}
        for line in results:
            for score in line["scores"]:
                same = (score["scorer"], score["extractor"]) == (noise["scorer"], noise["extractor"])
                if same and line["arm"] in (noise["arm"], twin):
                    outcomes.setdefault(line["item"], set()).add(score["outcome"])
        flips = sum(len(found) > 1 for found in outcomes.values())
        low, high = proportion_confint(flips, len(outcomes), method="wilson")
        assert noise["flips"] == flips
        assert noise["rate"] == pytest.approx({"value": flips / len(outcomes), "low": low, "high": high}, abs=1e-9)
        counted += 1
    assert (counted, graded) == (2, 1)


def check_detectors(summary: Line, results: list[Line]) -> None:
    """AUROC of disagreement among samples for wrong answers: Mann and Whitney's U over all pairs."""
    checked = 0
    for one in summary["detectors"]:
        doubt = {item: 1 - value for item, value in values_of(results, one["arm"], one["figure"]).items()}
        wrong = {
            line["item"]: score["outcome"] != "correct"
            for line in results
            for score in line["scores"]
            if line["arm"] == one["arm"] and (score["scorer"], score["extractor"]) == (one["scorer"], "strict")
        }
        bad, good = ([doubt[item] for item in doubt if wrong[item] is is_wrong] for is_wrong in (True, False))
        if not bad or not good:
            continue
        found = mannwhitneyu(bad, good).statistic / (len(bad) * len(good))
        assert one["auroc"]["value"] == pytest.approx(found)
        assert one["auroc"]["low"] <= found <= one["auroc"]["high"]
        assert one["prevalence"] == pytest.approx(len(bad) / len(wrong))
        checked += 1
    assert checked, "an arm has right and wrong answers"
