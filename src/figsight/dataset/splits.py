"""Which photos are held out together: folds and hold-outs that keep copies on one side.

Knows labels and groups, as numbers and text. Does not know photos. A *group* is whatever must not
be divided: the copies of one photo, the photos of one patient. Groups are dealt, not photos, so no
group can straddle two folds.

Deals depend on the keys of the groups and the seed alone: not on the order of the photos, not on
how the labels are numbered, and not on how many copies of a photo there are.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import numpy as np

from figsight.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def folds(
    labels: Sequence[int], groups: Sequence[str], n_folds: int, seed: int
) -> list[NDArray[np.intp]]:
    """Partition photos into folds, stratified by class, groups kept whole.

    The groups of each class are put into the order of a seeded hash of their keys and dealt to the
    folds in turn; each class goes on where the one before it ended. So the numbers of groups of a
    class differ by at most one between folds, and so do the numbers of all groups. Numbers of
    *photos* may differ by more when groups differ in size.

    A group with several labels counts for its most frequent one; between equally frequent ones, for
    the one whose groups come first in the order of the keys.

    A class with fewer groups than folds is allowed: some folds then hold out none of its photos,
    and its recall is measured on the others only. A class of one group is held out once, from a
    network that has then never seen the class: it cannot be right.

    Adding a copy of a photo to its group moves no other photo, as long as it does not change which
    label is the most frequent in that group.

    Args:
        labels: The class index of each photo.
        groups: The group of each photo; photos that belong to nothing need a key of their own.
        n_folds: How many folds, from 2 to the number of groups.
        seed: Another seed deals otherwise.

    Returns:
        For each fold the ascending indices of the photos that it holds out, intp; none is empty.

    Raises:
        DataError: ``n_folds`` is out of range.
        ValueError: ``labels`` and ``groups`` differ in length.
    """
    dealt = _ordered_groups(labels, groups, seed)
    n_groups = sum(len(keys) for keys in dealt)
    if not 2 <= n_folds <= n_groups:
        raise DataError(
            f"expected from 2 to {n_groups} folds (there are {n_groups} groups of photos that must "
            f"stay together), found {n_folds}; choose another number"
        )
    fold_of = {}
    for position, key in enumerate(key for keys in dealt for key in keys):
        fold_of[key] = position % n_folds
    of_photo = np.array([fold_of[key] for key in groups], dtype=np.intp)  # [N]
    return [np.flatnonzero(of_photo == fold) for fold in range(n_folds)]


def holdout(
    labels: Sequence[int], groups: Sequence[str], share: float, seed: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Hold out a share of the photos, stratified by class, groups kept whole.

    Of each class the nearest whole number of groups is held out, but at least one and never all. A
    class of one group is not held out. With few groups a class the share is therefore coarse: one
    of four is a quarter, whatever ``share`` says. A larger share holds out the same and more.

    Args:
        labels: The class index of each photo.
        groups: The group of each photo, as for ``folds``.
        share: The share of each class's groups to hold out, in (0, 1).
        seed: Another seed holds out others.

    Returns:
        The ascending indices of the photos that are kept and of those that are held out, intp.

    Raises:
        DataError: ``share`` is out of range, or no class has two groups.
        ValueError: ``labels`` and ``groups`` differ in length.
    """
    if not 0 < share < 1:
        raise DataError(f"expected a share between 0 and 1 to hold out, found {share}")
    held: set[str] = set()
    for keys in _ordered_groups(labels, groups, seed):
        number = min(max(1, round(share * len(keys))), len(keys) - 1)
        held.update(keys[:number])
    if not held:
        raise DataError(
            "expected at least two photos of a class that are not copies of each other, to hold "
            "one out; found none; add photos"
        )
    mask = np.array([key in held for key in groups], dtype=np.bool_)  # [N]
    return np.flatnonzero(~mask), np.flatnonzero(mask)


def _ordered_groups(labels: Sequence[int], groups: Sequence[str], seed: int) -> list[list[str]]:
    """Return the keys of each class's groups in the order of dealing, and the classes likewise."""
    if len(labels) != len(groups):
        raise ValueError(f"expected a group for each label, found {len(groups)} for {len(labels)}")
    counts: defaultdict[str, Counter[int]] = defaultdict(Counter)
    for label, key in zip(labels, groups, strict=True):
        counts[key][int(label)] += 1
    # Classes are told apart by their groups, never by their numbers: numbers are arbitrary.
    keys_of: defaultdict[int, list[str]] = defaultdict(list)
    for key in sorted(counts):
        for label in counts[key]:
            keys_of[label].append(key)

    def profile(label: int) -> tuple[list[str], list[int], int]:
        # Labels that agree in both lists are interchangeable; only then may the number decide.
        return keys_of[label], [counts[key][label] for key in keys_of[label]], label

    digests = {key: _digest(key, seed) for key in counts}
    classes: defaultdict[int, list[str]] = defaultdict(list)
    for key in sorted(counts, key=digests.__getitem__):
        votes = counts[key]
        most = max(votes.values())
        tied = [label for label in votes if votes[label] == most]
        classes[min(tied, key=profile) if len(tied) > 1 else tied[0]].append(key)
    return sorted(classes.values(), key=lambda keys: digests[keys[0]])


def _digest(key: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}:{key}".encode("utf-8", "surrogatepass")).digest()
