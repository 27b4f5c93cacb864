"""A number and how far it can be trusted: intervals for shares, and resampling for all else.

Knows Wilson's interval, the bootstrap, and how many photos a set with copies is worth. Does not
know what a label or a probability is.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import ceil, erf, exp, lgamma, log, pi, sqrt
from typing import TYPE_CHECKING

import numpy as np

from figsight.metrics.checks import Floats, Ints, check_share

if TYPE_CHECKING:
    from collections.abc import Callable

RESAMPLES = 2000
_CHUNK = 4_000_000  # weights held at once: 32 MB of float64

WILSON = "Wilson"
# Whoever knows what a group is (copies, a patient, all answers to one photo) puts its name there.
GROUP = "group"
COUNTED_ONCE = f"each {GROUP} counted once"


@dataclass(frozen=True, slots=True)
class Estimate:
    """A measured number with its interval.

    Attributes:
        value: What was measured.
        low: Lower end of the interval.
        high: Upper end of the interval. ``low <= value <= high``.
        method: How the interval was made, in words.
        n: How many photos it rests on.
        level: How often such an interval holds the truth, 0..1. It speaks of other photos taken
            like these; photos of another kind (other light, another camera) are not covered.
    """

    value: float
    low: float
    high: float
    method: str
    n: int
    level: float = 0.95

    def to_dict(self) -> dict[str, float | int | str]:
        """Return the fields as plain numbers and text, ready for JSON."""
        return asdict(self)


def normal_quantile(level: float) -> float:
    """Return z such that a standard normal lies within -z..z with probability ``level``.

    Raises:
        ValueError: ``level`` is not between 0 and 1.
    """
    wanted = check_share(level, "level")
    z, step = 0.0, 1.0
    # Newton's method. erf is concave here, so it climbs to the answer and never passes it.
    # (statistics.NormalDist would do it too, for 10 ms of import in every cold start.)
    while step > 1e-12:
        step = (wanted - erf(z / sqrt(2))) / (sqrt(2 / pi) * exp(-z * z / 2))
        z += step
    return z


def wilson_limits(share: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Return Wilson's interval for a share seen in ``n`` trials; ``n`` need not be whole.

    The shares p with ``|share - p| <= z * sqrt(p * (1 - p) / n)``.

    Source: Wilson (1927), "Probable inference, the law of succession, and statistical inference".
    """
    z2 = normal_quantile(level) ** 2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = np.sqrt(z2 * (share * (1 - share) / n + z2 / (4 * n * n))) / (1 + z2 / n)
    low, high = float(centre - half), float(centre + half)
    # Rounding must not leave 1 - 1e-16 where nothing was wrong, nor put the share outside.
    return max(0.0, min(low, share)), min(1.0, max(high, share))


def wilson(correct: int, n: int, level: float = 0.95) -> Estimate:
    """Return the share ``correct / n`` with Wilson's interval.

    It keeps its promise for few photos and for shares near 0 and 1, where the usual "plus or minus"
    shrinks to nothing: 10 right of 10 gives 0.722..1. Its coverage swings by a few points around
    ``level`` from one true share to the next (Brown, Cai & DasGupta 2001).

    Args:
        correct: How many were right, 0..n.
        n: How many there were, >= 1.
        level: How often such an interval holds the truth.

    Raises:
        ValueError: ``n`` or ``correct`` is out of range.
    """
    if n < 1:
        raise ValueError(f"n: expected at least 1 photo, found {n}; there is nothing to measure")
    if not 0 <= correct <= n:
        raise ValueError(f"correct: expected 0..{n}, found {correct}; count the photos again")
    low, high = wilson_limits(correct / n, n, level)
    return Estimate(correct / n, low, high, WILSON, int(n), level)


def effective_count(groups: Ints | None, n: int) -> float:
    """Return how many independent photos ``n`` photos are worth: ``n^2 / sum of m_g^2``.

    Kish's count (1965, "Survey Sampling") at its most careful: all photos of a group are taken to
    be right or wrong together, as copies are. Equals ``n`` without groups and G for G groups of one
    size. For groups that are alike but no copies (one patient's pictures) it is pessimistic.
    """
    if groups is None:
        return float(n)
    sizes = np.bincount(groups).astype(np.float64)  # [G]
    return float(n * n / np.square(sizes).sum())


def share_of(correct: Floats, groups: Ints | None, level: float) -> Estimate:
    """Return the mean of zeros and ones [N] with Wilson's interval on the effective count."""
    n = len(correct)
    if groups is None:
        return wilson(round(float(correct.sum())), n, level)
    value = float(correct.mean())
    low, high = wilson_limits(value, effective_count(groups, n), level)
    return Estimate(value, low, high, f"{WILSON}, {COUNTED_ONCE}", n, level)


def worth_of(share: Estimate) -> float:
    """Return how many independent photos a share with Wilson's interval rests on, from its ends."""
    z2 = normal_quantile(share.level) ** 2
    end = share.low if share.value > 0 else share.high  # (share - end)^2 = z^2 end (1 - end) / n
    return float(z2 * end * (1 - end) / (share.value - end) ** 2)


