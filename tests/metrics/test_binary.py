"""Two kinds of photos: against scikit-learn, by hand, and by simulation."""

from __future__ import annotations

from importlib import import_module
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from figsight.metrics import (
    auroc,
    average_precision,
    false_accept_at,
    roc_auc,
    roc_curve,
    sensitivity_specificity,
    share_accepted,
    wilson,
)

reference: Any = import_module("sklearn.metrics")

tied = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 6)), min_size=2, max_size=40).filter(
    lambda rows: len({label for label, _ in rows}) == 2
)


@settings(max_examples=60, deadline=None)
@given(tied)
def test_areas__agree_with_scikit_learn_ties_included(rows: list[tuple[int, int]]) -> None:
    y, s = np.array(rows).T
    area, precision = roc_auc(y, s), average_precision(y, s)
    assert area.value == pytest.approx(reference.roc_auc_score(y, s))
    assert precision.value == pytest.approx(reference.average_precision_score(y, s))
    for found in (area, precision):
        assert 0 <= found.low <= found.value <= found.high <= 1


@settings(max_examples=40, deadline=None)
@given(tied)
def test_roc_curve__agrees_with_scikit_learn(rows: list[tuple[int, int]]) -> None:
    y, s = np.array(rows).T
    alarms, hits, thresholds = reference.roc_curve(y, s, drop_intermediate=False)
    ours = roc_curve(y, s)
    assert ours.false_positive_rate == pytest.approx(alarms)
    assert ours.sensitivity == pytest.approx(hits)
    assert ours.threshold.tolist() == thresholds.tolist()


def test_auroc__symmetries() -> None:
    rng = np.random.default_rng(0)
    low, high = rng.normal(size=40), rng.normal(size=25) + 1
    one = auroc(low, high)
    ends = one.value, one.low, one.high
    stretched = auroc(np.exp(low), np.exp(high))
    assert (stretched.value, stretched.low, stretched.high) == pytest.approx(ends)
    turned = auroc(-low, -high)
    assert (1 - turned.value, 1 - turned.high, 1 - turned.low) == pytest.approx(ends)
    twice = auroc(
        np.repeat(low, 2),
        np.repeat(high, 3),
        known_groups=np.repeat(np.arange(40), 2),
        unknown_groups=np.repeat(np.arange(25), 3),
    )
    assert (twice.value, twice.low, twice.high) == pytest.approx(ends)


def test_auroc__perfect_is_not_certain() -> None:
    found = auroc(np.arange(20), np.arange(20, 30))
    assert (found.value, found.high) == (1, 1)
    assert 0.75 < found.low < 0.95
    many = auroc(np.arange(2000), np.arange(2000, 3000))
    assert many.low > 0.995
    alone = auroc([0.0], [1.0])
    assert alone.low < 0.5


@pytest.mark.parametrize(("apart", "known", "unknown"), [(1.0, 50, 30), (3.0, 120, 60)])
def test_auroc__interval_holds_the_truth(apart: float, known: int, unknown: int) -> None:
    rng = np.random.default_rng(7)
    truth, rounds = NormalDist().cdf(apart / 2**0.5), 200
    held = 0
    for _ in range(rounds):
        found = auroc(rng.normal(size=known), rng.normal(size=unknown) + apart)
        held += found.low <= truth <= found.high
    assert held >= 178  # 95 % of 200 are 190; fewer than 178 has a chance below 1 in 5,000


def test_auroc__interval_widens_for_a_few_hopeless_unknowns() -> None:
    rng = np.random.default_rng(8)
    truth, held = 0.95, 0  # a tenth of the unknown looks just like the known
    for _ in range(200):
        hopeless = rng.random(80) < 0.1
        unknown = rng.normal(size=80) + np.where(hopeless, 0, 20)
        found = auroc(rng.normal(size=200), unknown)
        held += found.low <= truth <= found.high
    assert held >= 174


def test_false_accept__by_hand_and_by_scikit_learn() -> None:
    rng = np.random.default_rng(3)
    known, unknown = rng.normal(size=200), rng.normal(size=90) + 2
    found = false_accept_at(known, unknown)
    y = np.r_[np.ones(200), np.zeros(90)]
    alarms, hits, _ = reference.roc_curve(y, -np.r_[known, unknown], drop_intermediate=False)
    assert found.value == pytest.approx(alarms[np.argmax(hits >= 0.95)])
    assert found.low < found.value < found.high
    assert false_accept_at(np.arange(20), [18.0, 18.5, 30.0]).value == pytest.approx(1 / 3)
    perfect = false_accept_at(np.zeros(20), np.ones(20))
    assert perfect.value == 0
    assert 0.1 < perfect.high < 0.25


