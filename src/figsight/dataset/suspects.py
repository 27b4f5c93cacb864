"""Which labels look wrong: confident learning on out-of-sample probabilities.

Knows probabilities and labels as numbers. Makes no predictions and knows no pictures: whether the
probabilities come from classifiers that never saw the photo is the caller's promise, and without it
nothing is found (a classifier agrees with the labels it was taught).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_TOLERANCE = 1e-3  # how far from one a row may sum: float32 and thousands of classes
_ROWS = 1024  # photos that are compared at a time: N photos times K classes may be many numbers


@dataclass(frozen=True, eq=False)
class Suspicions:
    """How suspect the label of each of N photos is.

    Attributes:
        order: int64[N]: the photos, the most suspect label first. Photos that cannot be judged come
            last. Its first tenth is the place to look.
        score: float64[N], by photo, in 0..1: higher is more suspect, 0.5 is "the given class and
            the best other one are equally probable"; 0 where a photo cannot be judged.
        likely: int64[N], by photo: the class that it looks like. The given one where it is not
            suspect and nothing else is more probable, or where it cannot be judged.
        counted: int64[N], by photo: the class that it confidently counts for; -1 for none.
        suspect: bool[N], by photo: whether that is another one than the given: whether it lies off
            the diagonal of the confident joint.
    """

    order: NDArray[np.int64]
    score: NDArray[np.float64]
    likely: NDArray[np.int64]
    counted: NDArray[np.int64]
    suspect: NDArray[np.bool_]


def find_suspects(
    probabilities: ArrayLike, labels: ArrayLike, judged: ArrayLike | None = None
) -> Suspicions:
    """Find the labels that look wrong, and put all of them in order of suspicion.

    Confident learning (Northcutt, Jiang, Chuang, "Confident learning: estimating uncertainty in
    dataset labels", JAIR 2021). The threshold of class j is the mean probability of j over the
    photos that are labelled j,

        t_j = mean of p_j(x) over x with label j.

    A photo counts for the most probable of the classes that reach their thresholds, if any does;
    counted by given class and by this one, that is the confident joint (never made: it has K x K
    cells). Off its diagonal the label is suspect. So a class that is hard, and gets low
    probabilities throughout, is not suspect as a whole, and unequal classes need no care of their
    own.

    All photos are ordered by the normalised margin, m = p_given - max of the others, in -1..1;
    the score is (1 - m) / 2.

    What it cannot promise: with ten photos a class a threshold is uncertain by several percent, and
    a photo that is merely unusual looks like a wrong label. It says where to look, not what to
    change.

    Args:
        probabilities: Out-of-sample, [N, K], rows summing to one; not copied where they are floats.
        labels: The given class of each photo, 0..K-1, [N].
        judged: Whether the probabilities of each photo mean anything, [N]; by default all do. A
            photo whose class had no other photos to learn from does not count as suspect.

    Raises:
        ValueError: Shapes differ, a row is no distribution, or a label is none of the classes.
    """
    p, given = _check(probabilities, labels)
    n, k = p.shape
    known = np.ones(n, np.bool_) if judged is None else np.asarray(judged, np.bool_)
    if known.shape != (n,):
        raise ValueError(f"judged: expected shape ({n},) as labels have, found {known.shape}")
    own = p[np.arange(n), given].astype(np.float64)
    counts = np.bincount(given[known], minlength=k)
    sums = np.bincount(given[known], weights=own[known], minlength=k)
    # A class that no judged photo has must not be counted for: its threshold is out of reach.
    thresholds = np.where(counts > 0, sums / np.maximum(counts, 1), np.inf)  # [K]
    # Sums of floats: a class whose photos all have the same probability must reach its own mean.
    thresholds -= 10 * np.finfo(p.dtype).eps
    counted, best = np.empty(n, np.int64), np.empty(n, np.int64)
    margin = np.empty(n)
    for start in range(0, n, _ROWS):
        some = slice(start, start + _ROWS)
        rows = np.arange(len(p[some]))
        reached = np.where(p[some] >= thresholds, p[some], -1.0)  # [B, K]
        counted[some] = np.where(reached.max(axis=1) >= 0, reached.argmax(axis=1), -1)
        others = p[some].copy()
        others[rows, given[some]] = -1.0
        best[some] = others.argmax(axis=1)
        # With a single class, others are none.
        margin[some] = own[some] - np.maximum(others[rows, best[some]], 0.0)
    counted[~known] = -1
    suspect = (counted >= 0) & (counted != given)
    score = np.where(known, (1 - margin) / 2, 0.0)
    likely = np.where(suspect, counted, np.where(known & (margin < 0), best, given))
    order = np.lexsort((-score, ~known))  # stable: equals stay in the order given
    return Suspicions(order.astype(np.int64), score, likely.astype(np.int64), counted, suspect)


def _check(
    probabilities: ArrayLike, labels: ArrayLike
) -> tuple[NDArray[np.floating[Any]], NDArray[np.int64]]:
    p = np.asarray(probabilities)
    if p.dtype not in (np.float32, np.float64):
        p = p.astype(np.float64)
    given = np.asarray(labels)
    if given.ndim != 1 or p.ndim != 2 or len(p) != len(given) or 0 in p.shape:
        raise ValueError(
            f"expected probabilities [N, K] and labels [N], found {list(p.shape)} and "
            f"{list(given.shape)}; give one row and one label for each photo"
        )
    if not np.isfinite(p).all() or p.min() < 0 or np.abs(p.sum(axis=1) - 1).max() > _TOLERANCE:
        raise ValueError(
            "probabilities: expected rows from 0 to 1 that sum to one, found others; apply softmax"
        )
    if given.dtype.kind not in "iu" or given.min() < 0 or given.max() >= p.shape[1]:
        raise ValueError(
            f"labels: expected class indices from 0 to {p.shape[1] - 1}, found {given.dtype} from "
            f"{given.min()} to {given.max()}"
        )
    return p, given.astype(np.int64)
