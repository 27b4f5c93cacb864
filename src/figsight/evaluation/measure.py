"""A model against labelled photos.

Everything goes through the classifier that users get. Does not train.
"""

from __future__ import annotations

import time
from contextlib import closing, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from figsight.bundle import list_lines
from figsight.calibration import Refusal, SetScore, judge_sets
from figsight.classifier import Classifier, load
from figsight.dataset import Dataset, read
from figsight.dataset.choosing import measuring_part
from figsight.dataset.copies import Fingerprints
from figsight.dataset.fingerprints import fingerprint_photos
from figsight.dataset.names import composed, few
from figsight.dataset.unlabelled import read_unlabelled
from figsight.errors import BundleError, DataError, OutputError, Remedy, UnreadablePhotosError
from figsight.evaluation.asking import Asked, ask
from figsight.evaluation.evidence import explain_mistakes
from figsight.evaluation.log import (
    add_to_log,
    find_log,
    list_each,
    read_log,
    say_retested,
)
from figsight.evaluation.naming import call_figure, take_names
from figsight.evaluation.points import measure_point
from figsight.evaluation.results import Caveat, Evaluation
from figsight.evaluation.seen import find_resembling, find_trained_on, say_taught
from figsight.evaluation.tested import list_seen, say_seen, say_untested
from figsight.evaluation.unknowns import LineScore, Strangers, name_kinds, share_not
from figsight.metrics.words import UNMEASURED
from figsight.phrases import count
from figsight.training.versions import find_version

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from figsight.bundle import UnknownRule
    from figsight.dataset import Photo
    from figsight.evaluation.log import Log


