"""What a training has fitted besides the network, in lines for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from figsight.metrics.words import UNMEASURED, glue_signs, say_score, say_share, say_stated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from figsight.bundle import Calibration, Measured, UnknownRule
    from figsight.dataset import Figure
    from figsight.metrics import Estimate

NEVER = "this model never says 'unknown'"
WHAT = {
    "unknown": f"unknown figures: {NEVER}, because ",
    "sets": "no sets of names: ",
    "operating_point": "no threshold: ",
}
# What a line between known and unknown does, in one wording wherever it is measured.
GIVEN = "strangers given a name"
REFUSED = "known photos refused"


def never_unknown(calibration: Calibration | None) -> str:
    """Say of a model without a rule for unknown photos that it has none, and why."""
    why = UNMEASURED
    if calibration is not None:
        why = calibration.refused.get("unknown", "it has no rule for that")
    return f"{NEVER}: {glue_signs(why)}"


def tell_rules(calibration: Calibration | None, figures: Sequence[Figure] = ()) -> list[str]:
    """Say what was measured of unknown figures, sets and thresholds, and what was refused.

    Args:
        calibration: Everything of that, as a model keeps it; None when nothing was measured.
        figures: The model's, for the name of the one that is looked for; its id is told of others.
    """
    if calibration is None:
        return []
    lines = []
    unknown = calibration.unknown
    if unknown is not None and unknown.auroc is not None and unknown.accepted is not None:
        lines.append(
            f"unknown figures: {GIVEN} {_spread(unknown.accepted)}; {REFUSED}: "
            f"{_say_refused(unknown.kept, unknown.measured_kept)}; AUROC {say_area(unknown.auroc)}; "
            f"measured on {unknown.protocol}"
        )
        lines += _tell_lines(unknown) or _tell_choices(unknown)
    elif unknown is not None:
        why = unknown.protocol.partition(":")[0]
        lines.append(
            f"unknown figures: {REFUSED}: {_say_refused(unknown.kept, unknown.measured_kept)}; how "
            f"often strangers are recognised was not measured ({why})"
        )
        lines += _tell_choices(unknown)
    sets = calibration.sets
    if sets is not None and sets.measured is not None and sets.mean_size is not None:
        lines.append(
            f"sets of names that are to hold the right one {say_stated(sets.coverage)} of the time: "
            f"{_spread(sets.measured)} do, with {sets.mean_size.value:.2f} names"
        )
    point = calibration.operating_point
    if point is not None and point.sensitivity is not None and point.specificity is not None:
        sought = next((one.display for one in figures if one.id == point.positive), point.positive)
        lines.append(
            f"from a probability of {point.threshold:.3f} on a photo counts as {sought}: finds "
            f"{_spread(point.sensitivity)} of them, and clears {_spread(point.specificity)} of the "
            "others"
        )
    refused = sorted(calibration.refused.items())
    return lines + [f"{WHAT[what]}{glue_signs(why)}" for what, why in refused]


def _tell_lines(unknown: UnknownRule) -> list[str]:
    """Say what other lines would let in, which ``--keep`` chooses."""
    found = [
        f"{say_share(line.accepted.value)} with --keep {line.kept:g}"
        for line in unknown.lines
        if line.accepted is not None
    ]
    return [f"{GIVEN} with other lines: {', '.join(found)}"] if found else []


def _tell_choices(unknown: UnknownRule) -> list[str]:
    """Say which other lines ``--keep`` can choose, of which nobody knows what they let in."""
    found = [
        f"{_say_refused(line.kept, line.measured_kept)} with --keep {line.kept:g}"
        for line in unknown.lines
        if line.kept != unknown.kept
    ]
    return [f"{REFUSED} with other lines: {', '.join(found)}"] if found else []


def _say_refused(kept: float, measured: Measured | None) -> str:
    """Say what share of the known photos a line was set to refuse, and what it did where that was seen."""
    was_set = f"set to {say_stated(1 - kept)}"
    if measured is None:
        return f"{was_set}, not measured"
    return (
        f"{was_set}, measured {say_span(1 - measured.value, 1 - measured.high, 1 - measured.low)}"
    )


def say_area(area: Measured | Estimate) -> str:
    """Write an area under the ROC curve with its interval."""
    return f"{say_score(area.value)} ({say_score(area.low)} to {say_score(area.high)})"


def say_span(value: float, low: float, high: float) -> str:
    """Write a share with its interval."""
    return f"{say_share(value)} ({say_share(low)} to {say_share(high)})"


def _spread(one: Measured) -> str:
    return say_span(one.value, one.low, one.high)
