"""The plots of a report. Knows numbers and axes, not pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from figsight import metrics
from figsight.evaluation.curves import BINS, measure_reliability, measure_risk, measure_roc
from figsight.evaluation.report.svg import ACCENT, BAD, GOOD, INK, QUIET, drawing, to_svg

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from figsight.evaluation.history import Epochs
    from figsight.evaluation.results import Evaluation

WIDTH, HEIGHT = 4.6, 3.5  # inches; a phone shows them at about their size
BROAD = 5.2  # inches; as broad as can still be read on a phone


def plot_reliability(evaluation: Evaluation) -> str:
    """Draw how often answers of like probability were right, with their intervals."""
    table = measure_reliability(evaluation)
    with drawing(WIDTH, HEIGHT) as figure:
        panel, below = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
        panel.plot(
            [0, 1], [0, 1], color=QUIET, linewidth=1, linestyle="--", label="as it should be"
        )
        for line in table:
            if line.accuracy is None or line.confidence is None:
                continue
            ends = [
                [line.accuracy.value - line.accuracy.low],
                [line.accuracy.high - line.accuracy.value],
            ]
            panel.errorbar(
                line.confidence, line.accuracy.value, yerr=ends, fmt="o", color=ACCENT, capsize=3
            )
        below.bar(
            [(line.low + line.high) / 2 for line in table],
            [line.count for line in table],
            width=0.9 / BINS,
            color=QUIET,
        )
        panel.set(xlim=(0, 1.02), ylim=(0, 1.04), ylabel="share right")
        below.set(xlabel="probability of the answer", ylabel="answers")
        _in_percent(panel, "y")
        _in_percent(below, "x")
        panel.legend(loc="upper left")
        return to_svg(figure, "reliability", "Reliability diagram")


def plot_risk(evaluation: Evaluation) -> str:
    """Draw what is wrong among the answers that are left when the most doubtful are held back."""
    curve = measure_risk(evaluation)
    with drawing(WIDTH, HEIGHT) as figure:
        panel = figure.subplots()
        panel.plot(curve.coverage, curve.risk, color=ACCENT, linewidth=2, drawstyle="steps-post")
        panel.set(
            xlim=(0, 1.02),
            ylim=(0, max(0.02, 1.15 * float(curve.risk.max()))),
            xlabel="share of the photos answered, surest first",
            ylabel="share of these answers wrong",
        )
        _in_percent(panel, "x")
        _in_percent(panel, "y")
        return to_svg(figure, "risk", "Risk against coverage")


def plot_roc(evaluation: Evaluation) -> str:
    """Draw the ROC curve of two figures, and where the model decides."""
    curve = measure_roc(evaluation)
    with drawing(WIDTH, HEIGHT) as figure:
        panel = figure.subplots()
        panel.plot([0, 1], [0, 1], color=QUIET, linewidth=1, linestyle="--")
        panel.plot(curve.false_positive_rate, curve.sensitivity, color=ACCENT, linewidth=2)
        half = evaluation.scores
        panel.plot(
            1 - half["specificity"].value,
            half["sensitivity"].value,
            "o",
            color=INK,
            label="the more probable figure",
        )
        if evaluation.operating is not None:
            at = evaluation.operating
            panel.plot(
                1 - at.specificity.value,
                at.sensitivity.value,
                "D",
                color=GOOD,
                label=f"threshold for {metrics.say_stated(at.stated_sensitivity)}",
            )
        panel.set(
            xlim=(-0.02, 1.02),
            ylim=(0, 1.04),
            xlabel="1 - specificity: false alarms",
            ylabel="sensitivity: found",
        )
        _in_percent(panel, "x")
        _in_percent(panel, "y")
        panel.legend(loc="lower right")
        return to_svg(figure, "roc", "ROC curve")


def plot_strangeness(
    known: Sequence[float], others: Sequence[float], threshold: float | Sequence[float] | None
) -> str:
    """Draw how strange known photos look, and those of none of the figures.

    Args:
        known: How strange photos of the figures look.
        others: The same of photos of none of them.
        threshold: From where on photos are called unknown; several where networks have one each.
    """
    limits = np.atleast_1d([] if threshold is None else threshold)
    both = np.concatenate([np.asarray(known), np.asarray(others)])
    # A few very strange photos must not squeeze all others into one bar.
    low, high = float(both.min()), float(np.quantile(both, 0.99))
    if len(limits):
        low, high = min(low, float(limits.min())), max(high, float(limits.max()))
    high = high if high > low else low + 1
    edges = np.linspace(low, high + 0.02 * (high - low), 36).tolist()
    with drawing(BROAD, HEIGHT) as figure:
        panel = figure.subplots()
        for scores, colour, label in (
            (known, ACCENT, "photos of the figures"),
            (others, BAD, "photos of none of them"),
        ):
            if len(scores):
                inside = np.clip(np.asarray(scores), edges[0], edges[-1])
                weights = np.full(len(inside), 1 / len(inside))
                panel.hist(inside, edges, weights=weights, color=colour, alpha=0.6, label=label)
        if len(limits):
            ends = float(limits.min()), float(limits.max())
            if ends[0] < ends[1]:
                panel.axvspan(
                    *ends, color=INK, alpha=0.18, linewidth=0, label="the folds' thresholds"
                )
            else:
                panel.axvline(ends[0], color=INK, linewidth=1.2, linestyle="--", label="threshold")
        panel.set(
            xlabel="how strange it looks; beyond the threshold: unknown",
            ylabel="share of the photos",
        )
        _in_percent(panel, "y")
        panel.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0.2)
        return to_svg(figure, "strangeness", "Histogram of how strange photos look")


def plot_curves(epochs: Epochs) -> tuple[str, str]:
    """Draw loss and accuracy on the training photos, epoch by epoch, a line a network."""
    return (
        _plot_curve(epochs, 1, "loss", "loss, nats", None),
        _plot_curve(epochs, 2, "learnt", "accuracy, varied views", 1.04),
    )


def _plot_curve(epochs: Epochs, column: int, key: str, what: str, top: float | None) -> str:
    with drawing(WIDTH, HEIGHT) as figure:
        panel = figure.subplots()
        for run, rows in epochs.items():
            stands_out = run.startswith("final") or len(epochs) == 1
            panel.plot(
                [row[0] for row in rows],
                [row[column] for row in rows],
                color=ACCENT if stands_out else QUIET,
                linewidth=2 if stands_out else 1,
                marker="o" if len(rows) == 1 else None,
                zorder=3 if stands_out else 2,
            )
        panel.locator_params(axis="x", integer=True)
        panel.set(xlabel="epoch", ylabel=what, ylim=(0, top))
        if top is not None:
            _in_percent(panel, "y")
        return to_svg(figure, key, f"Training: {what}")


def _in_percent(panel: Axes, axis: str) -> None:
    chosen = panel.xaxis if axis == "x" else panel.yaxis
    chosen.set_major_formatter(lambda share, _: metrics.say_stated(share))
