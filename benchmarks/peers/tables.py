"""The report in numbers and words: one summary a peer and setting, as JSON and as Markdown.

Seconds are of training on this machine with whatever else it did; processor seconds say how much of
them was work. Ratios are taken over the same folds and seeds of one folder, and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
from benchmarks.peers.curves import time_to
from benchmarks.peers.registry import OURS, PEERS
from benchmarks.provenance import say_code

from figsight.metrics.estimates import Estimate, share_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.peers.planning import Photos
    from benchmarks.peers.results import Old, Result

MARKS = (0.90, 0.95, 0.98)


@dataclass(frozen=True)
class Row:
    """One peer with one setting.

    Attributes:
        peer: Its name.
        setting: The setting.
        runs: Its whole runs; where there are none, those of a part of the epochs.
        accuracy: Over all photos of all runs; None when nothing was asked.
        right: How many answers were right.
        seconds: Of training to the end, a run.
        part: In words, how far it was run and what that means; empty for whole runs.
    """

    peer: str
    setting: str
    runs: list[Result]
    accuracy: Estimate | None
    right: int
    seconds: list[float]
    part: str

    @property
    def title(self) -> str:
        """What tables call it."""
        return f"{PEERS[self.peer].title}, {self.setting}"

    @property
    def curves(self) -> list[list[tuple[float, float]]]:
        """The curve of each whole run at which photos were asked about; none for parts of runs."""
        return [run.measured for run in self.runs if run.is_whole and run.measured]

    @property
    def where(self) -> set[tuple[int, int]]:
        """Its seeds and folds."""
        return {(run.seed, run.fold) for run in self.runs}

    def among(self, where: set[tuple[int, int]]) -> list[Result]:
        """Return its runs of some seeds and folds."""
        return [run for run in self.runs if (run.seed, run.fold) in where]


def summarise(results: Sequence[Result], photos: Photos) -> list[Row]:
    """Return a row for each peer and setting that has finished runs, in the order of the registry."""
    rows = []
    for peer in PEERS.values():
        for setting in peer.settings:
            mine = [r for r in results if (r.peer, r.setting) == (peer.name, setting)]
            # Parts of runs are worth something only where nobody has run all of it.
            runs = [r for r in mine if r.is_whole] or [r for r in mine if r.is_finished]
            if runs:
                rows.append(_make_row(peer.name, setting, runs, photos))
    return rows


def _make_row(peer: str, setting: str, runs: list[Result], photos: Photos) -> Row:
    right: list[bool] = []
    groups: list[str] = []
    for run in runs:
        if run.predicted is not None:
            pairs = zip(run.held, run.predicted, strict=True)
            right += [photos.labels[i] == answer for i, answer in pairs]
            groups += [photos.groups[i] for i in run.held]
    accuracy = None
    if right:
        _, numbers = np.unique(groups, return_inverse=True)
        accuracy = share_of(np.array(right, np.float64), numbers, 0.95)
    return Row(
        peer=peer,
        setting=setting,
        runs=runs,
        accuracy=accuracy,
        right=sum(right),
        seconds=[run.seconds for run in runs],
        part=_say_part(runs),
    )


def _say_part(runs: list[Result]) -> str:
    parts = sorted({(len(r.curve), r.of_epochs) for r in runs if not r.is_whole})
    if not parts:
        return ""
    counts = ", ".join(f"{done} of {whole}" for done, whole in parts)
    return f"time of {counts} epochs, extrapolated; accuracy not measured"


def time_to_marks(
    rows: Sequence[Row], peer: str, *, best_of: bool = False
) -> dict[float, tuple[float, Row] | None]:
    """Return for each accuracy the time that a peer's headline setting takes to it, and its row.

    Args:
        rows: All of them.
        peer: The peer.
        best_of: Take the least time among all of its settings instead. That is a choice made on the
            held-out photos, and whoever has more settings has more of it.
    """
    best: dict[float, tuple[float, Row] | None] = {}
    mine = [
        row for row in rows if row.peer == peer and (best_of or row.setting == PEERS[peer].headline)
    ]
    for mark in MARKS:
        times = ((time_to(row.curves, mark), row) for row in mine)
        found = [(seconds, row) for seconds, row in times if seconds is not None]
        best[mark] = min(found, key=lambda pair: pair[0]) if found else None
    return best


def ratio_to_ours(rows: Sequence[Row], row: Row) -> float | None:
    """Return how many times longer a run takes to its end than ours does; medians, same folds."""
    ours = next(
        (one for one in rows if (one.peer, one.setting) == (OURS, PEERS[OURS].headline)), None
    )
    if ours is None or not (both := ours.where & row.where):
        return None
    theirs, own = (median(r.seconds for r in one.among(both)) for one in (row, ours))
    return theirs / own


def ratio_at(rows: Sequence[Row], peer: str, mark: float, *, best_of: bool = False) -> float | None:
    """Return how many times longer a peer takes to an accuracy; None when either does not reach it."""
    theirs, ours = (time_to_marks(rows, name, best_of=best_of)[mark] for name in (peer, OURS))
    if theirs is None or ours is None or theirs[1].where != ours[1].where:
        return None
    return theirs[0] / ours[0]


def to_dict(
    rows: Sequence[Row], results: Sequence[Result], photos: Photos, old: Old
) -> dict[str, Any]:
    """Return everything that the Markdown says, as plain values."""
    return {
        "photos": len(photos.paths),
        "classes": len(photos.classes),
        "folds": photos.n_folds,
        "settings": [
            {
                "peer": row.peer,
                "setting": row.setting,
                "runs": sorted(row.where),
                "accuracy": None if row.accuracy is None else row.accuracy.to_dict(),
                "seconds": row.seconds,
                "seconds_median": median(row.seconds),
                "note": row.part,
                "ratio_to_ours": ratio_to_ours(rows, row),
                "processor_seconds_median": median(r.processor_seconds for r in row.runs),
                "peak_mb": max(r.peak_mb for r in row.runs),
                "seconds_to": {f"{mark:.2f}": time_to(row.curves, mark) for mark in MARKS},
            }
            for row in rows
        ],
        "peers": _list_times(rows, best_of=False),
        "peers_best_of_settings": _list_times(rows, best_of=True),
        "old": [
            {"peer": peer, "setting": setting, "seed": seed, "fold": fold, "why": why}
            for (peer, setting, seed, fold), why in old.items()
        ],
        "not_run": [
            {"peer": r.peer, "setting": r.setting, "status": r.status, "why": r.why}
            for r in results
            if not r.is_finished
        ],
    }


def _list_times(rows: Sequence[Row], *, best_of: bool) -> dict[str, Any]:
    return {
        peer: {
            f"{mark:.2f}": None
            if best is None
            else {
                "seconds": best[0],
                "setting": best[1].setting,
                "ratio_to_ours": ratio_at(rows, peer, mark, best_of=best_of),
            }
            for mark, best in time_to_marks(rows, peer, best_of=best_of).items()
        }
        for peer in dict.fromkeys(row.peer for row in rows)
    }


def to_markdown(rows: Sequence[Row], results: Sequence[Result], photos: Photos, old: Old) -> str:
    """Return the report for people."""
    runs = [run for row in rows for run in row.runs]
    lines = ["# figsight and its peers", "", *_conditions(runs, photos), ""]
    lines += ["## To the end", "", *_ends(rows, old), ""]
    lines += ["## Seconds until the mean over the runs is right this often", ""]
    lines += [*_times(rows), "", "### With the best setting of each, chosen afterwards", ""]
    lines += [*_times(rows, best_of=True), ""]
    lines += ["## Who they are", ""]
    shown = dict.fromkeys([row.peer for row in rows] + [r.peer for r in results])
    lines += [f"- **{PEERS[name].title}** (`{name}`). {PEERS[name].about}" for name in shown]
    missed = [r for r in results if not r.is_finished]
    if missed:
        lines += ["", "## Not run", "", "| run | why |", "|---|---|"]
        for one in missed:
            where = f"{one.peer}:{one.setting}, seed {one.seed}, fold {one.fold}"
            lines.append(f"| {where} | {one.status}: {one.why.replace('|', '/')} |")
    return "\n".join(lines) + "\n"


def _conditions(runs: Sequence[Result], photos: Photos) -> list[str]:
    users: dict[str, dict[str, None]] = {}
    for run in runs:
        words = ", ".join(f"{name} {version}" for name, version in run.versions.items())
        words += f"; figsight's {say_code(run.code)}" if PEERS[run.peer].is_figsight else ""
        users.setdefault(words, {})[run.peer] = None
    used = "; ".join(f"{words} ({', '.join(names)})" for words, names in users.items())
    loads = [run.load_before for run in runs] or [0.0]
    dates = sorted({run.date for run in runs}) or ["-"]
    cores = " or ".join(sorted({run.cores for run in runs}))
    setup = (
        f"{len(photos.paths)} photos of {len(photos.classes)} classes in {photos.n_folds} folds, "
        f"copies on one side; the same folds and seeds for all, one run at a time, {cores}. "
        f"{dates[0]} to {dates[-1]}; load of the machine before a run {min(loads):.1f} to "
        f"{max(loads):.1f} (median {median(loads):.1f})."
    )
    meaning = (
        "Seconds are those from the start of the process on, imports and reading photos included; "
        "asking about the held-out photos is not counted, for nobody. They are of a shared machine: "
        "compare them with each other, within this table. Accuracy is that of the last epoch on "
        "photos of the held-out folds; its interval is Wilson's over all of them, copies and "
        "repeats counted once."
    )
    return [setup, "", meaning, "", f"Installed: {used}."]


def _ends(rows: Sequence[Row], old: Old) -> list[str]:
    heads = (
        *("peer", "runs", "right", "accuracy (95 % interval)", "seconds, median (least to most)"),
        *("times figsight's", "processor s", "peak MB"),
    )
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for row in rows:
        one, asked = row.accuracy, sum(len(r.held) for r in row.runs if r.predicted is not None)
        right = "" if one is None else f"{row.right} of {asked}"
        shown = row.part or "not measured"
        if one is not None:
            shown = f"{one.value:.3f} ({one.low:.3f} to {one.high:.3f})"
        seconds = f"{median(row.seconds):.0f} ({min(row.seconds):.0f} to {max(row.seconds):.0f})"
        # What a part of the epochs took says nothing of the whole.
        processor = "" if row.part else f"{median(r.processor_seconds for r in row.runs):.0f}"
        times = ratio_to_ours(rows, row)
        others = sum(run.place in old for run in row.runs)
        runs = f"{len(row.runs)}" + (f", {others} old" if others else "")
        lines.append(
            f"| {row.title} | {runs} | {right} | {shown} | {seconds} | "
            f"{'' if times is None else f'{times:.2f}'} | {processor} | "
            f"{max(r.peak_mb for r in row.runs):.0f} |"
        )
    return [*lines, *_say_old(rows, old)]


def _say_old(rows: Sequence[Row], old: Old) -> list[str]:
    """Say which runs would not be the same now."""
    found: dict[str, dict[str, None]] = {}
    for row in rows:
        for run in row.runs:
            if run.place in old:
                found.setdefault(old[run.place], {})[f"{run.peer}:{run.setting}"] = None
    if not found:
        return []
    kinds = "; ".join(f"{', '.join(names)} ({why})" for why, names in found.items())
    return ["", f"Old are runs by other code or packages than those of this report: {kinds}."]


def _times(rows: Sequence[Row], *, best_of: bool = False) -> list[str]:
    meaning = (
        "Of one setting a peer, which was fixed before anything was measured and is in brackets, and how "
        f"many times figsight's that is ({PEERS[OURS].headline}, without measuring itself)."
    )
    if best_of:
        meaning = (
            "The least time among a peer's settings, which is in brackets with their number, and how many "
            "times figsight's least that is. Which setting that is was read off the held-out photos, so "
            "that it flatters everybody, and most who has most settings. No user knows it beforehand."
        )
    lines = [
        meaning,
        "",
        "| peer | " + " | ".join(f"{mark:.2f}" for mark in MARKS) + " |",
        "|---" * (1 + len(MARKS)) + "|",
    ]
    for peer in dict.fromkeys(row.peer for row in rows):
        mine = [
            row
            for row in rows
            if row.peer == peer and (best_of or row.setting == PEERS[peer].headline)
        ]
        settings, asked = len(mine), any(row.curves for row in mine)
        cells = []
        number = f", of {settings}" if best_of else ""
        for mark, best in time_to_marks(rows, peer, best_of=best_of).items():
            if best is None:
                cells.append("not reached" if asked else "not measured")
                continue
            times = ratio_at(rows, peer, mark, best_of=best_of)
            words = "" if times is None or peer == OURS else f", {times:.1f} times"
            cells.append(f"{best[0]:.0f} ({best[1].setting}{number}{words})")
        lines.append(f"| {PEERS[peer].title} | " + " | ".join(cells) + " |")
    return lines
