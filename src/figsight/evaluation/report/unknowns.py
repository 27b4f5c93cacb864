"""How photos of none of the figures were told from the others: the rule, the measure, the failures.

Knows what to say of each. Does not judge photos.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from figsight.evaluation.report.markup import name, paragraph, path, section, table, text
from figsight.evaluation.report.pictures import show_photo
from figsight.evaluation.report.plots import plot_strangeness
from figsight.metrics import glue_signs, say_score, say_share, say_spread, say_stated

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from figsight.dataset import Photo
    from figsight.evaluation.results import Evaluation
    from figsight.metrics import Estimate

MOST = 24  # photos of each kind of failure


def write_unknowns(evaluation: Evaluation) -> str:
    """Return the section."""
    rule = _rule(evaluation.about)
    score = evaluation.unknown_score
    if score is None:
        reason = evaluation.refused.get("unknown")
        words = "It was not measured: nothing here says when a photo is of none of the figures."
        return section(
            "unknowns",
            "Photos of none of the figures",
            paragraph(words) if reason is None else f"<p>{text(glue_signs(reason), 400)}</p>",
        )
    folds = evaluation.about.get("unknown")
    parts = [_tell_folds(folds) if folds else _tell_rule(rule), _tell_score(evaluation)]
    others = evaluation.strangers
    if evaluation.strangeness is not None:
        plot = plot_strangeness(
            evaluation.strangeness.tolist(),
            [] if others is None else others.scores.tolist(),
            folds["thresholds"] if folds else rule.get("threshold"),
        )
        parts.append(f'<figure class="plot broad">{plot}</figure>')
    parts += _tell_lines(evaluation, (folds or rule).get("kept"))
    if others is not None:
        accepted, times = _once(~others.unknown, others.scores, others.n)
        parts += _show(
            "wrong",
            "Taken for a figure though they show none, the least strange first"
            + (", by at least one network" if others.networks > 1 else ""),
            len(accepted),
            (
                _Failure(
                    others.photos[i],
                    evaluation.figures[others.predicted[i]].display,
                    _say_times(times[i % others.n], others.networks, "networks"),
                )
                for i in accepted[:MOST]
            ),
        )
    if evaluation.unknown is not None and evaluation.strangeness is not None:
        lost, times = _once(evaluation.unknown, -evaluation.strangeness, evaluation.n)
        parts += _show(
            "unsure",
            "Called unknown though they show a figure, the strangest first"
            + (", in at least one repeat" if evaluation.repeats > 1 else ""),
            len(lost),
            (
                _Failure(
                    evaluation.photos[i],
                    evaluation.figures[evaluation.labels[i]].display,
                    _say_times(times[i % evaluation.n], evaluation.repeats, "repeats"),
                )
                for i in lost[:MOST]
            ),
        )
    return section("unknowns", "Photos of none of the figures", *parts)


class _Failure(NamedTuple):
    """A photo that was told wrongly."""

    photo: Photo
    name: str
    times: str


def _once(
    wrong: NDArray[np.bool_], order: NDArray[np.float64], n: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the wrong answers, each photo's first in this order, and how often each was wrong.

    Args:
        wrong: Of the answers to n photos, one round after the other.
        order: What to sort them by, ascending.
        n: How many photos there are.
    """
    places = np.flatnonzero(wrong)
    places = places[np.argsort(order[places], kind="stable")]
    _, first = np.unique(places % n, return_index=True)
    return places[np.sort(first)], np.bincount(places % n, minlength=n)


def _say_times(times: int, rounds: int, what: str) -> str:
    return f", {times} of {rounds} {what}" if rounds > 1 else ""


def _rule(about: Mapping[str, Any]) -> dict[str, Any]:
    """Return the rule of the model's manifest; empty without one."""
    calibration = about.get("model", {}).get("calibration") or {}
    return calibration.get("unknown") or {}