def test_false_accept__interval_holds_the_truth() -> None:
    rng = np.random.default_rng(5)
    normal = NormalDist()
    truth, held = normal.cdf(normal.inv_cdf(0.95) - 2.5), 0
    for _ in range(200):
        found = false_accept_at(rng.normal(size=150), rng.normal(size=60) + 2.5)
        held += found.low <= truth <= found.high
    assert held >= 178


def test_false_accept__counts_kinds_of_strangers_and_not_their_photos() -> None:
    # Each of C kinds passes with a chance of its own: the mean of further kinds is to be held.
    rng = np.random.default_rng(5)
    kinds, each, held, plain = np.repeat(np.arange(9), 10), 10, 0, 0
    known = np.sort(rng.normal(size=400))
    for _ in range(200):
        passes = rng.random(len(kinds)) < np.repeat(rng.beta(0.6, 1.4, 9), each)  # 0.3 on average
        strange = np.where(passes, -9.0, 9.0)
        found = false_accept_at(known, strange, unknown_kinds=kinds)
        held += found.low <= 0.3 <= found.high
        alone = false_accept_at(known, strange)
        plain += alone.low <= 0.3 <= alone.high
    assert held >= 178
    assert plain < 160
    assert found.method == "Wilson over figures, joined with the doubt of the threshold"


def test_false_accept__takes_a_threshold_that_was_set_elsewhere() -> None:
    known, strange = np.arange(40.0), np.arange(20.0, 60.0)
    at = false_accept_at(known, strange, 0.95, threshold=29.5)
    assert (at.value, at.n) == (0.25, 40)
    assert at.low < 0.25 < at.high
    # Nine figures of ten photos, all refused, do not promise that no other passes.
    none = false_accept_at(known, np.full(90, 99.0), unknown_kinds=np.repeat(np.arange(9), 10))
    assert (none.value, none.low) == (0, 0)
    assert none.high == pytest.approx(wilson(0, 45).high)


def test_sensitivity_specificity__agree_with_recalls() -> None:
    rng = np.random.default_rng(1)
    y = rng.integers(0, 2, 80)
    s = rng.normal(size=80) + y
    found = sensitivity_specificity(y, s, 0.3)
    assert found.sensitivity.value == pytest.approx(reference.recall_score(y, s >= 0.3))
    assert found.specificity.value == pytest.approx(reference.recall_score(1 - y, s < 0.3))
    assert (found.sensitivity.n, found.specificity.n) == (y.sum(), (1 - y).sum())
    at_the_line = sensitivity_specificity([0, 1], [1.0, 1.0], 1.0)
    assert (at_the_line.sensitivity.value, at_the_line.specificity.value) == (1, 0)


def test_binary__one_kind_only_is_refused() -> None:
    with pytest.raises(ValueError, match="labels: expected both 0 and 1, found only 1; add photos"):
        roc_auc([1, 1], [0.1, 0.2])
    with pytest.raises(ValueError, match="scores: expected 2 numbers, one a label, found 1; pass"):
        roc_auc([0, 1], [0.1])
    with pytest.raises(ValueError, match=r"scores: expected finite numbers, found inf at \[1\]; "):
        roc_auc([0, 1], [0.1, np.inf])


def test_share_accepted__counts_kinds_however_many_networks_are_asked() -> None:
    passed = np.repeat([1, 0, 0, 0, 0, 1, 0, 0, 0, 0], 10)
    kinds = np.repeat(np.arange(10), 10)
    photos, figures = share_accepted(passed), share_accepted(passed, kinds=kinds)
    assert (photos.method, figures.method) == ("Wilson", "Wilson over figures")
    assert figures.high - figures.low > 2 * (photos.high - photos.low)
    # Three networks that say the same know no more.
    thrice = share_accepted(np.tile(passed, 3), kinds=np.tile(kinds, 3))
    assert (thrice.low, thrice.high) == pytest.approx((figures.low, figures.high))
    # None of ten photos of one figure tells little of other figures, asked by however many.
    few = share_accepted(np.zeros(10), kinds=np.zeros(10), groups=np.arange(10))
    often = share_accepted(np.zeros(30), kinds=np.zeros(30), groups=np.tile(np.arange(10), 3))
    assert few.high == pytest.approx(wilson(0, 5).high)
    assert often.high == pytest.approx(few.high)


def test_share_accepted__joins_the_doubt_of_a_threshold_that_was_set_on_few_photos() -> None:
    passed = np.arange(40) < 8
    alone = share_accepted(passed)
    joined = share_accepted(passed, at_ends=[np.arange(40) < 4, np.arange(40) < 20])
    assert (alone.low, alone.high) == pytest.approx((wilson(8, 40).low, wilson(8, 40).high))
    assert joined.low < alone.low
    assert joined.high == pytest.approx(0.2 + np.hypot(alone.high - 0.2, 0.3))
    assert joined.method == "Wilson, joined with the doubt of the threshold"
    with pytest.raises(ValueError, match="at_ends: expected 40"):
        share_accepted(passed, at_ends=[np.ones(3)])
