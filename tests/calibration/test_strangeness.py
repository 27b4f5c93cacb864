"""Scores of strangeness: formulas in plain form, against scikit-learn, and on strangers."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
import pytest

from figsight.calibration import (
    energy,
    fit_relative_mahalanobis,
    knn_distance,
    max_logit,
    max_softmax,
    softmax,
)
from figsight.calibration import strangeness as unit
from figsight.calibration.gaussian import shrink
from figsight.metrics import auroc

scipy_special: Any = import_module("scipy.special")
covariance: Any = import_module("sklearn.covariance")
neighbors: Any = import_module("sklearn.neighbors")


def cloud(n: int = 60, d: int = 100, k: int = 6, seed: int = 0) -> tuple[Any, Any]:
    """Return embeddings [N, D] around K centres, spread along few directions, and labels [N]."""
    rng = np.random.default_rng(seed)
    shape = np.random.default_rng(77)
    centres, axes = shape.normal(size=(k, d)), shape.normal(size=(8, d))
    y = np.arange(n) % k
    x = centres[y] + 0.4 * rng.normal(size=(n, 8)) @ axes + 0.3 * rng.normal(size=(n, d))
    return x, y


def test_direct__is_the_root_with_its_sign_at_length_one() -> None:
    x = np.random.default_rng(0).normal(size=(20, 50))
    x[3] = 0
    found = unit.direct(x, 0.5)
    roots = np.copysign(np.sqrt(np.abs(x)), x)
    lengths = np.maximum(np.linalg.norm(roots, axis=1, keepdims=True), 1e-12)
    assert np.array_equal(found, roots / lengths)  # to the bit, which an audit's lookalikes hang on
    assert not found[3].any()


def test_logit_scores__are_their_formulas() -> None:
    z = np.random.default_rng(0).normal(size=(30, 7)) * 4
    assert max_softmax(z) == pytest.approx(1 - softmax(z).max(axis=1))
    assert max_softmax(z, 3.0) == pytest.approx(1 - softmax(z, 3.0).max(axis=1))
    assert energy(z) == pytest.approx(-scipy_special.logsumexp(z, axis=1))
    assert energy(z, 2.0) == pytest.approx(-2 * scipy_special.logsumexp(z / 2, axis=1))
    assert max_logit(z) == pytest.approx(z.mean(axis=1) - z.max(axis=1))
    assert max_logit(z + 7) == pytest.approx(max_logit(z))


def test_logit_scores__tell_certain_from_more_certain() -> None:
    found = max_softmax([[50.0, 0.0], [60.0, 0.0], [0.0, 0.0]])
    assert found[1] < found[0] < 1e-20
    assert found[2] == 0.5
    assert np.isfinite(energy([[1e4, 0.0], [-1e4, -1e4]])).all()


def test_knn__agrees_with_scikit_learn() -> None:
    x, _ = cloud(40)
    gallery, _ = cloud(80, seed=1)
    found = neighbors.NearestNeighbors(n_neighbors=5, metric="cosine").fit(gallery)
    distance, _ = found.kneighbors(x)
    for k in (1, 5):
        assert knn_distance(x, gallery, k) == pytest.approx(distance[:, k - 1])
    assert knn_distance(x * 7, gallery / 3, 2) == pytest.approx(distance[:, 1])


def test_knn__in_chunks_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    x, _ = cloud(40)
    whole = knn_distance(x, x, 3)
    monkeypatch.setattr(unit, "_CHUNK", 40 * 7)
    assert knn_distance(x, x, 3) == pytest.approx(whole)


def test_knn__no_photo_is_its_own_neighbour() -> None:
    x, _ = cloud(40)
    assert knn_distance(x, x) == pytest.approx(0)
    names = [f"photo {i}" for i in range(40)]
    alone = knn_distance(x, x, groups=names, gallery_groups=names)
    assert alone == pytest.approx(knn_distance(x, x, 2))
    copies = np.arange(40) // 2
    apart = knn_distance(x, x, groups=copies, gallery_groups=copies)
    rest = [knn_distance(x[i : i + 1], np.delete(x, [i, i ^ 1], axis=0))[0] for i in range(40)]
    assert apart == pytest.approx(np.array(rest))


def test_knn__says_what_is_wrong() -> None:
    x, _ = cloud(10)
    with pytest.raises(ValueError, match=r"k: expected 1\.\.10, the photos left to be a neighbour"):
        knn_distance(x, x, 11)
    with pytest.raises(ValueError, match=r"k: expected 1\.\.8, .* found 9; use a smaller k"):
        knn_distance(x, x, 9, groups=np.arange(10) // 2, gallery_groups=np.arange(10) // 2)
    with pytest.raises(ValueError, match="embedding: expected 100 numbers a photo, found 99; use"):
        knn_distance(x[:, 1:], x)
    with pytest.raises(ValueError, match="groups: expected groups of the photos and of the galler"):
        knn_distance(x, x, groups=np.arange(10))
    with pytest.raises(ValueError, match="groups: expected 10 values and 10 for the gallery, foun"):
        knn_distance(x, x, groups=np.arange(9), gallery_groups=np.arange(10))


def plain_mahalanobis(x: Any, train: Any, y: Any) -> Any:
    """Return the relative distance with dense matrices and an inverse, as the papers write it."""

    def unit_rows(a: Any) -> Any:
        return a / np.linalg.norm(a, axis=1, keepdims=True)

    def inverse(deviations: Any, freedom: int) -> Any:
        d = deviations.shape[1]
        s = deviations.T @ deviations / freedom
        trace, square = np.trace(s), np.sum(s * s)
        upper = (1 - 2 / d) * square + trace**2
        rho = min(1.0, upper / ((freedom + 1 - 2 / d) * (square - trace**2 / d)))
        return np.linalg.inv((1 - rho) * s + rho * trace / d * np.eye(d))

    x, train = unit_rows(x), unit_rows(train)
    means = np.stack([train[y == k].mean(axis=0) for k in np.unique(y)])
    near = inverse(train - means[y], len(train) - len(means))
    far = inverse(train - train.mean(axis=0), len(train) - 1)
    to_class = [np.einsum("nd,de,ne->n", x - m, near, x - m) for m in means]
    centred = x - train.mean(axis=0)
    return np.min(to_class, axis=0) - np.einsum("nd,de,ne->n", centred, far, centred)


@pytest.mark.parametrize(("n", "d"), [(60, 100), (90, 90), (400, 30)])
def test_mahalanobis__agrees_with_dense_matrices(n: int, d: int) -> None:
    train, y = cloud(n, d)
    x, _ = cloud(25, d, seed=5)
    x = np.r_[x, np.random.default_rng(1).normal(size=(10, d))]
    found = fit_relative_mahalanobis(train, y).score(x)
    assert found == pytest.approx(plain_mahalanobis(x, train, y), rel=1e-3, abs=1e-2)


def test_mahalanobis__of_many_photos_some_at_a_time_is_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    train, y = cloud(200, 30)
    x, _ = cloud(25, 30, seed=5)
    whole = fit_relative_mahalanobis(train, y, 0.5)
    monkeypatch.setattr(unit, "_ROWS", 7)
    parts = fit_relative_mahalanobis(train.tolist(), y, 0.5)
    assert parts.score(x) == pytest.approx(whole.score(x))
    assert parts.cosine_distance(x) == pytest.approx(whole.cosine_distance(x))


def test_mahalanobis__shrinks_like_scikit_learn() -> None:
    x, _ = cloud(60, 100)
    deviations = x - x.mean(axis=0)
    ours = shrink(deviations, x[:1], len(x))  # as many as scikit-learn counts
    theirs = covariance.OAS(assume_centered=True).fit(deviations).covariance_
    spread = ours.basis.T @ np.diag(ours.variance - ours.floor) @ ours.basis
    mine = spread + ours.floor * np.eye(100)
    # It drops the 2 / D of the paper's formula.
    assert np.abs(mine - theirs).max() < 0.01 * np.abs(theirs).max()


def test_mahalanobis__ignores_scale_turns_and_names_of_classes() -> None:
    train, y = cloud()
    x, _ = cloud(20, seed=2)
    found = fit_relative_mahalanobis(train, y).score(x)
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(100, 100)))[0]
    turned = fit_relative_mahalanobis(train @ turn * 5, y).score(x @ turn)
    assert turned == pytest.approx(found, rel=1e-4, abs=1e-3)
    renamed = fit_relative_mahalanobis(train, 9 - y).score(x)  # with gaps in the numbering
    assert renamed == pytest.approx(found)


def test_scores__tell_strangers_from_new_photos_of_the_known() -> None:
    train, y = cloud(60)
    known, _ = cloud(60, seed=1)
    rng = np.random.default_rng(3)
    strange = rng.normal(size=(40, 100)) + 0.4 * rng.normal(size=(40, 8)) @ rng.normal(
        size=(8, 100)
    )
    model = fit_relative_mahalanobis(train, y)
    assert auroc(model.score(known), model.score(strange)).value > 0.99
    near = knn_distance(known, train), knn_distance(strange, train)
    assert auroc(*near).value > 0.99


def test_mahalanobis__says_what_is_wrong() -> None:
    x, y = cloud(6)
    with pytest.raises(
        ValueError, match="labels: expected a class with at least 2 photos, found o"
    ):
        fit_relative_mahalanobis(x, y)
    with pytest.raises(ValueError, match="embedding: expected photos that differ, found the same"):
        fit_relative_mahalanobis(np.ones((6, 4)), [0, 0, 0, 1, 1, 1])
    model = fit_relative_mahalanobis(*cloud(12))
    with pytest.raises(
        ValueError, match="embedding: expected 100 numbers a photo, found 5; use th"
    ):
        model.score(np.ones((2, 5)))


@pytest.mark.parametrize("power", [0.25, 0.5])
def test_mahalanobis__raises_embeddings_to_a_power_with_their_sign(power: float) -> None:
    train, y = cloud(40)
    x, _ = cloud(9, seed=5)
    found = fit_relative_mahalanobis(train, y, power)
    plain = fit_relative_mahalanobis(np.sign(train) * np.abs(train) ** power, y)
    raised = np.sign(x) * np.abs(x) ** power
    assert found.power == power
    assert found.score(x) == pytest.approx(plain.score(raised))
    assert found.cosine_distance(x) == pytest.approx(plain.cosine_distance(raised))
    assert found.mean_cosine_distance(x) == pytest.approx(plain.mean_cosine_distance(raised))
    assert np.abs(found.score(x) - plain.score(x)).max() > 0.1


def test_cosine_distance__agrees_with_dense_matrices() -> None:
    train, y = cloud(40)
    x = np.random.default_rng(5).normal(size=(9, train.shape[1]))
    model = fit_relative_mahalanobis(train, y)
    within = model.within
    basis, variance = within.basis.astype(float), within.variance.astype(float)
    d = train.shape[1]
    covariance = basis.T @ np.diag(variance - within.floor) @ basis + within.floor * np.eye(d)
    root = np.linalg.cholesky(np.linalg.inv(covariance))
    middle = model.background.means.astype(float)

    def white(rows: Any) -> Any:
        turned = (rows - middle) @ root
        return turned / np.linalg.norm(turned, axis=1, keepdims=True)

    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    cosines = white(unit) @ white(within.means.astype(float)).T
    assert model.cosine_distance(x) == pytest.approx(1 - cosines.max(axis=1), abs=1e-6)


def test_cosine_distance__is_small_for_the_known_and_has_no_scale() -> None:
    train, y = cloud(60)
    model = fit_relative_mahalanobis(train, y)
    known = model.cosine_distance(train)
    foreign = model.cosine_distance(np.random.default_rng(1).normal(size=train.shape))
    assert np.median(known) < np.median(foreign)
    assert ((known >= 0) & (known <= 2)).all()
    again = fit_relative_mahalanobis(train * 5, y)
    assert again.cosine_distance(train * 5) == pytest.approx(known, abs=1e-4)


def test_mean_cosine_distance__is_the_angle_to_the_mean_and_blind_to_classes() -> None:
    shift = np.random.default_rng(4).normal(size=100) * 3
    train, y = cloud(60)
    train = train + shift
    model = fit_relative_mahalanobis(train, y)
    unit = train / np.linalg.norm(train, axis=1, keepdims=True)
    middle = unit.mean(axis=0) / np.linalg.norm(unit.mean(axis=0))
    known = model.mean_cosine_distance(train)
    assert known == pytest.approx(1 - unit @ middle, abs=1e-6)
    assert model.mean_cosine_distance(train * 9) == pytest.approx(known)
    # Other classes of the same world lie as near as the known ones; another world does not.
    others = shift + np.random.default_rng(8).normal(size=(40, 100)) * train.std(axis=0)
    assert 0.3 < auroc(known, model.mean_cosine_distance(others)).value < 0.8
    assert model.mean_cosine_distance(others - 2 * shift).min() > known.max()
    with pytest.raises(ValueError, match="embedding: expected 100 numbers a photo, found 5; use"):
        model.mean_cosine_distance(np.ones((2, 5)))
