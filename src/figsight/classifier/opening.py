"""Models opened by where they lie: here, and where a classifier has been sent.

Knows places and seals. Does not know what a model does once it is open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from figsight.bundle import open_bundle
from figsight.classifier.model import Classifier
from figsight.errors import BundleError

if TYPE_CHECKING:
    import os


def load(
    path: str | os.PathLike[str], *, threads: int | None = None, keep: float | None = None
) -> Classifier:
    """Open a model for prediction.

    Args:
        path: A model's folder, or a zip of it.
        threads: How many work on one photo; ``None`` means the environment's ``FIGSIGHT_THREADS``,
            or one for each physical core. A whole number from 1 to 1024.
        keep: Share of photos of its figures that are to be kept, not called unknown: 0.9 in place of
            0.95 finds more strangers. One of those that training has set a threshold for, and
            measured: ``manifest.calibration.unknown.lines``; ``None`` means the model's own.

    Raises:
        BundleError: There is no model, or it is damaged, hostile or from a newer figsight; or it has
            no threshold for that share.
        FigsightError: The number of threads, here or in the environment, is none.
        ValueError: The share is not a number.
    """
    bundle = open_bundle(path)
    try:
        return Classifier(bundle, threads=threads, keep=keep)
    except BaseException:
        bundle.close()
        raise


def reopen(location: str, threads: int | None, keep: float | None, seal: str) -> Classifier:
    """Open a model that was open in another process, or in this one.

    Args:
        location: Where it lay, from the root.
        threads: As it was opened with.
        keep: Likewise.
        seal: Of its manifest: another model that lies there by now is not taken for it.

    Raises:
        BundleError: It is not there, or another is; or as for ``load``.
    """
    classifier = load(location, threads=threads, keep=keep)
    if classifier.bundle.manifest.seal != seal:
        classifier.close()
        raise BundleError(
            f"{location}: expected the model that was open where this one comes from, found another; "
            "load it in each process"
        )
    return classifier
