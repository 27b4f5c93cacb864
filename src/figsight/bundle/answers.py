"""What a model says beside a name, and how well, in the words of its card.

Knows the rules of a manifest and what was measured of them. Does not know the rest of the card.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from figsight.bundle.markdown import code, escape, write_table
from figsight.metrics import glue_signs, say_score, say_share, say_stated
from figsight.phrases import count

if TYPE_CHECKING:
    from figsight.bundle.manifest import Manifest
    from figsight.bundle.parts import Calibration, Measured, OperatingPoint, SetRule, UnknownRule


def tell_answers(manifest: Manifest) -> str:
    """Write the section: photos of something else, sets of names, one figure looked for."""
    calibration = manifest.calibration
    if calibration is None:
        return (
            "## What else it says\n\nNothing: it has no rule for photos of something else, and "
            "gives no sets of names.\n"
        )
    answers = [_tell_unknown(calibration), _tell_sets(calibration)]
    if calibration.operating_point is not None:
        answers.append(_tell_point(calibration.operating_point, manifest))
    elif calibration.positive is not None or "operating_point" in calibration.refused:
        figure, why = "One figure", _tell_why(calibration, "operating_point")
        if calibration.positive is not None:
            figure = escape(_find_display(calibration.positive, manifest))
        answers.append(f"**{figure} looked for**: there is no threshold for it{why}.")
    return "## What else it says\n\n" + "\n\n".join(answers) + "\n"


def _tell_why(calibration: Calibration, rule: str) -> str:
    reason = calibration.refused.get(rule)
    return "" if reason is None else f": {escape(glue_signs(reason).rstrip('.'))}"


def _tell_unknown(calibration: Calibration) -> str:
    rule = calibration.unknown
    if rule is None:
        return f"**Unknown**: it never says so{_tell_why(calibration, 'unknown')}."
    parts = ", ".join(map(code, rule.parts))
    score = parts if len(rule.parts) == 1 else f"{code(rule.score)} of {parts}"
    rule_itself = (
        f"**Unknown**: a photo whose score ({score}; higher is stranger) is above "
        f"{rule.threshold:.4g} is called unknown. That was set to keep {say_stated(rule.kept)} of the "
        f"photos of known figures. {_tell_auroc(rule)}"
    )
    said = [rule_itself]
    lines = _list_lines(rule)
    if lines:
        said.append(lines.rstrip())
    if rule.auroc is not None and len(rule.candidates) > 1:
        said.append(
            f"{len(rule.candidates)} scores were tried, and `manifest.json` has the AUROC of each: "
            "the best of several looks a little better than it is."
        )
    return "\n\n".join(said)


def _tell_auroc(rule: UnknownRule) -> str:
    if rule.auroc is None:
        if rule.measured_kept is None:
            return "How well it tells them apart was not measured."
        why = escape(rule.protocol.partition(":")[0])
        return f"How many unknown photos it finds was not measured ({why})."
    spread = (
        f"{say_score(rule.auroc.low)} to {say_score(rule.auroc.high)}, {escape(rule.auroc.method)}"
    )
    return f"Measured on {escape(rule.protocol)}: AUROC {say_score(rule.auroc.value)} ({spread})."


def _list_lines(rule: UnknownRule) -> str:
    """Write what the line lets through, and what other ones would, as a table."""
    drawn = [(rule.kept, "", rule.measured_kept, rule.accepted)]
    drawn += [
        (one.kept, f"`--keep {one.kept:g}`", one.measured_kept, one.accepted) for one in rule.lines
    ]
    rows = [
        (say_stated(share), how or "the default", _spread(kept), _spread(accepted))
        for share, how, kept, accepted in sorted(drawn, key=lambda one: one[0])
        if kept is not None or accepted is not None
    ]
    head = ("to be kept", "chosen by", "known photos kept", "unknown photos taken for a figure")
    return write_table(head, rows) + _tell_intervals(rule) if rows else ""


def _tell_intervals(rule: UnknownRule) -> str:
    measured = ((rule.measured_kept, "known"), (rule.accepted, "unknown"))
    of = [f"{one.n} {what} ({escape(one.method)})" for one, what in measured if one is not None]
    return f"\nIn brackets the intervals; photos: {', '.join(of)}.\n" if of else ""


def _tell_sets(calibration: Calibration) -> str:
    rule: SetRule | None = calibration.sets
    if rule is None:
        return f"**Sets of names**: it gives none{_tell_why(calibration, 'sets')}."
    found = []
    if rule.measured is not None:
        found.append(f"{_show(rule.measured)} of the sets hold the right name")
    if rule.mean_size is not None:
        size = rule.mean_size
        found.append(
            f"{size.value:.2f} ({size.low:.2f} to {size.high:.2f}, {escape(size.method)}) names in "
            "a set on average"
        )
    return (
        f"**Sets of names**: with each name come the others that it may be, meant to hold the "
        f"right one {say_stated(rule.coverage)} of the time (conformal, {code(rule.method)}, set on "
        f"{count(rule.n, 'photo')}). {_say_measured(found)}"
    )


def _tell_point(point: OperatingPoint, manifest: Manifest) -> str:
    display = _find_display(point.positive, manifest)
    found = []
    if point.sensitivity is not None:
        found.append(f"sensitivity {_show(point.sensitivity)}")
    if point.specificity is not None:
        found.append(f"specificity {_show(point.specificity)}")
    return (
        f"**{escape(display)} looked for**: from a probability of {point.threshold:.4g} on, meant "
        f"to find {say_stated(point.stated_sensitivity)} of its photos. {_say_measured(found)}"
    )


def _find_display(figure: str, manifest: Manifest) -> str:
    return next(one.display for one in manifest.figures if one.id == figure)


def _say_measured(found: list[str]) -> str:
    return f"Measured: {'; '.join(found)}." if found else "That was not measured."


def _show(one: Measured) -> str:
    how = f"{escape(one.method)}, {count(one.n, 'photo')}"
    return f"{_spread(one).removesuffix(')')}, {how})"


def _spread(one: Measured | None) -> str:
    if one is None:
        return "not measured"
    return f"{say_share(one.value)} ({say_share(one.low)} to {say_share(one.high)})"
