"""Scores of any number of classes: against scikit-learn, under symmetries, and their intervals."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
import pytest

from figsight.metrics import (
    Estimate,
    accuracy,
    balanced_accuracy,
    brier,
    expected_calibration_error,
    log_loss,
    macro_f1,
    top_k_accuracy,
)

reference: Any = import_module("sklearn.metrics")

ALL: list[Any] = [
    accuracy,
    balanced_accuracy,
    macro_f1,
    top_k_accuracy,
    log_loss,
    brier,
    expected_calibration_error,
]


@pytest.mark.parametrize("seed", range(4))
def test_scores__agree_with_scikit_learn(draw: Any, seed: int) -> None:
    y, p = draw(n=90, k=7, seed=seed)
    keep = y != 3  # a class that no photo shows
    y, p, classes = y[keep], p[keep], np.arange(7)
    z = p.argmax(axis=1)
    assert accuracy(y, p).value == pytest.approx(reference.accuracy_score(y, z))
    recalls = reference.recall_score(y, z, labels=np.unique(y), average="macro")
    assert balanced_accuracy(y, p).value == pytest.approx(recalls)
    f1 = reference.f1_score(y, z, labels=np.unique(y), average="macro")
    assert macro_f1(y, p).value == pytest.approx(f1)
    top = reference.top_k_accuracy_score(y, p, k=3, labels=classes)
    assert top_k_accuracy(y, p, 3).value == pytest.approx(top)
    assert log_loss(y, p).value == pytest.approx(reference.log_loss(y, p, labels=classes))
    assert brier(y, p).value == pytest.approx(np.square(p - np.eye(7)[y]).sum(axis=1).mean())


def test_brier__of_two_classes_is_twice_scikit_learns(draw: Any) -> None:
    y, p = draw(k=2)
    assert brier(y, p).value == pytest.approx(2 * reference.brier_score_loss(y, p[:, 1]))


def test_brier__runs_from_0_to_2() -> None:
    assert brier([0, 1], np.eye(2)).value == 0
    assert brier([1, 0], np.eye(2)).value == 2


def test_log_loss__of_a_certain_mistake_is_finite() -> None:
    assert log_loss([1, 0], np.eye(2)).value == pytest.approx(36.04, abs=0.01)
    assert log_loss([0, 1, 2], np.full((3, 3), 1 / 3)).value == pytest.approx(np.log(3))


@pytest.mark.parametrize("score", ALL)
def test_scores__do_not_depend_on_the_order_of_photos(draw: Any, score: Any) -> None:
    y, p = draw()
    order = np.random.default_rng(9).permutation(len(y))
    one, two = score(y, p), score(y[order], p[order])
    assert two.value == pytest.approx(one.value)
    assert (two.low, two.high) == pytest.approx((one.low, one.high), abs=0.02)


@pytest.mark.parametrize("score", ALL)
def test_scores__do_not_depend_on_the_numbering_of_classes(draw: Any, score: Any) -> None:
    y, p = draw()
    new = np.random.default_rng(3).permutation(5)  # class k is now called new[k]
    one, two = score(y, p), score(new[y], p[:, np.argsort(new)])
    ends = one.value, one.low, one.high
    assert (two.value, two.low, two.high) == pytest.approx(ends)


@pytest.mark.parametrize("score", ALL)
def test_scores__copies_change_nothing_when_grouped(draw: Any, score: Any) -> None:
    y, p = draw()
    twice = score(np.repeat(y, 2), np.repeat(p, 2, axis=0), groups=np.repeat(np.arange(len(y)), 2))
    once = score(y, p)
    ends = once.value, once.low, once.high
    assert (twice.value, twice.low, twice.high) == pytest.approx(ends, abs=1e-9)
    fooled = score(np.repeat(y, 2), np.repeat(p, 2, axis=0))
    assert fooled.high - fooled.low < once.high - once.low


@pytest.mark.parametrize("score", ALL)
def test_scores__value_lies_in_its_interval(draw: Any, score: Any) -> None:
    for seed in range(5):
        found: Estimate = score(*draw(n=25, seed=seed))
        assert found.low <= found.value <= found.high
        assert found.n == 25


def test_top_k__ranks_equal_probabilities_by_class() -> None:
    flat = np.full((4, 4), 0.25)
    assert top_k_accuracy([0, 1, 2, 3], flat, 1).value == 0.25
    assert top_k_accuracy([0, 1, 2, 3], flat, 3).value == 0.75
    assert accuracy([0, 1, 2, 3], flat).value == 0.25


def test_mean_scores__leave_room_for_doubt_when_all_is_right() -> None:
    y = np.repeat(np.arange(9), 6)
    p = np.eye(9)[y]
    for score in (balanced_accuracy, macro_f1):
        found = score(y, p)
        assert found.value == 1
        assert found.low == pytest.approx(accuracy(y, p).low)
    uneven = np.r_[np.repeat(0, 50), 1, 2]
    assert balanced_accuracy(uneven, np.eye(3)[uneven]).low < 0.7


def test_balanced_accuracy__gives_every_class_present_one_vote() -> None:
    y = np.array([0] * 8 + [1] * 2)
    p = np.eye(3)[[0] * 8 + [1, 2]]
    assert balanced_accuracy(y, p).value == 0.75
    assert macro_f1(y, p).value == pytest.approx((1 + 2 / 3) / 2)


def test_mean_scores__never_right_is_zero_with_room_above() -> None:
    y = np.array([0, 1, 2, 0, 1, 2])
    p = np.eye(3)[(y + 1) % 3]
    for score in (balanced_accuracy, macro_f1):
        found = score(y, p)
        assert (found.value, found.low) == (0, 0)
        assert 0.3 < found.high < 0.5


def test_calibration_error__by_hand() -> None:
    p = np.array([[0.8, 0.2]] * 4 + [[0.05, 0.95]] * 2)
    y = np.array([0, 0, 0, 1, 1, 1])  # 3 of 4 at 0.8, 2 of 2 at 0.95
    found = expected_calibration_error(y, p, bins=10)
    assert found.value == pytest.approx(4 / 6 * 0.05 + 2 / 6 * 0.05)
    single = expected_calibration_error(y, p, bins=1)
    assert single.value == pytest.approx(abs(5 / 6 - p.max(axis=1).mean()))


def test_calibration_error__interval_reaches_zero_when_calibrated(draw: Any) -> None:
    lows = [expected_calibration_error(*draw(n=150, margin=4.0, seed=s)).low for s in range(12)]
    assert np.mean(np.array(lows) == 0) > 0.8
    found = expected_calibration_error(*draw(n=300, margin=4.0, seed=4))
    assert found.value > 0.01  # though the value itself is pushed up by chance
    y, p = draw(n=300, margin=4.0, seed=4)
    sure = np.eye(5)[p.argmax(axis=1)]
    assert expected_calibration_error(y, sure).low > 0.05


@pytest.mark.parametrize("score", [log_loss, brier, expected_calibration_error])
def test_interval__holds_the_truth_where_mistakes_are_rare(score: Any) -> None:
    rng = np.random.default_rng(7)

    def some(n: int) -> tuple[np.ndarray, np.ndarray]:
        sure = np.maximum(1 / (1 + np.exp(-1.5 * rng.normal(size=n) - 5)), 0.3)
        wrong = rng.random(n) >= sure  # calibrated: about 1 in 60 is wrong
        p = np.repeat(((1 - sure) / 3)[:, None], 4, axis=1)
        p[:, 0] = sure
        return np.where(wrong, rng.integers(1, 4, n), 0), p

    truth = score(*some(100_000)).value if score is not expected_calibration_error else 0.0
    found = [score(*some(40)) for _ in range(60)]
    assert sum(one.low <= truth <= one.high for one in found) >= 56


def test_interval__has_no_cliff_where_the_first_mistake_is_seen() -> None:
    y, p = np.zeros(50, np.int64), np.tile([[0.99, 0.006, 0.004]], (50, 1))
    rounded = p + np.linspace(0, 1e-7, 50)[:, None] * [1, -1, 0]
    one = y.copy()
    one[0] = 1
    for score in (log_loss, brier, expected_calibration_error):
        same, nearly, wrong = score(y, p), score(y, rounded), score(one, p)
        assert nearly.high == pytest.approx(same.high, rel=0.01)
        assert wrong.high > same.high


@pytest.mark.parametrize("n", [1, 2, 30])
def test_expected_calibration_error__is_not_certain_where_all_are_alike(n: int) -> None:
    y, p = np.zeros(n, np.int64), np.tile([[0.9, 0.1]], (n, 1))
    found, right = expected_calibration_error(y, p), accuracy(y, p)
    assert found.value == pytest.approx(0.1)
    assert found.low == 0
    assert found.high == pytest.approx(max(0.1, 0.9 - right.low))
    wrong = expected_calibration_error(1 - y, p)
    assert wrong.low == pytest.approx(max(0, 0.9 - accuracy(1 - y, p).high))
    assert (wrong.value, wrong.high) == pytest.approx((0.9, 0.9))


def test_intervals__hold_the_truth_about_as_often_as_stated() -> None:
    rng = np.random.default_rng(11)
    classes, each, recall, rounds = 9, 8, 0.95, 300
    held = {score.__name__: 0 for score in (accuracy, balanced_accuracy)}
    y = np.repeat(np.arange(classes), each)
    for _ in range(rounds):
        wrong = rng.random(len(y)) > recall
        answer = np.where(wrong, (y + rng.integers(1, classes, len(y))) % classes, y)
        p = np.full((len(y), classes), 0.1 / (classes - 1))
        p[np.arange(len(y)), answer] = 0.9
        for score in (accuracy, balanced_accuracy):
            found = score(y, p)
            held[score.__name__] += found.low <= recall <= found.high
    # 95 % of 300 are 285; fewer than 270 has a chance of 1 in 5,000.
    assert held["accuracy"] >= 270
    assert held["balanced_accuracy"] >= 270


def test_bootstrap_intervals__hold_the_truth_with_many_photos(draw: Any) -> None:
    truth = {score.__name__: score(*draw(n=3000, seed=99)) for score in (log_loss, brier, macro_f1)}
    held = dict.fromkeys(truth, 0)
    for seed in range(12):
        y, p = draw(n=150, seed=seed)
        for score in (log_loss, brier, macro_f1):
            found = score(y, p)
            held[score.__name__] += found.low <= truth[score.__name__].value <= found.high
    assert min(held.values()) >= 9  # of 12, with 11 expected
