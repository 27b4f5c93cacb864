"""Intervals: Wilson's against other sources, the bootstrap against known variances."""

from __future__ import annotations

from importlib import import_module
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from figsight.metrics import effective_count, wilson
from figsight.metrics import estimates as unit
from figsight.metrics.estimates import bootstrap, mean_of, normal_quantile

scipy_stats: Any = import_module("scipy.stats")


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 500), st.floats(0, 1), st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_wilson__agrees_with_scipy(n: int, share: float, level: float) -> None:
    correct = round(share * n)
    ours = wilson(correct, n, level)
    theirs = scipy_stats.binomtest(correct, n).proportion_ci(level, method="wilson")
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)
    assert 0 <= ours.low <= ours.value <= ours.high <= 1


def test_wilson__published_values() -> None:
    # Newcombe (1998), "Two-sided confidence intervals for the single proportion", table I.
    for correct, n, low, high in [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ]:
        found = wilson(correct, n)
        assert (found.low, found.high) == pytest.approx((low, high), abs=6e-5)


def test_wilson__is_one_at_one() -> None:
    assert wilson(10, 10).high == 1
    assert wilson(0, 10).low == 0
    assert wilson(10, 10).low == pytest.approx(0.7225, abs=1e-4)


@settings(max_examples=50, deadline=None)
@given(st.floats(1e-6, 1 - 1e-9))
def test_normal_quantile__agrees_with_the_standard_library(level: float) -> None:
    assert normal_quantile(level) == pytest.approx(NormalDist().inv_cdf(0.5 + level / 2), rel=1e-6)


def test_effective_count__copies_count_once() -> None:
    assert effective_count(None, 7) == 7
    assert effective_count(np.array([0, 0, 1, 1, 2, 2]), 6) == 3
    assert effective_count(np.array([0, 0, 0]), 3) == 1
    assert 2 < effective_count(np.array([0, 0, 0, 1, 2]), 5) < 3


def test_bootstrap__spreads_a_mean_as_its_standard_error(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(1).normal(size=400)

    def mean(weights: Any) -> Any:
        assert (weights.sum(axis=1) == 400).all()
        return weights @ values / 400

    drawn = bootstrap(mean, 400)
    assert drawn.shape == (2000,)
    assert drawn.std() == pytest.approx(values.std() / 20, rel=0.08)
    assert np.array_equal(drawn, bootstrap(mean, 400))
    assert not np.array_equal(drawn, bootstrap(mean, 400, seed=1))
    monkeypatch.setattr(unit, "_CHUNK", 400 * 7)
    assert len(bootstrap(mean, 400)) == 2000


def test_bootstrap__of_copies_is_that_of_the_originals() -> None:
    values = np.random.default_rng(2).normal(size=100)
    twice, groups = np.repeat(values, 2), np.repeat(np.arange(100), 2)
    drawn = bootstrap(lambda w: w @ twice / w.sum(axis=1), 200, groups)
    assert drawn.std() == pytest.approx(values.std() / 10, rel=0.08)
    fooled = bootstrap(lambda w: w @ twice / w.sum(axis=1), 200)
    assert fooled.std() < 0.8 * drawn.std()


@pytest.mark.parametrize("groups", [None, np.array([0] * 10), np.repeat(np.arange(5), 2)])
def test_mean_of__promises_nothing_where_all_are_alike(groups: np.ndarray | None) -> None:
    found = mean_of(np.ones(10), groups, 0.95, unseen=1.5)
    worth = round(effective_count(groups, 10))
    assert (found.value, found.high, found.n) == (1.0, 1.5, 10)
    assert found.low == pytest.approx(wilson(worth, worth).low)
    assert found.method == "nothing to resample, and Wilson for the unseen"


def test_mean_of__is_not_below_what_was_not_seen() -> None:
    values = np.array([1.0] * 19 + [2.0])
    found = mean_of(values, None, 0.95, unseen=1.1)
    assert (found.value, found.low, found.high) == pytest.approx((1.05, 1.0, 1.15))
    assert found.method == "percentile bootstrap over photos"
    assert mean_of(values, None, 0.95, unseen=1.3).high == 1.3


def test_mean_of__one_group_of_many_is_one_thing_seen() -> None:
    found = mean_of(np.array([0.1, 0.3]), np.array([0, 0]), 0.95, least=0.1, unseen=0.2)
    assert found.value == found.high == pytest.approx(0.2)
    assert 0.1 < found.low < 0.2


def test_estimate__turns_into_plain_values() -> None:
    assert wilson(1, 2).to_dict() == {
        "value": 0.5,
        "low": pytest.approx(0.0945, abs=1e-4),
        "high": pytest.approx(0.9055, abs=1e-4),
        "method": "Wilson",
        "n": 2,
        "level": 0.95,
    }


@pytest.mark.parametrize(("n", "m", "share"), [(54, 40, 0.95), (19, 30, 0.95), (200, 268, 0.9)])
def test_chance_of_so_few__is_a_beta_binomial(n: int, m: int, share: float) -> None:
    rank = min(n, int(np.ceil((n + 1) * share - 1e-9)))
    for kept in {m, m - 1, m - m // 5, m // 2, 0}:
        theirs = scipy_stats.betabinom(m, rank, n + 1 - rank).cdf(kept)
        ours = unit.chance_of_so_few(wilson(kept, m), share, n)
        assert ours == pytest.approx(theirs, rel=1e-6, abs=1e-12)


def test_chance_of_so_few__is_rare_where_nothing_is_wrong() -> None:
    """A line set on 59 photos, tried on 200 others like them: Wilson's interval alone cries wolf."""
    rng = np.random.default_rng(7)
    n, m, share, times = 59, 200, 0.95, 4000
    line = np.sort(rng.random((times, n)), axis=1)[:, int(np.ceil((n + 1) * share)) - 1]
    kept = rng.binomial(m, line)
    ours = np.mean([unit.chance_of_so_few(wilson(int(k), m), share, n) < 0.025 for k in kept])
    alone = np.mean([wilson(int(k), m).high < share for k in kept])
    assert 0.005 <= ours <= 0.03
    assert alone > 0.06


def test_worth_of__finds_what_an_interval_rests_on() -> None:
    assert unit.worth_of(wilson(38, 40)) == pytest.approx(40)
    assert unit.worth_of(wilson(40, 40)) == pytest.approx(40)
    assert unit.worth_of(wilson(0, 40)) == pytest.approx(40)
    copies = unit.share_of(np.repeat([1.0, 0.0, 1.0, 1.0], 5), np.repeat(np.arange(4), 5), 0.95)
    assert unit.worth_of(copies) == pytest.approx(4)
    assert copies.method == "Wilson, each group counted once"
