"""The photos of a run, decoded once: pixels for training and for measuring, hashes, thumbnails.

Knows how photos become arrays. Does not know networks.
"""

from __future__ import annotations

import hashlib
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from figsight.dataset import Dataset, Photo, look_at_photos, require_readable
from figsight.dataset.copies import Fingerprints, find_copies, fingerprint
from figsight.dataset.findings import Findings, find_findings
from figsight.dataset.groups import group_photos
from figsight.images import InputSpec, fit, make_thumbnail
from figsight.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from figsight.dataset.copies import Fingerprint
    from figsight.errors import PhotoError
    from figsight.training.recipe import Recipe

IN_MEMORY = 512 * 2**20  # bytes of pixels; more of them lie on disk


@dataclass(frozen=True)
class Sample:
    """The readable photos of a set, in its order.

    Attributes:
        dataset: The set, with its readable photos only.
        skipped: One error for each of the others.
        labels: Class index of each photo, int64 [N].
        groups: Key of the group that each photo must stay with, N texts.
        findings: What an audit says of the photos that were asked for, as far as it needs no network.
        sha256: Of each photo's file as hex, N texts.
        thumbnails: A small JPEG of each photo.
        stored: Pixels that views are made from, uint8 [N, H, W, 3].
        exact: Pixels exactly as the delivered network will be fed them, uint8 [N, H, W, 3].
    """

    dataset: Dataset
    skipped: tuple[PhotoError, ...]
    labels: NDArray[np.int64]
    groups: list[str]
    findings: Findings
    sha256: list[str]
    thumbnails: list[bytes]
    stored: Rows[np.uint8]
    exact: Rows[np.uint8]

    @property
    def photos_fingerprint(self) -> str:
        """SHA-256 over the sorted hashes of the photos: the same photos in any order."""
        return hashlib.sha256("".join(sorted(self.sha256)).encode()).hexdigest()

    def close(self) -> None:
        """Let go of the pixels."""
        self.stored.close()
        self.exact.close()


class _Seen(NamedTuple):
    """What is taken of one photo."""

    stored: NDArray[np.uint8]
    exact: NDArray[np.uint8]
    thumbnail: bytes
    print_: Fingerprint


def input_spec(recipe: Recipe) -> InputSpec:
    """Return how photos are brought to the size of the network's input."""
    return InputSpec(recipe.image_size, recipe.image_size, fit=recipe.fit)


def prepare(
    dataset: Dataset,
    recipe: Recipe,
    folder: Path,
    *,
    skip_bad: bool,
    progress: Callable[[int, int], None] | None = None,
) -> Sample:
    """Decode every photo, once.

    Raises:
        UnreadablePhotosError: Photos cannot be decoded, and ``skip_bad`` is false.
    """
    n = len(dataset.photos)
    store = InputSpec(recipe.store_size, recipe.store_size, fit=recipe.fit)
    feed = input_spec(recipe)
    thumbnails: list[bytes] = []

    def look(pixels: NDArray[np.uint8], sha256: str) -> _Seen:
        return _Seen(
            fit(pixels, store),
            fit(pixels, feed),
            make_thumbnail(pixels),
            fingerprint(pixels, sha256),
        )

    def keep(_: Photo, seen: _Seen) -> None:
        stored.append(seen.stored)
        exact.append(seen.exact)
        thumbnails.append(seen.thumbnail)
        prints.append(seen.print_)

    with closing(Fingerprints()) as prints, ExitStack() as opened:
        stored = opened.enter_context(closing(_keep_pixels(n, store, folder)))
        exact = opened.enter_context(closing(_keep_pixels(n, feed, folder)))
        report = look_at_photos(dataset.photos, look, keep, progress=progress)
        readable = require_readable(dataset, report, skip_bad=skip_bad)
        copies = find_copies(prints)
        opened.pop_all()  # all went well: the sample holds them from here on
    return Sample(
        dataset=readable,
        skipped=report.failures,
        labels=np.array(readable.labels(), np.int64),
        groups=group_photos(readable.photos, prints.sha256, copies),
        findings=find_findings(readable, readable.photos, prints.sha256, copies, report.failures),
        sha256=prints.sha256,
        thumbnails=thumbnails,
        stored=stored,
        exact=exact,
    )


def _keep_pixels(photos: int, spec: InputSpec, folder: Path) -> Rows[np.uint8]:
    """Return where the pixels of so many photos lie: small sets in memory, large ones on disk."""
    shape = (spec.height, spec.width, 3)
    in_memory = IN_MEMORY if photos * spec.height * spec.width * 3 <= IN_MEMORY else 0
    return Rows(shape, np.uint8, in_memory=in_memory, folder=folder)
