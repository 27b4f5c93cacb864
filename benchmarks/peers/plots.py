"""The report in pictures: accuracy against seconds, and seconds to an accuracy. Needs matplotlib."""

from __future__ import annotations

import io
from statistics import fmean
from typing import TYPE_CHECKING, Any

from benchmarks.peers.curves import FEWEST, interval, mean_curve, value_at
from benchmarks.peers.registry import PEERS
from benchmarks.peers.tables import MARKS, time_to_marks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.peers.tables import Row

_SECONDS = (10, 20, 30, 60, 120, 180, 300, 600, 1200, 1800, 3600, 7200)


def draw_curves(rows: Sequence[Row]) -> bytes:
    """Return a PNG: the mean accuracy of each peer and setting once so many seconds have passed.

    A peer has one colour; bands and bars are Student's 95 % intervals over folds and seeds, as far as
    there are enough.
    """
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 6.5), layout="constrained")
    axes = figure.add_subplot()
    colours = dict(zip(PEERS, colormaps["tab10"].colors, strict=False))  # type: ignore[attr-defined]
    named: set[str] = set()
    for row in rows:
        if not row.curves:
            continue  # nothing was asked, or only parts were run
        label = None if row.peer in named else PEERS[row.peer].title
        named.add(row.peer)
        _draw_row(axes, row, colours[row.peer], label)
    axes.set_xscale("log")
    axes.set_xticks(_SECONDS, [_say_time(seconds) for seconds in _SECONDS])
    axes.minorticks_off()
    # Where curves begin says little; where they end must be in the picture.
    ends = [fmean(curve[-1][1] for curve in row.curves) for row in rows if row.curves]
    axes.set_ylim(min([0.5, *(end - 0.1 for end in ends)]), 1.03)
    low, high = axes.dataLim.intervalx
    if low < high:
        axes.set_xlim(low / 1.2, high * 1.4)
    axes.set_xlabel("time of training, from the start of the process (log)")
    axes.set_ylabel("accuracy on held-out photos")
    runs = max((len(row.runs) for row in rows), default=0)
    band = "; bands: 95 % intervals over them" if runs >= FEWEST else ""
    axes.set_title(f"Mean of up to {runs} runs (folds and seeds){band}", loc="left", fontsize=10)
    for mark in MARKS:
        axes.axhline(mark, color="0.8", linewidth=0.8, zorder=0)
    if named:
        figure.legend(loc="outside lower center", ncols=3, fontsize=9)
    return _to_png(figure)


def _say_time(seconds: int) -> str:
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min"


def _draw_row(axes: Any, row: Row, colour: Any, label: str | None) -> None:
    mean = mean_curve(row.curves)
    # Means of runs that have not all got a point yet are no accuracies.
    start = max(curve[0][0] for curve in row.curves)
    mean = [point for point in mean if point[0] >= start]
    times = [time for time, _ in mean]
    bands = [interval([value_at(curve, time) for curve in row.curves]) for time in times]
    ends = {len(curve) for curve in row.curves} == {1}
    style = {"color": colour, "label": label}
    if ends:
        x = fmean(curve[-1][0] for curve in row.curves)
        y = fmean(curve[-1][1] for curve in row.curves)
        band = interval([curve[-1][1] for curve in row.curves])
        errors = None if band is None else [[y - band[0]], [band[1] - y]]
        axes.errorbar([x], [y], yerr=errors, fmt="o", capsize=3, **style)
        axes.annotate(row.setting, (x, y), (4, 4), textcoords="offset points", fontsize=7)
        return
    axes.step(times, [value for _, value in mean], where="post", linewidth=1.3, **style)
    axes.annotate(row.setting, mean[-1], (4, -8), textcoords="offset points", fontsize=7)
    if all(band is not None for band in bands):
        pairs = [band for band in bands if band is not None]
        low, high = zip(*pairs, strict=True)
        axes.fill_between(times, low, high, step="post", color=colour, alpha=0.15, linewidth=0)


def draw_times(rows: Sequence[Row]) -> bytes:
    """Return a PNG: seconds until the mean of the headline setting reaches each accuracy, a bar for each.

    Peers that were not asked, or run in part only, are left out.
    """
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    shown = [row for row in rows if row.curves and row.setting == PEERS[row.peer].headline]
    names = list(dict.fromkeys(row.peer for row in shown))
    figure = Figure(figsize=(9, 1.5 + 0.6 * len(names)), layout="constrained")
    axes = figure.add_subplot()
    shades = colormaps["viridis"]([0.75, 0.5, 0.2])
    for place, name in enumerate(names):
        for k, (mark, best) in enumerate(time_to_marks(rows, name).items()):
            y = place + (k - 1) * 0.26
            if best is None:
                axes.annotate(
                    f"{mark:.2f}: not reached", (0, y), (3, -3), textcoords="offset points", size=7
                )
                continue
            axes.barh(y, best[0], 0.24, color=shades[k])
            words = f"{mark:.2f}: {best[0]:.0f} s"
            axes.annotate(words, (best[0], y), (3, -3), textcoords="offset points", size=7)
    titles = [f"{PEERS[name].title}\n{PEERS[name].headline}" for name in names]
    axes.set_yticks(range(len(names)), titles)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.margins(x=0.15)
    axes.set_xlabel("seconds until the mean of the runs reaches the accuracy")
    return _to_png(figure)


def _to_png(figure: Any) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=130)
    return buffer.getvalue()