def chance_of_so_few(kept: Estimate, stated: float, set_on: float) -> float:
    """Return how often a line that keeps a share of photos keeps no more of others than it kept here.

    The line is the ``ceil((n + 1) s)``-th of n photos. What it truly keeps is Beta distributed (Vovk
    2012, "Conditional validity of inductive conformal predictors"), so that of m other photos like
    those it keeps a beta-binomial number: with few photos on either side far fewer than ``s m`` may be
    chance. Wilson's interval of the share kept knows the m photos only. Simulated for 95 % with n of
    33 to 214 and m of 49 to 524, where nothing is wrong it lies below ``s`` in 4 to 24 of 100 cases; this
    is below 0.025 in 1.6 to 2.4.

    Args:
        kept: The share kept of photos that the line was not set on, with Wilson's interval.
        stated: The share s that it was set to keep.
        set_on: The number n of independent photos that it was set on.
    """
    m, n = max(1, round(worth_of(kept))), max(1, round(set_on))
    a = min(n, ceil((n + 1) * stated - 1e-9))
    b = n + 1 - a
    most = round(kept.value * m)
    term = lgamma(b + m) - lgamma(b) - lgamma(a + b + m) + lgamma(a + b)  # ln P(0 kept)
    total = exp(term)
    for x in range(most):
        term += log((m - x) * (a + x) / ((x + 1) * (b + m - x - 1)))
        total += exp(term)
    return min(1.0, total)


def bootstrap(
    statistic: Callable[[Floats], Floats],
    n: int,
    groups: Ints | None = None,
    seed: int = 0,
) -> Floats:
    """Return a statistic of ``RESAMPLES`` sets drawn with replacement from ``n`` photos, [R].

    Draws photos, or whole groups when ``groups`` is given (cluster bootstrap; Davison &
    Hinkley 1997, section 3.8). A drawn set is handed over as how often each photo is in it, in
    chunks of a few tens of megabytes, so 50,000 photos need no more memory than 500.

    With few photos, resampling sees only what was seen: a kind of mistake that did not happen is in
    no resample, and an interval made of them is too short. Below about 50 photos, take it as the
    least doubt there is.

    Args:
        statistic: Maps weights [r, N] (how often each photo was drawn) to [r] or [r, S] values.
        n: How many photos there are.
        groups: Group numbers 0..G-1 [N], or ``None``.
        seed: The same seed gives the same resamples.
    """
    rng = np.random.default_rng(seed)
    units = n if groups is None else int(groups.max()) + 1
    rows = max(1, _CHUNK // n)
    values: list[Floats] = []
    for start in range(0, RESAMPLES, rows):
        count = min(rows, RESAMPLES - start)
        drawn = rng.integers(0, units, size=(count, units))  # [r, G]
        drawn += np.arange(count)[:, None] * units
        weights = np.bincount(drawn.ravel(), minlength=count * units).reshape(count, units)
        if groups is not None:
            weights = weights[:, groups]  # [r, N]
        values.append(statistic(weights.astype(np.float64)))
    return np.concatenate(values)


def how_resampled(groups: Ints | None) -> str:
    """Return what was drawn by ``bootstrap``, in words."""
    return "bootstrap over photos" if groups is None else f"bootstrap over {GROUP}s"


def percentile_estimate(
    value: float, drawn: Floats, n: int, groups: Ints | None, level: float
) -> Estimate:
    """Return a value with the percentile interval of its resamples (Efron & Tibshirani 1993)."""
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(
        value,
        min(float(low), value),
        max(float(high), value),
        f"percentile {how_resampled(groups)}",
        n,
        level,
    )


def mean_of(
    values: Floats,
    groups: Ints | None,
    level: float,
    *,
    unseen: float,
    least: float = 0.0,
    seed: int = 0,
) -> Estimate:
    """Return the mean of numbers [N] with its percentile bootstrap interval, open to the unseen.

    A kind of photo that did not occur is in no resample, so that the bootstrap alone promises that
    none will (compare Hanley & Lippman-Hand 1983, "If nothing goes wrong, is everything all right?").
    The caller says how high the mean may be with as many of them as so few photos leave open; the
    upper end is not below that. The lower end of values that are all alike is as far below them as it
    may be when the share ``z^2 / (n + z^2)`` of others (Wilson's limit) has the least.

    Args:
        values: One a photo.
        groups: Group numbers [N], or ``None``.
        level: How often the interval holds the truth.
        unseen: The mean with as many unseen photos of the worse kind as may be.
        least: What a photo may have at least.
        seed: Of the resampling.
    """
    n, value = len(values), float(values.mean())

    def statistic(weights: Floats) -> Floats:
        return np.asarray(weights @ values / weights.sum(axis=1))

    drawn = bootstrap(statistic, n, groups, seed)
    found = percentile_estimate(value, drawn, n, groups, level)
    low, high, how = found.low, max(found.high, float(unseen)), found.method
    if float(np.ptp(drawn)) <= 1e-9 * max(1.0, abs(value)):
        most = wilson_limits(0.0, effective_count(groups, n), level)[1]
        low, how = value - most * (value - least), "nothing to resample"
    if high > found.high:
        how = f"{how}, and Wilson for the unseen"
    return Estimate(value, low, high, how, n, level)
