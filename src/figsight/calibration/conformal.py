"""The one quantile behind every promise of a share, and the refusal to make it.

Knows sorted scores and how many are enough. Does not know what is scored.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from figsight.errors import Remedy
    from figsight.metrics.checks import Floats, Ints

_ROUNDING = 1e-9  # 0.95 * 20 may come out as 19.000000000000004


@dataclass(frozen=True, slots=True)
class Refusal:
    """What is returned in place of a promise that so few photos cannot carry.

    Not an exception: training goes on without the promise, and the report says why.

    Attributes:
        reason: One sentence for people: what was needed, what was found, what to do.
        remedy: What to do, where that can be done in more ways than the reason says; None for most.
        needed: How many photos it takes, copies counted once; None where their number is not the trouble.
    """

    reason: str
    remedy: Remedy | None = None
    needed: int | None = None


def fewest_for(share: float) -> int:
    """Return the fewest photos for which a threshold that keeps ``share`` exists: ``s / (1 - s)``.

    19 for 95 %.
    """
    return ceil(share / (1 - share) - _ROUNDING)


def fewest_to_trust(share: float) -> int:
    """Return the fewest photos for which a promised share is worth making.

    The share that a threshold set on n photos truly keeps is Beta distributed, with a standard
    deviation of about ``sqrt(s (1 - s) / (n + 2))`` (Vovk 2012, "Conditional validity of inductive
    conformal predictors"). With this n, in 95 of 100 trainings, it doesn't miss more than twice as
    many as stated: 50 for 95 %, 23 for 90 %; by the exact distribution in 96 to 97 from 90 % on, and
    in 93 at 80 %. Never fewer than ``fewest_for``.
    """
    normal = 1.6449  # 95 %, one side
    return max(fewest_for(share), ceil(normal**2 * share / (1 - share) - _ROUNDING) - 2)


def conservative_quantile(scores: Floats, share: float, groups: Ints | None = None) -> float | None:
    """Return the lowest score that one more like photo stays at or below with chance ``share``.

    The ``ceil((n + 1) share)``-th lowest of n; ``None`` if that is beyond n. With groups, each
    counts once: the lowest q for which the groups' mean shares at or below q sum to
    ``(G + 1) share`` (Lee, Barber & Willett 2023, "Distribution-free inference with hierarchical
    data"). The promise is an average over sets of photos and over classes; not for one of them.

    Args:
        scores: [N], of photos like those to come.
        share: 0..1.
        groups: Group numbers 0..G-1 [N], or ``None``.
    """
    order = np.argsort(scores, kind="stable")
    if groups is None:
        weights = np.ones(len(scores))
        units = len(scores)
    else:
        sizes = np.bincount(groups)
        weights = 1 / sizes[groups]
        units = len(sizes)
    reached = np.cumsum(weights[order])  # [N], rising to the number of groups
    needed = (units + 1) * share
    if groups is None:
        needed = ceil(needed - _ROUNDING)
    enough = np.flatnonzero(reached >= needed - _ROUNDING)
    return float(scores[order[enough[0]]]) if len(enough) else None


def count_units(n: int, groups: Ints | None) -> int:
    """Return how many photos there are, groups of copies counted once."""
    return n if groups is None else int(groups.max()) + 1


def deal_folds(n: int, groups: Ints | None, folds: int, seed: int) -> Ints:
    """Return a fold 0..folds-1 for each photo [N], at random, groups kept together."""
    units = count_units(n, groups)
    of_unit = np.random.default_rng(seed).permutation(units) % folds  # [G]
    return np.asarray(of_unit if groups is None else of_unit[groups], dtype=np.int64)
