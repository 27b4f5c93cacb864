"""Temperature: known ones come back, hopeless cases stay sane."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
import pytest

from figsight.calibration import fit_temperature, softmax, weigh_groups
from figsight.metrics import expected_calibration_error, log_loss

scipy_special: Any = import_module("scipy.special")
scipy_optimize: Any = import_module("scipy.optimize")


def sample(n: int, temperature: float, seed: int, margin: float = 3.0) -> tuple[Any, Any]:
    """Return logits [N, 8] whose honest temperature is known, and labels drawn accordingly."""
    rng = np.random.default_rng(seed)
    honest = rng.normal(size=(n, 8))
    honest[np.arange(n), rng.integers(0, 8, n)] += margin
    p = softmax(honest)
    labels = (p.cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1)
    return honest * temperature, labels


def test_softmax__is_the_same_where_every_oddity_of_numbers_is_an_error() -> None:
    expected = softmax([[0.0, -5000.0, -700.0]])
    with np.errstate(all="raise"):
        np.testing.assert_array_equal(softmax([[0.0, -5000.0, -700.0]]), expected)


def test_softmax__agrees_with_scipy_and_never_overflows() -> None:
    z = np.random.default_rng(0).normal(size=(20, 5)) * 10
    assert softmax(z, 2.5) == pytest.approx(scipy_special.softmax(z / 2.5, axis=1))
    huge = softmax([[1e5, 0.0, -1e5]], 0.05)
    assert huge.tolist() == [[1, 0, 0]]
    assert softmax(np.float32(z)).dtype == np.float64


@pytest.mark.parametrize("true", [0.3, 1.0, 2.5, 6.0])
def test_temperature__a_known_one_comes_back(true: float) -> None:
    z, y = sample(6000, true, seed=1)
    assert fit_temperature(z, y) == pytest.approx(true, rel=0.06)


@pytest.mark.parametrize("seed", range(3))
def test_temperature__is_the_minimum_that_its_formula_names(seed: int) -> None:
    z, y = sample(60, 2.0, seed)
    w = np.random.default_rng(seed).random(60)

    def loss(b: float) -> float:
        own = z[np.arange(60), y]
        nll = w @ (scipy_special.logsumexp(b * z, axis=1) - b * own)
        return float(nll + 2 * (b - np.log(b)))

    best = scipy_optimize.minimize_scalar(loss, bounds=(0.05, 20), options={"xatol": 1e-10})
    assert 1 / fit_temperature(z, y, w) == pytest.approx(best.x, rel=1e-5)


def test_temperature__all_right_does_not_mean_always_certain() -> None:
    rng = np.random.default_rng(0)
    z = rng.normal(size=(60, 9))
    y = rng.integers(0, 9, 60)
    z[np.arange(60), y] += 12
    found = fit_temperature(z, y)
    assert 0.5 < found < 1.5
    assert fit_temperature(z / 10, y) > 0.05
    easy = np.eye(9)[y] * 1000
    assert fit_temperature(easy, y) == pytest.approx(1, abs=1e-6)


def test_temperature__stays_in_bounds_and_softens_what_is_always_wrong() -> None:
    z = np.tile([50.0, 0.0], (200, 1))
    assert fit_temperature(z, np.ones(200, dtype=int)) == pytest.approx(20)
    weak = np.eye(2)[[0, 1] * 5000] * 1e-2
    assert fit_temperature(weak, [0, 1] * 5000) == pytest.approx(0.05)


def test_temperature__never_gets_worse_by_symmetries() -> None:
    z, y = sample(150, 1.7, seed=5)
    found = fit_temperature(z, y)
    order = np.random.default_rng(0).permutation(150)
    assert fit_temperature(z[order], y[order]) == pytest.approx(found)
    assert fit_temperature(z + 7.0, y) == pytest.approx(found)
    new = np.array([3, 1, 0, 2, 7, 6, 5, 4])
    assert fit_temperature(z[:, np.argsort(new)], new[y]) == pytest.approx(found)
    halves = fit_temperature(np.repeat(z, 2, axis=0), np.repeat(y, 2), np.full(300, 0.5))
    assert halves == pytest.approx(found)


def test_temperature__makes_few_photos_honest() -> None:
    # 270 photos, 97 % right, as ten photos a class give: judged on many others.
    for true in (0.5, 2.0):
        far, many = sample(20000, true, seed=9, margin=7.0)
        errors, losses = [], []
        for seed in range(8):
            z, y = sample(270, true, seed, margin=7.0)
            p = softmax(far, fit_temperature(z, y))
            confidence, right = p.max(axis=1), p.argmax(axis=1) == many
            bins = np.ceil(confidence * 15).astype(int)
            errors.append(np.abs(np.bincount(bins, right - confidence)).sum() / len(many))
            losses.append(-np.log(p[np.arange(len(many)), many]).mean())
        honest = -np.log(softmax(far, true)[np.arange(len(many)), many]).mean()
        assert np.mean(errors) < 0.015
        assert np.mean(losses) < 1.05 * honest


def test_temperature__improves_the_metrics_it_is_for() -> None:
    z, y = sample(400, 0.25, seed=2)
    found = fit_temperature(z, y)
    before, after = softmax(z), softmax(z, found)
    assert log_loss(y, after).value < log_loss(y, before).value
    error = expected_calibration_error
    assert error(y, after).value < 0.5 * error(y, before).value


@pytest.mark.parametrize(
    ("logits", "labels", "weights", "message"),
    [
        ([[0.0, np.nan]], [0], None, r"logits: expected finite numbers, found nan at \[0, 1\]; "),
        ([[0.0, 1.0]], [0, 1], None, "logits: expected 2 rows, one a label, found 1; "),
        ([[0.0, 1.0]], [2], None, r"labels: expected 0\.\.1, found 2 at position 0; "),
        ([[0.0, 1.0]], [1], [0.0], "weights: expected numbers from 0 up, not all 0, found 0 to 0;"),
        ([[0.0, 1.0]], [1], [-1.0], "weights: expected numbers from 0 up, not all 0, found -1 to"),
    ],
)
def test_temperature__says_what_is_wrong(
    logits: Any, labels: Any, weights: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        fit_temperature(logits, labels, weights)


def test_softmax__refuses_a_temperature_of_zero() -> None:
    with pytest.raises(ValueError, match="temperature: expected a finite number above 0, found 0;"):
        softmax([[0.0, 1.0]], 0)


def test_weigh_groups__lets_copies_count_once() -> None:
    z, y = sample(60, 0.5, seed=4)
    once = fit_temperature(z, y, weigh_groups([f"{i}" for i in range(60)]))
    assert once == fit_temperature(z, y)  # to the last bit
    rows = np.r_[np.arange(60), [7] * 30, [3] * 5]
    assert fit_temperature(z[rows], y[rows], weigh_groups(rows)) == pytest.approx(once, rel=1e-9)
    assert fit_temperature(z[rows], y[rows]) != pytest.approx(once, rel=1e-3)
    assert weigh_groups(["b", "a", "b"]).tolist() == [0.5, 1, 0.5]
