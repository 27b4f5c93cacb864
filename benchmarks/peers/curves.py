"""Numbers from runs: mean curves, the time to an accuracy, intervals. Knows no files and no peers.

A curve is a list of (seconds, accuracy), seconds rising: what a network answers once so many seconds
of training have passed. Between two points the earlier one holds, before the first one nothing does
(0). It does not smooth: an accuracy that one epoch reaches and the next one loses has been reached.
"""

from __future__ import annotations

from bisect import bisect_right
from math import sqrt
from statistics import fmean, stdev
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    Curve = Sequence[tuple[float, float]]

_ROUNDING = 1e-9
FEWEST = 3  # runs that an interval is told of


def value_at(curve: Curve, seconds: float) -> float:
    """Return the accuracy once so many seconds have passed."""
    place = bisect_right([time for time, _ in curve], seconds)
    return curve[place - 1][1] if place else 0.0


def mean_curve(curves: Sequence[Curve]) -> list[tuple[float, float]]:
    """Return the mean of several runs at every time at which one of them moves."""
    times = sorted({time for curve in curves for time, _ in curve})
    return [(time, fmean(value_at(curve, time) for curve in curves)) for time in times]


def time_to(curves: Sequence[Curve], accuracy: float) -> float | None:
    """Return the seconds at which the mean curve first reaches an accuracy; None if it does not."""
    reached = (time for time, mean in mean_curve(curves) if mean >= accuracy - _ROUNDING)
    return next(reached, None)


def interval(values: Sequence[float]) -> tuple[float, float] | None:
    """Return Student's 95 % interval of a mean over runs, within 0..1; None for fewer than ``FEWEST``.

    Of two it would be twelve times their spread: nearly always everything.
    Runs of a cross-validation share photos that they learn from, so that it is somewhat too short.
    """
    if len(values) < FEWEST:
        return None
    from scipy.stats import t

    half = float(t.ppf(0.975, len(values) - 1)) * stdev(values) / sqrt(len(values))
    mean = fmean(values)
    return max(0.0, mean - half), min(1.0, mean + half)


def extrapolate(times: Sequence[float], began: float | None, of_epochs: int) -> float:
    """Return the seconds of a whole run of which some epochs were run: the rest at the last one's pace.

    Args:
        times: Seconds at the end of each epoch that was run, at least one.
        began: Seconds at the beginning of the first; None counts what came before into it.
        of_epochs: How many the run would have.
    """
    before = times[-2] if len(times) > 1 else (began or 0.0)
    return times[-1] + (of_epochs - len(times)) * (times[-1] - before)
