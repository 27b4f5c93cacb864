"""Numbers from labels and probabilities, each with its interval; numpy in, numbers out.

Knows scores, tables and curves of predictions, and how far they can be trusted with few photos.
Does not know pictures, files, names of classes or networks, and can't see whether the predictions
are out-of-sample: that is the caller's promise.

    checks.py     array-likes -> checked arrays
    estimates.py  a number and its interval
    scores.py     of any number of classes; binary.py of two, and of known against unknown
    tables.py     confusion, a line a class, reliability, risk against coverage
    summary.py    all scores at once, and what they cannot tell
    words.py      what scores are called, and how shares are written
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from figsight.metrics.binary import (
        BinaryScore,
        RocCurve,
        auroc,
        average_precision,
        false_accept_at,
        roc_auc,
        roc_curve,
        sensitivity_specificity,
        share_accepted,
    )
    from figsight.metrics.estimates import Estimate, effective_count, wilson
    from figsight.metrics.scores import (
        accuracy,
        balanced_accuracy,
        brier,
        expected_calibration_error,
        log_loss,
        macro_f1,
        top_k_accuracy,
    )
    from figsight.metrics.summary import summarise, what_it_cannot_tell
    from figsight.metrics.tables import (
        ClassScore,
        ReliabilityBin,
        RiskCoverage,
        confusion_matrix,
        per_class,
        reliability,
        risk_coverage,
    )
    from figsight.metrics.words import (
        SCORE_WORDS,
        glue_signs,
        say_distance,
        say_probability,
        say_score,
        say_share,
        say_spread,
        say_stated,
    )

__all__ = [
    "SCORE_WORDS",
    "BinaryScore",
    "ClassScore",
    "Estimate",
    "ReliabilityBin",
    "RiskCoverage",
    "RocCurve",
    "accuracy",
    "auroc",
    "average_precision",
    "balanced_accuracy",
    "brier",
    "confusion_matrix",
    "effective_count",
    "expected_calibration_error",
    "false_accept_at",
    "glue_signs",
    "log_loss",
    "macro_f1",
    "per_class",
    "reliability",
    "risk_coverage",
    "roc_auc",
    "roc_curve",
    "say_distance",
    "say_probability",
    "say_score",
    "say_share",
    "say_spread",
    "say_stated",
    "sensitivity_specificity",
    "share_accepted",
    "summarise",
    "top_k_accuracy",
    "what_it_cannot_tell",
    "wilson",
]

_HOMES = {
    "BinaryScore": "binary",
    "ClassScore": "tables",
    "Estimate": "estimates",
    "ReliabilityBin": "tables",
    "RiskCoverage": "tables",
    "RocCurve": "binary",
    "SCORE_WORDS": "words",
    "accuracy": "scores",
    "auroc": "binary",
    "average_precision": "binary",
    "balanced_accuracy": "scores",
    "brier": "scores",
    "confusion_matrix": "tables",
    "effective_count": "estimates",
    "expected_calibration_error": "scores",
    "false_accept_at": "binary",
    "glue_signs": "words",
    "log_loss": "scores",
    "macro_f1": "scores",
    "per_class": "tables",
    "reliability": "tables",
    "risk_coverage": "tables",
    "roc_auc": "binary",
    "roc_curve": "binary",
    "say_distance": "words",
    "say_probability": "words",
    "say_score": "words",
    "say_share": "words",
    "say_spread": "words",
    "say_stated": "words",
    "sensitivity_specificity": "binary",
    "share_accepted": "binary",
    "summarise": "summary",
    "top_k_accuracy": "scores",
    "what_it_cannot_tell": "summary",
    "wilson": "estimates",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: naming a photo needs a third of this room."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
