"""Scores of a classifier of any number of classes, each with its interval.

Knows labels (class indices) and probabilities (rows that sum to one). Does not know pictures,
files, names of classes, or how the probabilities came about: that they are out-of-sample is the
caller's promise.

Classes that no photo shows. A test set may lack some classes. Balanced accuracy and macro F1 are
means over the classes that ``labels`` holds; a class that is only ever predicted adds no term of
its own, yet each such prediction is a mistake of the photo's true class and lowers that one's
recall.

Groups. ``groups`` [N] gives photos that are copies of each other (or one patient's, one session's)
the same value. Values don't change; intervals become as wide as the number of groups deserves.

Intervals. Shares have Wilson's. The others are resampled; see each. All speak of more photos like
these, and none of another camera. With ten photos a class, one photo is ten points of that class.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from figsight.metrics.checks import (
    Floats,
    Ints,
    check_bins,
    check_groups,
    check_pair,
)
from figsight.metrics.estimates import (
    Estimate,
    bootstrap,
    effective_count,
    how_resampled,
    mean_of,
    share_of,
    wilson_limits,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

_SMALLEST = float(np.finfo(np.float64).eps)  # log loss of a certain and wrong answer: 36


def accuracy(
    labels: ArrayLike,
    probabilities: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    level: float = 0.95,
) -> Estimate:
    """Return the share of photos whose most probable class is the right one.

    ``sum over photos of [argmax_k p_k is right] / N``, 0..1; of equal probabilities the first class
    counts as the answer. Interval: Wilson (1927, "Probable inference"); with ``groups`` on Kish's
    effective count (see ``effective_count``), which stays honest when all are right. Large classes
    decide it: with ten photos a class it can't say which class fails.

    Args:
        labels: Class indices [N].
        probabilities: Rows that sum to one, [N, K].
        groups: Copies share a value, [N]; ``None``: every photo stands alone.
        level: How often the interval holds the truth.

    Raises:
        ValueError: Shapes, ranges or sums are wrong.
    """
    y, p = check_pair(labels, probabilities)
    correct = (p.argmax(axis=1) == y).astype(np.float64)
    return share_of(correct, check_groups(groups, len(y)), level)


def top_k_accuracy(
    labels: ArrayLike,
    probabilities: ArrayLike,
    k: int = 3,
    *,
    groups: ArrayLike | None = None,
    level: float = 0.95,
) -> Estimate:
    """Return the share of photos whose right class is among the ``k`` most probable.

    The top-k score of Russakovsky et al. (2015, "ImageNet large scale visual recognition challenge"),
    0..1. Equal probabilities are ranked in the order of the classes. Interval: as ``accuracy``. Guessing
    gets ``k / K``, so that with few classes a high number says little.

    Raises:
        ValueError: The arrays are wrong, or ``k`` is not in 1..K-1 (with K it is always 1).
    """
    y, p = check_pair(labels, probabilities)
    n_classes = p.shape[1]
    if not 1 <= k < n_classes:
        raise ValueError(
            f"k: expected 1..{n_classes - 1} for {n_classes} classes, found {k}; "
            "among all of them the right one always is"
        )
    own = p[np.arange(len(y)), y][:, None]  # [N, 1]
    earlier = np.arange(n_classes)[None, :] < y[:, None]  # [N, K]
    rank = ((p > own) | ((p == own) & earlier)).sum(axis=1)  # [N], 0 is best
    return share_of((rank < k).astype(np.float64), check_groups(groups, len(y)), level)


def balanced_accuracy(
    labels: ArrayLike,
    probabilities: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    level: float = 0.95,
) -> Estimate:
    """Return the mean recall over the classes that ``labels`` holds (Brodersen et al. 2010).

    Interval: Wilson's, on the number of independent photos that would give a share of this size the
    same variance (Korn & Graubard 1998): ``v (1 - v) / V`` with V the sum of
    ``r_k (1 - r_k) / n_k / C^2`` over the C classes, and at most ``C^2 / sum 1 / n_k``, which also
    serves when nothing is wrong. Chosen by simulation: with 9 to 27 classes of 2 to 15 photos it
    held the truth in 92 to 99 of 100 cases, the percentile bootstrap in 68 to 95, because with
    hardly a mistake there is hardly anything to resample. With classes of 10 and 500 photos (recalls
    0.80 and 0.98) it held it in 87. What it can't promise: that a class of ten photos is near the mean.

    Raises:
        ValueError: Shapes, ranges or sums are wrong.
    """
    y, p = check_pair(labels, probabilities)
    members = check_groups(groups, len(y))
    correct = (p.argmax(axis=1) == y).astype(np.float64)
    counts = np.bincount(y)
    present = counts > 0
    recall = np.bincount(y, correct)[present] / counts[present]  # [C]
    worth = _class_worth(y, members)  # [C]
    value = float(recall.mean())
    variance = float((recall * (1 - recall) / worth).sum()) / len(worth) ** 2
    return _mean_share(value, variance, worth, how="", n=len(y), level=level)


def macro_f1(
    labels: ArrayLike,
    probabilities: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> Estimate:
    """Return the mean over classes of ``F1 = 2 tp / (2 tp + fp + fn)``, classes in ``labels`` only.

    The mean of the classes' F1, not the F1 of mean precision and recall; the two differ (Opitz & Burst
    2019, "Macro F1 and macro F1"). 0..1. With ten photos a class each F1 moves by five to ten points with
    one photo; only their mean is worth a comparison. Interval: as ``balanced_accuracy``, with the
    variance of 2,000 resamples for V. In the same simulation it held the truth in 96 to 98 of 100 cases,
    the percentile bootstrap in 68 to 95.

    Raises:
        ValueError: Shapes, ranges or sums are wrong.
    """
    y, p = check_pair(labels, probabilities)
    members = check_groups(groups, len(y))
    predicted = p.argmax(axis=1)
    n_classes = p.shape[1]
    by_label, by_prediction = _Sums(y, n_classes), _Sums(predicted, n_classes)
    correct = (predicted == y).astype(np.float64)

    def statistic(weights: Floats) -> Floats:
        true = by_label(weights)  # [r, K]
        both = true + by_prediction(weights)  # 2 tp + fp + fn
        hits = by_label(weights * correct)
        f1 = np.divide(2 * hits, both, out=np.zeros_like(both), where=true > 0)
        return np.asarray(f1.sum(axis=1) / (true > 0).sum(axis=1))

    value = float(statistic(np.ones((1, len(y))))[0])
    variance = float(bootstrap(statistic, len(y), members, seed).var())
    how = f", variance by {how_resampled(members)}"
    worth = _class_worth(y, members)
    return _mean_share(value, variance, worth, how=how, n=len(y), level=level)


def log_loss(
    labels: ArrayLike,
    probabilities: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> Estimate:
    """Return the mean of ``-ln p_true``, in nats: 0 is perfect, ``ln K`` is what guessing gets.

    Probabilities below 2.2e-16 count as that, so one photo costs at most 36. Interval: percentile
    bootstrap, 2,000 resamples, open to unseen mistakes (``_with_unseen_mistakes``): a few bad photos
    make most of this number, and where none has been seen yet there is none to resample. Simulated on
    20 to 120 photos of which 3 in 100 are wrong, it held the truth in 98 to 100 of 100 cases, without
    that in 29 to 86.

    Source: Good (1952), "Rational decisions".

    Raises:
        ValueError: Shapes, ranges or sums are wrong.
    """
    y, p = check_pair(labels, probabilities)
    losses = -np.log(np.clip(p[np.arange(len(y)), y], _SMALLEST, 1.0))  # [N]
    members = check_groups(groups, len(y))
    each = -np.log(
        np.clip(p, _SMALLEST, 1.0)
    )  # [N, K], what it costs if the class is the right one
    unseen = _with_unseen_mistakes(each, p, y, members, level)
    return mean_of(losses, members, level, unseen=unseen, seed=seed)


def brier(
    labels: ArrayLike,
    probabilities: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> Estimate:
    """Return the mean of ``sum over classes of (p_k - [k is right])^2``, from 0 (best) to 2.

    This is Brier's own form (1950, "Verification of forecasts expressed in terms of probability").
    For two classes it is twice the number that many libraries call the Brier score. Interval: as
    ``log_loss``. It falls with better names as with better probabilities, and doesn't say which.

    Raises:
        ValueError: Shapes, ranges or sums are wrong.
    """
    y, p = check_pair(labels, probabilities)
    members = check_groups(groups, len(y))
    each = np.square(p).sum(axis=1, keepdims=True) - 2 * p + 1  # [N, K], as for the log loss
    unseen = _with_unseen_mistakes(each, p, y, members, level)
    return mean_of(each[np.arange(len(y)), y], members, level, unseen=unseen, seed=seed)


def expected_calibration_error(
    labels: ArrayLike,
    probabilities: ArrayLike,
    bins: int = 15,
    *,
    groups: ArrayLike | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> Estimate:
    """Return how far the top probability is from the share right: ``sum n_b / n |acc_b - conf_b|``.

    Bins are of equal width, open below and closed above, over the probability of the answer (Guo et
    al. 2017, "On calibration of modern neural networks"). From 0 (best) to 1.

    It is above zero even for a perfectly calibrated classifier, by about 0.01 to 0.03 with 270
    photos, as chance differences don't cancel, and a resample adds to it again. So the lower end is
    ``v - q``, with q what chance alone stays below in 97.5 % of 2,000 resamples (the same sum over
    bins, of the gaps' own changes; by the triangle inequality the truth is not below it), and the
    upper end the basic bootstrap's ``2 v - q_low`` (Davison & Hinkley 1997, section 5.2), or v when
    that is more. A lower end of 0 means: this may be chance. No resample holds a mistake that was not
    seen, so the upper end (and where all are right or all wrong the lower one) is at least as far as
    Wilson's interval of the share right: the error is no less than ``|share right - mean
    probability|``. Simulated like ``log_loss``, it held the
    truth in all cases, without that in 47 to 86 of 100. It says nothing of calibration within one
    class: ten photos can't.

    Raises:
        ValueError: Shapes, ranges or sums are wrong, or ``bins`` is below 1.
    """
    y, p = check_pair(labels, probabilities)
    members = check_groups(groups, len(y))
    confidence = p.max(axis=1)  # [N]
    gap = (p.argmax(axis=1) == y) - confidence
    by_bin = _Sums(bin_of(confidence, check_bins(bins)), bins)

    seen = by_bin(gap[None, :]) / len(y)  # [1, bins]
    value = float(np.abs(seen).sum())

    def statistic(weights: Floats) -> Floats:
        gaps = by_bin(weights * gap) / weights.sum(axis=1, keepdims=True)  # [r, bins]
        return np.stack([np.abs(gaps).sum(axis=1), np.abs(gaps - seen).sum(axis=1)], axis=1)

    drawn, chance = bootstrap(statistic, len(y), members, seed).T  # [R] each
    right = share_of((gap > -confidence).astype(np.float64), members, level)
    sure = float(confidence.mean())
    low = max(0.0, value - float(np.quantile(chance, (1 + level) / 2)))
    if right.value in (0.0, 1.0):
        low = min(low, max(0.0, right.low - sure, sure - right.high))
    high = min(1.0, max(value, 2 * value - float(np.quantile(drawn, (1 - level) / 2))))
    high = max(high, abs(right.low - sure), abs(right.high - sure))
    how = f"{how_resampled(members)}, less what chance adds, and Wilson"
    return Estimate(value, low, high, how, len(y), level)


def bin_of(confidence: Floats, bins: int) -> Ints:
    """Return the bin of each confidence [N]; bin b has ``b / bins < c <= (b + 1) / bins``."""
    return np.asarray(np.clip(np.ceil(confidence * bins) - 1, 0, bins - 1), dtype=np.int64)


class _Sums:
    """Sums the columns of weights [r, N] that belong to one class: [r, K]. Sparse, so K is free."""

    def __init__(self, classes: Ints, n_classes: int) -> None:
        self._order = np.argsort(classes, kind="stable")
        self._present, self._starts = np.unique(classes[self._order], return_index=True)
        self._n_classes = n_classes

    def __call__(self, weights: Floats) -> Floats:
        sums = np.zeros((len(weights), self._n_classes))
        sums[:, self._present] = np.add.reduceat(weights[:, self._order], self._starts, axis=1)
        return sums


def _with_unseen_mistakes(
    each: Floats, p: Floats, labels: Ints, groups: Ints | None, level: float
) -> float:
    """Return the mean loss if as many photos were wrong as so few of them leave open.

    ``(1 - u) R + u W``, with u the upper end of Wilson's interval of the share wrong, R the mean loss
    of the photos that are right, and W what a mistake costs: as the model itself expects it (of each
    photo the other classes by their probabilities, photos by their doubt), or as it was seen to cost
    if that is more.

    Args:
        each: What a photo costs if a class is the right one, [N, K].
        p: Probabilities, [N, K].
        labels: Class indices [N].
        groups: Group numbers [N], or ``None``.
        level: How often the interval is to hold the truth.
    """
    rows = np.arange(len(labels))
    said = p.argmax(axis=1)
    wrong = said != labels
    doubt = p.copy()
    doubt[rows, said] = 0.0
    weight = doubt.sum()
    cost = float((doubt * each).sum() / weight) if weight > 0 else float(each.max())
    seen = each[rows, labels]
    if wrong.any():
        cost = max(cost, float(seen[wrong].mean()))
    good = float(seen[~wrong].mean()) if not wrong.all() else 0.0
    most = wilson_limits(float(wrong.mean()), effective_count(groups, len(labels)), level)[1]
    return (1 - most) * good + most * cost


def _class_worth(labels: Ints, groups: Ints | None) -> Floats:
    """Return for each class in ``labels`` how many independent photos it has, [C]."""
    present, counts = np.unique(labels, return_counts=True)
    if groups is None:
        return counts.astype(np.float64)
    return np.array(
        [
            effective_count(np.unique(groups[labels == k], return_inverse=True)[1], int(count))
            for k, count in zip(present, counts, strict=True)
        ]
    )


def _mean_share(
    value: float, variance: float, worth: Floats, *, how: str, n: int, level: float
) -> Estimate:
    """Return a mean of per-class shares with Wilson's interval on its effective count."""
    most = len(worth) ** 2 / float((1 / worth).sum())
    count = min(most, value * (1 - value) / variance) if variance > 0 else most
    # A share of 0 has no variance in its formula but may have some in resamples.
    low, high = wilson_limits(value, count if count > 0 else most, level)
    return Estimate(value, low, high, f"Wilson on the effective count{how}", n, level)
