"""How a threshold for one of two figures does on photos that it was not chosen on.

Knows probabilities and labels. The scores and the choice are those of ``metrics``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from figsight import calibration, metrics
from figsight.calibration import Refusal
from figsight.evaluation.results import OperatingScore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from figsight.bundle import OperatingPoint
    from figsight.dataset import Figure


def measure_point(
    point: OperatingPoint,
    figures: Sequence[Figure],
    probabilities: NDArray[np.float64],
    labels: NDArray[np.int64],
    groups: Sequence[str] | None,
) -> OperatingScore | Refusal:
    """Apply the threshold that a model carries to photos [N] of its two figures."""
    positive = [figure.id for figure in figures].index(point.positive)
    if len(np.unique(labels)) < 2:
        return Refusal("sensitivity and specificity need photos of both figures, found one")
    at = metrics.sensitivity_specificity(
        labels == positive, probabilities[:, positive], point.threshold, groups=groups
    )
    return OperatingScore(
        positive=point.positive,
        stated_sensitivity=point.stated_sensitivity,
        thresholds=(point.threshold,),
        sensitivity=at.sensitivity,
        specificity=at.specificity,
    )


def measure_folds(
    figures: Sequence[Figure],
    logits: NDArray[np.float32],
    fold_of: NDArray[np.intp],
    labels: NDArray[np.int64],
    groups: Sequence[str],
    *,
    positive: int,
    stated: float,
) -> OperatingScore | Refusal:
    """Choose a threshold on all folds but one and apply it to that one, for every fold.

    Temperature and threshold of a fold come from the other folds alone, so nothing about the photos
    that are judged decides how. Folds are judged by thresholds of their own; the shares are of all
    photos, and speak of a threshold chosen in this way, not of any single one.

    Args:
        figures: The two.
        logits: Of R repeats, float32 [R, N, 2].
        fold_of: Number of the fold of each photo in each repeat, [R, N].
        labels: Class indices [N].
        groups: Copies share a value, [N].
        positive: The figure that is looked for.
        stated: The share of its photos that is to be found, 0..1.

    Returns:
        A ``Refusal`` when there are too few photos of the figure for such a promise.
    """
    is_positive = (labels == positive).astype(np.int64)
    called = np.zeros(fold_of.shape, np.float64)  # [R, N]
    thresholds = []
    for repeat, number in sorted({(r, int(k)) for r in range(len(fold_of)) for k in fold_of[r]}):
        here = fold_of[repeat] == number
        z = logits[repeat]
        weights = calibration.weigh_groups([groups[int(i)] for i in np.flatnonzero(~here)])
        temperature = calibration.fit_temperature(z[~here], labels[~here], weights)
        scores = calibration.softmax(z, temperature)[:, positive]
        rest = np.flatnonzero(~here & (is_positive == 1))
        at = calibration.fit_threshold(scores[rest], stated, [groups[int(i)] for i in rest])
        if isinstance(at, Refusal):
            return at
        thresholds.append(at)
        called[repeat, here] = scores[here] >= at
    repeats = len(fold_of)
    found = metrics.sensitivity_specificity(
        np.tile(is_positive, repeats), called.ravel(), 0.5, groups=list(groups) * repeats
    )
    return OperatingScore(
        positive=figures[positive].id,
        stated_sensitivity=stated,
        thresholds=tuple(thresholds),
        sensitivity=replace(found.sensitivity, n=found.sensitivity.n // repeats),
        specificity=replace(found.specificity, n=found.specificity.n // repeats),
    )
