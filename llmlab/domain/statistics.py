"""Figures with their doubt: intervals of shares and means, paired tests, what a number of items can show at all.

Nothing here draws without a seed. Resampling draws whole clusters, so that items which hang together count as one, and
the order in which results came in does not change a figure.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final, Literal

POWER: Final = 0.8
"""Of the smallest difference that a number of items shows: four runs in five would find it."""
EXACT_CLUSTERS: Final = 12
"""Up to this many clusters that differ, a sign-flip test looks at every pattern of signs."""
_CHUNK: Final = 2_000_000
"""Numbers of a bootstrap that are held at a time."""
Unit = Literal["share", "value"]
"""What a figure is: a share of 1, told in percent and its differences in points, or a value as it stands."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with what it may as well be."""

    value: float
    low: float
    high: float

    def covers(self, value: float) -> bool:
        """`value` lies within it."""
        return self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class Cluster:
    """What hangs together and is drawn as one."""

    total: float
    """Sum over its members."""
    count: int


Clusters = Mapping[str, Cluster]


def clusters_of(values: Sequence[float], names: Sequence[str]) -> dict[str, Cluster]:
    """Values gathered by the cluster of each, in the order of the names."""
    totals: dict[str, list[float]] = {}
    for value, name in zip(values, names, strict=True):
        totals.setdefault(name, []).append(value)
    return {name: Cluster(math.fsum(totals[name]), len(totals[name])) for name in sorted(totals)}


def quantile(alpha: float) -> float:
    """Of the normal distribution, two-sided: 1.96 for 0.05."""
    return NormalDist().inv_cdf(1 - alpha / 2)


def wilson(successes: int, n: int, alpha: float = 0.05) -> Interval:
    """A share with the score interval of Wilson (1927), which holds for small n and at 0 and 1 too.

    Raises:
        ValueError: the counts are no share of something.
    """
    if not 0 <= successes <= n or n == 0:
        raise ValueError(f"{successes} of {n} is no share")
    z, p = quantile(alpha), successes / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    reach = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    low = 0.0 if successes == 0 else max(0.0, middle - reach)
    high = 1.0 if successes == n else min(1.0, middle + reach)
    return Interval(p, low, high)


def mcnemar(only_first: int, only_second: int) -> tuple[float, float]:
    """Whether two arms differ on the items that one alone has right: the exact two-sided p and the mid-p.

    The mid-p counts half of what was seen itself; the exact test is conservative at the sizes of a lab (Fagerland,
    Lydersen and Laake 2013).
    """
    n, fewer = only_first + only_second, min(only_first, only_second)
    if n == 0:
        return 1.0, 1.0
    term = seen = math.exp(math.lgamma(n + 1) - math.lgamma(fewer + 1) - math.lgamma(n - fewer + 1) - n * math.log(2))
    terms = [term]
    for k in range(fewer, 0, -1):
        term *= k / (n - k + 1)
        terms.append(term)
        if term < seen * 1e-17:
            break
    tail = 2 * math.fsum(terms)
    return min(1.0, tail), min(1.0, tail - seen)


def paired_shares(only_first: int, only_second: int, n: int, alpha: float = 0.05) -> Interval:
    """The difference of two shares on the same n items, first less second, by Bonett and Price (2012).

    Unlike a bootstrap it has a width even where no item tells the two apart.

    Raises:
        ValueError: there are more items that differ than items, or none at all.
    """
    if n < 1 or only_first < 0 or only_second < 0 or only_first + only_second > n:
        raise ValueError(f"{only_first} and {only_second} of {n} are no shares")
    first, second = (only_first + 1) / (n + 2), (only_second + 1) / (n + 2)
    reach = quantile(alpha) * math.sqrt((first + second - (first - second) ** 2) / (n + 2))
    value, middle = (only_first - only_second) / n, first - second
    return Interval(value, max(-1.0, min(value, middle - reach)), min(1.0, max(value, middle + reach)))


