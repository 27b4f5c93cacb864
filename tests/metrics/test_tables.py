"""Tables and curves, by hand, against scikit-learn and among themselves."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
import pytest

from figsight.metrics import (
    accuracy,
    confusion_matrix,
    expected_calibration_error,
    per_class,
    reliability,
    risk_coverage,
    wilson,
)

reference: Any = import_module("sklearn.metrics")


def test_confusion_matrix__agrees_with_scikit_learn(draw: Any) -> None:
    y, p = draw()
    z = p.argmax(axis=1)
    ours = confusion_matrix(y, z, 6)
    assert ours.dtype == np.int64
    assert np.array_equal(ours, reference.confusion_matrix(y, z, labels=np.arange(6)))
    assert ours[5].sum() == ours[:, 5].sum() == 0


def test_per_class__agrees_with_scikit_learn(draw: Any) -> None:
    y, p = draw(n=200)
    precision, recall, f1, n = reference.precision_recall_fscore_support(y, p.argmax(axis=1))
    for line in per_class(y, p, 5):
        assert line.recall is not None
        assert line.precision is not None
        assert line.recall.value == pytest.approx(recall[line.index])
        assert line.precision.value == pytest.approx(precision[line.index])
        assert line.f1 == pytest.approx(f1[line.index])
        assert line.n == n[line.index] == line.recall.n


def test_per_class__absent_and_never_predicted_have_no_share() -> None:
    absent, missed = per_class([1, 1], np.eye(2)[[0, 0]], 2)
    assert (absent.n, absent.recall, absent.f1) == (0, None, 0)
    assert absent.precision is not None
    assert absent.precision.value == 0
    assert (missed.n, missed.precision, missed.f1) == (2, None, 0)
    nothing = per_class([1, 1], [[0, 1, 0], [0, 1, 0]], 3)[2]
    assert (nothing.recall, nothing.precision, nothing.f1) == (None, None, None)
    with pytest.raises(ValueError, match="n_classes: expected 2, the columns of the probabilities"):
        per_class([1, 1], np.eye(2), 3)


def test_reliability__adds_up_to_the_calibration_error(draw: Any) -> None:
    y, p = draw(n=300)
    table = reliability(y, p, bins=15)
    filled = [line for line in table if line.accuracy is not None and line.confidence is not None]
    assert sum(line.count for line in table) == 300
    gap = sum(
        line.count / 300 * abs(line.accuracy.value - line.confidence)
        for line in filled
        if line.accuracy is not None and line.confidence is not None
    )
    assert gap == pytest.approx(expected_calibration_error(y, p, bins=15).value)
    for line in filled:
        assert line.confidence is not None
        assert line.low - 1e-12 <= line.confidence <= line.high + 1e-12
    assert {line.accuracy for line in table if line.count == 0} <= {None}
    assert len(table) == 15


def test_risk_coverage__by_hand() -> None:
    p = np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.6, 0.4]])
    found = risk_coverage([0, 1, 0, 0], p)
    assert found.coverage.tolist() == [0.25, 0.5, 0.75, 1.0]
    assert found.risk == pytest.approx([0, 1 / 2, 1 / 3, 1 / 4])
    assert found.aurc.value == pytest.approx((1 / 2 + 1 / 3 + 1 / 4) / 4)
    turned = risk_coverage([0, 1, 0, 0], p, doubt=[4, 3, 2, 1])
    assert turned.risk == pytest.approx([0, 0, 1 / 3, 1 / 4])


def test_risk_coverage__ends_at_the_error_and_ignores_order(draw: Any) -> None:
    y, p = draw()
    p = np.where(p.max(axis=1, keepdims=True) > 0.5, np.eye(5)[p.argmax(axis=1)], p)  # many ties
    found = risk_coverage(y, p)
    assert found.risk[-1] == pytest.approx(1 - accuracy(y, p).value)
    order = np.random.default_rng(1).permutation(len(y))
    again = risk_coverage(y[order], p[order])
    assert again.risk == pytest.approx(found.risk)
    assert found.aurc.low <= found.aurc.value <= found.aurc.high


def test_risk_coverage__without_a_mistake_still_leaves_doubt() -> None:
    found = risk_coverage([0, 1], np.eye(2)).aurc
    assert (found.value, found.low) == (0, 0)
    assert found.high == pytest.approx(1 - accuracy([0, 1], np.eye(2)).low)


def test_tables__count_copies_once(draw: Any) -> None:
    y, p = draw(n=80)
    groups = np.arange(80)
    thrice = np.tile(y, 3), np.tile(p, (3, 1)), np.tile(groups, 3)
    for once, many in zip(
        per_class(y, p, 5), per_class(*thrice[:2], 5, groups=thrice[2]), strict=True
    ):
        assert once.recall is not None
        assert many.recall is not None
        assert (many.n, many.correct) == (3 * once.n, 3 * once.correct)
        assert many.recall.low == pytest.approx(once.recall.low)
        assert many.recall.high == pytest.approx(once.recall.high)
    bins = zip(reliability(y, p), reliability(*thrice[:2], groups=thrice[2]), strict=True)
    for first, second in bins:
        assert second.count == 3 * first.count
        if first.accuracy is not None and second.accuracy is not None:
            assert second.accuracy.low == pytest.approx(first.accuracy.low)
    assert per_class(y, p, 5, groups=groups) == per_class(y, p, 5)


def test_risk_coverage__one_mistake_does_not_promise_that_there_are_no_more() -> None:
    rng = np.random.default_rng(0)
    sure = 0.9 + 0.1 * rng.random(50)
    p, y = np.stack([sure, 1 - sure], axis=1), np.zeros(50, np.int64)
    none = risk_coverage(y, p).aurc
    y[np.argmin(sure)] = 1  # the one that was doubted most
    one = risk_coverage(y, p).aurc
    assert none.value == 0
    assert one.low == pytest.approx(0, abs=1e-3)
    assert 0.01 < one.high < none.high


def test_risk_coverage__where_all_is_wrong_still_leaves_doubt() -> None:
    found = risk_coverage(np.zeros(9, int), np.tile([0.2, 0.8], (9, 1))).aurc
    most = wilson(0, 9).high  # right, were they the surest
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx(1 - most + most * np.log(most))
