"""The figures of a run against scipy and statsmodels, and what must hold of them whatever the numbers are."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from llmlab.domain import statistics
from llmlab.domain.statistics import (
    auroc,
    bootstrap_auroc,
    bootstrap_mean,
    clusters_of,
    entropy,
    holm,
    items_needed,
    mcnemar,
    paired_shares,
    sign_flip,
    smallest_mean,
    smallest_share,
    spread,
    wilson,
)

COUNTS = st.integers(0, 2_000)
FEW = settings(max_examples=30, deadline=None)


@given(n=st.integers(1, 5_000), share=st.floats(0, 1), alpha=st.sampled_from([0.01, 0.05, 0.2]))
def test_wilson_is_that_of_statsmodels(n: int, share: float, alpha: float) -> None:
    successes = round(n * share)
    found = wilson(successes, n, alpha)
    low, high = proportion_confint(successes, n, alpha, method="wilson")
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-12)
    assert 0 <= found.low <= found.value <= found.high <= 1


@pytest.mark.parametrize(("successes", "n"), [(0, 0), (3, 2), (-1, 5)])
def test_what_is_no_share_is_refused(successes: int, n: int) -> None:
    with pytest.raises(ValueError, match="no share"):
        wilson(successes, n)


@given(first=COUNTS, second=COUNTS)
def test_mcnemar_is_that_of_statsmodels_and_the_mid_p_halves_what_was_seen(first: int, second: int) -> None:
    exact, middle = mcnemar(first, second)
    table = np.array([[5, first], [second, 5]])
    assert exact == pytest.approx(float(statsmodels_mcnemar(table, exact=True).pvalue), rel=1e-9, abs=1e-200)
    n, fewer = first + second, min(first, second)
    below = 2 * scipy.stats.binom.cdf(fewer - 1, n, 0.5) + scipy.stats.binom.pmf(fewer, n, 0.5) if n else 1.0
    assert middle == pytest.approx(min(1.0, float(below)), rel=1e-9, abs=1e-200)
    assert 0 <= middle <= exact <= 1
    assert mcnemar(second, first) == (exact, middle)


@settings(max_examples=10, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_is_that_of_statsmodels(ps: list[float]) -> None:
    assert holm(ps) == pytest.approx(tuple(multipletests(ps, method="holm")[1]), abs=1e-12)


def test_nothing_compared_needs_no_correction() -> None:
    assert holm([]) == ()


@given(
    positive=st.lists(st.integers(-5, 5), min_size=1, max_size=30),
    negative=st.lists(st.integers(-5, 5), min_size=1, max_size=30),
)
def test_auroc_is_the_u_of_mann_and_whitney(positive: list[int], negative: list[int]) -> None:
    u = scipy.stats.mannwhitneyu(positive, negative).statistic
    assert auroc(positive, negative) == pytest.approx(float(u) / (len(positive) * len(negative)))
    assert auroc(positive, negative) == pytest.approx(1 - auroc(negative, positive))


@pytest.mark.parametrize("n", [5, 20, 70, 300])
def test_the_bootstrap_of_a_mean_is_that_of_scipy(n: int) -> None:
    values = np.random.default_rng(n).normal(1.0, 2.0, n).tolist()
    found = bootstrap_mean(clusters_of(values, [f"{place:03}" for place in range(n)]), resamples=20_000, seed=3)
    theirs = scipy.stats.bootstrap((values,), np.mean, n_resamples=20_000, method="percentile", rng=3)
    error = spread(values) / math.sqrt(n)
    assert found.value == pytest.approx(float(np.mean(values)), abs=1e-9)
    assert found.low == pytest.approx(theirs.confidence_interval.low, abs=0.08 * error)
    assert found.high == pytest.approx(theirs.confidence_interval.high, abs=0.08 * error)


@FEW
@given(values=st.lists(st.floats(-1, 1), min_size=1, max_size=40), seed=st.integers(0, 99))
def test_the_order_of_values_changes_no_bootstrap(values: list[float], seed: int) -> None:
    named = [(value, f"c{place % 7}") for place, value in enumerate(values)]
    shuffled = list(named)
    random.Random(seed).shuffle(shuffled)
    first, second = (
        bootstrap_mean(clusters_of([v for v, _ in order], [n for _, n in order]), resamples=300, seed=seed)
        for order in (named, shuffled)
    )
    assert (first.value, first.low, first.high) == pytest.approx((second.value, second.low, second.high), abs=1e-9)


def test_few_and_many_kinds_of_clusters_give_the_same_interval() -> None:
    """The two ways of drawing are the same bootstrap."""
    draw = random.Random(4)
    coarse = [float(draw.randint(0, 5)) for _ in range(400)]
    fine = [value + draw.random() * 1e-9 for value in coarse]
    names = [f"{place:03}" for place in range(400)]
    few = bootstrap_mean(clusters_of(coarse, names), resamples=20_000, seed=1)
    many = bootstrap_mean(clusters_of(fine, names), resamples=20_000, seed=1)
    assert (few.low, few.high) == pytest.approx((many.low, many.high), abs=0.01)


def test_a_cluster_counts_once_however_large_it_is() -> None:
    """Twenty answers to each of ten questions know no more than ten questions do."""
    draw = random.Random(5)
    question = [float(draw.random() < 0.5) for _ in range(10)]
    values = [value for value in question for _ in range(20)]
    names = [f"q{place // 20}" for place in range(200)]
    clustered = bootstrap_mean(clusters_of(values, names), resamples=4_000, seed=1)
    alone = bootstrap_mean(clusters_of(values, [str(place) for place in range(200)]), resamples=4_000, seed=1)
    assert clustered.high - clustered.low > 3 * (alone.high - alone.low)


@FEW
@given(values=st.lists(st.integers(-3, 3), min_size=2, max_size=10))
def test_a_sign_flip_of_few_is_the_exact_permutation_test_of_scipy(values: list[int]) -> None:
    names = [str(place) for place in range(len(values))]
    found = sign_flip(clusters_of([float(value) for value in values], names), resamples=100, seed=1)
    if not any(values):
        assert found == 1.0
        return
    theirs = scipy.stats.permutation_test(
        (np.array(values),), lambda sample, axis: sample.sum(axis=axis), permutation_type="samples", vectorized=True
    )
    assert found == pytest.approx(float(theirs.pvalue))


def test_a_sign_flip_of_many_comes_near_the_exact_one(monkeypatch: pytest.MonkeyPatch) -> None:
    values = [1.0, 1, 1, -1, 1, 1, -1, 1, 1, 1]
    clusters = clusters_of(values, [str(place) for place in range(10)])
    exact = sign_flip(clusters, resamples=1, seed=1)
    monkeypatch.setattr(statistics, "EXACT_CLUSTERS", 0)
    assert sign_flip(clusters, resamples=40_000, seed=1) == pytest.approx(exact, abs=0.01)


@given(first=st.integers(0, 300), second=st.integers(0, 300), rest=st.integers(1, 300))
def test_the_interval_of_a_paired_difference_holds_it_and_has_a_width(first: int, second: int, rest: int) -> None:
    n = first + second + rest
    found = paired_shares(first, second, n)
    assert -1 <= found.low <= found.value <= found.high <= 1
    assert found.high > found.low
    assert found.value == (first - second) / n
    other = paired_shares(second, first, n)
    assert (other.low, other.high) == pytest.approx((-found.high, -found.low))


def test_the_interval_of_a_paired_difference_covers_what_is_true() -> None:
    """By simulation: 95 in 100 intervals hold the true difference, also at the sizes of a lab."""
    draw = np.random.default_rng(3)
    for n, ours, theirs in ((20, 0.3, 0.05), (50, 0.1, 0.1), (200, 0.02, 0.01)):
        counts = draw.multinomial(n, [ours, theirs, 1 - ours - theirs], size=2_000)
        hits = [paired_shares(int(a), int(b), n).covers(ours - theirs) for a, b, _ in counts]
        assert 0.93 <= float(np.mean(hits)) <= 0.995


@pytest.mark.parametrize(("difference", "discordant", "items"), [(0.1, 0.3, 233), (0.2, 0.3, 56), (0.05, 0.2, 625)])
def test_the_items_that_a_difference_needs(difference: float, discordant: float, items: int) -> None:
    assert items_needed(difference, discordant) == pytest.approx(items, abs=1)
    assert smallest_share(items, discordant) == pytest.approx(difference, abs=0.001)


@given(n=st.integers(1, 3_000), discordant=st.floats(0, 1))
def test_more_items_show_smaller_differences(n: int, discordant: float) -> None:
    assert 0 < smallest_share(2 * n, discordant) <= smallest_share(n, discordant) <= 1
    assert smallest_mean(2 * n, 1.0) < smallest_mean(n, 1.0)


def test_the_smallest_difference_is_found_four_times_out_of_five() -> None:
    """By simulation: McNemar's test finds it with the power that is claimed."""
    n, discordant = 200, 0.3
    difference = smallest_share(n, discordant)
    ours, theirs = (discordant + difference) / 2, (discordant - difference) / 2
    counts = np.random.default_rng(1).multinomial(n, [ours, theirs, 1 - discordant], size=2_000)
    assert np.mean([mcnemar(int(a), int(b))[1] < 0.05 for a, b, _ in counts]) == pytest.approx(0.8, abs=0.04)


