"""Decoding every photo once, before the first epoch; and whether a set can be trained on.

Knows that photos can be unreadable. Does not look at what they show. A picture that cannot be
decoded is reported with its path and reason, never replaced by something else.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict, deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from figsight.cores import count_cores
from figsight.dataset.choosing import training_part
from figsight.dataset.names import few, printable
from figsight.errors import DataError, PhotoError, Remedy, UnreadablePhotosError
from figsight.images import decode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Future

    import numpy as np
    from numpy.typing import NDArray

    from figsight.dataset.model import Dataset, Photo

    Progress = Callable[[int, int], None]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What decoding every photo has shown.

    Attributes:
        good: The photos that decode, in the order given.
        failures: One error for each of the others, in the order given.
        sha256: The SHA-256 of the file of each good photo as hex, by ``Photo.path``.
    """

    good: tuple[Photo, ...]
    failures: tuple[PhotoError, ...]
    sha256: Mapping[str, str]


def look_at_photos(
    photos: Sequence[Photo],
    look: Callable[[NDArray[np.uint8], str], T],
    keep: Callable[[Photo, T], None],
    *,
    threads: int | None = None,
    progress: Progress | None = None,
) -> CheckReport:
    """Decode every photo once, and take from its pixels what is needed of them.

    Only a few decoded pictures are alive at any time, so memory does not grow with the set.

    Args:
        photos: The photos.
        look: Called with the pixels of each good photo (uint8, [H, W, 3], upright sRGB) and the
            SHA-256 of its file as hex, in several threads at the same time and in any order.
        keep: Called with each good photo and what ``look`` returned of it, in the order of the
            photos, in the thread of the caller, before ``progress``.
        threads: How many to look at at the same time; by default one for each core that
            this process may use, at most 8.
        progress: Called after each photo with how many are done and how many there are.

    Returns:
        What decodes and what does not.
    """

    def visit(photo: Photo) -> tuple[str, T]:
        data = photo.read()
        sha256 = hashlib.sha256(data).hexdigest()
        return sha256, look(decode(data, name=photo.path), sha256)

    workers = threads or min(8, count_cores())
    good, failures, hashes = [], [], {}
    waiting: deque[Future[tuple[str, T]]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="figsight-check")
    try:
        for done, photo in enumerate(photos, start=1):
            # A window of work ahead keeps the threads busy while the caller is.
            for ahead in photos[done - 1 + len(waiting) : done - 1 + workers + 1]:
                waiting.append(pool.submit(visit, ahead))
            try:
                sha256, seen = waiting.popleft().result()
            except PhotoError as error:
                failures.append(error.with_traceback(None))  # it would keep the bytes of the file
            else:
                good.append(photo)
                hashes[photo.path] = sha256
                keep(photo, seen)
                del seen
            if progress is not None:
                progress(done, len(photos))
    finally:
        pool.shutdown(cancel_futures=True)
    return CheckReport(tuple(good), tuple(failures), hashes)


def require_readable(dataset: Dataset, report: CheckReport, *, skip_bad: bool) -> Dataset:
    """Stop at unreadable photos, or leave them out.

    Args:
        dataset: The set.
        report: What decoding its labelled photos has shown.
        skip_bad: Whether to go on without the unreadable photos.

    Returns:
        The set with its readable photos; figures that have none left are ``untaught``.

    Raises:
        UnreadablePhotosError: Photos cannot be decoded and ``skip_bad`` is false, or none can.
    """
    failures = report.failures
    if failures and not (skip_bad and report.good):
        instead = "" if report.good else ", or give other photos"
        shown = "; ".join(f"{printable(f.path)}: {printable(f.reason, 300)}" for f in failures[:3])
        more = f"; and {len(failures) - 3} more" if len(failures) > 3 else ""
        raise UnreadablePhotosError(
            f"{len(failures)} of {len(dataset.photos)} photos cannot be decoded: {shown}{more}; "
            f"repair or remove them{instead}",
            failures,
            remedy=Remedy.SKIP_BAD if report.good else None,
        )
    return dataset.narrow(report.good) if failures else dataset


def require_trainable(dataset: Dataset, photos_each: int = 2) -> None:
    """Raise unless a classifier can be trained on the labelled photos of a set.

    Args:
        dataset: The set, or the part of it (``Dataset.only``) that is to be trained on.
        photos_each: How many photos each figure must have: two when one of them is to be held out.

    Raises:
        DataError: There are fewer than two figures with photos, or a figure has too few photos.
    """
    counts = Counter(photo.figure_id for photo in dataset.photos)
    name = printable(dataset.name)
    if len(counts) < 2:
        shown = [figure.display for figure in dataset.figures if counts[figure.id]]
        found = f"only '{printable(shown[0])}'" if shown else "none"
        raise DataError(
            f"{name}: expected photos of at least two figures, found {found}; add another class"
        )
    poor = [
        f"'{f.display}' ({counts[f.id]})" for f in dataset.figures if counts[f.id] < photos_each
    ]
    if poor:
        raise DataError(
            f"{name}: expected at least {photos_each} photos of each figure, found fewer of "
            f"{few(poor)}; add photos or remove these figures"
        )


def find_obstacle(dataset: Dataset, photos: Sequence[Photo], groups: Sequence[str]) -> str | None:
    """Say why a set cannot be trained on and measured; None where it can, as far as its labels say.

    Args:
        dataset: The set.
        photos: Its readable photos; those without a label do not count.
        groups: What each of ``photos`` must stay together with.
    """
    try:
        part = training_part(dataset.narrow(photo for photo in photos if photo.figure_id))
        require_trainable(part, photos_each=0)
    except DataError as error:
        return str(error)
    group_of = {photo.path: group for photo, group in zip(photos, groups, strict=True)}
    held_together: defaultdict[str | None, set[str]] = defaultdict(set)
    for photo in part.photos:
        held_together[photo.figure_id].add(group_of[photo.path])
    if any(len(those) > 1 for those in held_together.values()):
        return None
    return (
        f"{printable(dataset.name)}: expected photos that can be held out, found only copies of one shot, "
        f"or one group, of each figure; add other photos, or measure nothing (--folds 0)"
    )
