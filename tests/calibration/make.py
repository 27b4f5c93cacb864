"""Made-up scores of known and of unknown photos."""

from __future__ import annotations

from typing import Any

import numpy as np

from figsight.calibration import UnknownChoice, fit_unknown


def scores(n: int, shift: float, seed: int) -> dict[str, Any]:
    """Return scores of ``n`` photos by name; those that know figures lie ``shift`` higher."""
    rng = np.random.default_rng(seed)
    return {
        "max_softmax": 1 / (1 + np.exp(4 - shift - rng.normal(size=n))),
        "energy": rng.normal(size=n),
        "max_logit": rng.normal(size=n) + shift,
        "whitened_cosine": rng.normal(size=n) + shift,
        "knn": rng.normal(size=n) + shift,
        "relative_mahalanobis": 50 * (rng.normal(size=n) + 0.8 * shift),
        "mean_cosine": rng.normal(size=n) / 9,
        "style_mahalanobis": rng.normal(size=n) / 9 + 6,
    }


def chosen(*args: Any, **options: Any) -> UnknownChoice:
    """Return what ``fit_unknown`` chooses, where it does."""
    found = fit_unknown(*args, **options)
    assert isinstance(found, UnknownChoice)
    return found