def _tell_rule(rule: Mapping[str, Any]) -> str:
    if not rule:
        return ""
    said = paragraph(
        "A photo is called unknown when it looks stranger than nearly all photos of the figures: the line "
        f"is set to keep {say_stated(rule['kept'])} of those."
    )
    words = f"The line is at {rule['threshold']:.4g} of the score {text(rule['score'])}."
    if rule.get("auroc"):
        area = rule["auroc"]
        words += (
            " When the model was made, AUROC "
            f"{_say_area(area['value'], area['low'], area['high'])} was measured: "
            f"{text(rule.get('protocol', ''), 300)}."
        )
    return f"{said}{_fold(words)}"


def _tell_folds(rule: Mapping[str, Any]) -> str:
    least, most = (f"{end(rule['thresholds']):.4g}" for end in (min, max))
    where = f"from {least} to {most}" if least != most else f"at {least} in each fold"
    said = paragraph(
        "A photo is called unknown when it looks stranger than nearly all photos of the figures. Each "
        f"fold has a line of its own, set to keep {say_stated(rule['kept'])} of the other folds' photos."
    )
    return said + _fold(f"The lines are {where} of the score {text(rule['score'])}.")


def _fold(words: str) -> str:
    return f"<details><summary>The line in numbers</summary><p>{words}</p></details>"


def _say_area(value: float, low: float, high: float) -> str:
    return f"<b>{text(say_score(value))}</b> ({text(f'{say_score(low)} to {say_score(high)}')})"


def _tell_score(evaluation: Evaluation) -> str:
    score = evaluation.unknown_score
    if score is None:
        return ""
    kept = f"{_range(score.kept)} of the photos of the figures were kept."
    missed = f" <b>{text(score.missed, 400)}</b>" if score.missed else ""
    if score.auroc is None or score.accepted is None or evaluation.strangers is None:
        return f"<p>Here, {kept}{missed} There were no photos of anything else to test it on.</p>"
    networks = evaluation.strangers.networks
    asked = f", each shown to {networks} networks," if networks > 1 else ","
    return (
        f"<p>Here, of {score.n_unknown} photo{'s' * (score.n_unknown != 1)} of none of the figures "
        f"({text(evaluation.strangers.source, 300)}){asked} {_range(score.accepted)} were taken for one"
        f"{', on average over the networks' if networks > 1 else ''}: "
        f"AUROC {_say_area(score.auroc.value, score.auroc.low, score.auroc.high)}. "
        f"{kept}{missed} This speaks of photos like those, and of no other kind of stranger.</p>"
    )


def _tell_lines(evaluation: Evaluation, kept: float | None) -> list[str]:
    """Say what other lines between known and unknown would do: each has its price."""
    if len(evaluation.lines) < 2:
        return []
    rows = [
        (
            f"{say_stated(line.stated)}{' (in&nbsp;use)' if line.stated == kept else ''}",
            _spread(line.kept),
            "&ndash;" if line.accepted is None else _spread(line.accepted),
        )
        for line in evaluation.lines
    ]
    heads = ("Set to keep", "Photos of the figures kept here", "Others taken for a figure here")
    return [
        "<h3>Where the line may be drawn</h3>",
        (
            "<p>Who keeps fewer of the known photos takes fewer strangers for a figure. Another line is "
            "chosen with <code>--keep&nbsp;SHARE</code>.</p>"
        ),
        table(heads, rows, "lines"),
    ]


def _spread(share: Estimate) -> str:
    return (
        f"{text(say_share(share.value))} <small>{text(say_spread(share.low, share.high))}</small>"
    )


def _range(share: Estimate) -> str:
    ends = f"{say_share(share.value)} ({say_share(share.low)} to {say_share(share.high)})"
    return text(ends)


def _show(kind: str, title: str, number: int, photos: Iterable[_Failure]) -> list[str]:
    if not number:
        return []
    tiles = "\n".join(
        f'<figure class="tile {kind}"><figcaption><b>{name(words)}</b></figcaption>{show_photo(photo)}'
        f"<small>{path(photo.path)}{times}</small></figure>"
        for photo, words, times in photos
    )
    many = f" ({MOST} of {number})" if number > MOST else f" ({number})"
    return [f'<h3>{title}{many}</h3>\n<div class="tiles">\n{tiles}\n</div>']
