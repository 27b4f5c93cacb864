"""How shares and probabilities are written for people.

Knows numbers and typography. Does not know what was measured.
"""

from __future__ import annotations

_NARROW = "\u00a0"  # a percent sign stays with its number


def say_share(share: float) -> str:
    """Write a share that was counted: ``97.8 %``. What was all right may say ``100.0 %``."""
    return f"{100 * share:.1f}{_NARROW}%"


def say_stated(share: float) -> str:
    """Write a share that somebody chose: ``95 %``."""
    return f"{round(100 * share, 6):g}{_NARROW}%"


def say_probability(probability: float) -> str:
    """Write a probability, which is never certainty: ``> 99.9 %`` and not ``100.0 %``."""
    if probability >= 0.9995:
        return f">{_NARROW}99.9{_NARROW}%"
    if probability < 0.0005:
        return f"<{_NARROW}0.1{_NARROW}%"
    return say_share(probability)
