"""What each network of a run learns from, and what it is kept from.

Deals photos and figures, as numbers. Does not train.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from figsight.dataset.splits import folds, holdout
from figsight.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

HOLDOUT = 0.2  # the share of each class that is held out where there is one part only
MEASURING_FOLDS = 5  # what measuring on a held-out fifth grows into when there is time
LEFT_OUT = 3  # a network that leaves figures out leaves out one in three


@dataclass(frozen=True, eq=False)
class Part:
    """One network that measures.

    Attributes:
        run: What history and checkpoints call it.
        figures: Class indices of the figures that it is taught, ascending, [F].
        kept: The photos that it learns from.
        held: Photos of its figures that it never sees, nor copies of them.
        strangers: Photos of the figures that it is never taught; of none when it is taught all.
    """

    run: str
    figures: NDArray[np.intp]
    kept: NDArray[np.intp]
    held: NDArray[np.intp]
    strangers: NDArray[np.intp]


def deal_parts(
    labels: NDArray[np.int64],
    groups: Sequence[str],
    *,
    figures: int,
    n_folds: int,
    left_out: int,
    seed: int,
) -> list[Part]:
    """Deal the photos for all networks that measure.

    Args:
        labels: Class index of each photo, [N].
        groups: Key of the group that each photo must stay with, N texts.
        figures: How many there are, also such that have no photo: a network that is taught all has a
            place for each.
        n_folds: Networks that are kept from one part of the photos each; 1: from a fifth of each
            class; 0: none.
        left_out: Networks that are kept from whole figures, a third of them each, besides a fifth
            of the photos of the others. None with fewer than three figures; nor one whose other
            figures are fewer than two, or have but copies of one shot each, so that there is nobody
            to hold a stranger against.
        seed: Of the deal.

    Raises:
        DataError: The photos cannot be held out as wanted.
    """
    everything = np.arange(len(labels))
    n_figures = len(np.unique(labels))
    if n_folds and len(set(groups)) < 2:
        raise DataError(
            "expected photos that can be held out, found only copies of one shot, or of one group; add "
            "other photos, or measure nothing (--folds 0)"
        )
    if n_folds == 0:
        held = []
    elif n_folds == 1:
        held = [holdout(labels.tolist(), groups, HOLDOUT, seed)[1]]
    else:
        held = folds(labels.tolist(), groups, min(n_folds, len(set(groups))), seed)
    names = ["holdout"] if n_folds == 1 else [f"fold {i}" for i in range(1, len(held) + 1)]
    nobody = np.empty(0, np.intp)
    parts = [
        Part(name, np.arange(figures), np.setdiff1d(everything, part), part, nobody)
        for name, part in zip(names, held, strict=True)
    ]
    if n_figures >= 3:
        dealt = (_leave_out(labels, groups, number, seed) for number in range(left_out))
        parts += [part for part in dealt if part is not None]
    return parts


def deal_more(
    labels: NDArray[np.int64],
    groups: Sequence[str],
    first: Part | None,
    *,
    figures: int,
    n_folds: int,
    left_out: int,
    seed: int,
) -> list[list[Part]]:
    """Deal for what may be measured besides with more time, block by block, in the order of its worth.

    First networks that are kept from some figures, so that it is known how unknown ones are told;
    then those that are kept from the others; then the rest of a cross-validation.

    Args:
        labels: Class index of each photo, [N].
        groups: Key of the group that each photo must stay with, N texts.
        first: The network that is kept from a fifth, or the first of several; None: nothing is measured.
        figures: How many there are, as for ``deal_parts``.
        n_folds: Networks that measure already, as for ``deal_parts``.
        left_out: Networks in the first block.
        seed: Of the deal.

    Returns:
        No block is empty.
    """
    blocks: list[list[Part]] = []
    if n_folds and left_out:
        number = max(LEFT_OUT, left_out)
        dealt = deal_parts(labels, groups, figures=figures, n_folds=0, left_out=number, seed=seed)
        blocks += [dealt[:left_out], dealt[left_out:]]
    if n_folds == 1 and first is not None:
        blocks.append(deal_rest(labels, groups, first, n_folds=MEASURING_FOLDS, seed=seed))
    return [block for block in blocks if block]


def deal_rest(
    labels: NDArray[np.int64], groups: Sequence[str], first: Part, *, n_folds: int, seed: int
) -> list[Part]:
    """Deal the photos that a first part left over, so that each is held out once in the end.

    Args:
        labels: Class index of each photo, [N].
        groups: Key of the group that each photo must stay with, N texts.
        first: What was held out already, by a network that is taught all figures.
        n_folds: Parts all in all, the first among them.
        seed: Of the deal.
    """
    rest = first.kept
    keys = [groups[i] for i in rest.tolist()]
    number = min(n_folds - 1, len(set(keys)))
    if number < 2:
        return []
    dealt = folds(labels[rest].tolist(), keys, number, seed)
    everything = np.arange(len(labels))
    return [
        Part(
            f"fold {i}",
            first.figures,
            np.setdiff1d(everything, rest[held]),
            rest[held],
            first.strangers,
        )
        for i, held in enumerate(dealt, start=2)
    ]


def _leave_out(
    labels: NDArray[np.int64], groups: Sequence[str], number: int, seed: int
) -> Part | None:
    """Deal for a network that leaves a third of the figures out; None where the others do not do."""
    figures = np.unique(labels)
    order = np.random.default_rng([seed, number // LEFT_OUT]).permutation(figures)
    thirds = np.array_split(order, LEFT_OUT)
    away = np.isin(labels, thirds[number % LEFT_OUT])
    # A photo of a taught figure that is a copy of a stranger would give the stranger away.
    tainted = {groups[i] for i in np.flatnonzero(away).tolist()}
    taught = np.array(
        [i for i in np.flatnonzero(~away).tolist() if groups[i] not in tainted], np.intp
    )
    try:
        kept, held = holdout(
            labels[taught].tolist(), [groups[i] for i in taught.tolist()], HOLDOUT, seed + number
        )
    except DataError:
        return None
    own = np.unique(labels[taught[kept]])
    if len(own) < 2:
        return None
    return Part(
        run=f"left out {number + 1}",
        figures=own,
        kept=taught[kept],
        held=taught[held],
        strangers=np.flatnonzero(away),
    )
