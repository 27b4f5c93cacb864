from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from figsight import calibration
from figsight.bundle import OperatingPoint
from figsight.calibration import Refusal
from figsight.dataset import Figure
from figsight.evaluation.points import measure_folds, measure_point
from figsight.evaluation.results import OperatingScore

FIGURES = (Figure("a", "A", "A"), Figure("b", "B", "B"))


def draw(n: int, repeats: int = 1, folds: int = 4) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels [N], logits [R, N, 2] that know something of them, and folds [R, N]."""
    rng = np.random.default_rng(n)
    labels = rng.integers(0, 2, n)
    signal = 2 * labels - 1 + rng.normal(0, 1.2, (repeats, n))
    logits = np.stack([-signal, signal], axis=-1).astype(np.float32)
    return labels, logits, np.stack([rng.permutation(n) % folds for _ in range(repeats)])


def test_measure_folds__keeps_about_what_was_stated() -> None:
    labels, logits, fold_of = draw(4000)
    groups = [str(i) for i in range(4000)]
    for stated in (0.8, 0.95):
        found = measure_folds(FIGURES, logits, fold_of, labels, groups, positive=1, stated=stated)
        assert isinstance(found, OperatingScore)
        assert found.sensitivity.low < stated < found.sensitivity.high
        assert (found.positive, found.stated_sensitivity, len(found.thresholds)) == ("b", stated, 4)


def test_measure_folds__chooses_without_the_photos_that_it_judges() -> None:
    labels, logits, fold_of = draw(200)
    groups = [str(i) for i in range(200)]
    how: dict[str, Any] = {"positive": 1, "stated": 0.9}
    before = measure_folds(FIGURES, logits, fold_of, labels, groups, **how)
    changed = logits.copy()
    changed[0, fold_of[0] == 2] *= -5  # one fold turned upside down
    after = measure_folds(FIGURES, changed, fold_of, labels, groups, **how)
    assert isinstance(before, OperatingScore)
    assert isinstance(after, OperatingScore)
    assert before.thresholds[2] == after.thresholds[2]
    assert before.thresholds[1] != after.thresholds[1]


def test_measure_folds__is_what_it_says_by_hand() -> None:
    labels, logits, fold_of = draw(120, repeats=2)
    found = measure_folds(
        FIGURES, logits, fold_of, labels, [str(i) for i in range(120)], positive=0, stated=0.75
    )
    assert isinstance(found, OperatingScore)
    hits, thresholds = [], []
    for z, fold in zip(logits, fold_of, strict=True):
        for number in range(4):
            rest, here = fold != number, fold == number
            scores = calibration.softmax(z, calibration.fit_temperature(z[rest], labels[rest]))
            own = np.sort(scores[rest][labels[rest] == 0, 0])
            thresholds.append(own[int((len(own) + 1) * 0.25) - 1])
            hits += (scores[here][labels[here] == 0, 0] >= thresholds[-1]).tolist()
    assert list(found.thresholds) == thresholds
    assert found.sensitivity.value == pytest.approx(np.mean(hits))
    # Two answers to a photo are not two photos.
    keys = [str(i) for i in range(120)]
    lone = measure_folds(FIGURES, logits[:1], fold_of[:1], labels, keys, positive=0, stated=0.75)
    assert isinstance(lone, OperatingScore)
    wide, twice = (one.high - one.low for one in (lone.sensitivity, found.sensitivity))
    assert twice > 0.8 * wide


def test_measure_folds__refuses_with_too_few_positives() -> None:
    labels, logits, fold_of = draw(30)
    found = measure_folds(
        FIGURES, logits, fold_of, labels, [str(i) for i in range(30)], positive=1, stated=0.99
    )
    assert isinstance(found, Refusal)
    assert found.reason.startswith(
        "a threshold that finds 99 % of the photos of a figure needs at "
    )


def test_measure_point__applies_the_threshold() -> None:
    point = OperatingPoint(positive="a", stated_sensitivity=0.9, threshold=0.3)
    labels = np.array([0, 0, 1, 1, 1])
    p = np.array([0.3, 0.2, 0.31, 0.1, 0.29])
    found = measure_point(point, FIGURES, np.stack([p, 1 - p], axis=1), labels, None)
    assert isinstance(found, OperatingScore)
    assert (found.sensitivity.value, found.thresholds) == (0.5, (0.3,))
    assert found.specificity.value == pytest.approx(2 / 3)


def test_measure_point__needs_both_figures() -> None:
    point = OperatingPoint(positive="a", stated_sensitivity=0.9, threshold=0.3)
    found = measure_point(point, FIGURES, np.full((2, 2), 0.5), np.array([1, 1]), None)
    assert found == Refusal("sensitivity and specificity need photos of both figures, found one")
