"""What a training has fitted besides the network, in lines for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from figsight.bundle import Calibration, Measured, UnknownRule

WHAT = {
    "unknown": "unknown figures are not told",
    "sets": "no sets of names",
    "operating_point": "no threshold",
}


def tell_rules(calibration: Calibration | None) -> list[str]:
    """Say how unknown figures are told, how good sets and thresholds are, and what was refused."""
    if calibration is None:
        return []
    lines = []
    unknown = calibration.unknown
    if unknown is not None and unknown.auroc is not None and unknown.accepted is not None:
        lines.append(
            f"figures that it was not taught: AUROC {_spread(unknown.auroc, 3)}; "
            f"{_spread(unknown.accepted)} of them are taken for known ones "
            f"when {unknown.kept:.0%} of the known are kept ({unknown.protocol})"
        )
        lines += _tell_lines(unknown)
    elif unknown is not None:
        lines.append(f"figures that it was not taught: {unknown.protocol}")
    sets = calibration.sets
    if sets is not None and sets.measured is not None and sets.mean_size is not None:
        lines.append(
            f"sets of names that are to hold the right one {sets.coverage:.0%} of the time: "
            f"{_spread(sets.measured)} do, with {sets.mean_size.value:.2f} names"
        )
    point = calibration.operating_point
    if point is not None and point.sensitivity is not None and point.specificity is not None:
        lines.append(
            f"from a probability of {point.threshold:.3f} on a photo counts as {point.positive}: finds "
            f"{_spread(point.sensitivity)} of them, and clears {_spread(point.specificity)} of the "
            "others"
        )
    return lines + [f"{WHAT[what]}: {why}" for what, why in sorted(calibration.refused.items())]


def _tell_lines(unknown: UnknownRule) -> list[str]:
    """Say what other lines would let in, which ``--keep`` chooses."""
    found = [
        f"{line.accepted.value:.1%} at {line.kept:.0%} kept"
        for line in unknown.lines
        if line.accepted is not None
    ]
    return [f"with other lines (--keep): {', '.join(found)}"] if found else []


def _spread(one: Measured, digits: int | None = None) -> str:
    if digits is not None:
        return f"{one.value:.{digits}f} ({one.low:.{digits}f} to {one.high:.{digits}f})"
    return f"{one.value:.1%} ({one.low:.1%} to {one.high:.1%})"
