"""Who learns from what: nothing that a network is asked about may have been shown to it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from figsight.errors import DataError
from figsight.training.parts import deal_parts


@st.composite
def sets(draw: st.DrawFn) -> tuple[np.ndarray, list[str]]:
    """Labels of 3 to 7 figures with 2 to 6 photos each, some of them copies; also across figures."""
    figures = draw(st.integers(3, 7))
    labels, groups = [], []
    for figure in range(figures):
        for number in range(draw(st.integers(2, 6))):
            labels.append(figure)
            groups.append(f"{figure}/{number // draw(st.integers(1, 2))}")
        labels += [figure, figure]
        groups += [f"{figure}/x", f"{figure}/y"]
    if draw(st.booleans()):
        groups[0] = groups[-1]
    return np.array(labels, np.int64), groups


@given(sets(), st.integers(0, 3), st.integers(0, 4), st.integers(0, 5))
def test_deal_parts__asks_no_network_about_what_it_saw(
    data: tuple[np.ndarray, list[str]], n_folds: int, left_out: int, seed: int
) -> None:
    labels, groups = data
    keys = np.array(groups)
    total = int(labels.max()) + 2  # one figure has no photo
    parts = deal_parts(labels, groups, figures=total, n_folds=n_folds, left_out=left_out, seed=seed)
    assert len(parts) == n_folds + left_out
    assert len({part.run for part in parts}) == len(parts)
    for part in parts:
        asked = np.concatenate([part.held, part.strangers])
        assert not set(keys[part.kept]) & set(keys[asked])
        assert set(labels[part.kept]) | set(labels[part.held]) <= set(part.figures)
        whole = not len(part.strangers)
        assert set(part.figures) == (set(range(total)) if whole else set(labels[part.kept]))
        assert not set(part.figures) & set(labels[part.strangers])
        assert len(part.figures) >= 2
        assert len(part.held)


@given(sets(), st.integers(0, 5))
def test_deal_parts__three_networks_leave_every_figure_out_once(
    data: tuple[np.ndarray, list[str]], seed: int
) -> None:
    labels, groups = data
    parts = deal_parts(labels, groups, figures=7, n_folds=0, left_out=3, seed=seed)
    away = np.concatenate([np.unique(labels[part.strangers]) for part in parts])
    assert sorted(away) == sorted(set(labels))


def test_deal_parts__leaves_out_no_figure_of_two() -> None:
    labels = np.repeat([0, 1], 5)
    parts = deal_parts(
        labels, [str(i) for i in range(10)], figures=2, n_folds=1, left_out=2, seed=0
    )
    assert [part.run for part in parts] == ["holdout"]


def test_deal_parts__leaves_no_figures_out_where_the_others_cannot_be_held_out() -> None:
    labels, groups = np.array([0, 0, 1, 1, 2, 2]), list("abccdd")
    parts = deal_parts(labels, groups, figures=3, n_folds=1, left_out=3, seed=0)
    assert parts[0].run == "holdout"
    # Without the only figure that has two shots there is nobody to hold a stranger against.
    assert len(parts) == 3
    assert all(0 not in labels[part.strangers] and len(part.held) for part in parts[1:])
    # A group of two figures: each goes when the other is a stranger, and one figure is left.
    groups = [*"abcd", "x", "x"]
    parts = deal_parts(labels, groups, figures=3, n_folds=0, left_out=3, seed=0)
    assert all(len(part.figures) == 2 for part in parts)


def test_deal_parts__says_that_copies_of_one_shot_cannot_be_held_out() -> None:
    for n_folds in (1, 5):
        with pytest.raises(DataError, match=r"only copies of one shot.*or measure nothing"):
            deal_parts(
                np.array([0, 0, 1, 1]), ["a"] * 4, figures=2, n_folds=n_folds, left_out=0, seed=0
            )
