"""A model against labelled photos.

Everything goes through the classifier that users get. Does not train.
"""

from __future__ import annotations

import hashlib
import time
from contextlib import nullcontext
from typing import TYPE_CHECKING

import numpy as np

from figsight.classifier import Classifier, load
from figsight.dataset import Dataset, read
from figsight.dataset.choosing import measuring_part
from figsight.errors import DataError, PhotoError, UnreadablePhotosError
from figsight.evaluation.results import Evaluation

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from figsight.dataset import Photo


def evaluate(
    model: str | os.PathLike[str] | Classifier,
    data: str | os.PathLike[str] | Dataset,
    *,
    split: str | None = None,
    skip_bad: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Measure a model on labelled photos.

    Args:
        model: A bundle, or an open classifier.
        data: Anything that ``figsight.read`` reads, or what it returned.
        split: Which split of the source; by default ``test``, else ``val``, else ``train``, else
            everything.
        skip_bad: Leave photos out that cannot be decoded, instead of stopping.
        progress: Called after each photo with how many are done and how many there are.

    Returns:
        The answers and their scores. Photos of figures that the model was never taught are left out
        and counted in a note; so are photos that it was trained on, which flatter it.

    Raises:
        FigsightError: The model or the data cannot be used.
    """
    started = time.perf_counter()
    dataset = data if isinstance(data, Dataset) else read(data)
    part, chosen = measuring_part(dataset, split)
    with nullcontext(model) if isinstance(model, Classifier) else load(model) as classifier:
        index = {figure.id: i for i, figure in enumerate(classifier.figures)}
        known = [photo for photo in part.photos if photo.figure_id in index]
        _require_known(classifier, part, known)
        kept, failures, probabilities = ask(classifier, known, progress)
        if failures and not (skip_bad and kept):
            way_out = "--skip-bad continues without them" if kept else "give other photos"
            raise UnreadablePhotosError(
                f"{len(failures)} of {len(known)} photos cannot be decoded, first {failures[0]}; "
                f"repair or remove them, or {way_out}",
                failures,
            )
        notes = _note(classifier, left_out=len(part.photos) - len(known), kept=kept)
        where = f"the split {chosen} of {dataset.name}" if chosen else dataset.name
        return Evaluation(
            protocol=f"{_count(len(kept))}: {where}",
            figures=classifier.figures,
            photos=tuple(kept),
            labels=np.array([index[photo.figure_id or ""] for photo in kept], np.int64),
            probabilities=probabilities,
            skipped=tuple(failures),
            notes=notes,
            seconds=time.perf_counter() - started,
        )


def _require_known(classifier: Classifier, part: Dataset, known: Sequence[Photo]) -> None:
    """Raise unless the model was taught a figure of these photos."""
    if not part.photos:
        raise DataError(f"{part.name}: expected labelled photos to measure on, found none")
    if not known:
        ours, theirs = classifier.figures[0].id, part.photos[0].figure_id
        raise DataError(
            f"{part.name}: expected photos of this model's figures (like {ours!r}), found only "
            f"others (like {theirs!r}); were the labels written differently?"
        )


def _note(classifier: Classifier, *, left_out: int, kept: Sequence[Photo]) -> tuple[str, ...]:
    """Return what a reader must know to read the numbers rightly."""
    notes = []
    if left_out:
        notes.append(f"{_count(left_out)} of figures that this model was never taught: left out.")
    seen = count_seen(classifier, kept)
    if seen:
        notes.append(
            f"The model was trained on {seen} of these {_count(len(kept))}: the numbers flatter it."
        )
    return tuple(notes)


def _count(n: int) -> str:
    return "1 photo" if n == 1 else f"{n} photos"


def ask(
    classifier: Classifier,
    photos: Sequence[Photo],
    progress: Callable[[int, int], None] | None = None,
) -> tuple[list[Photo], list[PhotoError], np.ndarray[tuple[int, int], np.dtype[np.float64]]]:
    """Return the readable photos, the errors of the others, and probabilities [N, K]."""
    kept: list[Photo] = []
    failures: list[PhotoError] = []
    logits = []
    for done, (photo, result) in enumerate(
        zip(photos, classifier.run_each(photos), strict=True), start=1
    ):
        if isinstance(result, PhotoError):
            failures.append(result)
        else:
            kept.append(photo)
            logits.append(result[1].logits[0])
        if progress is not None:
            progress(done, len(photos))
    shape = (len(kept), len(classifier.figures))
    return kept, failures, classifier.probabilities(np.array(logits, np.float32).reshape(shape))


def count_seen(classifier: Classifier, photos: Sequence[Photo]) -> int:
    """Count the photos whose file, byte for byte, the model was trained on."""
    trained = {row.tobytes() for row in classifier.bundle.gallery().sha256}
    return sum(hashlib.sha256(photo.read()).digest() in trained for photo in photos)
