"""Who is a stranger in a cross-validation: each fold is judged by what the others' photos say.

Knows scores that were kept of each fold. Rule and threshold come from ``calibration``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from figsight import calibration
from figsight.evaluation.seen import say_taught
from figsight.evaluation.strangers import Told
from figsight.evaluation.unknowns import LineScore, Strangers, name_kinds, share_not
from figsight.metrics import say_stated
from figsight.metrics.checks import check_groups
from figsight.metrics.estimates import effective_count, wilson_limits
from figsight.training.strangers import KEPT, OTHERS, SHARES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from figsight.dataset.groups import Grouped
    from figsight.evaluation.folds import Part
    from figsight.evaluation.results import Evaluation

SCORE = "mixed"  # what training decides by, unless photos of left-out figures clearly say otherwise


@dataclass(frozen=True, eq=False)
class Verdict:
    """Which photos of R repeats were called unknown.

    Attributes:
        strangeness: Of N photos, one repeat after the other, float64 [R * N].
        unknown: Likewise, bool [R * N].
        strangers: What was said of the strangers by each network, one after the other.
        lines: How every line fared for which each fold has one.
        rule: How it was decided, as plain values.
        note: What a person must know of it; None for nothing.
    """

    strangeness: NDArray[np.float64]
    unknown: NDArray[np.bool_]
    strangers: Strangers
    lines: tuple[LineScore, ...]
    rule: dict[str, Any]
    note: str | None = None


def judge_strangers(
    parts: Sequence[Part],
    told: Sequence[Told | calibration.Refusal],
    temperatures: Sequence[float],
    groups: Sequence[str],
    strangers: Grouped,
    keep: float | None = None,
) -> Verdict | calibration.Refusal:
    """Decide what is unknown, in each fold by what the other folds' photos say.

    No figure is left out in a cross-validation, so the score is the mixed one. Scores of different
    folds are standardised by different photos, as those of different models are.

    Args:
        parts: The folds of all repeats, one repeat after the other.
        told: What the network of each said.
        temperatures: What the logits of each are divided by.
        groups: Key of each photo's group, N texts.
        strangers: The pictures that were asked about, M.
        keep: Share of known photos to be kept; by default 0.95, or as much as the photos are enough for.

    Returns:
        A ``Refusal`` when the folds but one hold too few photos for a threshold, or one was refused.
    """
    answers = [one for one in told if isinstance(one, Told)]
    if len(answers) < len(told):
        return next(one for one in told if isinstance(one, calibration.Refusal))
    said = _Said(parts, answers, temperatures, groups)
    for kept in SHARES if keep is None else (keep,):
        verdict = _judge(said, strangers, kept)
        if not isinstance(verdict, calibration.Refusal):
            break
    if keep is not None or isinstance(verdict, calibration.Refusal) or kept == KEPT:
        return verdict
    note = (
        f"So few photos draw no line that keeps {say_stated(KEPT)} of those of the figures: here it is to "
        f"keep {say_stated(kept)}."
    )
    return replace(verdict, note=note)


class _Said(NamedTuple):
    """What the networks of all folds said; see ``judge_strangers``."""

    parts: Sequence[Part]
    answers: Sequence[Told]
    temperatures: Sequence[float]
    groups: Sequence[str]


def _judge(said: _Said, strangers: Grouped, kept: float) -> Verdict | calibration.Refusal:
    """Decide what is unknown where such a share of known photos is kept."""
    parts, answers, temperatures, groups = said
    repeats = 1 + max(part.repeat for part in parts)
    strangeness = np.empty((repeats, len(groups)))
    scores, limits, probabilities, doubts = [], [], [], []
    for part, own, temperature in zip(parts, answers, temperatures, strict=True):
        rest = [i for i, other in enumerate(parts) if other.repeat == part.repeat and other != part]
        of_others = {n: np.concatenate([answers[i].known[n] for i in rest]) for n in own.known}
        of_rest = [groups[n] for i in rest for n in parts[i].held]
        choice = calibration.fit_unknown(
            of_others,
            kept=kept,
            other_shares=(KEPT, *OTHERS),
            known_groups=of_rest,
            default=SCORE,
        )
        if isinstance(choice, calibration.Refusal):
            return choice
        limits.append({line.kept: line.threshold for line in (choice.line, *choice.others)})
        members = check_groups(of_rest, len(of_rest))
        doubts.append(_find_doubts(choice.rule.decide(of_others), members, limits[-1]))
        strangeness[part.repeat, part.held] = choice.rule.decide(own.known)
        scores.append(choice.rule.decide(own.strange))
        probabilities.append(calibration.softmax(own.logits, temperature))
    named = np.concatenate(probabilities)
    calls = {
        share: _call(share, parts, limits, strangeness, scores)
        for share in sorted(set.intersection(*(set(one) for one in limits)))
    }
    unknown, flags = calls[kept]
    at_ends = {share: _call_at_ends(share, scores, doubts) for share in calls}
    others = _list_answers(strangers, named, scores, flags, at_ends[kept])
    return Verdict(
        strangeness=strangeness.ravel(),
        unknown=unknown,
        strangers=others,
        lines=tuple(
            LineScore(
                stated=share,
                kept=share_not(known, tuple(groups) * repeats),
                accepted=others.measure_accepted(theirs, at_ends[share]),
            )
            for share, (known, theirs) in calls.items()
        ),
        rule={"score": SCORE, "kept": kept, "thresholds": [one[kept] for one in limits]},
    )


def _list_answers(
    strangers: Grouped,
    probabilities: NDArray[np.float64],
    scores: Sequence[NDArray[np.float64]],
    unknown: NDArray[np.bool_],
    at_ends: tuple[NDArray[np.bool_], ...],
) -> Strangers:
    """Return what every network said of the strangers, one network after the other."""
    photos, networks = strangers.dataset.photos, len(scores)
    kinds = name_kinds(photos)
    return Strangers(
        photos=photos * networks,
        source=strangers.dataset.name,
        predicted=probabilities.argmax(axis=1),
        probability=probabilities.max(axis=1),
        scores=np.concatenate(scores),
        unknown=unknown,
        groups=tuple(strangers.groups) * networks,
        kinds=None if kinds is None else kinds * networks,
        at_ends=at_ends,
        networks=networks,
    )


def _find_doubts(
    known: NDArray[np.float64], groups: NDArray[np.int64] | None, shares: Iterable[float]
) -> dict[float, tuple[float, float]]:
    """Return between which thresholds the line for each share lies, as far as so few photos can tell.

    Args:
        known: Scores of the photos that the lines were set on, [n].
        groups: Of these.
        shares: To be kept.
    """
    found, rising = {}, np.sort(known)
    for share in shares:
        ends = wilson_limits(share, effective_count(groups, len(known)))
        low, high = (
            float(rising[min(len(known), max(1, ceil(end * len(known) - 1e-9))) - 1])
            for end in ends
        )
        found[share] = low, high
    return found


def _call_at_ends(
    share: float,
    scores: Sequence[NDArray[np.float64]],
    doubts: Sequence[dict[float, tuple[float, float]]],
) -> tuple[NDArray[np.bool_], ...]:
    """Return which strangers [folds * M] pass with every fold's line at its one end, and at the other."""
    return tuple(
        np.concatenate(
            [own <= doubt[share][end] for own, doubt in zip(scores, doubts, strict=True)]
        )
        for end in (0, 1)
    )