def test_a_detector_is_doubted_as_far_as_its_items_go() -> None:
    draw = random.Random(2)
    wrong = [draw.random() < 0.4 for _ in range(200)]
    figures = [draw.gauss(1.0 if is_wrong else 0.0, 1.0) for is_wrong in wrong]
    found = bootstrap_auroc(figures, wrong, [str(place) for place in range(200)], resamples=2_000, seed=1)
    # Hanley and McNeil 1982: the standard error of an area.
    area, m, n = found.value, sum(wrong), 200 - sum(wrong)
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    error = math.sqrt((area * (1 - area) + (m - 1) * (q1 - area**2) + (n - 1) * (q2 - area**2)) / (m * n))
    assert found.low == pytest.approx(area - 1.96 * error, abs=0.02)
    assert found.high == pytest.approx(area + 1.96 * error, abs=0.02)


def test_a_detector_without_wrong_answers_says_nothing() -> None:
    found = bootstrap_auroc([1.0, 2.0], [False, False], ["a", "b"], resamples=100, seed=1)
    assert (found.value, found.low, found.high) == (0.5, 0.0, 1.0)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=10).filter(any))
def test_entropy_is_that_of_scipy(counts: list[int]) -> None:
    assert entropy(counts) == pytest.approx(float(scipy.stats.entropy(counts, base=2)), abs=1e-9)


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=50))
def test_spread_is_the_sample_deviation(values: list[float]) -> None:
    assert spread(values) == pytest.approx(float(np.std(values, ddof=1)), abs=1e-6)
