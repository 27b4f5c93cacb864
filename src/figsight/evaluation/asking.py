"""Asking a classifier about photos, and taking note of each on the way.

Knows photos, and everything that a model says of one. Does not know what is right.
"""

from __future__ import annotations

import hashlib
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from figsight.dataset.copies import Fingerprint, Fingerprints, find_copies, fingerprint
from figsight.dataset.groups import group_photos
from figsight.errors import PhotoError
from figsight.evaluation.seen import remembers_pictures, shrink
from figsight.images import decode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from figsight.classifier import Classifier
    from figsight.dataset import Photo


@dataclass(frozen=True, eq=False)
class Asked:
    """What a model said of N photos.

    Attributes:
        photos: Those that can be decoded, [N].
        failures: One error for each of the others.
        sha256: Of the file of each, as hex, [N].
        groups: A key for each photo, shared by copies; None when every photo stands alone.
        probabilities: float64 [N, K].
        strangeness: float64 [N]; None when the model has no rule for unknowns.
        unknown: bool [N]; None likewise.
        sets: The names that each may be, bool [N, K]; None when the model gives no sets.
    """

    photos: tuple[Photo, ...]
    failures: tuple[PhotoError, ...]
    sha256: list[str]
    groups: tuple[str, ...] | None
    probabilities: NDArray[np.float64]
    strangeness: NDArray[np.float64] | None
    unknown: NDArray[np.bool_] | None
    sets: NDArray[np.bool_] | None


class _Mark(NamedTuple):
    """What a photo is recognised by: among photos, and among thumbnails of photos."""

    print_: Fingerprint
    small: Fingerprint | None


class _Marked:
    """A photo that is decoded once, for the network and for what the photo is recognised by.

    Both are worked out in the thread that the photo is in from its bytes to its result.
    """

    __slots__ = ("_mark", "_shrinks", "path", "photo")

    def __init__(self, photo: Photo, *, shrinks: bool) -> None:
        self.photo = photo
        self.path = photo.path
        self._shrinks = shrinks
        self._mark: _Mark | None = None

    def read(self) -> bytes:
        """Return the bytes of its file."""
        return self.photo.read()

    def read_pixels(self) -> NDArray[np.uint8]:
        """Decode it, and take note of it."""
        data = self.photo.read()
        pixels, sha256 = decode(data, name=self.path), hashlib.sha256(data).hexdigest()
        small = fingerprint(shrink(pixels), sha256) if self._shrinks else None
        self._mark = _Mark(fingerprint(pixels, sha256), small)
        return pixels

    def take_mark(self) -> _Mark:
        """Hand out the note, once."""
        mark, self._mark = self._mark, None
        if mark is None:  # pragma: no cover
            raise RuntimeError("expected the classifier to decode every photo that it names")
        return mark


def ask(
    classifier: Classifier,
    photos: Sequence[Photo],
    progress: Callable[[int, int], None] | None = None,
    *,
    small: Fingerprints | None = None,
) -> Asked:
    """Ask a classifier about each photo; each is read and decoded once.

    Args:
        classifier: The model.
        photos: Any.
        progress: Called after each photo with how many are done and how many there are.
        small: Takes what each photo in the answer is recognised by among thumbnails, in their order; see
            ``seen.shrink``. Nothing for a model without thumbnails.
    """
    index = {figure.id: i for i, figure in enumerate(classifier.figures)}
    shrinks = small is not None and remembers_pictures(classifier.bundle)
    marked = [_Marked(photo, shrinks=shrinks) for photo in photos]
    failures: list[PhotoError] = []
    kept: list[Photo] = []
    scores, flags = [], []
    probabilities = np.empty((len(photos), len(index)))
    sets = np.zeros((len(photos), len(index)), np.bool_)
    with closing(Fingerprints()) as prints:
        for done, (one, result) in enumerate(
            zip(marked, classifier.predict_each(marked), strict=True), start=1
        ):
            if isinstance(result, PhotoError):
                failures.append(result)
            else:
                mark, row = one.take_mark(), len(kept)
                prints.append(mark.print_)
                if small is not None and mark.small is not None:
                    small.append(mark.small)
                probabilities[row, [index[ranked.class_id] for ranked in result.top]] = [
                    ranked.probability for ranked in result.top
                ]
                sets[row, [index[ranked.class_id] for ranked in result.names or ()]] = True
                scores.append(result.unknown_score)
                flags.append(result.unknown)
                kept.append(one.photo)
            if progress is not None:
                progress(done, len(photos))
        groups = group_photos(kept, prints.sha256, find_copies(prints))
    rules = classifier.manifest.calibration
    tells, gives = (rules and rules.unknown) is not None, (rules and rules.sets) is not None
    return Asked(
        photos=tuple(kept),
        failures=tuple(failures),
        sha256=prints.sha256,
        groups=tuple(groups) if len(set(groups)) < len(groups) else None,
        probabilities=probabilities[: len(kept)],
        strangeness=np.array(scores, np.float64) if tells else None,
        unknown=np.array(flags, np.bool_) if tells else None,
        sets=sets[: len(kept)] if gives else None,
    )
