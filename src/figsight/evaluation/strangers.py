"""Pictures of none of the figures, shown to every network of a cross-validation.

Knows the folds, what their networks say, and where that is kept. Scores, rule and threshold come from
``calibration``; each fold is judged by what the others' photos say.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays

from figsight import calibration
from figsight.classifier import Outputs, load
from figsight.dataset.names import printable
from figsight.errors import FigsightError
from figsight.evaluation.unknowns import LineScore, Strangers, name_kinds, share_not
from figsight.files import write_whole
from figsight.images import CHANGES, change_camera, choose_some
from figsight.metrics.checks import check_groups
from figsight.metrics.estimates import effective_count, wilson_limits
from figsight.training.strangers import KEPT, OTHERS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from figsight.classifier import Classifier
    from figsight.dataset import Photo
    from figsight.dataset.groups import Grouped
    from figsight.evaluation.folds import Part
    from figsight.evaluation.results import Evaluation
    from figsight.training import Watcher

SCORE = "mixed"  # what training decides by, unless photos of left-out figures clearly say otherwise
_MADE = b"5"  # what scores are made of: what was kept of earlier ones is asked for again


@dataclass(frozen=True, eq=False)
class Told:
    """What one fold's network says of n photos of the fold, and of M strangers.

    Attributes:
        known: Scores of the fold's photos by name, float64 [n] each.
        strange: The same scores of the strangers, float64 [M] each.
        logits: Of the strangers, float32 [M, K].
    """

    known: dict[str, NDArray[np.float64]]
    strange: dict[str, NDArray[np.float64]]
    logits: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Verdict:
    """Which photos of R repeats were called unknown.

    Attributes:
        strangeness: Of N photos, one repeat after the other, float64 [R * N].
        unknown: Likewise, bool [R * N].
        strangers: What was said of the strangers by each network, one after the other.
        lines: How every line fared for which each fold has one.
        rule: How it was decided, as plain values.
    """

    strangeness: NDArray[np.float64]
    unknown: NDArray[np.bool_]
    strangers: Strangers
    lines: tuple[LineScore, ...]
    rule: dict[str, Any]


def ask_strangers(
    part: Part,
    found: Grouped,
    strangers: Grouped,
    make: Callable[[], None],
    watch: Watcher,
) -> Told | calibration.Refusal:
    """Ask a fold's bundle about its photos and about strangers; what it once said is kept.

    Args:
        part: The fold.
        found: All photos of the cross-validation.
        strangers: Pictures of none of its figures.
        make: Makes the fold's bundle, unless it is there; called when it is needed.
        watch: Is told how it goes.

    Returns:
        A ``Refusal`` when the fold's network learned from one photo of each figure, or copies of it.
    """
    path = part.model.with_suffix(".unknown.safetensors")
    key = np.frombuffer(bytes.fromhex("".join(strangers.sha256)) + _MADE, np.uint8)
    told = _read(path, key)
    if told is not None:
        return told
    photos, labels = found.dataset.photos, np.array(found.dataset.labels(), np.int64)
    kept = np.setdiff1d(np.arange(len(photos)), part.held)
    refusal = calibration.refuse_single(labels[kept])
    if refusal is not None:
        return refusal
    make()
    watch.begin("asking about unknown pictures", len(strangers.sha256))
    with load(part.model) as classifier:
        own, held = (_ask(classifier, [photos[i] for i in which]) for which in (kept, part.held))
        others = _ask(classifier, strangers.dataset.photos, watch.advance)
        shifts = _find_shifts(classifier, [photos[i] for i in kept], own)
    scorer = calibration.fit_scorer(own.embedding, labels[kept], style=own.style, shifts=shifts)
    if isinstance(scorer, calibration.Refusal):
        return scorer
    known, strange = (scorer.scores(one.logits, one.embedding, one.style) for one in (held, others))
    told = Told(known, strange, others.logits)
    write_whole({path: _pack(told, key)})
    return told


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
        keep: Share of known photos to be kept; by default 0.95.

    Returns:
        A ``Refusal`` when the folds but one hold too few photos for a threshold, or one was refused.
    """
    answers = [one for one in told if isinstance(one, Told)]
    if len(answers) < len(told):
        return next(one for one in told if isinstance(one, calibration.Refusal))
    kept = KEPT if keep is None else keep
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


