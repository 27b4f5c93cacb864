"""All scores of a set of predictions at once, and what they cannot tell.

Knows which scores apply to how many classes. Does not know how to print a table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from figsight.metrics.binary import average_precision, roc_auc, sensitivity_specificity
from figsight.metrics.checks import check_pair
from figsight.metrics.estimates import Estimate, wilson, wilson_limits
from figsight.metrics.scores import (
    accuracy,
    balanced_accuracy,
    brier,
    expected_calibration_error,
    log_loss,
    macro_f1,
    top_k_accuracy,
)
from figsight.metrics.tables import risk_coverage
from figsight.metrics.words import say_share
from figsight.phrases import count

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

_TELLING_WIDTH = 0.05  # an interval narrower than five points says what most people ask
_TELLING_CLASS = 30  # the fewest photos of a class for which "all right" says 0.89 or more
_MOSTLY = 0.5  # right, below which nobody asks what a class that is all right leaves open


def summarise(
    labels: ArrayLike,
    probabilities: ArrayLike,
    groups: ArrayLike | None = None,
    seed: int = 0,
    *,
    threshold: float = 0.5,
    positive: int = 1,
    level: float = 0.95,
) -> dict[str, Estimate]:
    """Return every score that applies, by name.

    Always ``accuracy``, ``balanced_accuracy``, ``macro_f1``, ``log_loss``, ``brier``,
    ``expected_calibration_error`` (15 bins) and ``aurc``; ``top_3_accuracy`` from four classes on;
    for two classes that both occur: ``roc_auc``, ``average_precision``, and ``sensitivity`` and
    ``specificity`` at ``threshold``. With 50,000 photos it takes some
    seconds, nearly all in resampling.

    Args:
        labels: Class indices [N].
        probabilities: Rows that sum to one, [N, K], out-of-sample.
        groups: Copies share a value, [N]; ``None``: every photo stands alone.
        seed: Of the resampling.
        threshold: For two classes: a probability of the positive class of this or more is positive.
        positive: For two classes: which of them is the one that is looked for.
        level: How often each interval holds the truth, one by one.

    Raises:
        ValueError: Shapes, ranges or sums are wrong, or there is no class ``positive``.
    """
    y, p = check_pair(labels, probabilities)
    if not 0 <= positive < p.shape[1]:
        raise ValueError(f"positive: expected a class from 0 to {p.shape[1] - 1}, found {positive}")
    scores = {
        "accuracy": accuracy(y, p, groups=groups, level=level),
        "balanced_accuracy": balanced_accuracy(y, p, groups=groups, level=level),
        "macro_f1": macro_f1(y, p, groups=groups, level=level, seed=seed),
    }
    if p.shape[1] > 3:
        scores["top_3_accuracy"] = top_k_accuracy(y, p, 3, groups=groups, level=level)
    scores["log_loss"] = log_loss(y, p, groups=groups, level=level, seed=seed)
    scores["brier"] = brier(y, p, groups=groups, level=level, seed=seed)
    scores["expected_calibration_error"] = expected_calibration_error(
        y, p, groups=groups, level=level, seed=seed
    )
    scores["aurc"] = risk_coverage(y, p, groups=groups, level=level, seed=seed).aurc
    if p.shape[1] == 2 and len(np.unique(y)) == 2:
        is_positive, score = (y == positive).astype(np.int64), p[:, positive]
        at = sensitivity_specificity(is_positive, score, threshold, groups=groups, level=level)
        scores["roc_auc"] = roc_auc(is_positive, score, groups=groups, level=level)
        scores["average_precision"] = average_precision(
            is_positive, score, groups=groups, level=level
        )
        scores["sensitivity"] = at.sensitivity
        scores["specificity"] = at.specificity
    return scores


def what_it_cannot_tell(
    n: int,
    correct: int | None = None,
    *,
    seen: Estimate | None = None,
    smallest_class: int | None = None,
    smallest_worth: float | None = None,
    level: float = 0.95,
) -> str | None:
    """Return one plain sentence on what a score of few photos leaves open; ``None`` if little.

    Args:
        n: How many photos were measured.
        correct: How many were right; ``None``: speak of the best case, all right.
        seen: The share that was right with its interval, where copies make it wider than ``n`` does.
        smallest_class: How many photos the class with the fewest has, if that is to be spoken of.
        smallest_worth: How many independent ones these are worth, where some are copies or belong
            together.
        level: Of the interval that the sentence speaks of.

    Raises:
        ValueError: ``n`` or ``correct`` is out of range.
    """
    seen = seen or wilson(n if correct is None else correct, n, level)
    parts = []
    if seen.high - seen.low > _TELLING_WIDTH:
        parts.append(f"the true accuracy may be {_say_open(seen)}")
    worth = smallest_class if smallest_worth is None else smallest_worth
    if smallest_class is not None and seen.value >= _MOSTLY and (worth or 0) < _TELLING_CLASS:
        if not worth:
            parts.append("nothing is known of a figure without test photos")
        else:
            least = say_share(wilson_limits(1.0, worth, level)[0])
            apart = "" if worth >= smallest_class else f" (worth {worth:.2g} independent ones)"
            of_one = f"for a figure with {_photos(smallest_class)}{apart}, all right,"
            parts.append(
                f"{of_one} as low as {least}"
                if parts
                else f"{of_one} the true accuracy may be as low as {least}"
            )
    return f"So few photos leave room: {', and '.join(parts)}." if parts else None


def _say_open(seen: Estimate) -> str:
    """Say what an interval leaves open: of a good share how low, where nothing is right how high."""
    if seen.value == 0:
        return f"as high as {say_share(seen.high)}"
    if seen.value < _MOSTLY:
        return f"anything from {say_share(seen.low)} to {say_share(seen.high)}"
    return f"as low as {say_share(seen.low)}"


def _photos(n: int) -> str:
    return count(n, "test photo")
