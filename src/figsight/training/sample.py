"""The photos of a run, decoded once: pixels for training and for measuring, hashes, thumbnails.

Knows how photos become arrays. Does not know networks.
"""

from __future__ import annotations

from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from figsight.dataset import Dataset, Photo, look_at_photos, require_readable
from figsight.dataset.copies import Fingerprints, find_copies, fingerprint
from figsight.dataset.findings import Findings, find_findings
from figsight.dataset.fingerprints import fingerprint_photos
from figsight.dataset.groups import group_photos
from figsight.dataset.names import few
from figsight.dataset.quality import Quality, find_odd, measure
from figsight.errors import DataError
from figsight.images import InputSpec, fit, make_thumbnail
from figsight.rows import Chosen, Rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from figsight.dataset.copies import Fingerprint
    from figsight.dataset.quality import Oddities
    from figsight.errors import PhotoError
    from figsight.training.recipe import Recipe

IN_MEMORY = 512 * 2**20  # bytes of pixels; more of them lie on disk


@dataclass(frozen=True)
class Sample:
    """The readable photos of a set, in its order.

    Attributes:
        dataset: The set, with its readable photos only.
        skipped: One error for each of the others.
        leaked: Photos that are not learned from, as they are copies of one that is kept aside (or of its
            group), each with that one.
        labels: Class index of each photo, int64 [N].
        groups: Key of the group that each photo must stay with, N texts.
        findings: What an audit says of these, of the leaked and of those kept aside, as far as it needs
            no network.
        odd: Which of the photos that were looked at are blank, dark, blurred or of an odd size, by their
            numbers in ``findings.photos``.
        sha256: Of each photo's file as hex, N texts.
        thumbnails: A small JPEG of each photo.
        stored: Pixels that views are made from, uint8 [N, H, W, 3].
        exact: Pixels exactly as the delivered network will be fed them, uint8 [N, H, W, 3].
    """

    dataset: Dataset
    skipped: tuple[PhotoError, ...]
    leaked: tuple[tuple[Photo, Photo], ...]
    labels: NDArray[np.int64]
    groups: list[str]
    findings: Findings
    odd: Oddities
    sha256: list[str]
    thumbnails: list[bytes]
    stored: Rows[np.uint8] | Chosen[np.uint8]
    exact: Rows[np.uint8] | Chosen[np.uint8]

    @property
    def photos_fingerprint(self) -> str:
        """What the photos are known by, in any order, wherever they lie."""
        return fingerprint_photos(self.sha256)

    def close(self) -> None:
        """Let go of the pixels."""
        self.stored.close()
        self.exact.close()


def input_spec(recipe: Recipe) -> InputSpec:
    """Return how photos are brought to the size of the network's input."""
    return InputSpec(recipe.image_size, recipe.image_size, fit=recipe.fit)


def prepare(
    dataset: Dataset,
    recipe: Recipe,
    folder: Path,
    *,
    aside: Sequence[Photo] = (),
    skip_bad: bool,
    progress: Callable[[int, int], None] | None = None,
) -> Sample:
    """Decode every photo, once.

    Args:
        dataset: The photos to learn from.
        recipe: What they are fitted to.
        folder: Where pixels lie that are too many for memory.
        aside: Pictures of other splits. They are looked at so that none of them is learned from under
            another name: photos in one group with such a one do not take part.
        skip_bad: Whether to go on without photos to learn from that cannot be decoded.
        progress: Called after each picture with how many are done and how many there are.

    Raises:
        UnreadablePhotosError: Photos cannot be decoded, and ``skip_bad`` is false.
        DataError: All photos of a figure are copies of pictures that are kept aside.
    """
    n = len(dataset.photos)

    def tell(before: int) -> Callable[[int, int], None] | None:
        whole = n + len(aside)
        return None if progress is None else lambda done, _: progress(before + done, whole)

    looked = _Looked(n, recipe, folder)
    with closing(looked.prints) as prints, ExitStack() as opened:
        opened.enter_context(closing(looked))
        report = look_at_photos(dataset.photos, looked.look, looked.keep, progress=tell(0))
        readable = require_readable(dataset, report, skip_bad=skip_bad)
        others = look_at_photos(aside, looked.mark, looked.keep_marks, progress=tell(n))
        photos = (*readable.photos, *others.good)
        copies = find_copies(prints)
        groups = group_photos(photos, prints.sha256, copies)
        leaked = _find_leaked(photos, groups, len(readable.photos))
        taught = _leave_out(readable, [photo for photo, _ in leaked.values()])
        opened.pop_all()  # all went well: the sample holds the pixels from here on
    failures = report.failures + others.failures
    rows = np.array([i for i in range(len(readable.photos)) if i not in leaked], np.intp)
    return Sample(
        dataset=taught,
        skipped=readable.not_there + report.failures,
        leaked=tuple(leaked.values()),
        labels=np.array(taught.labels(), np.int64),
        groups=[groups[i] for i in rows],
        findings=find_findings(readable, photos, prints.sha256, copies, failures),
        odd=find_odd(looked.qualities),
        sha256=[prints.sha256[i] for i in rows],
        thumbnails=[looked.thumbnails[i] for i in rows],
        stored=Chosen(looked.stored, rows) if leaked else looked.stored,
        exact=Chosen(looked.exact, rows) if leaked else looked.exact,
    )


