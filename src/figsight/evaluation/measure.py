"""A model against labelled photos.

Everything goes through the classifier that users get. Does not train.
"""

from __future__ import annotations

import hashlib
import time
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
        split: Which split of the source; by default ``test``, else ``val``, else ``train``, else all.
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
    classifier = model if isinstance(model, Classifier) else load(model)
    part, chosen = measuring_part(dataset, split)
    photos = part.photos
    index = {figure.id: i for i, figure in enumerate(classifier.figures)}
    known = [photo for photo in photos if photo.figure_id in index]
    notes = []
    if not known:
        ours, theirs = classifier.figures[0].id, photos[0].figure_id
        raise DataError(
            f"{dataset.name}: expected photos of this model's figures (like {ours!r}), found only "
            f"others (like {theirs!r}); were the labels written differently?"
        )
    if len(known) < len(photos):
        notes.append(
            f"{len(photos) - len(known)} photos of figures that this model was never taught are "
            f"left out."
        )
    kept, failures, probabilities = ask(classifier, known, progress)
    if failures and not (skip_bad and kept):
        raise UnreadablePhotosError(
            f"{len(failures)} of {len(known)} photos cannot be decoded, first {failures[0]}; "
            f"repair or remove them, or --skip-bad continues without them",
            failures,
        )
    seen = count_seen(classifier, kept)
    if seen:
        notes.append(
            f"{seen} of these {len(kept)} photos were trained on: the numbers flatter the model."
        )
    where = f"the split {chosen} of {dataset.name}" if chosen else dataset.name
    return Evaluation(
        protocol=f"{len(kept)} photos: {where}",
        figures=classifier.figures,
        photos=tuple(kept),
        labels=np.array([index[photo.figure_id or ""] for photo in kept], np.int64),
        probabilities=probabilities,
        skipped=tuple(failures),
        notes=tuple(notes),
        seconds=time.perf_counter() - started,
    )


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