def evaluate(
    model: str | os.PathLike[str] | Classifier,
    data: str | os.PathLike[str] | Dataset,
    *,
    split: str | None = None,
    unknown: str | os.PathLike[str] | None = None,
    keep: float | None = None,
    skip_bad: bool = False,
    explain: bool = False,
    record: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Measure a model on labelled photos.

    Args:
        model: A bundle, or an open classifier.
        data: Anything that ``figsight.read`` reads, or what it returned.
        split: Which split of the source; by default ``test``, else ``val``, else ``train``, else
            everything.
        unknown: A folder or a zip of pictures of none of the figures, to measure how they are told.
        keep: Share of photos of its figures that are not to be called unknown, as for ``load``; an
            open classifier has chosen already.
        skip_bad: Leave photos out that cannot be decoded, instead of stopping.
        explain: Collect what spoke for each mistake; costs a pass of the network for each.
        record: Write into the side file of the model that it was tested on these photos.
        progress: Called after each photo with how many are done and how many there are.

    Returns:
        The answers and their scores. Photos of figures that the model was never taught are left out
        of the scores; they count as unknown ones where the model has a rule for those. Photos that
        it was trained on, which flatter it, are named.

    Raises:
        FigsightError: The model or the data cannot be used.
        ValueError: ``keep`` for an open classifier.
    """
    if keep is not None and isinstance(model, Classifier):
        raise ValueError("keep: expected none for an open classifier; give it to load instead")
    started = time.perf_counter()
    dataset = data if isinstance(data, Dataset) else read(data, skip_missing=skip_bad)
    part, chosen = measuring_part(dataset, split)
    opened = nullcontext(model) if isinstance(model, Classifier) else load(model, keep=keep)
    with opened as classifier, closing(Fingerprints()) as small, closing(Fingerprints()) as theirs:
        task = _plan(classifier, part, unknown)
        marks = small, theirs
        asked, others = _ask(classifier, task, marks, skip_bad=skip_bad, progress=progress)
        where = f"the split {chosen} of {dataset.name}" if chosen else dataset.name
        found = Evaluation(
            protocol=f"{_count(len(asked.photos))}: {where}",
            figures=classifier.figures,
            photos=asked.photos,
            labels=np.array(
                [task.index[photo.figure_id or ""] for photo in asked.photos], np.int64
            ),
            probabilities=asked.probabilities,
            groups=asked.groups,
            skipped=part.not_there + asked.failures + (others.failures if others else ()),
            strangeness=asked.strangeness,
            unknown=asked.unknown,
            strangers=_name_strangers(others, task.source) if others and others.photos else None,
            notes=task.notes + _say_unseen(others),
            history=classifier.bundle.history(),
        )
        found = _apply_rules(classifier, asked, found)
        found = _look_back(classifier, asked, others, marks, found)
        if explain:
            grounds = explain_mistakes(classifier, found.photos, found.labels, found.probabilities)
            found = replace(found, grounds=grounds)
        found = replace(found, about=_tell_about(classifier, asked))
        found = _consult_log(classifier, asked, found, record=record)
        return replace(found, seconds=time.perf_counter() - started)


@dataclass(frozen=True)
class _Task:
    """What is to be asked."""

    index: dict[str, int]
    known: list[Photo]
    strangers: list[Photo] = field(default_factory=list)
    source: str = ""
    notes: tuple[str, ...] = ()


def _plan(classifier: Classifier, part: Dataset, folder: str | os.PathLike[str] | None) -> _Task:
    """Divide the photos into those of the model's figures and others."""
    index = {composed(figure.id): i for i, figure in enumerate(classifier.figures)}
    part, said = take_names(part, classifier.figures)
    known = [photo for photo in part.photos if photo.figure_id in index]
    _require_known(classifier, part, known)
    never = [photo for photo in part.photos if photo.figure_id not in index]
    rules = classifier.manifest.calibration
    notes, sources, strangers = list(said), [], []
    if never:
        notes.append(
            f"{_count(len(never))} of figures that this model was never taught ({_name(part, never)}): "
            "left out of the scores."
        )
        sources.append(f"{_count(len(never))} of figures that the model was never taught")
    if rules is not None and rules.unknown is not None:
        strangers += never
    if folder is not None:
        if rules is None or rules.unknown is None:
            reason = rules.refused.get("unknown") if rules else UNMEASURED
            raise BundleError(
                f"{classifier.bundle.path}: expected a model with a rule for unknown photos, found none: "
                f"{reason or 'its recipe fits none'}"
            )
        found = read_unlabelled(folder)
        strangers += found.photos
        sources.append(f"{_count(len(found.photos))} of {found.name}")
    return _Task(index, known, strangers, " and ".join(sources), tuple(notes))


def _name(part: Dataset, photos: Sequence[Photo]) -> str:
    """Return what the figures of these photos are called, the first few of them."""
    shown = {photo.figure_id for photo in photos}
    return few([f"'{figure.display}'" for figure in part.figures if figure.id in shown])


def _require_known(classifier: Classifier, part: Dataset, known: Sequence[Photo]) -> None:
    """Raise unless the model was taught a figure of these photos."""
    if not part.photos:
        raise DataError(f"{part.name}: expected labelled photos to measure on, found none")
    if not known:
        ours, theirs = call_figure(classifier.figures[0]), part.photos[0].figure_id
        raise DataError(
            f"{part.name}: expected photos of this model's figures (like {ours}), found only "
            f"others (like {theirs!r}); were the labels written differently?"
        )


def _ask(
    classifier: Classifier,
    task: _Task,
    small: tuple[Fingerprints, Fingerprints],
    *,
    skip_bad: bool,
    progress: Callable[[int, int], None] | None,
) -> tuple[Asked, Asked | None]:
    """Ask about the photos of the model's figures, then about the others."""
    total = len(task.known) + len(task.strangers)

    def after(before: int) -> Callable[[int, int], None] | None:
        return progress and (lambda done, _: progress(before + done, total))

    asked, others = ask(classifier, task.known, after(0), small=small[0]), None
    if task.strangers:
        others = ask(classifier, task.strangers, after(len(task.known)), small=small[1])
    failures = asked.failures + (others.failures if others else ())
    if failures and not (skip_bad and asked.photos):
        instead = "" if asked.photos else ", or give other photos"
        raise UnreadablePhotosError(
            f"{len(failures)} of {total} photos cannot be decoded, first {failures[0]}; "
            f"repair or remove them{instead}",
            failures,
            remedy=Remedy.SKIP_BAD if asked.photos else None,
        )
    return asked, others


def _say_unseen(others: Asked | None) -> tuple[str, ...]:
    """Return a note where strangers were given, and none of them could be looked at."""
    if others is None or others.photos:
        return ()
    return ("None of the pictures of strangers can be decoded, so that nothing is said of them.",)


def _name_strangers(others: Asked, source: str) -> Strangers:
    if others.strangeness is None or others.unknown is None:
        raise RuntimeError("expected strangers only for a model with a rule for them")
    return Strangers(
        photos=others.photos,
        source=source,
        predicted=others.probabilities.argmax(axis=1),
        probability=others.probabilities.max(axis=1),
        scores=others.strangeness,
        unknown=others.unknown,
        groups=others.groups,
        kinds=name_kinds(others.photos),
    )


def _apply_rules(classifier: Classifier, asked: Asked, found: Evaluation) -> Evaluation:
    """Measure the model's sets and its operating point, where it has them."""
    rules = classifier.manifest.calibration
    if rules is None:
        return found
    if rules.unknown is not None:
        found = replace(found, lines=_measure_lines(rules.unknown, found))
    refused = dict(rules.refused)
    sets: SetScore | None = None
    if rules.sets is not None and asked.sets is not None:
        sets = judge_sets(asked.sets, found.labels, rules.sets.coverage, found.groups)
    operating, positive, ids = None, found.positive, [figure.id for figure in found.figures]
    if rules.positive is not None:
        positive = ids.index(rules.positive)
    if rules.operating_point is not None:
        positive = ids.index(rules.operating_point.positive)
        measured = measure_point(
            rules.operating_point, found.figures, found.probabilities, found.labels, found.groups
        )
        if isinstance(measured, Refusal):
            refused["operating_point"] = measured.reason
        else:
            operating = measured
    return replace(found, sets=sets, operating=operating, positive=positive, refused=refused)


def _measure_lines(rule: UnknownRule, found: Evaluation) -> tuple[LineScore, ...]:
    """Measure every line between known and unknown that may be chosen."""
    known, others = found.strangeness, found.strangers
    if known is None:
        return ()
    return tuple(
        LineScore(
            stated=line.kept,
            kept=share_not(known > line.threshold, found.groups),
            accepted=others.measure_accepted(others.scores > line.threshold) if others else None,
        )
        for line in list_lines(rule)
    )


def _look_back(
    classifier: Classifier,
    asked: Asked,
    others: Asked | None,
    small: tuple[Fingerprints, Fingerprints],
    found: Evaluation,
) -> Evaluation:
    """Find the photos that the model has seen in training."""
    gallery = classifier.bundle.gallery()
    paths = [photo.path for photo in asked.photos]
    seen = find_trained_on(gallery, asked.sha256)
    like = find_resembling(classifier.bundle, gallery, paths, small[0])
    found = replace(found, trained_on=tuple(paths[i] for i in seen), resembles_trained=like)
    notes = list(found.notes)
    untested = say_untested(found)
    said, rest = say_seen(found), len(paths) - len(list_seen(found))
    if said is not None:
        only = f"the headline counts only the other {rest}, which it had not seen"
        notes.append(Caveat(f"{said}: {only if rest else 'the numbers flatter it'}."))
    if untested is not None:
        notes.append(Caveat(untested))
    if like is None:
        notes.append(
            "The model carries no thumbnails of the photos that it was trained on, so nobody could "
            "look for near-copies of them among these."
        )
    if others is not None:
        theirs = [photo.path for photo in others.photos]
        taught = [theirs[i] for i in find_trained_on(gallery, others.sha256)]
        near = find_resembling(classifier.bundle, gallery, theirs, small[1]) or ()
        if taught or near:
            notes.append(say_taught(taught, [one.path for one in near]))
    return replace(found, notes=tuple(notes))


def _tell_about(classifier: Classifier, asked: Asked) -> dict[str, Any]:
    """Return where the numbers come from, as plain values."""
    manifest = classifier.manifest
    training = manifest.training
    return {
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "figsight": find_version("figsight"),
        "photos_fingerprint": fingerprint_photos(asked.sha256),
        "model": {
            "path": classifier.bundle.path,
            "seal": manifest.seal,
            "created": manifest.created,
            "figsight": manifest.figsight,
            "backbone": manifest.network.backbone,
            "recipe": training.recipe,
            "seed": training.seed,
            "device": training.device,
            "seconds": training.seconds,
            "epochs": training.epochs,
            "photos": training.photos,
            "photos_fingerprint": training.photos_fingerprint,
            "versions": training.versions,
            "calibration": msgspec.to_builtins(manifest.calibration),
        },
    }


def _consult_log(
    classifier: Classifier, asked: Asked, found: Evaluation, *, record: bool
) -> Evaluation:
    """Say which of the photos were tested before, and take note that they were now."""
    about, notes = found.about, list(found.notes)
    path = find_log(classifier.bundle.location)
    seal = about["model"]["seal"]
    log: Log | None = None
    seen = list_seen(found)
    test = [
        sha256
        for photo, sha256 in zip(asked.photos, asked.sha256, strict=True)
        if photo.path not in seen
    ]
    try:
        log = read_log(path, asked.sha256, seal, test)
        if log.damaged:
            notes.append(
                f"{path.name}: {count(log.damaged, 'line')} cannot be read and "
                f"{'was' if log.damaged == 1 else 'were'} passed over."
            )
        if record:
            each = None if log.listed else list_each(asked.sha256)
            add_to_log(
                path,
                {
                    "time": about["time"],
                    "photos": about["photos_fingerprint"],
                    **({} if each is None else {"each": each}),
                    "model": seal,
                    "n": found.n,
                    "correct": found.correct,
                    "accuracy": found.accuracy.value,
                    "interval": [found.accuracy.low, found.accuracy.high],
                    "protocol": found.protocol,
                    "trained_on": len(found.trained_on),
                    "figsight": about["figsight"],
                },
            )
    except OutputError as error:
        notes.append(f"That these photos were tested could not be recorded: {error}.")
    if log is None:
        return replace(found, notes=tuple(notes))
    if log.retested is not None:
        notes.append(say_retested(log, len(test)))
    return replace(
        found,
        tested_before=tuple(sorted(log.times + log.other_times)),
        retested=log.retested,
        notes=tuple(notes),
    )


def _count(n: int) -> str:
    return count(n, "photo")
