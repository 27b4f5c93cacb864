"""The plots of a report. Knows numbers and axes, not pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from figsight import metrics
from figsight.evaluation.report.svg import ACCENT, BAD, GOOD, INK, QUIET, drawing, to_svg

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from figsight.evaluation.report.history import Epochs
    from figsight.evaluation.results import Evaluation

BINS = 10  # fifteen, as in the score, leave too few photos in each to be seen
WIDTH, HEIGHT = 4.6, 3.5  # inches; a phone shows them at about their size


def plot_reliability(evaluation: Evaluation) -> str:
    """Draw how often answers of like probability were right, with their intervals."""
    table = metrics.reliability(
        evaluation.labels, evaluation.probabilities, BINS, groups=evaluation.groups
    )
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
    curve = metrics.risk_coverage(
        evaluation.labels, evaluation.probabilities, groups=evaluation.groups
    )
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
    positive = evaluation.positive
    curve = metrics.roc_curve(
        (evaluation.labels == positive).astype(np.int64), evaluation.probabilities[:, positive]
    )
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
    known: Sequence[float], others: Sequence[float], threshold: float | None
) -> str:
    """Draw how strange known photos look, and those of none of the figures."""
    both = np.concatenate([np.asarray(known), np.asarray(others)])
    # A few very strange photos must not squeeze all others into one bar.
    low, high = float(both.min()), float(np.quantile(both, 0.99))
    if threshold is not None:
        low, high = min(low, threshold), max(high, threshold)
    high = high if high > low else low + 1
    edges = np.linspace(low, high + 0.02 * (high - low), 36).tolist()
    with drawing(2 * WIDTH, HEIGHT) as figure:
        panel = figure.subplots()
        for scores, colour, label in (
            (known, ACCENT, "photos of the figures"),
            (others, BAD, "photos of none of them"),
        ):
            if len(scores):
                inside = np.clip(np.asarray(scores), edges[0], edges[-1])
                weights = np.full(len(inside), 1 / len(inside))
                panel.hist(inside, edges, weights=weights, color=colour, alpha=0.6, label=label)
        if threshold is not None:
            panel.axvline(
                threshold, color=INK, linewidth=1.2, linestyle="--", label="called unknown"
            )
        panel.set(
            xlabel="how strange it looks (the rule's own scale)", ylabel="share of the photos"
        )
        _in_percent(panel, "y")
        panel.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0.2)
        return to_svg(figure, "strangeness", "Histogram of how strange photos look")


def plot_curves(epochs: Epochs) -> str:
    """Draw loss and accuracy on the training photos, epoch by epoch, a line a network."""
    with drawing(2 * WIDTH, HEIGHT) as figure:
        panels = figure.subplots(1, 2)
        for run, rows in epochs.items():
            final = run.startswith("final")
            for panel, column in zip(panels, (1, 2), strict=True):
                panel.plot(
                    [row[0] for row in rows],
                    [row[column] for row in rows],
                    color=ACCENT if final or len(epochs) == 1 else QUIET,
                    linewidth=2 if final or len(epochs) == 1 else 1,
                    marker="o" if len(rows) == 1 else None,
                    zorder=3 if final else 2,
                )
        for panel in panels:
            panel.xaxis.get_major_locator().set_params(integer=True)
        panels[0].set(xlabel="epoch", ylabel="loss, nats", ylim=(0, None))
        panels[1].set(xlabel="epoch", ylabel="accuracy, varied views", ylim=(0, 1.04))
        _in_percent(panels[1], "y")
        return to_svg(figure, "curves", "Training curves")


def _in_percent(panel: Axes, axis: str) -> None:
    chosen = panel.xaxis if axis == "x" else panel.yaxis
    chosen.set_major_formatter(lambda share, _: metrics.say_stated(share))
