"""How sets of names fared: how often they hold the right one, and how many names they take.

Knows which names were in which set. Does not know how they were chosen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from figsight.calibration import SetScore
from figsight.metrics.checks import Floats, check_groups
from figsight.metrics.estimates import bootstrap, percentile_estimate, share_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_LEVEL = 0.95


def measure_sets(
    chosen: NDArray[np.bool_],
    labels: NDArray[np.int64],
    stated: float,
    groups: Sequence[str] | None,
) -> SetScore:
    """Return coverage (Wilson) and mean size (percentile bootstrap) of sets of names.

    Args:
        chosen: Which names are in the set of each photo, [N, K].
        labels: Class indices [N].
        stated: The coverage that the sets were made for.
        groups: Copies share a value, [N].
    """
    members = check_groups(groups, len(labels))
    sizes = chosen.sum(axis=1).astype(np.float64)  # [N]
    held = chosen[np.arange(len(labels)), labels].astype(np.float64)

    def mean_size(weights: Floats) -> Floats:
        return np.asarray(weights @ sizes / weights.sum(axis=1))

    drawn = bootstrap(mean_size, len(labels), members)
    return SetScore(
        coverage=share_of(held, members, _LEVEL),
        mean_size=percentile_estimate(float(sizes.mean()), drawn, len(labels), members, _LEVEL),
        empty=float((sizes == 0).mean()),
        single=float((sizes == 1).mean()),
        stated=stated,
    )
