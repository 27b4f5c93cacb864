"""Which of some photos a model has seen in training: the same file, or a picture much like one.

Knows what a bundle remembers of its training photos. Cannot find a photo of the same scene, nor
anything when the photos were cropped or turned beyond what ``dataset.copies`` looks for.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from figsight.dataset.copies import Fingerprints, find_copies, fingerprint
from figsight.dataset.names import printable
from figsight.evaluation.results import Resembling
from figsight.images import decode, make_thumbnail

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from figsight.bundle import Bundle, Gallery


def shrink(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return what a bundle would keep of a photo: uint8 [96, 96, 3], with the traces of JPEG."""
    return decode(make_thumbnail(pixels))


def find_trained_on(gallery: Gallery, sha256: Sequence[str]) -> list[int]:
    """Return which of these files (hex) the model was trained on, byte for byte."""
    trained = {row.tobytes().hex() for row in gallery.sha256}
    return [i for i, digest in enumerate(sha256) if digest in trained]


def remembers_pictures(bundle: Bundle) -> bool:
    """Return whether a model has thumbnails of its training photos."""
    return bundle.thumbnail(0) is not None


def find_resembling(
    bundle: Bundle, gallery: Gallery, paths: Sequence[str], small: Fingerprints
) -> tuple[Resembling, ...] | None:
    """Return which photos look like near-duplicates of training photos; None without thumbnails.

    A thumbnail of 96 x 96 is less than a photo, so this is a hint and not a finding. Measured on
    361 photos of toys: copies compressed anew, made smaller or mirrored were all found, of those
    cropped by up to 4 % on each side 57 %, by up to 8 % 39 %; no other photo was joined. Nor were
    any two different files of 5,232 chest X-rays of 28 x 28 pixels.

    Args:
        bundle: The model.
        gallery: Its gallery.
        paths: What the photos are called.
        small: Of the photos as ``shrink`` leaves them, with the SHA-256 of the whole file.
    """
    if not remembers_pictures(bundle):
        return None
    trained = [known.tobytes().hex() for known in gallery.sha256]
    same = set(trained)
    asked = [i for i, sha256 in enumerate(small.sha256) if sha256 not in same]
    if not asked:
        return ()
    best: dict[str, tuple[float, str]] = {}  # by the hash of the photo
    with closing(Fingerprints()) as prints:
        for row, sha256 in enumerate(trained):
            data = bundle.thumbnail(row) or b""  # a model has all of them, or none
            prints.append(fingerprint(decode(data, name=gallery.paths[row]), sha256))
        prints.extend(small, asked)
        for pair in find_copies(prints).near:
            if pair.first < len(trained) <= pair.second:
                digest = prints.sha256[pair.second]
                found = (pair.score, gallery.paths[pair.first])
                best[digest] = max(best.get(digest, (0.0, "")), found)
    return tuple(
        Resembling(path, best[sha256][1], best[sha256][0])
        for path, sha256 in zip(paths, small.sha256, strict=True)
        if sha256 in best
    )


def say_taught(paths: Sequence[str], near: Sequence[str] = ()) -> str:
    """Say that some of the pictures of none of the figures were trained on, with a figure's name.

    Args:
        paths: Those that were.
        near: Those that look much like a photo that was.
    """
    said = [
        f"{len(some)} {what} (first {printable(some[0])})"
        for some, what in (
            (paths, f"{'was' if len(paths) == 1 else 'were'} trained on as one of them"),
            (near, f"look{'s' * (len(near) == 1)} much like photos that were"),
        )
        if some
    ]
    return (
        f"Of the pictures given as none of the figures, {' and '.join(said)}: how unknown ones are "
        "recognised looks worse than it is."
    )
