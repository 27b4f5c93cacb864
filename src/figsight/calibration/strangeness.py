"""How strange a photo looks: scores of logits and embeddings, higher is stranger.

Knows the formulas, as functions of arrays. Does not know which score is used, nor where the line to
"unknown" lies. No score knows what a stranger is: each is a guess, and how good is to be measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from figsight.calibration.temperature import check_temperature
from figsight.metrics.checks import Floats, Ints, check_labels, check_matrix

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

Floats32: TypeAlias = NDArray[np.float32]

_CHUNK = 4_000_000  # similarities held at once: 32 MB of float64


def max_softmax(logits: ArrayLike, temperature: float = 1.0) -> Floats:
    """Return ``1 - max over k of softmax(z / T)_k``, 0..1, [N] (Hendrycks & Gimpel 2017).

    Summed over the other classes, so that 1e-20 is not rounded to 0. A network can be certain of
    something that it never saw.

    Raises:
        ValueError: Shape, a number that is not finite, or T not above 0.
    """
    z = check_matrix(logits, "logits") / check_temperature(temperature)
    powers = np.exp(z - z.max(axis=1, keepdims=True))  # [N, K], 1 for the top class
    powers[np.arange(len(z)), z.argmax(axis=1)] = 0
    others = powers.sum(axis=1)
    return np.asarray(others / (1 + others))


def energy(logits: ArrayLike, temperature: float = 1.0) -> Floats:
    """Return ``-T ln(sum over k of exp(z_k / T))``, [N] (Liu et al. 2020, "Energy-based OOD").

    In the units of the logits; any real number. It needs logits whose size means something, which a
    head trained for a few epochs, or with smoothed labels, may not have.

    Raises:
        ValueError: Shape, a number that is not finite, or T not above 0.
    """
    t = check_temperature(temperature)
    z = check_matrix(logits, "logits") / t
    top = z.max(axis=1)
    return np.asarray(-t * (top + np.log(np.exp(z - top[:, None]).sum(axis=1))))


def max_logit(logits: ArrayLike) -> Floats:
    """Return ``mean over k of z_k - max over k of z_k``, [N].

    Hendrycks et al. (2022, "Scaling out-of-distribution detection") take the largest logit as it
    is. Softmax training leaves open what is added to all logits of a photo, so here it is measured
    against their mean: on figures left out that was better every time (docs/experiments.md).

    Raises:
        ValueError: Shape, or a number that is not finite.
    """
    z = check_matrix(logits, "logits")
    return np.asarray(z.mean(axis=1) - z.max(axis=1))


def knn_distance(
    embedding: ArrayLike,
    gallery: ArrayLike,
    k: int = 1,
    *,
    groups: ArrayLike | None = None,
    gallery_groups: ArrayLike | None = None,
) -> Floats:
    """Return the cosine distance to the k-th nearest photo of a gallery, 0..2, [N].

    ``1 - cos(angle)`` (Sun et al. 2022, "Out-of-distribution detection with deep nearest
    neighbors"; theirs is the Euclidean distance of unit vectors, ``sqrt(2 d)``, in the same order).
    With ten photos a class, k must stay well below ten; 1 asks for one look-alike.

    Args:
        embedding: [N, D].
        gallery: [M, D], the photos that are known.
        k: Which neighbour, >= 1.
        groups: Whatever names the copies of a photo, [N]; needs ``gallery_groups``.
        gallery_groups: [M]; neighbours with a photo's own group are passed over, so that no photo
            is its own neighbour.

    Raises:
        ValueError: Shapes differ, only one kind of groups, or fewer than k neighbours are left.
    """
    x = _unit(check_matrix(embedding, "embedding"))
    known = _unit(check_matrix(gallery, "gallery"))
    _check_width(x, known.shape[1], "embedding")
    own, theirs = _match_groups(groups, gallery_groups, len(x), len(known))
    distance = np.empty(len(x))
    rows = max(1, _CHUNK // len(known))
    for start in range(0, len(x), rows):
        part = slice(start, start + rows)
        similar = x[part] @ known.T  # [rows, M]
        if own is not None and theirs is not None:
            similar[own[part, None] == theirs[None, :]] = -np.inf
        fewest = int(np.isfinite(similar).sum(axis=1).min())
        if not 1 <= k <= fewest:
            raise ValueError(
                f"k: expected 1..{fewest}, the photos left to be a neighbour, found {k}; "
                "use a smaller k or a larger gallery"
            )
        distance[part] = 1 - np.partition(similar, -k, axis=1)[:, -k]
    return np.clip(distance, 0.0, 2.0)


@dataclass(frozen=True, eq=False)
class ShrunkGaussian:
    """Means with one covariance, shrunk to a ball and kept as its main axes only.

    The covariance is ``basis.T @ diag(variance - floor) @ basis + floor I``: D x D, never built.

    Attributes:
        means: float32 [K, D].
        basis: Unit axes with variance of their own, float32 [R, D], R <= min(N, D).
        variance: Along each axis, above ``floor``, float32 [R].
        floor: Along every other direction, above 0.
    """

    means: Floats32
    basis: Floats32
    variance: Floats32
    floor: float

    @cached_property
    def _axes(self) -> Floats:
        """The axes as columns, [D, R], in the precision that is counted in."""
        return self.basis.astype(np.float64).T

    @cached_property
    def _centres(self) -> tuple[Floats, Floats]:
        """The means [K, D], and what of them lies along the axes [K, R]."""
        means = self.means.astype(np.float64)
        return means, means @ self._axes

    def whiten(self, x: Floats) -> Floats:
        """Return rows [N, D] stretched by one over the spread in every direction, [N, D].

        Inner products of such rows are inner products in units of the spread.
        """
        along = x @ self._axes  # [N, R]
        gain = 1 / np.sqrt(self.variance.astype(np.float64)) - 1 / np.sqrt(self.floor)
        return np.asarray((along * gain) @ self._axes.T + x / np.sqrt(self.floor))

    def distances(self, x: Floats) -> Floats:
        """Return the squared Mahalanobis distance of each row [N, D] to each mean, [N, K]."""
        means, centres = self._centres
        inside = x @ self._axes  # [N, R]
        scale = 1 / np.sqrt(self.variance.astype(np.float64))
        along = _squared_distances(inside * scale, centres * scale)
        if len(self.basis) == x.shape[1]:  # the axes span everything: nothing is left but rounding
            return along
        rest = _squared_distances(x, means) - _squared_distances(inside, centres)
        return np.asarray(along + np.maximum(rest, 0) / self.floor)


@dataclass(frozen=True, eq=False)
class RelativeMahalanobis:
    """Distance to the nearest class, less the distance to all photos together.

    Attributes:
        within: One mean a class, covariance of the photos around their own class.
        background: One mean, covariance of all photos.
    """

    within: ShrunkGaussian
    background: ShrunkGaussian

    def score(self, embedding: ArrayLike) -> Floats:
        """Return ``min over k of MD_k - MD_0``, [N]; squared, without units, any real number.

        Only for photos that the fit did not see: those pull their own class towards them.

        Raises:
            ValueError: Shape, or a number that is not finite.
        """
        x = check_matrix(embedding, "embedding")
        _check_width(x, self.within.means.shape[1], "embedding")
        x = _unit(x)
        nearest = self.within.distances(x).min(axis=1)
        return np.asarray(nearest - self.background.distances(x)[:, 0])

    def cosine_distance(self, embedding: ArrayLike) -> Floats:
        """Return ``1 - max over k of cos(angle to the mean of class k)``, 0..2, [N].

        Angles are taken at the mean of all photos, after whitening by the spread within the classes
        (the cosine score of linear discriminant analysis, as in speaker verification: Dehak et al.
        2010, "Cosine similarity scoring without score normalization techniques"). Whitening mutes
        the directions in which photos of one figure differ. An angle has no scale: thresholds set
        with one network hold for another that was trained alike. Where the whole embedding is
        foreign, its length no longer matters either; other scores see that.

        Raises:
            ValueError: Shape, or a number that is not finite.
        """
        x = check_matrix(embedding, "embedding")
        _check_width(x, self.within.means.shape[1], "embedding")
        middle = self.background.means.astype(np.float64)  # [1, D]
        cosines = _unit(self.within.whiten(_unit(x) - middle)) @ self._directions.T  # [N, K]
        return np.asarray(1 - cosines.max(axis=1))

    def mean_cosine_distance(self, embedding: ArrayLike) -> Floats:
        """Return ``1 - cos(angle to the mean of all photos)``, 0..2, [N].

        What photos of one set have in common (camera, table, toys) is most of their embeddings, and
        does not depend on the figure: the distance cannot tell a new figure from a known one, but a
        picture of another world (an X-ray among photographs) lies far from all photos alike, even
        where the network is sure of it.

        Raises:
            ValueError: Shape, or a number that is not finite.
        """
        x = check_matrix(embedding, "embedding")
        _check_width(x, self.within.means.shape[1], "embedding")
        middle = _unit(self.background.means.astype(np.float64))  # [1, D]
        return np.asarray(1 - (_unit(x) @ middle.T)[:, 0])

    @cached_property
    def _directions(self) -> Floats:
        """Where the classes lie, seen from the mean of all photos: unit rows [K, D], whitened."""
        away = self.within.means.astype(np.float64) - self.background.means.astype(np.float64)
        return _unit(self.within.whiten(away))


def fit_relative_mahalanobis(embedding: ArrayLike, labels: ArrayLike) -> RelativeMahalanobis:
    """Fit the relative Mahalanobis distance.

    From Ren et al. (2021, "A simple fix to Mahalanobis distance"), on unit vectors (Mueller & Hein
    2025, "Mahalanobis++"). With ten photos a class there are fewer
    photos than dimensions and the covariance has no inverse; it is shrunk to a ball by the oracle
    approximating rule (Chen, Wiesel, Eldar & Hero 2010), which estimates how much from the photos.
    Cost: N^2 D for N < D photos. The covariance is one for all classes, which no class quite has.

    Args:
        embedding: [N, D].
        labels: Class indices 0..K-1, [N]; classes without photos are left out.

    Raises:
        ValueError: Arrays are wrong, no class has two photos, or all embeddings are the same.
    """
    x = _unit(check_matrix(embedding, "embedding", np.asarray(labels).size))
    y = check_labels(labels, max(2, int(np.max(labels, initial=0)) + 1))
    _, y = np.unique(y, return_inverse=True)
    counts = np.bincount(y)
    if len(y) == len(counts):
        raise ValueError(
            "labels: expected a class with at least 2 photos, found one photo a class; "
            "the spread within a class needs two"
        )
    means = np.stack([np.bincount(y, column) / counts for column in x.T], axis=1)  # [K, D]
    overall = x.mean(axis=0, keepdims=True)  # [1, D]
    return RelativeMahalanobis(
        within=_shrink(x - means[y], means, len(y) - len(counts)),
        background=_shrink(x - overall, overall, len(y) - 1),
    )


def _shrink(deviations: Floats, means: Floats, freedom: int) -> ShrunkGaussian:
    """Return the Gaussian of deviations [N, D] with ``freedom`` degrees of freedom."""
    n, d = deviations.shape
    if n <= d:
        _, singular, axes = np.linalg.svd(deviations, full_matrices=False)
        variance = np.square(singular) / freedom
    else:
        rising, columns = np.linalg.eigh(deviations.T @ deviations / freedom)
        variance, axes = np.maximum(rising[::-1], 0), columns.T[::-1]
    total, squared = float(variance.sum()), float(np.square(variance).sum())
    if total <= 1e-12:
        raise ValueError(
            "embedding: expected photos that differ, found the same embedding for all of a class; "
            "look for copies"
        )
    over = squared - total**2 / d
    rho = 1.0
    if over > 0:
        rho = min(1.0, ((1 - 2 / d) * squared + total**2) / ((freedom + 1 - 2 / d) * over))
    floor = rho * total / d
    keep = variance > 1e-12 * variance[0]  # the rest is rounding of float32 embeddings
    return ShrunkGaussian(
        means.astype(np.float32),
        axes[keep].astype(np.float32),
        ((1 - rho) * variance[keep] + floor).astype(np.float32),
        floor,
    )


def _squared_distances(a: Floats, b: Floats) -> Floats:
    """Return |a_i - b_j|^2, [N, K], by one product."""
    squares = np.square(a).sum(axis=1)[:, None] + np.square(b).sum(axis=1)[None, :]
    return np.asarray(np.maximum(squares - 2 * (a @ b.T), 0))


def _unit(x: Floats) -> Floats:
    """Return rows of length one; a row of zeros, which has no direction, stays as it is."""
    length = np.linalg.norm(x, axis=1, keepdims=True)
    return np.asarray(x / np.where(length > 0, length, 1))


def _check_width(x: Floats, width: int, name: str) -> None:
    if x.shape[1] != width:
        raise ValueError(
            f"{name}: expected {width} numbers a photo, found {x.shape[1]}; "
            "use the embeddings of one network"
        )


def _match_groups(
    groups: ArrayLike | None, gallery_groups: ArrayLike | None, n: int, m: int
) -> tuple[Ints | None, Ints | None]:
    """Return both kinds of group names as numbers of one list."""
    if groups is None and gallery_groups is None:
        return None, None
    if groups is None or gallery_groups is None:
        raise ValueError(
            "groups: expected groups of the photos and of the gallery, found one of them; "
            "pass both or none"
        )
    both = np.concatenate([np.asarray(groups), np.asarray(gallery_groups)])
    if np.shape(groups) != (n,) or np.shape(gallery_groups) != (m,):
        raise ValueError(
            f"groups: expected {n} values and {m} for the gallery, found {np.shape(groups)} and "
            f"{np.shape(gallery_groups)}; give each photo the number of its group"
        )
    numbers = np.unique(both, return_inverse=True)[1].astype(np.int64)
    return numbers[:n], numbers[n:]
