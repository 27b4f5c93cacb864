"""What scores are called, and how shares and probabilities are written for people.

Knows names, numbers and typography. Does not know how anything is measured.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class ScoreWords(NamedTuple):
    """What a score is called for people, what it says in a few words, and whether it is a share."""

    title: str
    meaning: str
    is_share: bool


SCORE_WORDS = {
    "accuracy": ScoreWords("Accuracy", "photos named right", True),
    "balanced_accuracy": ScoreWords(
        "Balanced accuracy", "the same, each figure counting alike", True
    ),
    "macro_f1": ScoreWords("Macro F1", "found and not mistaken, mean over the figures", True),
    "top_3_accuracy": ScoreWords("Top 3", "the right name is among the first three", True),
    "roc_auc": ScoreWords("ROC AUC", "a photo of the one scores above one of the other", False),
    "average_precision": ScoreWords("Average precision", "area below precision and recall", False),
    "sensitivity": ScoreWords("Sensitivity", "found, of the figure that is looked for", True),
    "specificity": ScoreWords("Specificity", "left alone, of the other figure", True),
    "expected_calibration_error": ScoreWords(
        "Calibration error",
        "how far probabilities are from shares; 0 is best",
        True,
    ),
    "log_loss": ScoreWords("Log loss", "nats; 0 is best", False),
    "brier": ScoreWords("Brier score", "0 is best, 2 the worst", False),
    "aurc": ScoreWords(
        "Risk over coverage", "share wrong, mean over all coverages; 0 is best", True
    ),
}
"""By the name that a score has in JSON, in the order in which people should read them."""

UNMEASURED = "it was trained without measuring"
"""Why a model has no rules at all."""

_LEAST = 0.0001
_NARROW = "\u00a0"  # a percent sign stays with its number


def say_share(share: float) -> str:
    """Write a share that was counted: ``97.8 %``. Only what was all right says ``100.0 %``."""
    return f"{_round(100 * share, 100, 1)}{_NARROW}%"


def say_score(score: float, *, is_share: bool = False) -> str:
    """Write a score, an area or a loss: ``0.987``. Only a perfect one says ``1.000`` or ``0.000``."""
    return say_share(score) if is_share else _round(score, 1, 3)


def say_spread(low: float, high: float) -> str:
    """Write the ends of an interval of a share shortly: ``72 to 100 %``."""
    ends = []
    for end in (100 * low, 100 * high):
        rounded = f"{end:.0f}"
        near = rounded in ("0", "100") and not _is_exact(end, float(rounded))
        ends.append(_round(end, 100, 1) if near else rounded)
    return f"{ends[0]} to {ends[1]}{_NARROW}%"


def say_distance(distance: float) -> str:
    """Write how far two photos are apart for the network, with two digits that count."""
    # Below it is noise of float16; what is that near need not be the same photo.
    return f"{distance:#.2g}" if distance >= _LEAST else f"<{_LEAST:g}"


def _round(value: float, most: int, digits: int) -> str:
    """Round, but never to ``0`` or to ``most`` what is neither: ``> 99.9`` and not ``100.0``."""
    rounded = f"{value:.{digits}f}"
    for end, sign, inside in ((0, "<", 10**-digits), (most, ">", most - 10**-digits)):
        between = value > 0 if end == 0 else value < most
        if between and rounded == f"{end:.{digits}f}" and not _is_exact(value, end):
            return f"{sign}{_NARROW}{inside:.{digits}f}"
    return rounded


def _is_exact(value: float, end: float) -> bool:
    return abs(value - end) < 1e-9  # sums and differences of floats


def say_stated(share: float) -> str:
    """Write a share that somebody chose: ``95 %``."""
    return f"{round(100 * share, 6):g}{_NARROW}%"


def glue_signs(words: str) -> str:
    """Write the percent signs of a sentence (``95%``, ``95 %``) as ``say_stated`` writes them."""
    return re.sub(r"(?<=\d) ?%", f"{_NARROW}%", words)


def say_probability(probability: float) -> str:
    """Write a probability, which is never certainty: ``> 99.9 %`` and not ``100.0 %``."""
    if probability >= 0.9995:
        return f">{_NARROW}99.9{_NARROW}%"
    if probability < 0.0005:
        return f"<{_NARROW}0.1{_NARROW}%"
    return say_share(probability)
