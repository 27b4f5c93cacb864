"""Prediction sets: coverage by simulation, shapes by hand, refusals by their words."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from figsight.calibration import (
    PredictionSets,
    Refusal,
    SetScore,
    fit_sets,
    judge_sets,
    measure_sets,
    softmax,
)
from figsight.calibration.conformal import (
    conservative_quantile,
    deal_folds,
    fewest_for,
    fewest_to_trust,
)
from figsight.calibration.sets import set_scores
from figsight.errors import BundleError, Remedy

METHODS: list[Any] = ["lac", "aps", "raps"]


def sample(n: int, seed: int, k: int = 6) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, k))
    z[np.arange(n), rng.integers(0, k, n)] += 2.5
    p = softmax(z)
    labels = (p.cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1)
    return softmax(z, 0.4), labels  # over-confident: coverage must not need honest probabilities


def fitted(*args: Any, **options: Any) -> PredictionSets:
    found = fit_sets(*args, **options)
    assert isinstance(found, PredictionSets)
    return found


@pytest.mark.parametrize("method", METHODS)
def test_sets__cover_new_photos_as_often_as_stated(method: Any) -> None:
    far, many = sample(3000, seed=999)
    covered = []
    for seed in range(60):
        p, y = sample(79, seed)
        rule = fitted(p, y, 0.9, method=method)
        covered.append(rule.apply(far, never_empty=False)[np.arange(3000), many].mean())
    # Each is Beta distributed around 0.9 with a standard deviation of 0.034: of 60, 0.0043.
    assert np.mean(covered) == pytest.approx(0.9, abs=0.018)


def test_sets__groups_of_copies_count_once() -> None:
    p, y = sample(120, seed=3)
    once = fitted(p, y)
    groups = np.repeat(np.arange(120), 3)
    twice = fitted(np.repeat(p, 3, axis=0), np.repeat(y, 3), groups=groups)
    assert twice.threshold == once.threshold
    assert twice.n == 360


@pytest.mark.parametrize("method", METHODS)
def test_sets__symmetries(method: Any) -> None:
    p, y = sample(150, seed=4)
    rule = fitted(p, y, method=method)
    chosen = rule.apply(p)
    assert (chosen.any(axis=1)).all()
    order = np.random.default_rng(0).permutation(150)
    assert fitted(p[order], y[order], method=method) == rule
    new = np.array([2, 0, 1, 5, 3, 4])
    q = p[:, np.argsort(new)]
    moved = fitted(q, new[y], method=method)
    assert moved.threshold == pytest.approx(rule.threshold)
    assert np.array_equal(moved.apply(q)[:, new], chosen)
    wider = fitted(p, y, 0.97, method=method)
    assert (wider.apply(p) >= chosen).all()


def test_sets__may_be_empty_only_when_asked() -> None:
    rule = PredictionSets("lac", 0.95, 0.1, 100)
    p = np.array([[0.95, 0.05, 0.0], [0.4, 0.35, 0.25]])
    assert rule.apply(p).tolist() == [[True, False, False], [True, False, False]]
    assert rule.apply(p, never_empty=False).sum(axis=1).tolist() == [1, 0]


def test_set_scores__by_hand() -> None:
    p = np.array([[0.2, 0.5, 0.3]])
    assert set_scores(p, "lac")[0] == pytest.approx([0.8, 0.5, 0.7])
    assert set_scores(p, "aps")[0] == pytest.approx([1.0, 0.5, 0.8])
    assert set_scores(p, "raps")[0] == pytest.approx([1.0, 0.5, 0.8])
    many = np.full((1, 8), 0.125)
    late = set_scores(many, "raps")[0] - set_scores(many, "aps")[0]
    assert late == pytest.approx([0, 0, 0, 0, 0, 0.01, 0.02, 0.03])


def test_lac__has_the_smallest_sets() -> None:
    p, y = sample(600, seed=6)
    sizes = {}
    for method in METHODS:
        found = measure_sets(p, y, method=method)
        assert isinstance(found, SetScore)
        sizes[method] = found.mean_size.value
    assert sizes["lac"] <= min(sizes.values())


def test_sets__too_few_photos_are_refused_with_the_reason() -> None:
    p, y = sample(49, seed=0)
    refused = fit_sets(p, y)
    assert refused == Refusal(
        "sets that hold the right name 95% of the time need at least 50 photos, found 49; "
        "add photos",
        Remedy.ADD_PHOTOS,
        50,
    )
    assert measure_sets(p, y) == refused
    groups = np.arange(120) // 3
    p, y = sample(120, seed=0)
    refused = fit_sets(p, y, groups=groups)
    assert isinstance(refused, Refusal)
    assert refused.reason.endswith("found 40 (copies counted once); add photos")
    assert isinstance(fit_sets(p, y, 0.9, groups=groups), PredictionSets)


def test_fewest__are_what_the_quantile_needs() -> None:
    for share in (0.5, 0.8, 0.9, 0.95, 0.99):
        n = fewest_for(share)
        assert conservative_quantile(np.arange(n, dtype=float), share) == n - 1
        assert conservative_quantile(np.arange(n - 1, dtype=float), share) is None
        assert fewest_to_trust(share) >= n
    assert [fewest_for(0.95), fewest_to_trust(0.95), fewest_to_trust(0.9)] == [19, 50, 23]


def test_fewest_to_trust__keeps_misses_below_twice_the_stated() -> None:
    rng = np.random.default_rng(0)
    n = fewest_to_trust(0.95)
    kept = []
    for _ in range(2000):
        found = conservative_quantile(rng.random(n), 0.95)
        assert found is not None
        kept.append(found)  # of uniform scores, the share kept is the threshold itself
    assert np.mean(np.array(kept) < 0.9) < 0.07


def test_quantile__of_groups_is_that_of_photos_when_alone() -> None:
    scores = np.random.default_rng(0).random(57)
    alone = np.random.default_rng(1).permutation(57)
    assert conservative_quantile(scores, 0.9, alone) == conservative_quantile(scores, 0.9)
    uneven = np.r_[np.zeros(30, dtype=int), np.arange(1, 40)]
    bad_group = np.r_[np.full(30, 9.0), np.linspace(0, 1, 39)]
    without = conservative_quantile(bad_group, 0.9, uneven)
    assert without is not None
    assert without < 9 == conservative_quantile(bad_group, 0.9)


def test_measure__coverage_and_size() -> None:
    p, y = sample(800, seed=8)
    found = measure_sets(p, y, 0.9, never_empty=False)
    assert isinstance(found, SetScore)
    assert found.coverage.low <= 0.9 <= found.coverage.high
    assert found.mean_size.low < found.mean_size.value < found.mean_size.high
    full = measure_sets(p, y, 0.9)
    assert isinstance(full, SetScore)
    assert full.coverage.value >= found.coverage.value
    assert full.empty == 0
    assert full.single >= found.single
    assert measure_sets(p, y, 0.9) == full


def test_judge_sets__does_not_promise_that_all_sets_are_of_the_size_of_those_seen() -> None:
    chosen = np.eye(4, dtype=np.bool_)[[0, 1, 2, 3] * 10]
    found = judge_sets(chosen, [0, 1, 2, 3] * 10, 0.95)
    assert (found.coverage.value, found.mean_size.value, found.single) == (1, 1, 1)
    assert (found.mean_size.low, found.mean_size.high) == pytest.approx((1, 1.088), abs=1e-3)
    many = judge_sets(
        np.repeat(chosen, 100, axis=0), [0] * 4000, 0.95, np.repeat(np.arange(40), 100)
    )
    assert many.mean_size == replace(found.mean_size, n=4000)


def test_folds__keep_groups_together() -> None:
    groups = np.random.default_rng(0).integers(0, 30, 200)
    groups = np.unique(groups, return_inverse=True)[1]
    fold = deal_folds(200, groups, 10, seed=1)
    assert all(len(set(fold[groups == g])) == 1 for g in range(groups.max() + 1))
    assert set(fold) == set(range(10))
    assert sorted(np.bincount(deal_folds(25, None, 10, 0))) == [2] * 5 + [3] * 5


def test_sets__survive_json() -> None:
    rule = fitted(*sample(100, seed=1))
    assert PredictionSets.from_dict(json.loads(json.dumps(rule.to_dict()))) == rule


@pytest.mark.parametrize(
    "change",
    [{"method": "best"}, {"threshold": float("nan")}, {"coverage": 2.0}, {"extra": 1}, {"n": "x"}],
)
def test_sets__damaged_fields_are_a_bundle_error(change: dict[str, Any]) -> None:
    fields = PredictionSets("lac", 0.95, 0.1, 100).to_dict() | change
    with pytest.raises(BundleError, match=r"^prediction sets: .*; train the model again$"):
        PredictionSets.from_dict(fields)


def test_sets__wrong_arguments_are_refused() -> None:
    p, y = sample(60, seed=0)
    wrong: Any = "best"
    with pytest.raises(ValueError, match="method: expected one of lac, aps, raps, found 'best'; "):
        fit_sets(p, y, method=wrong)
    with pytest.raises(ValueError, match="coverage: expected a share between 0 and 1, found 95; "):
        fit_sets(p, y, 95)
    with pytest.raises(ValueError, match="folds: expected at least 2, found 1; 10 is usual"):
        measure_sets(p, y, folds=1)
