"""Asking a classifier about photos, and taking note of each on the way.

Knows photos, and everything that a model says of one. Does not know what is right.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from figsight.dataset.copies import Fingerprint, find_copies, fingerprint
from figsight.dataset.groups import group_photos
from figsight.errors import PhotoError
from figsight.evaluation.seen import shrink
from figsight.images import decode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from figsight.classifier import Classifier
    from figsight.dataset import Photo


@dataclass(frozen=True, slots=True)
class Mark:
    """What a photo is recognised by.

    Attributes:
        print: Among photos.
        small: Among thumbnails of photos; see ``seen.shrink``.
    """

    print: Fingerprint
    small: Fingerprint


@dataclass(frozen=True, eq=False)
class Asked:
    """What a model said of N photos.

    Attributes:
        photos: Those that can be decoded, [N].
        failures: One error for each of the others.
        marks: What each is recognised by, [N].
        probabilities: float64 [N, K].
        strangeness: float64 [N]; None when the model has no rule for unknowns.
        unknown: bool [N]; None likewise.
        sets: The names that each may be, bool [N, K]; None when the model gives no sets.
    """

    photos: tuple[Photo, ...]
    failures: tuple[PhotoError, ...]
    marks: tuple[Mark, ...]
    probabilities: NDArray[np.float64]
    strangeness: NDArray[np.float64] | None
    unknown: NDArray[np.bool_] | None
    sets: NDArray[np.bool_] | None

    def groups(self) -> tuple[str, ...] | None:
        """Return a key for each photo, shared by copies; None when every photo stands alone."""
        prints = [mark.print for mark in self.marks]
        hashes = [print_.sha256 for print_ in prints]
        keys = group_photos(self.photos, hashes, find_copies(prints))
        return tuple(keys) if len(set(keys)) < len(keys) else None


class _Marked:
    """A photo that takes note of what it is recognised by when the classifier reads it.

    That happens in the threads that decode ahead of the network, which mostly wait for it.
    """

    def __init__(self, photo: Photo) -> None:
        self.photo = photo
        self.path = photo.path
        self.mark: Mark | None = None

    def read(self) -> bytes:
        data = self.photo.read()
        pixels, sha256 = decode(data, name=self.path), hashlib.sha256(data).hexdigest()
        self.mark = Mark(fingerprint(pixels, sha256), fingerprint(shrink(pixels), sha256))
        return data


def ask(
    classifier: Classifier,
    photos: Sequence[Photo],
    progress: Callable[[int, int], None] | None = None,
) -> Asked:
    """Ask a classifier about each photo.

    Args:
        classifier: The model.
        photos: Any.
        progress: Called after each photo with how many are done and how many there are.
    """
    index = {figure.id: i for i, figure in enumerate(classifier.figures)}
    marked = [_Marked(photo) for photo in photos]
    failures: list[PhotoError] = []
    kept: list[Photo] = []
    marks: list[Mark] = []
    rows, scores, flags, names = [], [], [], []
    for done, (one, result) in enumerate(
        zip(marked, classifier.predict_each(marked), strict=True), start=1
    ):
        if isinstance(result, PhotoError):
            failures.append(result)
        else:
            row = np.empty(len(index))
            row[[index[ranked.class_id] for ranked in result.top]] = [
                ranked.probability for ranked in result.top
            ]
            member = np.zeros(len(index), np.bool_)
            member[[index[ranked.class_id] for ranked in result.names or ()]] = True
            kept.append(one.photo)
            marks.append(_require(one.mark))
            rows.append(row)
            names.append(member)
            scores.append(result.unknown_score)
            flags.append(result.unknown)
        if progress is not None:
            progress(done, len(photos))
    rules = classifier.manifest.calibration
    tells, gives = (rules and rules.unknown) is not None, (rules and rules.sets) is not None
    shape = (len(kept), len(index))
    return Asked(
        photos=tuple(kept),
        failures=tuple(failures),
        marks=tuple(marks),
        probabilities=np.array(rows, np.float64).reshape(shape),
        strangeness=np.array(scores, np.float64) if tells else None,
        unknown=np.array(flags, np.bool_) if tells else None,
        sets=np.array(names, np.bool_).reshape(shape) if gives else None,
    )


def _require(mark: Mark | None) -> Mark:
    if mark is None:  # pragma: no cover
        raise RuntimeError("expected the classifier to read every photo that it names")
    return mark
