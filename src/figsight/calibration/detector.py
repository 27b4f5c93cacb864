"""The detector that a bundle carries: from logits, embedding and style to known or unknown.

Knows which arrays each score needs, and how to take itself apart into plain fields and arrays and
back. Does not know files, nor how its threshold was chosen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from figsight.calibration.conformal import Refusal
from figsight.calibration.gaussian import AlikeError, ShrunkGaussian
from figsight.calibration.names import GAUSSIANS, GUARDS, KNN, SCORES, SPREADS, STYLE_SCORE
from figsight.calibration.strangeness import (
    RelativeMahalanobis,
    energy,
    fit_relative_mahalanobis,
    knn_distance,
    max_logit,
    max_softmax,
)
from figsight.calibration.style import StyleDistance, fit_style
from figsight.calibration.unknown import ScoreRule
from figsight.errors import BundleError, Remedy
from figsight.metrics.checks import Bools, Floats, Floats32, check_matrix32

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

POWER = 0.25
"""What embeddings are raised to for the scores of ``SPREADS``: docs/decisions/0006."""


@dataclass(frozen=True, eq=False)
class UnknownScorer:
    """What the scores of one network are measured against; made by ``fit_scorer``.

    Attributes:
        k: Which neighbour ``knn`` asks for.
        gallery: Embeddings of the photos that the network was trained on, float32 [M, D]; ``None``
            when ``knn`` is not wanted.
        gallery_groups: Their groups of copies, [M]; only for scoring photos of the gallery itself,
            and not kept in a bundle.
        mahalanobis: ``None`` when no score of ``SPREADS`` is wanted.
        style: ``None`` when ``style_mahalanobis`` is not wanted, or the network gives no styles.
    """

    k: int = 1
    gallery: Floats32 | None = None
    gallery_groups: NDArray[Any] | None = None
    mahalanobis: RelativeMahalanobis | None = None
    style: StyleDistance | None = None

    @property
    def fitted(self) -> tuple[str, ...]:
        """The scores that it can be asked for."""
        without = {
            KNN: self.gallery is None,
            STYLE_SCORE: self.style is None,
            **dict.fromkeys(SPREADS, self.mahalanobis is None),
        }
        return tuple(name for name in SCORES if not without.get(name, False))

    def scores(
        self,
        logits: ArrayLike,
        embedding: ArrayLike,
        style: ArrayLike | None = None,
        names: Sequence[str] | None = None,
        *,
        groups: ArrayLike | None = None,
    ) -> dict[str, Floats]:
        """Return each of the named scores, [N], higher is stranger.

        Args:
            logits: [N, K], before the temperature.
            embedding: [N, D].
            style: [N, S]; only ``style_mahalanobis`` needs it.
            names: Which scores; each costs time of its own. ``None``: all that were fitted.
            groups: Groups of the photos, [N], to pass over their copies in the gallery.

        Raises:
            ValueError: Arrays are wrong, or a score is asked for that was not fitted.
        """
        wanted = self.fitted if names is None else names
        return {name: self._score(name, logits, embedding, style, groups) for name in wanted}

    def _score(
        self,
        name: str,
        logits: ArrayLike,
        embedding: ArrayLike,
        style: ArrayLike | None,
        groups: ArrayLike | None,
    ) -> Floats:
        if name == "max_softmax":
            return max_softmax(logits)
        if name == "energy":
            return energy(logits)
        if name == "max_logit":
            return max_logit(logits)
        if name == "knn" and self.gallery is not None:
            theirs = None if groups is None else self.gallery_groups
            return knn_distance(
                embedding, self.gallery, self.k, groups=groups, gallery_groups=theirs
            )
        if name in SPREADS and self.mahalanobis is not None:
            of = {
                "relative_mahalanobis": self.mahalanobis.score,
                "whitened_cosine": self.mahalanobis.cosine_distance,
                "mean_cosine": self.mahalanobis.mean_cosine_distance,
            }
            return of[name](embedding)
        if name == STYLE_SCORE and self.style is not None and style is not None:
            return self.style.score(style)
        raise ValueError(
            f"names: expected scores that were fitted, found {name!r}; "
            "name it in fit_scorer too, and give what it needs"
        )


def fit_scorer(
    embedding: ArrayLike,
    labels: ArrayLike,
    names: Sequence[str] = SCORES,
    *,
    style: ArrayLike | None = None,
    shifts: Sequence[ArrayLike] = (),
    k: int = 1,
    groups: ArrayLike | None = None,
) -> UnknownScorer | Refusal:
    """Return what scores are measured against, from the photos that the network was trained on.

    Args:
        embedding: [M, D].
        labels: Class indices [M].
        names: Which scores it will be asked for, of ``SCORES``; ``style_mahalanobis`` is passed over
            without styles.
        style: [M, S]; ``None`` when the network gives none.
        shifts: What other cameras do to styles, each [n, S]; see ``fit_style``.
        k: Which neighbour ``knn`` asks for.
        groups: Groups of copies, [M].

    Returns:
        A ``Refusal`` when the photos do not carry a wanted score: each class has one photo, or copies
        of one; or all are alike in style.

    Raises:
        ValueError: Arrays are wrong.
    """
    gallery = check_matrix32(embedding, "embedding", np.asarray(labels).size)
    mahalanobis = distance = None
    if not SPREADS.isdisjoint(names):
        if (refusal := refuse_single(labels)) is not None:
            return refusal
        try:
            mahalanobis = fit_relative_mahalanobis(gallery, labels, POWER)
        except AlikeError:
            return Refusal(
                "telling unknown photos needs a figure with at least two photos that differ to learn "
                "from, found only copies of one photo a figure; add photos",
                Remedy.ADD_PHOTOS,
            )
    if style is not None and STYLE_SCORE in names:
        try:
            distance = fit_style(style, shifts)
        except AlikeError:
            return Refusal(
                "telling unknown photos needs photos to learn from that differ in light or texture, "
                "found all alike; add photos",
                Remedy.ADD_PHOTOS,
            )
    return UnknownScorer(
        k=k,
        gallery=gallery if "knn" in names else None,
        gallery_groups=None if groups is None else np.asarray(groups),
        mahalanobis=mahalanobis,
        style=distance,
    )


def refuse_single(labels: ArrayLike) -> Refusal | None:
    """Return why no scorer can be fitted where each class has one photo; None where one has two.

    For those who would ask a network for embeddings first; ``fit_scorer`` returns the same.
    """
    if len(np.unique(labels)) < np.size(labels):
        return None
    return Refusal(
        "telling unknown photos needs a figure with at least two photos to learn from, found one "
        "photo a figure; add photos",
        Remedy.ADD_PHOTOS,
    )


@dataclass(frozen=True, eq=False)
class UnknownDetector:
    """Says which photos are of none of the figures.

    Attributes:
        scorer: What the scores are measured against.
        rule: Which score decides.
        threshold: Photos that score above it are unknown.
    """

    scorer: UnknownScorer
    rule: ScoreRule
    threshold: float

    def score(
        self, logits: ArrayLike, embedding: ArrayLike, style: ArrayLike | None = None
    ) -> Floats:
        """Return how strange each photo is, [N]; only the parts that decide are computed.

        Args:
            logits: [N, K], before the temperature.
            embedding: [N, D].
            style: [N, S]; not needed by every rule.

        Raises:
            ValueError: Arrays are wrong.
        """
        return self.rule.decide(self.scorer.scores(logits, embedding, style, self.rule.parts))

    def is_unknown(self, scores: Floats) -> Bools:
        """Return which of the scores [N] lie above the threshold."""
        return np.asarray(scores > self.threshold)

    def to_dict(self) -> dict[str, Any]:
        """Return all but the arrays as plain numbers, text and lists, ready for JSON."""
        fields: dict[str, Any] = {
            "score": self.rule.name,
            "parts": list(self.rule.parts),
            "centres": list(self.rule.centres),
            "spreads": list(self.rule.spreads),
            "threshold": self.threshold,
            "k": self.scorer.k,
        }
        mahalanobis = self.scorer.mahalanobis
        if mahalanobis is not None and not SPREADS.isdisjoint(self.rule.parts):
            fields["floors"] = [getattr(mahalanobis, name).floor for name in GAUSSIANS]
            fields["power"] = mahalanobis.power
        if self.scorer.style is not None and STYLE_SCORE in self.rule.parts:
            fields["style_floor"] = self.scorer.style.gaussian.floor
        return fields

    def arrays(self) -> dict[str, Floats32]:
        """Return the arrays that the deciding score needs, float32; none for scores of logits.

        ``gallery`` [M, D] is the embeddings of the training photos as they are, so a bundle that
        keeps those anyway need not keep it twice.
        """
        found: dict[str, Floats32] = {}
        if self.scorer.gallery is not None and "knn" in self.rule.parts:
            found["gallery"] = self.scorer.gallery
        if self.scorer.mahalanobis is not None and not SPREADS.isdisjoint(self.rule.parts):
            for name in GAUSSIANS:
                gaussian: ShrunkGaussian = getattr(self.scorer.mahalanobis, name)
                found[f"{name}_means"] = gaussian.means
                found[f"{name}_basis"] = gaussian.basis
                found[f"{name}_variance"] = gaussian.variance
        style = self.scorer.style
        if style is not None and STYLE_SCORE in self.rule.parts:
            found["style_centre"] = style.centre
            found["style_scale"] = style.scale
            found["style_basis"] = style.gaussian.basis
            found["style_variance"] = style.gaussian.variance
        return found

    @classmethod
    def from_parts(
        cls, fields: Mapping[str, Any], arrays: Mapping[str, Floats32]
    ) -> UnknownDetector:
        """Return the detector that ``to_dict`` and ``arrays`` were made of, equal to the last bit.

        Args:
            fields: What ``to_dict`` gave.
            arrays: What ``arrays`` gave; more does no harm.

        Raises:
            BundleError: A field or array is missing, of the wrong kind or the wrong shape.
        """
        try:
            parts = tuple(str(part) for part in fields["parts"])
            rule = ScoreRule(
                str(fields["score"]),
                parts,
                tuple(float(c) for c in fields["centres"]),
                tuple(float(s) for s in fields["spreads"]),
            )
            threshold, k = float(fields["threshold"]), int(fields["k"])
            gallery = _matrix(arrays["gallery"]) if "knn" in parts else None
            mahalanobis = None
            if not SPREADS.isdisjoint(parts):
                within, background = (
                    _gaussian(arrays, name, float(floor))
                    for name, floor in zip(GAUSSIANS, fields["floors"], strict=True)
                )
                mahalanobis = RelativeMahalanobis(within, background, _power(fields["power"]))
            style = _style(arrays, float(fields["style_floor"])) if STYLE_SCORE in parts else None
            _check_rule(rule, threshold)
        except (KeyError, TypeError, ValueError) as error:
            raise BundleError(
                f"unknown detector: {type(error).__name__}: {error}; train the model again"
            ) from error
        scorer = UnknownScorer(k=k, gallery=gallery, mahalanobis=mahalanobis, style=style)
        return cls(scorer=scorer, rule=rule, threshold=threshold)


def _check_rule(rule: ScoreRule, threshold: float) -> None:
    several = len(rule.parts) if len(rule.parts) > 1 else 0
    if not rule.parts or not set(rule.parts) <= set(SCORES):
        raise ValueError(f"expected parts among {', '.join(SCORES)}, found {list(rule.parts)}")
    if several and GUARDS.issuperset(rule.parts):
        raise ValueError(f"expected a part that is no guard, found {list(rule.parts)}")
    if len(rule.centres) != several or len(rule.spreads) != several:
        raise ValueError(
            f"expected {several} centres and spreads, found {len(rule.centres)} and "
            f"{len(rule.spreads)}"
        )
    numbers = np.array([threshold, *rule.centres, *rule.spreads])
    if not np.isfinite(numbers).all() or any(spread <= 0 for spread in rule.spreads):
        raise ValueError(f"expected finite numbers and spreads above 0, found {numbers.tolist()}")


def _power(value: Any) -> float:
    power = float(value)
    if not 0 < power <= 1:
        raise ValueError(f"expected a power above 0, at most 1, found {power}")
    return power


def _matrix(array: Floats32) -> Floats32:
    return check_matrix32(array, "array")


def _style(arrays: Mapping[str, Floats32], floor: float) -> StyleDistance:
    centre, scale = (_matrix(arrays[f"style_{name}"][None])[0] for name in ("centre", "scale"))
    if centre.shape != scale.shape or not scale.min() > 0:
        raise ValueError(f"expected style scales above 0, one a number, found {scale.min()}")
    around = {"style_means": np.zeros((1, len(centre)), np.float32), **arrays}
    return StyleDistance(centre, scale, _gaussian(around, "style", floor))


def _gaussian(arrays: Mapping[str, Floats32], name: str, floor: float) -> ShrunkGaussian:
    means, basis = _matrix(arrays[f"{name}_means"]), _matrix(arrays[f"{name}_basis"])
    variance = _matrix(arrays[f"{name}_variance"][None])[0]
    if means.shape[1] != basis.shape[1] or len(basis) != len(variance):
        raise ValueError(
            f"expected {name} arrays that fit, found {means.shape}, {basis.shape}, {variance.shape}"
        )
    if not (floor > 0 and variance.min() > 0):
        raise ValueError(f"expected {name} variances above 0, found {variance.min()} and {floor}")
    return ShrunkGaussian(means, basis, variance, floor)
