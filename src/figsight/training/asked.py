"""Numbers that a call is given, checked before anything is done with them.

Knows their kinds and ranges. The command line has checked its own already; these come from Python.
"""

from __future__ import annotations

import math
from operator import index

from figsight.errors import RecipeError

MOST = 2**62  # what all libraries that are handed such a number can hold, and a little more


def require_whole(name: str, value: object, least: int) -> int:
    """Return a whole number from ``least`` up, also where it is one of numpy's.

    Raises:
        RecipeError: It is none, or less, or beyond 2^62.
    """
    try:
        number = index(value)  # type: ignore[arg-type]
    except TypeError:
        number = least - 1
    if not least <= number <= MOST:
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


def _shorten(value: object) -> str:
    text = ascii(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