def bootstrap_mean(clusters: Clusters, *, resamples: int, seed: int, alpha: float = 0.05) -> Interval:
    """The mean over all members with a percentile interval from drawing whole clusters anew.

    Used on values it is the interval of a mean, used on differences of pairs that of a paired difference.

    Args:
        clusters: in the order of their names, as `clusters_of` gives them.
        resamples: draws.
        seed: of the draws.
        alpha: share of draws that lie outside.

    Raises:
        ValueError: there is no cluster.
    """
    import numpy as np  # resampling alone needs it, and commands that only read need not wait for it

    if not clusters:
        raise ValueError("there is nothing to draw from")
    kinds = sorted({(one.total, one.count) for one in clusters.values()})
    place = {kind: index for index, kind in enumerate(kinds)}
    members = np.array([place[one.total, one.count] for one in clusters.values()])
    totals, counts = np.array([kind[0] for kind in kinds]), np.array([kind[1] for kind in kinds], dtype=float)
    draw = np.random.default_rng(seed)
    means = np.empty(resamples)
    if len(kinds) <= 64:
        # Few kinds of cluster: how often each is drawn says it all, whatever their number.
        shares = np.bincount(members, minlength=len(kinds)) / len(members)
        times = draw.multinomial(len(members), shares, size=resamples)
        means = (times @ totals) / (times @ counts)
    else:
        step = max(1, _CHUNK // len(members))
        for start in range(0, resamples, step):
            drawn = members[draw.integers(len(members), size=(min(step, resamples - start), len(members)))]
            means[start : start + step] = totals[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    value = math.fsum(one.total for one in clusters.values()) / sum(one.count for one in clusters.values())
    low, high = np.quantile(means, [alpha / 2, 1 - alpha / 2])
    return Interval(value, min(value, float(low)), max(value, float(high)))


def sign_flip(clusters: Clusters, *, resamples: int, seed: int) -> float:
    """Whether differences of pairs are around zero: two-sided p of flipping the sign of whole clusters at random.

    All patterns are looked at when few clusters differ; otherwise the p of drawn ones, never below 1 / (resamples + 1).
    """
    import numpy as np

    sums = np.array([one.total for one in clusters.values() if one.total])
    if not len(sums):
        return 1.0
    seen = abs(float(sums.sum())) * (1 - 1e-12)
    if len(sums) <= EXACT_CLUSTERS:
        patterns = np.arange(2 ** len(sums))[:, None] >> np.arange(len(sums)) & 1
        return float((np.abs((patterns * 2 - 1) @ sums) >= seen).mean())
    draw, beyond = np.random.default_rng(seed), 0
    step = max(1, _CHUNK // len(sums))
    for start in range(0, resamples, step):
        signs = draw.integers(2, size=(min(step, resamples - start), len(sums))) * 2 - 1
        beyond += int((np.abs(signs @ sums) >= seen).sum())
    return (beyond + 1) / (resamples + 1)


def holm(ps: Sequence[float]) -> tuple[float, ...]:
    """The p of each of several comparisons, corrected so that one false alarm among all is as rare as alpha says."""
    ranked = sorted(range(len(ps)), key=lambda index: ps[index])
    corrected, highest = [0.0] * len(ps), 0.0
    for rank, index in enumerate(ranked):
        highest = max(highest, min(1.0, ps[index] * (len(ps) - rank)))
        corrected[index] = highest
    return tuple(corrected)


def items_needed(difference: float, discordant: float, alpha: float = 0.05, power: float = POWER) -> float:
    """Pairs that show a difference of two shares, when this share of pairs tells the arms apart (Connor 1987).

    Raises:
        ValueError: the difference is none, or larger than the share of pairs that differ.
    """
    if not 0 < difference <= discordant <= 1:
        raise ValueError(f"a difference of {difference} among {discordant}")
    rest = max(0.0, discordant - difference * difference)
    reach = quantile(alpha) * math.sqrt(discordant) + NormalDist().inv_cdf(power) * math.sqrt(rest)
    return (reach / difference) ** 2


def smallest_share(n: int, discordant: float, alpha: float = 0.05, power: float = POWER) -> float:
    """The smallest difference of two shares that n pairs show; 1 where they show none.

    Args:
        n: pairs.
        discordant: share of pairs that tell the arms apart, as far as it is known; a larger difference needs more.
        alpha: of the test.
        power: chance of finding it.
    """
    low, high = 0.0, 1.0
    if n < 1 or items_needed(1.0, 1.0, alpha, power) > n:
        return 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if middle > 0 and items_needed(middle, max(middle, min(1.0, discordant)), alpha, power) <= n:
            high = middle
        else:
            low = middle
    return high


def smallest_mean(n: int, deviation: float, alpha: float = 0.05, power: float = POWER) -> float:
    """The smallest mean difference that n pairs show, whose differences have this standard deviation."""
    return (quantile(alpha) + NormalDist().inv_cdf(power)) * deviation / math.sqrt(n) if n else math.inf


def auroc(positive: Sequence[float], negative: Sequence[float]) -> float:
    """Chance that a positive has the higher figure, ties counting half; 0.5 where one side is empty."""
    if not positive or not negative:
        return 0.5
    ranked = sorted([*((value, 1) for value in positive), *((value, 0) for value in negative)])
    below = won = 0.0
    start = 0
    while start < len(ranked):
        end = start
        while end < len(ranked) and ranked[end][0] == ranked[start][0]:
            end += 1
        ours = sum(kind for _, kind in ranked[start:end])
        theirs = end - start - ours
        won += ours * (below + theirs / 2)
        below += theirs
        start = end
    return won / (len(positive) * len(negative))


def bootstrap_auroc(
    figures: Sequence[float],
    positive: Sequence[bool],
    clusters: Sequence[str],
    *,
    resamples: int,
    seed: int,
    alpha: float = 0.05,
) -> Interval:
    """The AUROC with a percentile interval from drawing whole clusters anew; 0 to 1 where one side is empty."""
    import numpy as np

    hits = [value for value, is_one in zip(figures, positive, strict=True) if is_one]
    misses = [value for value, is_one in zip(figures, positive, strict=True) if not is_one]
    value = auroc(hits, misses)
    if not hits or not misses:
        return Interval(value, 0.0, 1.0)
    levels, names = sorted(set(figures)), sorted(set(clusters))
    level_at = {level: at for at, level in enumerate(levels)}
    cluster_at = {name: at for at, name in enumerate(names)}
    ours, theirs = np.zeros((len(names), len(levels))), np.zeros((len(names), len(levels)))
    for figure, is_one, name in zip(figures, positive, clusters, strict=True):
        (ours if is_one else theirs)[cluster_at[name], level_at[figure]] += 1
    draw, found = np.random.default_rng(seed), []
    step = max(1, _CHUNK // (len(names) + len(levels)))
    for start in range(0, resamples, step):
        drawn = min(step, resamples - start)
        times = draw.multinomial(len(names), np.full(len(names), 1 / len(names)), size=drawn).astype(float)
        won, lost = times @ ours, times @ theirs
        pairs = won.sum(axis=1) * lost.sum(axis=1)
        better = (won * (np.cumsum(lost, axis=1) - lost / 2)).sum(axis=1)
        found.append(better[pairs > 0] / pairs[pairs > 0])
    low, high = np.quantile(np.concatenate(found), [alpha / 2, 1 - alpha / 2])
    return Interval(value, min(value, float(low)), max(value, float(high)))


def spread(values: Sequence[float]) -> float:
    """Sample standard deviation; 0 with fewer than two values."""
    if len(values) < 2:
        return 0.0
    mean = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))


def entropy(counts: Sequence[int]) -> float:
    """Of how often each of several answers was given, in bits; 0 where all say the same."""
    total = sum(counts)
    shares = [count / total for count in counts if count > 0]
    return max(0.0, -math.fsum(share * math.log2(share) for share in shares))
