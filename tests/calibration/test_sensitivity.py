from __future__ import annotations

import numpy as np
import pytest

from figsight.calibration import Refusal, fit_threshold


def test_fit_threshold__finds_new_photos_as_often_as_stated() -> None:
    rng = np.random.default_rng(2)
    for photos in (19, 37, 60):
        shares = []
        for _ in range(600):
            threshold = fit_threshold(rng.random(photos), 0.95)
            assert isinstance(threshold, float)
            shares.append(1 - threshold)  # of uniform scores, this many are at or above it
        assert 0.95 - 0.008 <= np.mean(shares) <= 0.95 + 1 / photos + 0.008


def test_fit_threshold__finds_photos_of_further_patients_as_often_as_stated() -> None:
    rng = np.random.default_rng(3)
    patients, each = 30, 8
    groups, shares = np.repeat(np.arange(patients), each), []
    for _ in range(600):
        scores = np.repeat(rng.normal(size=patients), each) + 0.3 * rng.normal(size=len(groups))
        threshold = fit_threshold(scores, 0.9, groups)
        assert isinstance(threshold, float)
        others = rng.normal(size=400) + 0.3 * rng.normal(size=400)
        shares.append((others >= threshold).mean())
    assert np.mean(shares) >= 0.9 - 0.005


def test_fit_threshold__is_refused_with_too_few_photos() -> None:
    found = fit_threshold(np.arange(10), 0.95)
    assert isinstance(found, Refusal)
    assert found.reason == (
        "a threshold that finds 95 % of the photos of a figure needs at least 19 of them, found 10; "
        "add photos, or ask for less"
    )
    assert fit_threshold(np.arange(10), 0.909) == 0
    assert isinstance(fit_threshold([], 0.95), Refusal)
    grouped = fit_threshold(np.arange(40), 0.95, np.arange(40) // 4)
    assert isinstance(grouped, Refusal)
    assert "found 10 (what belongs together counted once)" in grouped.reason
    with pytest.raises(ValueError, match="sensitivity: expected"):
        fit_threshold(np.arange(40), 1.5)
