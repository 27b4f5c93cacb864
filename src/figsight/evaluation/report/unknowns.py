"""How photos of none of the figures were told from the others: the rule, the measure, the failures.

Knows what to say of each. Does not judge photos.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from figsight.evaluation.report.markup import name, paragraph, path, section, text
from figsight.evaluation.report.pictures import show_photo
from figsight.evaluation.report.plots import plot_strangeness
from figsight.metrics import say_share, say_stated

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from figsight.dataset import Photo
    from figsight.evaluation.results import Evaluation

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
            paragraph(words) if reason is None else f"<p>{text(reason, 400)}</p>",
        )
    parts = [_tell_rule(rule), _tell_score(evaluation)]
    others = evaluation.strangers
    if evaluation.strangeness is not None:
        plot = plot_strangeness(
            evaluation.strangeness.tolist(),
            [] if others is None else others.scores.tolist(),
            rule.get("threshold"),
        )
        parts.append(f'<figure class="plot broad">{plot}</figure>')
    if others is not None:
        accepted = np.flatnonzero(~others.unknown)
        accepted = accepted[np.argsort(others.scores[accepted], kind="stable")]
        parts += _show(
            "Taken for a figure though they show none, the least strange first",
            len(accepted),
            (
                (others.photos[i], evaluation.figures[others.predicted[i]].display)
                for i in accepted[:MOST]
            ),
        )
    if evaluation.unknown is not None and evaluation.strangeness is not None:
        lost = np.flatnonzero(evaluation.unknown)
        lost = lost[np.argsort(-evaluation.strangeness[lost], kind="stable")]
        parts += _show(
            "Called unknown though they show a figure, the strangest first",
            len(lost),
            (
                (evaluation.photos[i], evaluation.figures[evaluation.labels[i]].display)
                for i in lost[:MOST]
            ),
        )
    return section("unknowns", "Photos of none of the figures", *parts)


def _rule(about: Mapping[str, Any]) -> dict[str, Any]:
    """Return the rule of the model's manifest; empty without one."""
    calibration = about.get("model", {}).get("calibration") or {}
    return calibration.get("unknown") or {}


def _tell_rule(rule: Mapping[str, Any]) -> str:
    if not rule:
        return ""
    words = (
        f"A photo is called unknown when its score ({text(rule['score'])}) is above "
        f"{rule['threshold']:.4g}, set to keep {say_stated(rule['kept'])} of the photos of the figures."
    )
    if rule.get("auroc"):
        auroc = rule["auroc"]
        words += (
            f" When the model was made, AUROC {auroc['value']:.3f} ({auroc['low']:.3f} to "
            f"{auroc['high']:.3f}) was measured: {text(rule.get('protocol', ''), 300)}."
        )
    return f"<p>{words}</p>"


def _tell_score(evaluation: Evaluation) -> str:
    score = evaluation.unknown_score
    if score is None:
        return ""
    kept = (
        f"{say_share(score.kept.value)} ({say_share(score.kept.low)} to "
        f"{say_share(score.kept.high)}) of the photos of the figures were kept."
    )
    if score.auroc is None or score.accepted is None or evaluation.strangers is None:
        return f"<p>Here, {kept} There were no photos of anything else to test it on.</p>"
    return (
        f"<p>Here, of {score.n_unknown} photos of none of the figures "
        f"({text(evaluation.strangers.source, 300)}), {say_share(score.accepted.value)} "
        f"({say_share(score.accepted.low)} to {say_share(score.accepted.high)}) were taken for one: "
        f"AUROC <b>{score.auroc.value:.3f}</b> ({score.auroc.low:.3f} to {score.auroc.high:.3f}). "
        f"{kept} This speaks of photos like those, and of no other kind of stranger.</p>"
    )


def _show(title: str, number: int, photos: Iterable[tuple[Photo, str]]) -> list[str]:
    if not number:
        return []
    tiles = "\n".join(
        f'<figure class="tile"><figcaption><b>{name(words)}</b></figcaption>{show_photo(photo)}'
        f"<small>{path(photo.path)}</small></figure>"
        for photo, words in photos
    )
    many = f" ({MOST} of {number})" if number > MOST else f" ({number})"
    return [f'<h3>{title}{many}</h3>\n<div class="tiles">\n{tiles}\n</div>']
