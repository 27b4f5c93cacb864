"""One pass over every picture of a set, and everything that can be found in it.

Knows the order of things; each of them is done in a room of its own. Each picture is decoded once,
and what is kept of it is little, whatever its size; most of that lies in a file where photos are many.
"""

from __future__ import annotations

from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, NamedTuple

from figsight.audit.labels import FewOfEach, load_embedder, rank_labels
from figsight.audit.results import Audit, OddPhoto
from figsight.dataset import Dataset, look_at_photos, read
from figsight.dataset.check import find_obstacle
from figsight.dataset.copies import Fingerprints, find_copies, fingerprint
from figsight.dataset.findings import find_findings
from figsight.dataset.groups import group_photos
from figsight.dataset.quality import find_odd, measure

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from figsight.audit.results import SuspectLabel
    from figsight.dataset.copies import Fingerprint
    from figsight.dataset.model import Photo
    from figsight.dataset.quality import Quality


class _Seen(NamedTuple):
    """What is taken of one picture."""

    print_: Fingerprint
    quality: Quality
    fitted: NDArray[np.uint8] | None


def examine(
    data: str | os.PathLike[str] | Dataset,
    *,
    labels: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> Audit:
    """Look at every picture of a set: labelled or not, of any split.

    Linear in the number of photos (sorting aside); nothing is written or changed.

    Args:
        data: Anything that ``figsight.read`` reads, or what it returned.
        labels: Whether to look for labels that look wrong, which takes most of the time.
        progress: Called after each picture with how many are done and how many there are.

    Raises:
        DataError: There is nothing that can be read as labelled photos.
    """
    dataset = data if isinstance(data, Dataset) else read(data, skip_missing=True)
    photos = (*dataset.photos, *dataset.unlisted)
    notes: list[str] = []
    qualities: list[Quality] = []

    def look(pixels: NDArray[np.uint8], sha256: str) -> _Seen:
        fitted = None if embedder is None else embedder.fit(pixels)
        return _Seen(fingerprint(pixels, sha256), measure(pixels), fitted)

    def keep(photo: Photo, seen: _Seen) -> None:
        prints.append(seen.print_)
        qualities.append(seen.quality)
        if embedder is not None and seen.fitted is not None and photo.figure_id is not None:
            embedder.add(seen.fitted)
            few.add(seen.fitted, photo.figure_id)

    suspects: tuple[SuspectLabel, ...] = ()
    with ExitStack() as opened:
        prints = opened.enter_context(closing(Fingerprints()))
        embedder = load_embedder(dataset, notes) if labels else None
        few = FewOfEach(dataset)
        if embedder is not None:
            opened.callback(embedder.close)
        report = look_at_photos(photos, look, keep, progress=progress)
        copies = find_copies(prints)
        alike = set() if embedder is None else set(few.find_mirror_images(embedder))
        findings = find_findings(
            dataset, report.good, prints.sha256, copies, report.failures, alike
        )
        groups = group_photos(report.good, prints.sha256, copies)
        if embedder is not None:
            alike |= {
                frozenset(photo.figure_id or "" for photo in one.photos)
                for one in findings.mirror_images
            }
            with closing(embedder.finish()) as embeddings:
                suspects = rank_labels(dataset, report.good, groups, embeddings, notes, alike)
    odd = find_odd(qualities)

    def chosen(numbers: Sequence[int]) -> tuple[OddPhoto, ...]:
        return tuple(OddPhoto(report.good[i], qualities[i]) for i in numbers)

    return Audit(
        dataset=dataset,
        findings=findings,
        obstacle=find_obstacle(dataset, report.good, groups),
        blank=chosen(odd.blank),
        dark=chosen(odd.dark),
        blurred=chosen(odd.blurred),
        odd_sizes=chosen(odd.sizes),
        suspect_labels=suspects,
        notes=tuple(notes),
    )
