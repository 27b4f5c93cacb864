"""Honest answers from a network's outputs: temperature, sets, known or unknown; numpy only.

Knows logits, probabilities, embeddings and labels. Does not know pictures, files or the network.
Everything here is to be fitted on out-of-sample outputs, which it can't check: see each function
for what goes wrong otherwise, and for what it cannot promise with ten photos a class.

    temperature.py  logits -> probabilities that mean what they say
    conformal.py    the quantile behind every promise of a share, and the refusal to make it
    sets.py         sets of names that hold the right one as often as stated
    sensitivity.py  a threshold that finds a stated share of one of two figures
    strangeness.py  how strange a photo looks; gaussian.py fits what it is measured by, style.py does
                    without figures
    names.py        what these scores are called, and what each needs
    unknown.py      known or unknown: scores measured, one chosen, a line drawn
    detector.py     all of that as a bundle carries it
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from figsight.calibration.conformal import Refusal, fewest_for
    from figsight.calibration.detector import (
        UnknownDetector,
        UnknownScorer,
        fit_scorer,
        refuse_single,
    )
    from figsight.calibration.gaussian import ShrunkGaussian
    from figsight.calibration.names import SCORES
    from figsight.calibration.sensitivity import fit_threshold
    from figsight.calibration.sets import (
        PredictionSets,
        SetMethod,
        SetScore,
        fit_sets,
        judge_sets,
        measure_sets,
    )
    from figsight.calibration.strangeness import (
        RelativeMahalanobis,
        energy,
        fit_relative_mahalanobis,
        knn_distance,
        max_logit,
        max_softmax,
    )
    from figsight.calibration.style import StyleDistance, fit_style
    from figsight.calibration.temperature import fit_temperature, softmax, weigh_groups
    from figsight.calibration.unknown import Line, ScoreRule, UnknownChoice, combine, fit_unknown

__all__ = [
    "SCORES",
    "Line",
    "PredictionSets",
    "Refusal",
    "RelativeMahalanobis",
    "ScoreRule",
    "SetMethod",
    "SetScore",
    "ShrunkGaussian",
    "StyleDistance",
    "UnknownChoice",
    "UnknownDetector",
    "UnknownScorer",
    "combine",
    "energy",
    "fewest_for",
    "fit_relative_mahalanobis",
    "fit_scorer",
    "fit_sets",
    "fit_style",
    "fit_temperature",
    "fit_threshold",
    "fit_unknown",
    "judge_sets",
    "knn_distance",
    "max_logit",
    "max_softmax",
    "measure_sets",
    "refuse_single",
    "softmax",
    "weigh_groups",
]

_HOMES = {
    "SCORES": "names",
    "Line": "unknown",
    "PredictionSets": "sets",
    "Refusal": "conformal",
    "RelativeMahalanobis": "strangeness",
    "ScoreRule": "unknown",
    "SetMethod": "sets",
    "SetScore": "sets",
    "ShrunkGaussian": "gaussian",
    "StyleDistance": "style",
    "UnknownChoice": "unknown",
    "UnknownDetector": "detector",
    "UnknownScorer": "detector",
    "combine": "unknown",
    "energy": "strangeness",
    "fewest_for": "conformal",
    "fit_relative_mahalanobis": "strangeness",
    "fit_scorer": "detector",
    "fit_sets": "sets",
    "fit_style": "style",
    "fit_temperature": "temperature",
    "fit_threshold": "sensitivity",
    "fit_unknown": "unknown",
    "judge_sets": "sets",
    "knn_distance": "strangeness",
    "max_logit": "strangeness",
    "max_softmax": "strangeness",
    "measure_sets": "sets",
    "refuse_single": "detector",
    "softmax": "temperature",
    "weigh_groups": "temperature",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: naming a photo fits nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