class _Marks(NamedTuple):
    """What copies and bad shots are found by."""

    print_: Fingerprint
    quality: Quality


class _Seen(NamedTuple):
    """What is taken of one photo to learn from."""

    stored: NDArray[np.uint8]
    exact: NDArray[np.uint8]
    thumbnail: bytes
    marks: _Marks


class _Looked:
    """What is taken of all pictures, one after the other: of those to learn from, then of the rest.

    Args:
        photos: How many there are to learn from.
        recipe: What they are fitted to.
        folder: Where pixels lie that are too many for memory.
    """

    def __init__(self, photos: int, recipe: Recipe, folder: Path) -> None:
        self._store = InputSpec(recipe.store_size, recipe.store_size, fit=recipe.fit)
        self._feed = input_spec(recipe)
        self.prints = Fingerprints()
        self.stored = _keep_pixels(photos, self._store, folder)
        self.exact = _keep_pixels(photos, self._feed, folder)
        self.thumbnails: list[bytes] = []
        self.qualities: list[Quality] = []

    def mark(self, pixels: NDArray[np.uint8], sha256: str) -> _Marks:
        return _Marks(fingerprint(pixels, sha256), measure(pixels))

    def look(self, pixels: NDArray[np.uint8], sha256: str) -> _Seen:
        marks = self.mark(pixels, sha256)
        fitted = fit(pixels, self._store), fit(pixels, self._feed)
        return _Seen(*fitted, make_thumbnail(pixels), marks)

    def keep_marks(self, _: Photo, marks: _Marks) -> None:
        self.prints.append(marks.print_)
        self.qualities.append(marks.quality)

    def keep(self, photo: Photo, seen: _Seen) -> None:
        self.stored.append(seen.stored)
        self.exact.append(seen.exact)
        self.thumbnails.append(seen.thumbnail)
        self.keep_marks(photo, seen.marks)

    def close(self) -> None:
        self.stored.close()
        self.exact.close()


def _find_leaked(
    photos: Sequence[Photo], groups: Sequence[str], n: int
) -> dict[int, tuple[Photo, Photo]]:
    """Return which of the first n photos are in one group with a later one, by number, with that one."""
    kept: dict[str, Photo] = {}
    for photo, group in zip(photos[n:], groups[n:], strict=True):
        kept.setdefault(group, photo)
    return {i: (photos[i], kept[groups[i]]) for i in range(n) if groups[i] in kept}


def _leave_out(dataset: Dataset, leaked: Sequence[Photo]) -> Dataset:
    """Return a set without some photos, of which each figure must keep one."""
    gone = {photo.path for photo in leaked}
    left = dataset.only(photo for photo in dataset.photos if photo.path not in gone)
    shown = {photo.figure_id for photo in left.photos}
    lost = {photo.figure_id for photo in leaked} - shown
    bare = [figure.display for figure in dataset.figures if figure.id in lost]
    if bare:
        raise DataError(
            f"{dataset.name}: expected photos to learn from that are not in another split as well, found "
            f"none of {few(bare)}: all of theirs are copies of, or belong together with, photos that are "
            f"kept aside; keep what belongs together in one split"
        )
    return left


def _keep_pixels(photos: int, spec: InputSpec, folder: Path) -> Rows[np.uint8]:
    """Return where the pixels of so many photos lie: small sets in memory, large ones on disk."""
    shape = (spec.height, spec.width, 3)
    in_memory = IN_MEMORY if photos * spec.height * spec.width * 3 <= IN_MEMORY else 0
    return Rows(shape, np.uint8, in_memory=in_memory, folder=folder)
