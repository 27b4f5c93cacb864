"""Which photos must stay on one side of every split: copies, and what the source says belongs together.

Knows photos and their fingerprints, and takes note of what is odd on the way, as every photo is decoded
here. Does not decide what a copy is (``copies``) or what is odd (``quality``), nor who is held out
(``splits``).
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from figsight.dataset.check import look_at_photos, require_readable
from figsight.dataset.copies import Fingerprints, find_copies, fingerprint
from figsight.dataset.findings import find_findings
from figsight.dataset.joining import Joined
from figsight.dataset.quality import find_odd, measure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from figsight.dataset.copies import Copies, Fingerprint
    from figsight.dataset.findings import Findings
    from figsight.dataset.model import Dataset, Photo
    from figsight.dataset.quality import Oddities, Quality
    from figsight.errors import PhotoError


@dataclass(frozen=True)
class Grouped:
    """The readable photos of a set, and which of them must stay together.

    Attributes:
        dataset: The set, with its readable photos only.
        groups: Key of each photo's group.
        sha256: Of each photo's file, as hex.
        failures: One error for each unreadable photo.
        findings: What an audit says of them, as far as it needs no network.
        odd: Which of them are blank, dark, blurred or of an odd size, by their numbers.
    """

    dataset: Dataset
    groups: list[str]
    sha256: list[str]
    failures: tuple[PhotoError, ...]
    findings: Findings
    odd: Oddities


def read_groups(
    dataset: Dataset, *, skip_bad: bool, progress: Callable[[int, int], None] | None = None
) -> Grouped:
    """Decode every photo once; find which must stay together, and what is wrong with the set.

    Raises:
        UnreadablePhotosError: Photos cannot be decoded, and ``skip_bad`` is false.
    """

    def look(pixels: NDArray[np.uint8], sha256: str) -> tuple[Fingerprint, Quality]:
        return fingerprint(pixels, sha256), measure(pixels)

    def keep(_: Photo, marks: tuple[Fingerprint, Quality]) -> None:
        prints.append(marks[0])
        qualities.append(marks[1])

    qualities: list[Quality] = []
    with closing(Fingerprints()) as prints:
        report = look_at_photos(dataset.photos, look, keep, progress=progress)
        readable = require_readable(dataset, report, skip_bad=skip_bad)
        copies = find_copies(prints)
    photos, sha256, failures = readable.photos, prints.sha256, report.failures
    return Grouped(
        dataset=readable,
        groups=group_photos(photos, sha256, copies),
        sha256=sha256,
        failures=failures,
        findings=find_findings(readable, photos, sha256, copies, failures),
        odd=find_odd(qualities),
    )


def group_photos(photos: Sequence[Photo], sha256: Sequence[str], copies: Copies) -> list[str]:
    """Return the key of each photo's group.

    Two photos share a group when one is a copy of the other, when their source puts them into the
    same group, or when a chain of such pairs joins them. The key is the smallest SHA-256 in the
    group, so neither the order of the photos nor one more copy of a photo changes it.

    Args:
        photos: The photos.
        sha256: Of each photo's file, in hexadecimal.
        copies: Which of them are copies of each other.
    """
    joined = Joined(len(photos))
    first: dict[tuple[str, object], int] = {}
    for i, (photo, copy_of) in enumerate(zip(photos, copies.groups, strict=True)):
        for key in (("copy", copy_of), ("group", photo.group)):
            if key[1] is not None:
                joined.join(i, first.setdefault(key, i))
    numbers = joined.numbers()
    smallest: dict[int, str] = {}
    for number, digest in zip(numbers, sha256, strict=True):
        smallest[number] = min(smallest.get(number, digest), digest)
    return [smallest[number] for number in numbers]
