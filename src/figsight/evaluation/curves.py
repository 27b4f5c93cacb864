"""What the plots of a report draw, as plain values ready for JSON.

Knows bins, points and epochs, and how to leave points out of a curve of many. Does not draw.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from figsight import metrics
from figsight.evaluation.history import COLUMNS, read_history

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from figsight.evaluation.results import Evaluation
    from figsight.metrics import ReliabilityBin, RiskCoverage, RocCurve

BINS = 10  # fifteen, as in the score, leave too few photos in each to be seen
POINTS = 200  # of a curve, at most


def measure_reliability(evaluation: Evaluation) -> list[ReliabilityBin]:
    """Return how often answers of like probability were right."""
    return metrics.reliability(
        evaluation.labels, evaluation.probabilities, BINS, groups=evaluation.groups
    )


def measure_risk(evaluation: Evaluation) -> RiskCoverage:
    """Return what is wrong among the answers that are left when the most doubtful are held back."""
    return metrics.risk_coverage(
        evaluation.labels, evaluation.probabilities, groups=evaluation.groups
    )


def measure_roc(evaluation: Evaluation) -> RocCurve:
    """Return the ROC curve of two figures that both occur."""
    positive = evaluation.positive
    return metrics.roc_curve(
        (evaluation.labels == positive).astype(np.int64), evaluation.probabilities[:, positive]
    )


def describe_reliability(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Return a line a bin: its ends, its answers, their mean probability, the share right."""
    return [
        {
            "low": one.low,
            "high": one.high,
            "count": one.count,
            "confidence": one.confidence,
            "accuracy": None if one.accuracy is None else one.accuracy.value,
            "interval": None if one.accuracy is None else [one.accuracy.low, one.accuracy.high],
        }
        for one in measure_reliability(evaluation)
    ]


def describe_risk(evaluation: Evaluation) -> list[dict[str, float]]:
    """Return at most ``POINTS`` points of the curve, coverage rising."""
    curve = measure_risk(evaluation)
    return [
        {"coverage": float(curve.coverage[i]), "risk": float(curve.risk[i])}
        for i in thin(len(curve.coverage))
    ]


def describe_roc(evaluation: Evaluation) -> list[dict[str, float | None]] | None:
    """Return at most ``POINTS`` points, thresholds falling; None unless both figures occur.

    The first has no threshold: there nothing is called positive.
    """
    if len(np.unique(evaluation.labels)) < 2:
        return None
    curve = measure_roc(evaluation)
    return [
        {
            "threshold": at if math.isfinite(at := float(curve.threshold[i])) else None,
            "false_positive_rate": float(curve.false_positive_rate[i]),
            "sensitivity": float(curve.sensitivity[i]),
        }
        for i in thin(len(curve.threshold))
    ]


def describe_history(evaluation: Evaluation) -> list[dict[str, Any]] | None:
    """Return a line an epoch of each network, at most ``POINTS`` of each; None where no model says."""
    found = [
        dict(zip(COLUMNS, (run, *rows[i]), strict=True))
        for run, rows in read_history(evaluation.history).items()
        for i in thin(len(rows))
    ]
    return found or None


def thin(n: int) -> NDArray[np.intp]:
    """Return at most ``POINTS`` places of ``n``, evenly, both ends among them."""
    return np.unique(np.linspace(0, n - 1, min(n, POINTS)).round().astype(np.intp))
