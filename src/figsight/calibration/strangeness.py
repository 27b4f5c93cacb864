"""How strange a photo looks: scores of logits and embeddings, higher is stranger.

Knows the formulas, as functions of arrays. Does not know which score is used, nor where the line to
"unknown" lies. No score knows what a stranger is: each is a guess, and how good is to be measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from figsight.calibration.gaussian import shrink, shrink_covariance
from figsight.calibration.temperature import check_temperature
from figsight.metrics.checks import Floats, Ints, check_labels, check_matrix

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    from figsight.calibration.gaussian import ShrunkGaussian

_CHUNK = 4_000_000  # similarities held at once: 32 MB of float64
_ROWS = 2_000  # embeddings in double precision at once


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
    known = np.asarray(gallery)
    if known.ndim != 2 or not len(known):
        check_matrix(known, "gallery")  # says what is wrong
    _check_width(x, known.shape[1], "embedding")
    own, theirs = _match_groups(groups, gallery_groups, len(x), len(known))
    nearest = np.full((len(x), 1), -np.inf)  # [N, up to k]
    others = np.zeros(len(x), np.int64)
    rows = max(1, _CHUNK // len(x))
    for start in range(0, len(known), rows):
        some = slice(start, start + rows)
        similar = x @ _unit(check_matrix(known[some], "gallery")).T  # [N, rows]
        if own is not None and theirs is not None:
            similar[own[:, None] == theirs[None, some]] = -np.inf
        others += np.isfinite(similar).sum(axis=1)
        nearest = np.concatenate([nearest, similar], axis=1)
        if nearest.shape[1] > k > 0:
            nearest = np.partition(nearest, -k, axis=1)[:, -k:]
    fewest = int(others.min())
    if not 1 <= k <= fewest:
        raise ValueError(
            f"k: expected 1..{fewest}, the photos left to be a neighbour, found {k}; "
            "use a smaller k or a larger gallery"
        )
    return np.asarray(np.clip(1 - nearest.min(axis=1), 0.0, 2.0))


@dataclass(frozen=True, eq=False)
class RelativeMahalanobis:
    """Distance to the nearest class, less the distance to all photos together.

    Attributes:
        within: One mean a class, covariance of the photos around their own class.
        background: One mean, covariance of all photos.
        power: What every embedding is raised to first, above 0; 1 leaves it as it is.
    """

    within: ShrunkGaussian
    background: ShrunkGaussian
    power: float = 1.0

    def score(self, embedding: ArrayLike) -> Floats:
        """Return ``min over k of MD_k - MD_0``, [N]; squared, without units, any real number.

        Only for photos that the fit did not see: those pull their own class towards them.

        Raises:
            ValueError: Shape, or a number that is not finite.
        """
        return _by_rows(
            lambda x: self.within.distances(x).min(axis=1) - self.background.distances(x)[:, 0],
            self._directed(embedding),
        )

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
        middle = self.background.means.astype(np.float64)  # [1, D]

        def distance(x: Floats) -> Floats:
            cosines = _unit(self.within.whiten(x - middle)) @ self._directions.T  # [N, K]
            return np.asarray(1 - cosines.max(axis=1))

        return _by_rows(distance, self._directed(embedding))

    def mean_cosine_distance(self, embedding: ArrayLike) -> Floats:
        """Return ``1 - cos(angle to the mean of all photos)``, 0..2, [N].

        What photos of one set have in common (camera, table, toys) is most of their embeddings, and
        does not depend on the figure: the distance cannot tell a new figure from a known one, but a
        picture of another world (an X-ray among photographs) lies far from all photos alike, even
        where the network is sure of it.

        Raises:
            ValueError: Shape, or a number that is not finite.
        """
        middle = _unit(self.background.means.astype(np.float64))  # [1, D]
        return np.asarray(1 - (self._directed(embedding) @ middle.T)[:, 0])

    def _directed(self, embedding: ArrayLike) -> Floats:
        """Return checked embeddings [N, D] as they are measured: flattened, of length one."""
        x = check_matrix(embedding, "embedding")
        _check_width(x, self.within.means.shape[1], "embedding")
        return direct(x, self.power)

    @cached_property
    def _directions(self) -> Floats:
        """Where the classes lie, seen from the mean of all photos: unit rows [K, D], whitened."""
        away = self.within.means.astype(np.float64) - self.background.means.astype(np.float64)
        return _unit(self.within.whiten(away))


def fit_relative_mahalanobis(
    embedding: ArrayLike, labels: ArrayLike, power: float = 1.0
) -> RelativeMahalanobis:
    """Fit the relative Mahalanobis distance.

    From Ren et al. (2021, "A simple fix to Mahalanobis distance"), on unit vectors (Mueller & Hein
    2025, "Mahalanobis++"). With ten photos a class there are fewer
    photos than dimensions and the covariance has no inverse; it is shrunk to a ball by the oracle
    approximating rule (Chen, Wiesel, Eldar & Hero 2010), which estimates how much from the photos.
    Cost: N^2 D for N < D photos. The covariance is one for all classes, which no class quite has.

    Args:
        embedding: [N, D].
        labels: Class indices 0..K-1, [N]; classes without photos are left out.
        power: What the numbers of an embedding are raised to first, with their sign; above 0. Below
            1, which channels spoke counts for more than how loudly. Means of activations are mostly
            near zero, with a long tail; a Gaussian fits their roots better (Tukey's ladder of
            powers, as in Yang, Liu & Xu 2021, "Free lunch for few-shot learning: distribution
            calibration").

    Raises:
        AlikeError: The photos of each class all have the same embedding.
        ValueError: Arrays are wrong, or no class has two photos.
    """
    given = np.asarray(embedding)
    y = check_labels(labels, max(2, int(np.max(labels, initial=0)) + 1))
    if given.ndim != 2 or len(given) != len(y):
        check_matrix(given, "embedding", len(y))  # says what is wrong
    _, y = np.unique(y, return_inverse=True)
    counts = np.bincount(y)
    if len(y) == len(counts):
        raise ValueError(
            "labels: expected a class with at least 2 photos, found one photo a class; "
            "the spread within a class needs two"
        )
    fit = _fit_few if len(y) <= given.shape[1] else _fit_many
    within, background = fit(given, y, power)
    return RelativeMahalanobis(within, background, power)


def _fit_few(given: NDArray[Any], y: Ints, power: float) -> tuple[ShrunkGaussian, ShrunkGaussian]:
    """Fit the spread within the classes, and of all photos, to fewer photos than dimensions."""
    x = direct(check_matrix(given, "embedding"), power)
    counts = np.bincount(y)
    means = np.stack([np.bincount(y, column) / counts for column in x.T], axis=1)  # [K, D]
    overall = x.mean(axis=0, keepdims=True)  # [1, D]
    background = shrink(x - overall, overall, len(y) - 1)
    return shrink(x - means[y], means, len(y) - len(counts)), background


def _fit_many(given: NDArray[Any], y: Ints, power: float) -> tuple[ShrunkGaussian, ShrunkGaussian]:
    """Fit the same to more photos than dimensions, some at a time: for memory's sake, by sums."""
    counts = np.bincount(y)
    sums = np.zeros((len(counts), given.shape[1]))  # [K, D]
    squares = np.zeros((given.shape[1], given.shape[1]))
    for start in range(0, len(y), _ROWS):
        some = slice(start, start + _ROWS)
        x = direct(check_matrix(given[some], "embedding"), power)
        np.add.at(sums, y[some], x)
        squares += x.T @ x
    n, means = len(y), sums / counts[:, None]
    overall = sums.sum(axis=0, keepdims=True) / n  # [1, D]
    around_all = (squares - n * overall.T @ overall) / (n - 1)
    around_own = (squares - (means.T * counts) @ means) / (n - len(counts))
    return (
        shrink_covariance(around_own, means, n - len(counts)),
        shrink_covariance(around_all, overall, n - 1),
    )


def direct(x: Floats, power: float) -> Floats:
    """Return rows ``sign(x) |x|^power`` of length one, [N, D]; a row of zeros stays as it is."""
    return _unit(x if power == 1 else np.sign(x) * np.abs(x) ** power)


def _by_rows(score: Callable[[Floats], Floats], x: Floats) -> Floats:
    """Return the score of each row [N], of some rows at a time: N times K numbers may be many."""
    return np.concatenate([score(x[start : start + _ROWS]) for start in range(0, len(x), _ROWS)])


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
