"""How foreign the style of a photo is: light, texture, camera, before any figure is recognised.

Knows the numbers that describe a style. Does not know which layers of a network give them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from figsight.calibration.gaussian import AlikeError, ShrunkGaussian, shrink
from figsight.metrics.checks import Floats, Floats32, check_matrix

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

# Of what a kind of change does, as many directions are left out of the distance.
_DIRECTIONS = 2
# Of the way from the covariance to a ball. Thousands of photos know the directions in which they hardly
# differ so well that a little grain would lie far away along them.
_LEAST_SHRINKAGE = 0.2
# Of a spread: shorter shifts than this are rounding, and have no direction.
_LEAST_SHIFT = 1e-6
# Of the median spread (of those that vary, where most do not): a channel that hardly varies must not
# decide alone.
_LEAST_SPREAD = 0.01


@dataclass(frozen=True, eq=False)
class StyleDistance:
    """What the styles of a network's training photos are like; made by ``fit_style``.

    Attributes:
        centre: Mean of each number, float32 [S].
        scale: Its standard deviation, above 0, float32 [S].
        gaussian: Of the standardised numbers, around zero.
    """

    centre: Floats32
    scale: Floats32
    gaussian: ShrunkGaussian

    def score(self, style: ArrayLike) -> Floats:
        """Return ``ln MD^2``, [N], higher is stranger: how far each style lies from all the others.

        ``MD`` is the Mahalanobis distance to the mean of all training photos, over means and
        standard deviations of channels in early layers (Lee et al. 2018, "A simple unified
        framework for detecting out-of-distribution samples", take means, a class each; that the two
        together are the style of a picture: Huang & Belongie 2017, "Arbitrary style transfer in
        real-time"). The logarithm keeps a few odd known photos from stretching its scale.

        It says that a picture is another kind of picture: drawn, rendered, scanned, of another
        subject. It knows no figures, so it hardly tells a new one photographed like the others
        from a known one; and a known figure in other light or without its colours becomes stranger
        by it, too. Grain, softness, distance and light count little where ``fit_style`` was shown what
        they do.

        Args:
            style: [N, S].

        Raises:
            ValueError: Shape, or a number that is not finite.
        """
        x = check_matrix(style, "style")
        if x.shape[1] != len(self.centre):
            raise ValueError(
                f"style: expected {len(self.centre)} numbers a photo, found {x.shape[1]}; "
                "use the styles of one network"
            )
        standard = (x - self.centre.astype(np.float64)) / self.scale.astype(np.float64)
        squared = self.gaussian.distances(standard)[:, 0]
        return np.asarray(np.log(np.maximum(squared, np.finfo(np.float64).tiny)))


def fit_style(style: ArrayLike, shifts: Sequence[ArrayLike] = ()) -> StyleDistance:
    """Fit the distance of styles.

    The covariance is shrunk, for there are usually fewer photos than numbers, and by a fifth where
    there are more; how far new photos of the same kind lie then hardly depends on how many photos it
    was fitted to, so that a threshold that was found with fewer carries over (docs/decisions/0006).

    What another camera does to a style says nothing of what is shown: for each kind of change the
    two directions that most of it lies along are left out of the distance (nuisance attribute projection:
    Solomonoff, Campbell & Boardman 2005, "Advances in channel compensation for SVM speaker
    recognition"). Without that, grainy photos of known figures are another kind of picture.

    Args:
        style: Of the training photos, [N, S], N >= 2.
        shifts: For each kind of change, what it does to the styles of some photos: those of the changed
            photos less those of the same photos as they are, [n, S].

    Raises:
        AlikeError: There is one photo, or all are alike.
        ValueError: Shape, or a number that is not finite.
    """
    x = check_matrix(style, "style")
    spread = np.where(np.ptp(x, axis=0) > 0, x.std(axis=0), 0.0)  # without rounding
    if not spread.any():
        found = "one photo" if len(x) == 1 else f"{len(x)} that are all alike"
        raise AlikeError(f"style: expected photos that differ, found {found}; look for copies")
    least = _LEAST_SPREAD * float(np.median(spread) or np.median(spread[spread > 0]))
    # Rounded before they are used: a bundle keeps 32 bits, and must give the same numbers.
    centre = x.mean(axis=0).astype(np.float32)
    scale = np.maximum(spread, least).astype(np.float32)
    standard = (x - centre.astype(np.float64)) / scale.astype(np.float64)
    away = _find_directions([check_matrix(one, "shifts") for one in shifts], scale)
    standard -= (standard @ away.T) @ away
    gaussian = shrink(standard, np.zeros((1, x.shape[1])), len(x) - 1, least=_LEAST_SHRINKAGE)
    return StyleDistance(centre, scale, gaussian.ignoring(away))


def _find_directions(shifts: Sequence[Floats], scale: Floats32) -> Floats:
    """Return what each kind of shifts [n, S] mostly lies along: unit rows at right angles, [Q, S]."""
    found = np.empty((0, len(scale)))
    for one in shifts:
        if one.shape[1] != len(scale):
            raise ValueError(
                f"shifts: expected {len(scale)} numbers a photo, found {one.shape[1]}; use the styles of "
                "one network"
            )
        standard = one / scale.astype(np.float64)
        rest = standard - (standard @ found.T) @ found
        _, lengths, directions = np.linalg.svd(rest, full_matrices=False)
        most = directions[:_DIRECTIONS][lengths[:_DIRECTIONS] > _LEAST_SHIFT]
        found = np.concatenate([found, most])
    return found