def _call(
    share: float,
    parts: Sequence[Part],
    limits: Sequence[dict[float, float]],
    strangeness: NDArray[np.float64],
    scores: Sequence[NDArray[np.float64]],
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which photos [R * N], and which strangers [folds * M], are called unknown.

    Args:
        share: Of known photos to be kept.
        parts: The folds of all repeats.
        limits: The threshold of each fold, by share.
        strangeness: Of the photos, [R, N].
        scores: Of the strangers by the network of each fold, [M] each.
    """
    unknown = np.empty(strangeness.shape, np.bool_)
    for part, limit in zip(parts, limits, strict=True):
        here = part.repeat, part.held
        unknown[here] = strangeness[here] > limit[share]
    theirs = [own > limit[share] for own, limit in zip(scores, limits, strict=True)]
    return unknown.ravel(), np.concatenate(theirs)


def add_verdict(
    evaluation: Evaluation,
    verdict: Verdict | calibration.Refusal,
    found: Grouped,
    strangers: Grouped,
) -> Evaluation:
    """Return the evaluation with what was found about strangers, or why nothing was."""
    evaluation = replace(evaluation, skipped=evaluation.skipped + strangers.failures)
    if isinstance(verdict, calibration.Refusal):
        return replace(evaluation, refused={**evaluation.refused, "unknown": verdict.reason})
    labelled = set(found.sha256)
    asked = zip(strangers.dataset.photos, strangers.sha256, strict=True)
    taught = [photo.path for photo, sha256 in asked if sha256 in labelled]
    return replace(
        evaluation,
        notes=(
            *evaluation.notes,
            *((say_taught(taught),) if taught else ()),
            *((verdict.note,) if verdict.note else ()),
        ),
        strangeness=verdict.strangeness,
        unknown=verdict.unknown,
        strangers=verdict.strangers,
        lines=verdict.lines,
        about={**evaluation.about, "unknown": verdict.rule},
    )
