"""Numbers and figures that a call is given, checked before anything is done with them.

Knows kinds and ranges, and what figures are called. The command line has checked its numbers already;
these come from Python.
"""

from __future__ import annotations

import math
from operator import index
from typing import TYPE_CHECKING

from figsight.dataset.names import composed, printable
from figsight.errors import DataError, RecipeError

if TYPE_CHECKING:
    from figsight.dataset import Dataset, Figure

SENSITIVITY = 0.95  # of two figures: the share of the one that is looked for, when nobody says
LARGEST = 2**62  # what all libraries that are handed such a number can hold, and a little more


def require_whole(name: str, value: object, least: int) -> int:
    """Return a whole number from ``least`` up, also where it is one of numpy's.

    Raises:
        RecipeError: It is none, or less, or beyond 2^62.
    """
    try:
        number = index(value)  # type: ignore[arg-type]
    except TypeError:
        number = least - 1
    if not least <= number <= LARGEST:
        raise RecipeError(
            f"{name}: expected a whole number from {least} up, found {_shorten(value)}; choose another"
        )
    return number


def require_share(name: str, value: object) -> float | None:
    """Return a share strictly between 0 and 1; None, for the usual one, is passed on.

    Raises:
        RecipeError: It is no number, or none of those.
    """
    if value is None:
        return None
    try:
        share = math.nan if isinstance(value, str) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        share = math.nan
    if not 0 < share < 1:
        raise RecipeError(
            f"{name}: expected a share between 0 and 1, found {_shorten(value)}; write 95 % as 0.95"
        )
    return share


def require_positive(dataset: Dataset, positive: object, sensitivity: float | None) -> int:
    """Return which of two figures is the one that is looked for.

    Args:
        dataset: The set, for its figures.
        positive: The id of one, or a name that only one of them has, upper and lower case as they are
            written; None: the second.
        sensitivity: What share of its photos is asked for; None: nothing is.

    Returns:
        Its place. 1 where nothing is asked for, however many figures there are.

    Raises:
        DataError: Something is asked for, and there are not two figures, or none is called so.
    """
    figures, name = dataset.figures, printable(dataset.name)
    if len(figures) != 2 and not (positive is None and sensitivity is None):
        asked, it = "one that is looked for", "positive"
        if positive is None:
            asked, it = "a stated sensitivity", "the sensitivity"
        raise DataError(
            f"{name}: expected two figures for {asked}, found {len(figures)}; leave {it} out"
        )
    if positive is None:
        return 1
    positive = composed(positive) if isinstance(positive, str) else positive
    for place, figure in enumerate(figures):
        if figure.id == positive:
            return place
    named = [i for i, one in enumerate(figures) if positive in (one.name, one.display)]
    if len(named) != 1:
        raise DataError(
            f"{name}: expected {' or '.join(map(_call, figures))} for the figure that is looked for, "
            f"found {_shorten(positive)}; write one of them as it stands here"
        )
    return named[0]


def _call(figure: Figure) -> str:
    known = f"'{printable(figure.id)}'"
    return known if figure.display == figure.id else f"{known} ({printable(figure.display)})"


def _shorten(value: object) -> str:
    text = ascii(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
