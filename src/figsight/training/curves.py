"""A picture of how training went, and the same as a table."""

from __future__ import annotations

import csv
import io
from dataclasses import astuple, fields
from itertools import groupby
from typing import TYPE_CHECKING

from figsight.training.checkpoint import EpochRecord

if TYPE_CHECKING:
    from collections.abc import Sequence

    from figsight.metrics import Estimate

INK, QUIET, ACCENT, GOOD = "#1f2933", "#b8c2cc", "#2563eb", "#15803d"


def write_history(history: Sequence[EpochRecord]) -> bytes:
    """Return the epochs as CSV: run, epoch, loss, accuracy, seconds."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([field.name for field in fields(EpochRecord)])
    for record in history:
        run, epoch, loss, accuracy, seconds = astuple(record)
        writer.writerow([run, epoch, f"{loss:.6f}", f"{accuracy:.6f}", f"{seconds:.3f}"])
    return text.getvalue().encode()


def draw_curves(history: Sequence[EpochRecord], unseen: Estimate | None) -> bytes:
    """Draw loss and accuracy against epochs as PNG.

    Args:
        history: The epochs of all runs; those called "final" are drawn in front.
        unseen: Accuracy on photos that were not trained on, drawn with its interval.
    """
    # Here and not above: drawing is the last second of a run, and the import takes half of one.
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    figure = Figure(figsize=(9, 3.8), dpi=120, layout="constrained")
    panels = figure.subplots(1, 2)
    for panel, what in zip(panels, ("loss", "accuracy"), strict=True):
        for run, records in groupby(history, key=lambda record: record.run):
            rows = list(records)
            final = run.startswith("final")
            panel.plot(
                [row.epoch for row in rows],
                [getattr(row, what) for row in rows],
                color=ACCENT if final else QUIET,
                linewidth=2.2 if final else 1.2,
                marker="o" if len(rows) == 1 else None,
                zorder=3 if final else 2,
                label="final, all photos" if final else "networks that measure",
            )
        panel.set_xlabel("epoch", color=INK)
        panel.spines[["top", "right"]].set_visible(False)
        panel.grid(axis="y", color="#e5e9ee", linewidth=0.8)
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    panels[0].set_title("training loss (nats, augmented views)", fontsize=10, color=INK, loc="left")
    panels[0].set_ylim(bottom=0)
    panels[1].set_title("accuracy (augmented views)", fontsize=10, color=INK, loc="left")
    panels[1].set_ylim(0, 1.02)
    panels[1].yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    if unseen is not None:
        panels[1].axhspan(unseen.low, unseen.high, color=GOOD, alpha=0.12, linewidth=0)
        panels[1].axhline(
            unseen.value,
            color=GOOD,
            linewidth=1.6,
            linestyle="--",
            label=f"on unseen photos: {unseen.value:.1%} (band: {unseen.level:.0%} interval)",
        )
    handles, labels = panels[1].get_legend_handles_labels()
    once = dict(zip(labels, handles, strict=True))
    panels[1].legend(once.values(), once.keys(), frameon=False, fontsize=8, loc="lower right")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
