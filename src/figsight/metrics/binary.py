"""Scores for two kinds of photos: ROC, precision, thresholds, and known against unknown.

Knows scores (higher speaks for the positive, or the stranger) and which photo is which. Does not
know pictures, nor where a threshold will be used: choosing it on one set and measuring it on
another is the caller's duty, and the only way to an honest sensitivity.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from figsight.metrics.checks import (
    Floats,
    Ints,
    check_groups,
    check_labels,
    check_scores,
    check_share,
)
from figsight.metrics.estimates import (
    COUNTED_ONCE,
    Estimate,
    effective_count,
    normal_quantile,
    share_of,
    wilson_limits,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import ArrayLike


@dataclass(frozen=True, slots=True)
class BinaryScore:
    """How a threshold divides two kinds of photos.

    Attributes:
        threshold: Photos that score this or more count as positive.
        sensitivity: Share of the positive that count as positive.
        specificity: Share of the negative that don't.
    """

    threshold: float
    sensitivity: Estimate
    specificity: Estimate


@dataclass(frozen=True)
class RocCurve:
    """Every trade of false alarms for hits, from "nothing is positive" to "everything is".

    Attributes:
        threshold: Falling, float64 [M]; the first is ``inf``.
        false_positive_rate: Share of the negative that score the threshold or more, [M].
        sensitivity: Share of the positive that do, [M].
    """

    threshold: Floats
    false_positive_rate: Floats
    sensitivity: Floats


def auroc(
    known_scores: ArrayLike,
    unknown_scores: ArrayLike,
    *,
    known_groups: ArrayLike | None = None,
    unknown_groups: ArrayLike | None = None,
    level: float = 0.95,
) -> Estimate:
    """Return how often an unknown photo scores above a known one; an equal score counts half.

    The Mann-Whitney form of the area under the ROC curve, 0..1; 0.5 is chance. Interval: the areas
    A with ``|a - A| <= z sqrt(V(A))``, V being Hanley & McNeil's variance (1982) as symmetrised in
    Newcombe (2006, "Confidence intervals for an effect size measure based on the Mann-Whitney
    statistic, part 2", method 5). Unlike DeLong's (1988) it does not shrink to nothing at 1; where
    DeLong's variance is the larger, V is raised by their ratio. Groups count once (see
    ``effective_count``). With ten unknown photos even an area of 1 leaves a low end near 0.8, and
    no number here speaks of unknowns of another kind.

    Args:
        known_scores: [N], of what should score low.
        unknown_scores: [M], of what should score high.
        known_groups: Copies share a value, [N].
        unknown_groups: Copies share a value, [M].
        level: How often the interval holds the truth.

    Raises:
        ValueError: An array is empty, not flat or not finite.
    """
    low = check_scores(known_scores, "known_scores")
    high = check_scores(unknown_scores, "unknown_scores")
    low_groups = check_groups(known_groups, len(low), "known_groups")
    high_groups = check_groups(unknown_groups, len(high), "unknown_groups")
    m, n = effective_count(low_groups, len(low)), effective_count(high_groups, len(high))
    below = _placements(high, low)  # [M], share of the known below each unknown
    above = 1 - _placements(low, high)  # [N], share of the unknown above each known
    value = float(below.mean())
    model = _mann_whitney_variance(value, m, n)
    seen = float(above.var()) / max(m - 1, 1) + float(below.var()) / max(n - 1, 1)
    raised = max(1.0, seen / model) if model > 0 else 1.0
    z2 = normal_quantile(level) ** 2

    def inside(area: float) -> bool:
        return (area - value) ** 2 <= z2 * raised * _mann_whitney_variance(area, m, n)

    method = "Newcombe, method 5"
    if low_groups is not None or high_groups is not None:
        method += f", {COUNTED_ONCE}"
    ends = _last_inside(inside, value, 0.0), _last_inside(inside, value, 1.0)
    return Estimate(value, *ends, method, len(low) + len(high), level)


def roc_auc(
    labels: ArrayLike,
    scores: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    level: float = 0.95,
) -> Estimate:
    """Return the area under the ROC curve of labels 0 and 1; see ``auroc``.

    Args:
        labels: 0 negative, 1 positive, [N]; both must occur.
        scores: Higher speaks for positive, [N].
        groups: Copies share a value, [N].
        level: How often the interval holds the truth.

    Raises:
        ValueError: Arrays are wrong, or one kind is missing.
    """
    y, s = _check_binary(labels, scores)
    members = check_groups(groups, len(y))
    return auroc(
        s[y == 0],
        s[y == 1],
        known_groups=None if members is None else members[y == 0],
        unknown_groups=None if members is None else members[y == 1],
        level=level,
    )


def roc_curve(labels: ArrayLike, scores: ArrayLike) -> RocCurve:
    """Return the ROC curve, one point for each different score and the one before them.

    Raises:
        ValueError: Arrays are wrong, or one kind is missing.
    """
    y, s = _check_binary(labels, scores)
    threshold, hits, alarms = _falling_counts(y, s)
    return RocCurve(
        threshold=np.concatenate([[np.inf], threshold]),
        false_positive_rate=np.concatenate([[0.0], alarms / alarms[-1]]),
        sensitivity=np.concatenate([[0.0], hits / hits[-1]]),
    )


def average_precision(
    labels: ArrayLike,
    scores: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    level: float = 0.95,
) -> Estimate:
    """Return ``sum over thresholds of (R_i - R_(i-1)) P_i``, the area below precision and recall.

    A score without skill gets the share of positives. Interval: Wilson's on the number of positives
    (the binomial interval of Boyd, Eng & Page 2013, "Area under the precision-recall curve", in the
    score form, which holds at 1). Rough with fewer than 20 positives.

    Raises:
        ValueError: Arrays are wrong, or one kind is missing.
    """
    y, s = _check_binary(labels, scores)
    members = check_groups(groups, len(y))
    _, hits, alarms = _falling_counts(y, s)
    gained = np.diff(hits, prepend=0.0) / hits[-1]
    value = min(1.0, float((gained * hits / (hits + alarms)).sum()))
    worth = effective_count(_regroup(members, y == 1), int(y.sum()))
    low, high = wilson_limits(value, worth, level)
    method = "Wilson on the number of positives"
    if members is not None:
        method += f", {COUNTED_ONCE}"
    return Estimate(value, low, high, method, len(y), level)


def sensitivity_specificity(
    labels: ArrayLike,
    scores: ArrayLike,
    threshold: float,
    *,
    groups: ArrayLike | None = None,
    level: float = 0.95,
) -> BinaryScore:
    """Return the shares of positives and of negatives that a threshold sorts rightly.

    ``tp / (tp + fn)`` and ``tn / (tn + fp)``, 0..1; a score of ``threshold`` or more is called positive
    (Altman & Bland 1994, "Diagnostic tests 1: sensitivity and specificity"). Intervals: Wilson, for a
    threshold that was chosen without these photos. If it was chosen on them, both are too good and
    neither interval holds. Ten positives, all found, say a sensitivity of 0.72 or more.

    Raises:
        ValueError: Arrays are wrong, or one kind is missing.
    """
    y, s = _check_binary(labels, scores)
    members = check_groups(groups, len(y))
    positive, called = y == 1, (s >= threshold).astype(np.float64)
    return BinaryScore(
        threshold=float(threshold),
        sensitivity=share_of(called[positive], _regroup(members, positive), level),
        specificity=share_of(1 - called[~positive], _regroup(members, ~positive), level),
    )


def false_accept_at(
    known_scores: ArrayLike,
    unknown_scores: ArrayLike,
    kept: float = 0.95,
    *,
    threshold: float | None = None,
    known_groups: ArrayLike | None = None,
    unknown_groups: ArrayLike | None = None,
    unknown_kinds: ArrayLike | None = None,
    level: float = 0.95,
) -> Estimate:
    """Return the share of unknown photos that pass where ``kept`` of the known photos pass.

    Known as FPR at 95 % TPR; 0 is best. Interval: two doubts in one, joined by Zou & Donner's method
    (2008, "Construction of confidence limits about effect measures").

    That of the share: Wilson's, on the number of independent photos that would give it the variance
    that it has between kinds (``v (1 - v) / V``, Korn & Graubard 1998, with V the cluster variance of
    the mean): ten photos of one stranger mostly pass or fail together. Where all or none pass there
    is nothing to see of that; then half of the photos count, as measured on nine figures of ten.

    That of the threshold: the share at the known scores at both ends of Wilson's interval for
    ``kept``. With 50 known photos it hangs on the two or three strangest.

    Simulated on fifteen networks, five to ten kinds: it held the mean share of further networks and
    kinds in 94 to 99 of 100 cases; Wilson's alone in 42 to 56.

    Args:
        known_scores: Of known photos, [N].
        unknown_scores: Of unknown photos, [M].
        kept: The share of known photos that the threshold is for.
        threshold: Photos at or below it pass; ``None``: the lowest known score that at least
            ``kept`` of the known don't exceed.
        known_groups: Copies share a value, [N].
        unknown_groups: Copies share a value, [M].
        unknown_kinds: What each unknown photo shows, [M]; ``None``: every photo another thing.
        level: How often the interval holds the truth.

    Raises:
        ValueError: Arrays are wrong, or ``kept`` is not a share.
    """
    low = np.sort(check_scores(known_scores, "known_scores"))
    high = check_scores(unknown_scores, "unknown_scores")
    low_groups = check_groups(known_groups, len(low), "known_groups")
    high_groups = check_groups(unknown_groups, len(high), "unknown_groups")
    kinds = check_groups(unknown_kinds, len(high), "unknown_kinds")
    share = check_share(kept, "kept")

    def nth(at: float) -> float:
        return float(low[min(max(int(np.ceil(at * len(low) - 1e-9)), 1), len(low)) - 1])

    passed = high <= (nth(share) if threshold is None else threshold)
    ends = wilson_limits(share, effective_count(low_groups, len(low)), level)
    found = share_accepted(
        passed,
        at_ends=[high <= nth(end) for end in ends],
        groups=high_groups,
        kinds=kinds,
        level=level,
    )
    return replace(found, n=len(low) + len(high) if threshold is None else len(high))


def share_accepted(
    passed: ArrayLike,
    *,
    at_ends: Sequence[ArrayLike] = (),
    groups: ArrayLike | None = None,
    kinds: ArrayLike | None = None,
    level: float = 0.95,
) -> Estimate:
    """Return the share of unknown photos that pass a threshold; see ``false_accept_at``.

    Of a threshold that is what it is, a finished model's, there is no doubt: then the interval is of
    this very threshold, for other strangers.

    Args:
        passed: Which photos pass, zeros and ones [M].
        at_ends: Which would pass thresholds at both ends of what is known of it, [M] each; none: it is
            what it is.
        groups: Copies share a value, [M].
        kinds: What each photo shows, [M]; ``None``: every photo another thing.
        level: How often the interval holds the truth.

    Raises:
        ValueError: Arrays are wrong.
    """
    ones = check_scores(passed, "passed")
    members, shown = check_groups(groups, len(ones)), check_groups(kinds, len(ones), "kinds")
    value, worth = float(ones.mean()), effective_count(members, len(ones))
    if shown is not None:
        worth = min(worth, _worth_of_kinds(ones, shown, worth))
    low, high = wilson_limits(value, worth, level)
    method = f"Wilson{'' if shown is None else ' over figures'}"
    if shown is None and members is not None:
        method += f", {COUNTED_ONCE}"
    if len(at_ends):
        others = [float(check_scores(one, "at_ends", len(ones)).mean()) for one in at_ends]
        low = value - float(np.hypot(value - low, value - min(value, *others)))
        high = value + float(np.hypot(high - value, max(value, *others) - value))
        method += ", joined with the doubt of the threshold"
    return Estimate(value, max(0.0, low), min(1.0, high), method, len(ones), level)


def _worth_of_kinds(passed: Floats, kinds: Ints, most: float) -> float:
    """Return how many independent photos zeros and ones [M] of several kinds are worth.

    Args:
        passed: Zeros and ones.
        kinds: What each photo shows.
        most: How many they were worth if each showed another thing.
    """
    value, number = float(passed.mean()), int(kinds.max()) + 1
    if number < 2 or value in (0.0, 1.0):
        return most / 2
    apart = np.bincount(kinds, passed - value)
    variance = number / (number - 1) * float(np.square(apart).sum()) / len(passed) ** 2
    return value * (1 - value) / variance if variance > 0 else float(len(passed))


def _check_binary(labels: ArrayLike, scores: ArrayLike) -> tuple[Ints, Floats]:
    y = check_labels(labels, 2)
    s = check_scores(scores, "scores", len(y))
    if len(np.unique(y)) < 2:
        raise ValueError(
            f"labels: expected both 0 and 1, found only {y[0]}; add photos of the other kind"
        )
    return y, s


def _regroup(groups: Ints | None, chosen: np.ndarray) -> Ints | None:
    """Return the groups of the chosen photos, numbered from 0 again."""
    if groups is None:
        return None
    return check_groups(groups[chosen], int(chosen.sum()))


def _placements(scores: Floats, others: Floats) -> Floats:
    """Return the share of ``others`` [M] below each of ``scores`` [N]; equal ones count half."""
    ordered = np.sort(others)
    below = np.searchsorted(ordered, scores, side="left")
    at_most = np.searchsorted(ordered, scores, side="right")
    return np.asarray((below + at_most) / (2 * len(others)))


def _mann_whitney_variance(area: float, m: float, n: float) -> float:
    mean_size = (m + n) / 2
    spread = 2 * mean_size - 1 - 3 * (mean_size - 1) / ((2 - area) * (1 + area))
    return area * (1 - area) * spread / (m * n)


def _last_inside(inside: Callable[[float], bool], start: float, end: float) -> float:
    """Return the point furthest from ``start`` towards ``end`` where a condition still holds."""
    if inside(end):
        return end
    near, far = start, end
    for _ in range(60):  # halving 60 times reaches the spacing of floats
        middle = (near + far) / 2
        near, far = (middle, far) if inside(middle) else (near, middle)
    return near


def _falling_counts(labels: Ints, scores: Floats) -> tuple[Floats, Floats, Floats]:
    """Return each different score, falling, and how many positives and negatives reach it."""
    values, where = np.unique(scores, return_inverse=True)
    positive = np.bincount(where, labels == 1, minlength=len(values))[::-1]
    negative = np.bincount(where, labels == 0, minlength=len(values))[::-1]
    return values[::-1], np.cumsum(positive), np.cumsum(negative)
