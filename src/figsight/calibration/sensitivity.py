"""From which score on a photo shows the figure that is looked for.

Knows scores of photos that show it. Does not know the other figure, nor how scores are made. They
must be out-of-sample, and what a threshold does is to be measured on yet other photos.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from figsight.calibration.conformal import Refusal, conservative_quantile, count_units, fewest_for
from figsight.metrics.checks import check_groups, check_scores, check_share

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def fit_threshold(
    scores: ArrayLike, sensitivity: float, groups: ArrayLike | None = None
) -> float | Refusal:
    """Return the highest threshold that one more such photo reaches with chance ``sensitivity``.

    The k-th lowest of n scores with ``k = floor((n + 1) (1 - s))``: one of n + 1 like photos is as
    likely to have any rank, so the promise holds for any n and any scores, on average over such
    choices. One choice may be off, by about ``sqrt(s (1 - s) / n)``. Groups (one patient's pictures)
    count once, and then it is one photo of a further patient that is found (see
    ``conservative_quantile``): ten pictures of each of ten patients are ten.

    Args:
        scores: Of photos that show the figure, higher speaks for it, [N].
        sensitivity: Share of such photos to be found, 0..1.
        groups: Copies share a value, [N].

    Returns:
        A ``Refusal`` when there are too few for such a promise: 19 for 95 %.

    Raises:
        ValueError: Scores, groups or ``sensitivity`` are wrong.
    """
    share = check_share(sensitivity, "sensitivity")
    needed, found = fewest_for(share), 0
    if np.size(scores):
        values = check_scores(scores, "scores")
        members = check_groups(groups, len(values))
        found = count_units(len(values), members)
        lowest = conservative_quantile(-values, share, members)
        if lowest is not None:
            return -lowest
    copies = "" if groups is None else " (what belongs together counted once)"
    return Refusal(
        f"a threshold that finds {100 * share:.4g} % of the photos of a figure needs at least {needed} of "
        f"them, found {found}{copies}; add photos, or ask for less"
    )
