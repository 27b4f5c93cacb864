"""How foreign the style of a photo is."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
import pytest

from figsight.calibration import fit_style
from figsight.metrics import auroc

covariance: Any = import_module("sklearn.covariance")


def styles(n: int, seed: int, shift: float = 0.0, size: int = 40) -> Any:
    """Channels of very different sizes that move together, [N, size]."""
    rng = np.random.default_rng(seed)
    mixing = np.random.default_rng(1).normal(size=(size, size)) * np.geomspace(0.01, 100, size)
    return rng.normal(size=(n, size)) @ mixing + 1000 + shift * mixing.sum(axis=0)


def test_score__is_the_logarithm_of_a_shrunk_mahalanobis_distance() -> None:
    train, x = styles(60, 2), styles(9, 3)
    found = fit_style(train).score(x)
    mean, spread = train.mean(axis=0), train.std(axis=0)
    standard = (train - mean) / spread
    theirs = covariance.OAS(assume_centered=True).fit(standard)
    assert found == pytest.approx(np.log(theirs.mahalanobis((x - mean) / spread)), abs=0.05)


def test_score__tells_another_kind_of_picture_and_does_not_mind_units() -> None:
    train, known, foreign = styles(60, 2), styles(80, 4), styles(80, 5, shift=2)
    fitted = fit_style(train)
    low, high = fitted.score(known), fitted.score(foreign)
    assert auroc(low, high).value > 0.95
    assert fit_style(train * 250).score(known * 250) == pytest.approx(low, abs=1e-3)


def test_score__hardly_depends_on_how_many_photos_it_was_fitted_to() -> None:
    x = styles(200, 9)
    few, many = (fit_style(styles(n, 7)).score(x) for n in (60, 240))
    assert abs(few.mean() - many.mean()) < many.std()


def test_score__of_a_photo_that_is_the_mean_is_finite_and_least() -> None:
    train = styles(30, 2)
    fitted = fit_style(train)
    assert np.isfinite(fitted.score(train.mean(axis=0, keepdims=True))).all()
    assert fitted.score(train.mean(axis=0, keepdims=True)) < fitted.score(train).min()


def test_score__a_channel_that_never_varied_does_not_decide_alone() -> None:
    train, known = styles(60, 2), styles(80, 4)
    dead = [np.pad(one, ((0, 0), (0, 1))) for one in (train, known)]
    touched = dead[1] + np.eye(len(train[0]) + 1)[-1] * 1e-3
    fitted = fit_style(dead[0])
    assert fitted.score(touched) == pytest.approx(fitted.score(dead[1]), abs=1e-3)


def test_score__goes_by_the_channels_that_vary_where_most_never_do() -> None:
    train, known, foreign = styles(60, 2), styles(80, 4), styles(80, 5, shift=2)
    train, known, foreign = (np.pad(one, ((0, 0), (0, 60))) for one in (train, known, foreign))
    fitted = fit_style(train + 0.1)  # of which a mean is not exact
    low, high = (fitted.score(one + 0.1) for one in (known, foreign))
    assert auroc(low, high).value > 0.95


@pytest.mark.parametrize(
    ("style", "message"),
    [
        (np.ones((1, 4)), "expected photos that differ, found one photo; look for copies"),
        (
            np.ones((9, 4)),
            "expected photos that differ, found 9 that are all alike; look for copies",
        ),
        (np.ones(9), r"expected a row a photo, shape \[N, K\], found shape \[9\]"),
        (np.full((9, 4), np.nan), "finite"),
    ],
)
def test_fit_style__says_what_it_cannot_use(style: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^style: .*{message}"):
        fit_style(style)


def test_score__refuses_styles_of_another_network() -> None:
    with pytest.raises(ValueError, match=r"^style: expected 40 numbers a photo, found 8; use the"):
        fit_style(styles(30, 2)).score(np.ones((2, 8)))


def camera(n: int, seed: int, way: int = 8, size: int = 40) -> Any:
    """What another camera does to styles: more or less of one thing, and a little of everything."""
    rng = np.random.default_rng(seed)
    scale = np.geomspace(0.01, 100, size)
    one = np.random.default_rng(way).normal(size=size) * scale
    return rng.uniform(5, 60, size=(n, 1)) * one + rng.normal(size=(n, size)) * scale * 0.1


def test_fit_style__does_not_mind_another_camera_that_it_was_shown() -> None:
    train, known, foreign = styles(60, 2), styles(80, 4), styles(80, 5, shift=2)
    plain, shown = fit_style(train), fit_style(train, [camera(30, 6)])
    as_they_are, changed = known, known + camera(80, 7)
    assert auroc(plain.score(as_they_are), plain.score(changed)).value > 0.95
    assert auroc(shown.score(as_they_are), shown.score(changed)).value < 0.6
    assert auroc(shown.score(as_they_are), shown.score(foreign)).value > 0.95


def test_fit_style__leaves_out_two_directions_of_a_change_and_no_third() -> None:
    train, known = styles(60, 2), styles(80, 4)
    ways = [camera(30, 6, way) * strength for way, strength in ((8, 4), (9, 2), (10, 1))]
    mixed = fit_style(train, [np.concatenate(ways)])
    first, second, third = (
        abs(mixed.score(known + one[:1] * 3 / strength) - mixed.score(known)).mean()
        for one, strength in zip(ways, (4, 2, 1), strict=True)
    )
    assert max(first, second) < 0.3 * third
    assert first < 0.5


def test_fit_style__of_many_photos_does_not_measure_where_they_hardly_differ() -> None:
    size, n = 20, 4000
    spread = np.geomspace(1, 1e-3, size)
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(size, size)))[0]
    train = np.random.default_rng(2).normal(size=(n, size)) * spread @ turn
    a_little = turn[-1:] * 0.1  # a hundred of the least spreads, a tenth of the greatest
    fitted = fit_style(train)
    further = (fitted.score(train + a_little) - fitted.score(train)).mean()
    assert further < 0.2  # 2.3 by the covariance as it is
    assert auroc(fitted.score(train), fitted.score(train + turn[-1:] * 3)).value > 0.95


def test_fit_style__takes_directions_for_each_kind_of_change() -> None:
    train, known = styles(60, 2), styles(80, 4)
    first, second = camera(30, 6), camera(30, 6, way=9)
    both = fit_style(train, [first, second])
    for one in (first, second):
        assert both.score(known + one[:1] * 3) == pytest.approx(both.score(known), abs=0.5)
        only = fit_style(train, [one])
        assert len(both.gaussian.basis) == len(only.gaussian.basis)  # a plain one in place of it
    gram = both.gaussian.basis @ both.gaussian.basis.T
    assert gram == pytest.approx(np.eye(len(gram)), abs=1e-5)


def test_fit_style__learns_nothing_from_a_camera_that_changes_nothing_or_the_same() -> None:
    train, known = styles(60, 2), styles(80, 4)
    plain = fit_style(train).score(known)
    assert (fit_style(train, [np.zeros((5, 40))]).score(known) == plain).all()
    once, twice = fit_style(train, [camera(9, 6)]), fit_style(train, [camera(9, 6)] * 2)
    assert abs(once.score(known) - twice.score(known)).mean() < 0.2 * plain.std()


def test_fit_style__knows_cameras_with_more_photos_than_numbers() -> None:
    train, known = styles(200, 2), styles(80, 4)
    shown = fit_style(train, [camera(30, 6)])
    assert shown.score(known + camera(80, 7)) == pytest.approx(shown.score(known), abs=1)


@pytest.mark.parametrize(
    ("shifts", "message"),
    [
        (np.ones((3, 8)), "expected 40 numbers a photo, found 8; use the styles of one"),
        (np.full((3, 40), np.inf), "finite"),
        (np.ones(40), r"expected a row a photo, shape \[N, K\], found shape \[40\]"),
    ],
)
def test_fit_style__says_what_it_cannot_use_of_cameras(shifts: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^shifts: .*{message}"):
        fit_style(styles(30, 2), [shifts])
