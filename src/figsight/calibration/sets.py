"""Prediction sets: the names that contain the right one as often as stated.

Knows out-of-sample probabilities and labels. Does not know names of classes, nor the network: that
the probabilities are out-of-sample is the caller's promise, and the coverage rests on it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from figsight.calibration.conformal import (
    Refusal,
    conservative_quantile,
    count_units,
    deal_folds,
    fewest_to_trust,
)
from figsight.errors import BundleError, Remedy
from figsight.metrics.checks import (
    Bools,
    Floats,
    Ints,
    check_groups,
    check_pair,
    check_probabilities,
    check_share,
)
from figsight.metrics.estimates import Estimate, mean_of, share_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike

SetMethod = Literal["lac", "aps", "raps"]

_RAPS_PENALTY, _RAPS_FREE = 0.01, 5  # of the paper's own example


@dataclass(frozen=True, slots=True)
class PredictionSets:
    """A rule that turns probabilities into sets of classes; made by ``fit_sets``.

    Attributes:
        method: Which score a class is judged by; see ``set_scores``.
        coverage: The share of photos whose set is to hold the right class.
        threshold: Classes that score this or less are in the set.
        n: How many photos it was set on.
    """

    method: SetMethod
    coverage: float
    threshold: float
    n: int

    def apply(self, probabilities: ArrayLike, never_empty: bool = True) -> Bools:
        """Return which classes are in the set of each photo, bool [N, K].

        Args:
            probabilities: Made as those of the fit, temperature included; [N, K].
            never_empty: Put the most probable class into every set. A classifier that is right more
                often than ``coverage`` reaches it only by leaving doubtful photos without a name;
                with this it names them too, and the sets hold the right class more often than
                stated, at least as often as the classifier is right.

        Raises:
            ValueError: Shapes, ranges or sums are wrong.
        """
        p = check_probabilities(probabilities)
        chosen = set_scores(p, self.method) <= self.threshold  # [N, K]
        if never_empty:
            chosen[np.arange(len(p)), p.argmax(axis=1)] = True
        return chosen

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain numbers and text, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> PredictionSets:
        """Return what ``to_dict`` was made of.

        Raises:
            BundleError: A field is missing, too much, or of the wrong kind.
        """
        try:
            made = cls(**fields)
            sound = made.method in get_args(SetMethod) and 0 < made.coverage < 1 and made.n > 0
            sound = sound and np.isfinite(made.threshold)
        except TypeError as error:
            raise BundleError(f"prediction sets: {error}; train the model again") from error
        if not sound:
            raise BundleError(
                f"prediction sets: expected method, coverage, threshold and n in their ranges, "
                f"found {dict(fields)}; train the model again"
            )
        return made


@dataclass(frozen=True, slots=True)
class SetScore:
    """How prediction sets fared on photos that their threshold was not set on.

    Attributes:
        coverage: Share of photos whose set holds the right class.
        mean_size: How many classes a set has on average, 0..K.
        empty: Share of photos with no class at all.
        single: Share of photos with exactly one.
        stated: The coverage that was asked for.
    """

    coverage: Estimate
    mean_size: Estimate
    empty: float
    single: float
    stated: float


def set_scores(probabilities: Floats, method: SetMethod) -> Floats:
    """Return how badly each class fits each photo, [N, K]; lower fits better.

    - ``lac``: ``1 - p_k`` (Sadinle, Lei & Wasserman 2019, "Least ambiguous set-valued classifiers
      with bounded error levels").
    - ``aps``: the sum of all probabilities down to that of class k (Romano, Sesia & Candes 2020,
      "Classification with valid and adaptive coverage"), not randomised.
    - ``raps``: the same plus 0.01 for each rank after the fifth (Angelopoulos et al. 2021,
      "Uncertainty sets for image classifiers using conformal prediction").
    """
    if method == "lac":
        return np.asarray(1 - probabilities)
    order = np.argsort(-probabilities, axis=1, kind="stable")  # [N, K]
    down_to = np.cumsum(np.take_along_axis(probabilities, order, axis=1), axis=1)
    if method == "raps":
        ranks = np.arange(1, probabilities.shape[1] + 1)
        down_to = down_to + _RAPS_PENALTY * np.maximum(0, ranks - _RAPS_FREE)
    scores = np.empty_like(down_to)
    np.put_along_axis(scores, order, down_to, axis=1)
    return scores


def fit_sets(
    probabilities: ArrayLike,
    labels: ArrayLike,
    coverage: float = 0.95,
    groups: ArrayLike | None = None,
    *,
    method: SetMethod = "lac",
) -> PredictionSets | Refusal:
    """Return the rule whose sets hold the right class with chance ``coverage``, or a refusal.

    The threshold is the ``ceil((n + 1) coverage)``-th lowest score of the right classes (split
    conformal prediction; Vovk, Gammerman & Shafer 2005; Angelopoulos & Bates 2023). With one set
    held out the promise is exact on average, whatever the network. With the pooled out-of-sample
    probabilities of cross-validation it is cross-conformal (Vovk 2015): in practice as good, in
    theory about ``1 - 2 (1 - coverage)``, and the network that is delivered is yet another one.

    ``lac`` is the default: its sets are the smallest on average, and it has nothing to tune. What
    ``aps`` adds, a coverage that is alike for easy and hard photos, needs probabilities of the
    unlikely classes that ten photos a class can't give, and costs larger sets.

    With ten photos a class nothing is promised for one class: a hard one may be covered far less
    often. And no promise holds for photos of another kind.

    Args:
        probabilities: Out-of-sample, after the temperature, [N, K].
        labels: Class indices [N].
        coverage: 0..1.
        groups: Copies share a value, [N]; they count once.
        method: See ``set_scores``.

    Returns:
        A ``Refusal`` with fewer than ``fewest_to_trust(coverage)`` photos, copies counted once: 50
        for 95 %.

    Raises:
        ValueError: Shapes, ranges or sums are wrong, or no such method.
    """
    y, p = check_pair(labels, probabilities)
    members = check_groups(groups, len(y))
    return _fit(p, y, members, check_share(coverage, "coverage"), _check_method(method))


def measure_sets(
    probabilities: ArrayLike,
    labels: ArrayLike,
    coverage: float = 0.95,
    groups: ArrayLike | None = None,
    *,
    method: SetMethod = "lac",
    never_empty: bool = True,
    folds: int = 10,
) -> SetScore | Refusal:
    """Return the coverage and size that ``fit_sets`` gets on photos that it did not see.

    Cross-fitting: photos are dealt into ``folds``, copies together; each fold is judged by a
    threshold set on the others. Intervals: Wilson for the coverage (the thresholds are nearly one
    and the same, so the photos count as independent), percentile bootstrap for the size.

    Raises:
        ValueError: Arrays, method or ``folds`` are wrong.
    """
    y, p = check_pair(labels, probabilities)
    members = check_groups(groups, len(y))
    share, how = check_share(coverage, "coverage"), _check_method(method)
    if folds < 2:
        raise ValueError(f"folds: expected at least 2, found {folds}; 10 is usual")
    # The fold that is judged must not decide whether the rest is enough, so all are asked first.
    whole = _fit(p, y, members, share, how)
    if isinstance(whole, Refusal):
        return whole
    fold = deal_folds(len(y), members, folds, seed=0)
    chosen = np.zeros(p.shape, dtype=np.bool_)
    for k in np.unique(fold):
        rest, judged = fold != k, fold == k
        rest_groups = None if members is None else check_groups(members[rest], int(rest.sum()))
        threshold = _threshold(p[rest], y[rest], rest_groups, share, how)
        rule = PredictionSets(how, share, threshold, int(rest.sum()))
        chosen[judged] = rule.apply(p[judged], never_empty)
    return judge_sets(chosen, y, share, members)


def judge_sets(
    chosen: Bools,
    labels: ArrayLike,
    coverage: float,
    groups: ArrayLike | None = None,
    *,
    level: float = 0.95,
    seed: int = 0,
) -> SetScore:
    """Return how often sets hold the right class, and how many classes they take.

    Intervals: Wilson's for the coverage, percentile bootstrap for the size; as many unseen sets as
    Wilson's interval leaves open may hold one class more (``mean_of``).

    Args:
        chosen: Which classes are in the set of each photo, bool [N, K].
        labels: Class indices [N].
        coverage: The share that the sets were made for.
        groups: Copies share a value, [N].
        level: How often the intervals hold the truth.
        seed: Of the resampling.
    """
    y = np.asarray(labels, dtype=np.int64)
    members = check_groups(groups, len(y))
    sizes = chosen.sum(axis=1).astype(np.float64)  # [N]
    held = chosen[np.arange(len(y)), y].astype(np.float64)
    larger = share_of((sizes > sizes.min()).astype(np.float64), members, level)
    unseen = float(sizes.mean()) + larger.high - larger.value
    return SetScore(
        coverage=share_of(held, members, level),
        mean_size=mean_of(
            sizes, members, level, unseen=unseen, least=float(sizes.min()), seed=seed
        ),
        empty=float((sizes == 0).mean()),
        single=float((sizes == 1).mean()),
        stated=coverage,
    )


def _fit(
    p: Floats, y: Ints, groups: Ints | None, coverage: float, method: SetMethod
) -> PredictionSets | Refusal:
    units, needed = count_units(len(y), groups), fewest_to_trust(coverage)
    if units < needed:
        copies = "" if groups is None else " (copies counted once)"
        return Refusal(
            f"sets that hold the right name {coverage:.0%} of the time need at least {needed} "
            f"photos, found {units}{copies}; add photos",
            Remedy.ADD_PHOTOS,
            needed,
        )
    return PredictionSets(method, coverage, _threshold(p, y, groups, coverage, method), len(y))


def _threshold(
    p: Floats, y: Ints, groups: Ints | None, coverage: float, method: SetMethod
) -> float:
    own = set_scores(p, method)[np.arange(len(y)), y]  # [N]
    found = conservative_quantile(own, coverage, groups)
    # A part of enough photos may itself be too few: then every class is in the set.
    return float(set_scores(p, method).max()) + 1.0 if found is None else found


def _check_method(method: SetMethod) -> SetMethod:
    if method not in get_args(SetMethod):
        raise ValueError(
            f"method: expected one of {', '.join(get_args(SetMethod))}, found {method!r}; "
            "lac is usual"
        )
    return method