def say_taught(paths: Sequence[str], near: Sequence[str] = ()) -> str:
    """Say that some of the pictures of none of the figures were trained on, with a figure's name.

    Args:
        paths: Those that were.
        near: Those that look much like a photo that was.
    """
    said = [
        f"{len(some)} {what} (first {printable(some[0])})"
        for some, what in (
            (paths, f"{'was' if len(paths) == 1 else 'were'} trained on as one of them"),
            (near, f"look{'s' * (len(near) == 1)} much like photos that were"),
        )
        if some
    ]
    return (
        f"Of the pictures given as none of the figures, {' and '.join(said)}: how unknown ones are "
        "recognised looks worse than it is."
    )


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
        notes=evaluation.notes + ((say_taught(taught),) if taught else ()),
        strangeness=verdict.strangeness,
        unknown=verdict.unknown,
        strangers=verdict.strangers,
        lines=verdict.lines,
        about={**evaluation.about, "unknown": verdict.rule},
    )


def _ask(
    classifier: Classifier,
    photos: Sequence[Photo],
    progress: Callable[[int], None] | None = None,
) -> Outputs:
    """Return what the network gives for photos that can all be read."""
    said: list[Outputs] = []
    for result in classifier.run_each(photos):
        if isinstance(result, FigsightError):
            raise result
        said.append(result[1])
        if progress is not None:
            progress(len(said))
    styles = [one.style for one in said if one.style is not None]
    return Outputs(
        logits=np.concatenate([one.logits for one in said]),
        embedding=np.concatenate([one.embedding for one in said]),
        style=np.concatenate(styles) if styles else None,
    )


def _find_shifts(
    classifier: Classifier, photos: Sequence[Photo], own: Outputs
) -> list[NDArray[np.float32]]:
    """Return what other cameras do to the styles of some photos, [n, S] for each of ``CHANGES``.

    Args:
        classifier: Of the fold.
        photos: That its network learned from, N.
        own: What it gives for them.
    """
    if own.style is None:
        return []
    shifts: list[list[NDArray[np.float32]]] = [[] for _ in CHANGES]
    for number, i in enumerate(choose_some(len(photos)).tolist()):
        pixels = classifier.prepare(photos[i])[np.newaxis]
        for kind, changed in zip(shifts, change_camera(pixels, number), strict=True):
            style = classifier.run(changed).style
            assert style is not None  # noqa: S101 - the network gave one of the photo as it is
            kind.append(style[0] - own.style[i])
    return [np.stack(kind) for kind in shifts]


def _pack(told: Told, key: NDArray[np.uint8]) -> bytes:
    return save_arrays(
        {
            "sha256": key,
            "logits": np.ascontiguousarray(told.logits),
            **{f"known.{name}": scores for name, scores in told.known.items()},
            **{f"strange.{name}": scores for name, scores in told.strange.items()},
        }
    )


def _read(path: Path, key: NDArray[np.uint8]) -> Told | None:
    """Return answers that were kept; None when there are none about these strangers."""
    try:
        arrays = load_arrays(path.read_bytes())
        if not np.array_equal(arrays["sha256"], key):
            return None
        known, strange = (
            {name.removeprefix(of): array for name, array in arrays.items() if name.startswith(of)}
            for of in ("known.", "strange.")
        )
        return Told(known, strange, arrays["logits"])
    except (FileNotFoundError, SafetensorError, KeyError):
        return None  # not asked yet: this is what the file is for
