"""The gate of the numbers: turns array-likes into checked arrays, or says what is wrong with them.

Knows shapes, types and ranges. Does not know what the numbers mean, nor any score.

Every check raises ``ValueError`` with one line: what was expected, what was found, what to do.
These are mistakes of a caller, not of a user's photos, so they stand outside the tree of
``errors.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

Floats: TypeAlias = NDArray[np.float64]
Floats32: TypeAlias = NDArray[np.float32]
Ints: TypeAlias = NDArray[np.int64]
Bools: TypeAlias = NDArray[np.bool_]

SUM_TOLERANCE = 1e-4  # float32 softmax over a few thousand classes stays well within it


def check_labels(labels: ArrayLike, n_classes: int, name: str = "labels") -> Ints:
    """Return class indices as int64 [N].

    Args:
        labels: Whole numbers 0..n_classes-1, shape [N], N >= 1.
        n_classes: How many classes there are, K >= 2.
        name: What to call them in a message.

    Raises:
        ValueError: Wrong number of classes, shape, type or range.
    """
    if n_classes < 2:
        raise ValueError(
            f"n_classes: expected at least 2, found {n_classes}; a score needs a choice"
        )
    array = np.asarray(labels)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(
            f"{name}: expected one class index a photo, shape [N] with N >= 1, found shape "
            f"{list(array.shape)}; pass one whole number for each photo"
        )
    if array.dtype.kind not in "biu":
        raise ValueError(
            f"{name}: expected whole numbers, found {array.dtype}; pass class indices, not names"
        )
    outside = (array < 0) | (array >= n_classes)
    if outside.any():
        at = int(np.argmax(outside))
        raise ValueError(
            f"{name}: expected 0..{n_classes - 1}, found {array[at]} at position {at}; "
            "use the order of the classes that the probabilities have"
        )
    return array.astype(np.int64)


def check_matrix(values: ArrayLike, name: str, n: int | None = None) -> Floats:
    """Return finite numbers as float64 [N, K] with N, K >= 1.

    Raises:
        ValueError: Wrong shape, wrong number of rows, or a number that is not finite.
    """
    array = np.asarray(values, dtype=np.float64)
    _check_rows(array, name, n)
    return array


def check_matrix32(values: ArrayLike, name: str, n: int | None = None) -> Floats32:
    """Return finite numbers as float32 [N, K] with N, K >= 1; the same array where it is such.

    Raises:
        ValueError: As ``check_matrix``.
    """
    array = np.asarray(values, dtype=np.float32)
    _check_rows(array, name, n)
    return array


def _check_rows(array: NDArray[Any], name: str, n: int | None) -> None:
    if array.ndim != 2 or array.size == 0:
        raise ValueError(
            f"{name}: expected a row a photo, shape [N, K], found shape {list(array.shape)}; "
            "stack the rows of all photos"
        )
    if n is not None and len(array) != n:
        raise ValueError(
            f"{name}: expected {n} rows, one a label, found {len(array)}; "
            "pass both for the same photos"
        )
    _check_finite(array, name)


def check_probabilities(probabilities: ArrayLike, n: int | None = None) -> Floats:
    """Return probabilities as float64 [N, K], K >= 2, each row summing to one within 1e-4.

    Raises:
        ValueError: Wrong shape or rows, a number outside 0..1, or a row that does not sum to one.
    """
    array = check_matrix(probabilities, "probabilities", n)
    if array.shape[1] < 2:
        raise ValueError(
            "probabilities: expected at least 2 columns, found 1; give each class a column"
        )
    if array.min() < 0 or array.max() > 1 + SUM_TOLERANCE:
        worst = array.min() if array.min() < 0 else array.max()
        raise ValueError(
            f"probabilities: expected numbers from 0 to 1, found {worst:.6g}; apply softmax first"
        )
    gap = np.abs(array.sum(axis=1) - 1)  # [N]
    if gap.max() > SUM_TOLERANCE:
        at = int(np.argmax(gap))
        raise ValueError(
            f"probabilities: expected rows that sum to 1, found {array[at].sum():.6g} in row {at}; "
            "apply softmax first"
        )
    return array


def check_pair(labels: ArrayLike, probabilities: ArrayLike) -> tuple[Ints, Floats]:
    """Return ``check_labels`` and ``check_probabilities`` of the same N photos.

    Raises:
        ValueError: Either is wrong, or they are of different lengths.
    """
    array = check_probabilities(probabilities, np.asarray(labels).size)
    return check_labels(labels, array.shape[1]), array


def check_scores(scores: ArrayLike, name: str, n: int | None = None) -> Floats:
    """Return finite numbers as float64 [N], N >= 1.

    Raises:
        ValueError: Wrong shape or length, or a number that is not finite.
    """
    array = np.asarray(scores, dtype=np.float64)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(
            f"{name}: expected one number a photo, shape [N] with N >= 1, found shape "
            f"{list(array.shape)}; pass a flat list"
        )
    if n is not None and array.size != n:
        raise ValueError(
            f"{name}: expected {n} numbers, one a label, found {array.size}; "
            "pass both for the same photos"
        )
    _check_finite(array, name)
    return array


def check_groups(groups: ArrayLike | None, n: int, name: str = "groups") -> Ints | None:
    """Return group numbers 0..G-1 as int64 [N]; ``None`` when every photo stands alone.

    Args:
        groups: Anything that can be compared (numbers, names), shape [N]; photos with the same
            value are copies, or belong together. ``None``: every photo stands alone.
        n: How many photos there are.
        name: What to call them in a message.

    Raises:
        ValueError: Not one value a photo.
    """
    if groups is None:
        return None
    array: NDArray[Any] = np.asarray(groups)
    if array.shape != (n,):
        raise ValueError(
            f"{name}: expected {n} values, one a photo, found shape {list(array.shape)}; "
            "give each photo the number of its group"
        )
    values, numbers = np.unique(array, return_inverse=True)
    return None if len(values) == n else numbers.astype(np.int64)


def check_share(share: float, name: str) -> float:
    """Return a share strictly between 0 and 1.

    Raises:
        ValueError: It is not.
    """
    if not 0 < share < 1:
        raise ValueError(
            f"{name}: expected a share between 0 and 1, found {share}; write 95 % as 0.95"
        )
    return float(share)


def check_bins(bins: int) -> int:
    """Return a number of bins, at least 1.

    Raises:
        ValueError: It is less.
    """
    if bins < 1:
        raise ValueError(f"bins: expected at least 1, found {bins}; 15 is usual")
    return bins


def _check_finite(array: NDArray[Any], name: str) -> None:
    finite = np.isfinite(array)
    if not finite.all():
        at = np.unravel_index(int(np.argmin(finite)), array.shape)
        place = [int(i) for i in at]
        raise ValueError(
            f"{name}: expected finite numbers, found {array[at]} at {place}; "
            "look for a division by zero or a photo that was not measured"
        )
