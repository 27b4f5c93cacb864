"""Gaussians of few photos in many dimensions: fitted, measured by.

Knows numbers only; what they are of, and what a distance says, others know.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from figsight.metrics.checks import Floats, Floats32

_NO_MATTER = 1e12  # a variance beside which every distance is none


class AlikeError(ValueError):
    """Nothing that photos deviate by was found: there is no spread to measure distances in."""


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

    def ignoring(self, directions: Floats) -> ShrunkGaussian:
        """Return the same, but that it does not matter how far a row lies along some directions.

        Args:
            directions: Unit rows [Q, D] at right angles to each other and to ``basis``.
        """
        return ShrunkGaussian(
            self.means,
            np.concatenate([self.basis, directions.astype(np.float32)]),
            np.concatenate([self.variance, np.full(len(directions), _NO_MATTER, np.float32)]),
            self.floor,
        )

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


def shrink(
    deviations: Floats, means: Floats, freedom: int, *, least: float = 0.0
) -> ShrunkGaussian:
    """Fit a Gaussian to what photos deviate from their means by.

    With fewer photos than dimensions the covariance has no inverse; it is shrunk to a ball by the
    oracle approximating rule (Chen, Wiesel, Eldar & Hero 2010), which estimates how much from the
    photos.

    Args:
        deviations: [N, D].
        means: What they deviate from, [K, D].
        freedom: Degrees of freedom: N less what was estimated from the same photos.
        least: Of the way to the ball, 0..1, that is gone in any case: the more, the less matter
            directions in which photos hardly differ.

    Raises:
        AlikeError: All photos lie at their means.
    """
    n, d = deviations.shape
    if n > d:
        return shrink_covariance(deviations.T @ deviations / freedom, means, freedom, least=least)
    _, singular, basis = np.linalg.svd(deviations, full_matrices=False)
    return _shrink_axes(np.square(singular) / freedom, basis, means, freedom, least)


def shrink_covariance(
    covariance: Floats, means: Floats, freedom: int, *, least: float = 0.0
) -> ShrunkGaussian:
    """Fit the same Gaussian to the covariance of more photos than dimensions.

    Args:
        covariance: Of what photos deviate from their means by, [D, D].
        means: What they deviate from, [K, D].
        freedom: Degrees of freedom that the covariance was divided by.
        least: As for ``shrink``.

    Raises:
        AlikeError: All photos lie at their means.
    """
    rising, columns = np.linalg.eigh(covariance)
    return _shrink_axes(np.maximum(rising[::-1], 0), columns.T[::-1], means, freedom, least)


def _shrink_axes(
    variance: Floats, basis: Floats, means: Floats, freedom: int, least: float
) -> ShrunkGaussian:
    """Shrink the variances [R] along unit axes [R, D], the greatest first."""
    d = basis.shape[1]
    total, squared = float(variance.sum()), float(np.square(variance).sum())
    if total <= 1e-12:
        raise AlikeError(
            "embedding: expected photos that differ, found the same embedding for all of a class; "
            "look for copies"
        )
    over = squared - total**2 / d
    rho = 1.0
    if over > 0:
        rho = min(1.0, ((1 - 2 / d) * squared + total**2) / ((freedom + 1 - 2 / d) * over))
    rho = max(rho, least)
    floor = rho * total / d
    keep = variance > 1e-12 * variance[0]  # the rest is rounding of float32 numbers
    return ShrunkGaussian(
        means.astype(np.float32),
        basis[keep].astype(np.float32),
        ((1 - rho) * variance[keep] + floor).astype(np.float32),
        floor,
    )


def _squared_distances(a: Floats, b: Floats) -> Floats:
    """Return |a_i - b_j|^2, [N, K], by one product."""
    squares = np.square(a).sum(axis=1)[:, None] + np.square(b).sum(axis=1)[None, :]
    return np.asarray(np.maximum(squares - 2 * (a @ b.T), 0))
