"""Which photos of a set are for what, when its source names splits."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from figsight.errors import DataError

if TYPE_CHECKING:
    from figsight.dataset.model import Dataset, Photo, Split

# Where the source names splits, the first of these that has photos is what is measured on.
PREFERENCE = ("test", "val", "train")


def is_for_training(photo: Photo) -> bool:
    """Whether training may see a photo: it is in the split ``train``, or in none."""
    return photo.split in (None, "train")


def kept_aside(dataset: Dataset) -> tuple[Photo, ...]:
    """Return the pictures that training may not see, labelled or not: those of other splits."""
    pictures = (*dataset.photos, *dataset.unlisted)
    return tuple(photo for photo in pictures if not is_for_training(photo))


def side_of(photo: Photo) -> Split | None:
    """Return the split that a photo counts to where others of its set are kept aside.

    A labelled photo of no split is there to learn from; a picture that nothing lists is not.
    """
    return photo.split or ("train" if photo.figure_id is not None else None)


def training_part(dataset: Dataset) -> Dataset:
    """Return the photos that training may see: those of the split ``train``, if there are splits.

    Figures whose photos are all in other splits become ``untaught``: a model that was never shown
    them cannot know them.

    Raises:
        DataError: The source names splits, and none of them is ``train``.
    """
    if not dataset.splits:
        return dataset
    chosen = [photo for photo in dataset.photos if is_for_training(photo)]
    if not chosen:
        named = ", ".join(sorted(dataset.splits))
        raise DataError(
            f"{dataset.name}: expected photos of the split train to learn from, found only {named}; "
            f"give the folder of one split instead"
        )
    return dataset.narrow(chosen)


def measuring_part(dataset: Dataset, split: str | None = None) -> tuple[Dataset, str | None]:
    """Return the photos to measure on, and the name of their split if they have one.

    Args:
        dataset: The set.
        split: Which split; by default ``test``, else ``val``, else ``train``, else everything.

    Raises:
        DataError: The source has no such split.
    """
    names = [split] if split else [name for name in PREFERENCE if name in dataset.splits][:1]
    if not names:
        return dataset, None
    photos = [photo for photo in dataset.photos if photo.split == names[0]]
    if not photos:
        have = ", ".join(sorted(dataset.splits)) or "none"
        raise DataError(f"{dataset.name}: expected photos of a split {names[0]}, found {have}")
    missing = tuple(photo for photo in dataset.missing if photo.split == names[0])
    return replace(dataset.only(photos), missing=missing), names[0]
