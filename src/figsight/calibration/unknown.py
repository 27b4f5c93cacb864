"""Known or unknown: several scores measured, one chosen, one line drawn.

Knows scores and which photos were left out. Does not know how the training leaves classes out, nor
logits, embeddings or pictures. The scores that decide must be out-of-sample: of known photos by
networks that did not see them, of unknown photos by networks that never saw their class.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from figsight.calibration.conformal import (
    Refusal,
    conservative_quantile,
    count_units,
    deal_folds,
    fewest_for,
)
from figsight.calibration.names import GUARDS
from figsight.errors import Remedy
from figsight.metrics.binary import auroc, false_accept_at
from figsight.metrics.checks import Floats, Ints, check_groups, check_scores, check_share
from figsight.metrics.estimates import Estimate, share_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike

MIXED = (
    ("max_logit", "whitened_cosine", "style_mahalanobis"),
    ("max_logit", "whitened_cosine", "mean_cosine"),
)
"""Parts of a mixed score; the second where a network gives no styles."""

_GUARD_FROM = 2.0  # spreads above the mean: one known photo in 44, were they normal
_CROSS_FOLDS = 10
_MOST_CERTAIN = 1e-300  # keeps the log odds of a certain answer finite


@dataclass(frozen=True, slots=True)
class ScoreRule:
    """How one number comes from a photo's scores.

    Attributes:
        name: The score itself, or ``mixed``.
        parts: Names of the scores that it needs.
        centres: Mean of each part over the known photos, for one of ``GUARDS`` 2 standard
            deviations above it; empty when there is one part.
        spreads: Standard deviation of each part over them; likewise.
    """

    name: str
    parts: tuple[str, ...]
    centres: tuple[float, ...] = ()
    spreads: tuple[float, ...] = ()

    def decide(self, scores: Mapping[str, ArrayLike]) -> Floats:
        """Return the deciding score, [N]: the only part, or ``combine`` of them.

        Raises:
            ValueError: A part is missing, not flat, not finite, or of another length.
        """
        if not self.centres:
            return _part(scores, self.parts[0])
        return combine(scores, self.parts, self.centres, self.spreads)


@dataclass(frozen=True, slots=True)
class Line:
    """Where known ends and unknown begins, for one share of known photos kept.

    Attributes:
        kept: The share of known photos that it was set to keep.
        threshold: Photos that score above it are unknown.
        measured_kept: The share kept of photos that the threshold was not set on (10 folds).
        accepted: Share of the unknown photos at or below the threshold; ``None`` when none were given.
    """

    kept: float
    threshold: float
    measured_kept: Estimate
    accepted: Estimate | None = None


@dataclass(frozen=True, slots=True)
class UnknownChoice:
    """Which score decides, where its line is, and how well it did; made by ``fit_unknown``.

    Attributes:
        rule: The score that decides.
        line: Where it says "unknown".
        others: Lines that keep other shares, rising; only those for which there are enough photos.
        auroc: Of the chosen score; ``None`` when no unknown photos were given. The best of several
            candidates looks a little better than it is.
        candidates: The AUROC of every candidate; empty likewise.
    """

    rule: ScoreRule
    line: Line
    others: tuple[Line, ...] = ()
    auroc: Estimate | None = None
    candidates: Mapping[str, Estimate] = field(default_factory=dict)


def combine(
    scores: Mapping[str, ArrayLike],
    parts: Sequence[str],
    centres: Sequence[float],
    spreads: Sequence[float],
) -> Floats:
    """Return the mean of standardised scores, and on top of it what guards have to say, [N].

        mean over parts of (s - centre) / spread  +  sum over guards of max(0, (s - centre) / spread)

    A guard, of ``GUARDS``, is silent about all that looks like the known photos at large, figures
    that were left out among them, and cannot be outvoted about what doesn't.

    ``max_softmax`` s enters as its log odds ``ln(s / (1 - s))``: as it is, nearly all known photos
    lie at 0 and any doubt would outvote the rest. Equal weights, on purpose: weights fitted on a
    few hundred photos of left-out classes fit those classes, not the strangers to come.

    Raises:
        ValueError: A part is missing, not flat, not finite, or of another length; or all are guards.
    """
    if GUARDS.issuperset(parts):
        raise ValueError(
            f"parts: expected one that is no guard, found {', '.join(parts) or 'none'}; "
            "a guard only adds to others"
        )
    n = len(_part(scores, parts[0]))
    standard = [
        (_stretched(scores, name, n) - centre) / spread
        for name, centre, spread in zip(parts, centres, spreads, strict=True)
    ]
    votes = [one for name, one in zip(parts, standard, strict=True) if name not in GUARDS]
    found = np.asarray(np.mean(votes, axis=0))
    for name, one in zip(parts, standard, strict=True):
        if name in GUARDS:
            found = found + np.maximum(one, 0)
    return found


def fit_unknown(
    known: Mapping[str, ArrayLike],
    unknown: Mapping[str, ArrayLike] | None = None,
    *,
    kept: float = 0.95,
    other_shares: Sequence[float] = (),
    known_groups: ArrayLike | None = None,
    unknown_groups: ArrayLike | None = None,
    unknown_kinds: ArrayLike | None = None,
    mixed: Sequence[Sequence[str]] = MIXED,
    score: str | None = None,
    favourite: str | None = None,
    default: str = "knn",
    seed: int = 0,
    level: float = 0.95,
) -> UnknownChoice | Refusal:
    """Choose the score that tells unknown photos best, and set its threshold.

    The favourite decides, unless another candidate's AUROC is higher than the favourite's by more
    than chance: higher with the whole of its interval. Then the highest wins, the lower share
    accepted decides between equals, then the order given. Without a favourite the highest wins
    outright; with 90 photos of nine figures that is often luck. One of ``GUARDS`` does not decide alone,
    however well it did: it knows nothing of figures, and where it tells those that were left out, they
    happened to be photographed differently. The threshold is the ``ceil((n + 1)
    kept)``-th lowest score of known photos: a new known photo is kept with that chance or a better
    one, on average. How many unknown photos it refuses is not promised by anything; it is measured
    here on classes left out, photographed like the known ones. Nine such classes of ten photos are
    nine kinds of stranger, not ninety, and the interval of the share accepted is as wide as that.

    Args:
        known: Out-of-sample scores of known photos by name, each [N].
        unknown: Scores of photos of left-out classes by the same names, each [M]; ``None`` when
            nothing could be left out (two classes): then ``default`` decides, unmeasured.
        kept: Share of known photos to keep, 0..1.
        other_shares: Draw lines for these shares, too, where there are photos enough.
        known_groups: Copies share a value, [N].
        unknown_groups: Copies share a value, [M].
        unknown_kinds: The class of each unknown photo, [M]; ``None``: each shows another thing.
        mixed: Parts of the candidate ``mixed``: the first of these of which all are among
            ``known``; it is left away when there is none.
        score: Decide by this one, whatever the candidates' areas; ``None``: by the best.
        favourite: The candidate that must be beaten; passed over when it is not among them.
        default: What decides without unknown photos.
        seed: Of the folds that measure the share kept.
        level: Of the intervals.

    Returns:
        A ``Refusal`` when there are too few known photos for a threshold: 19 for 95 %.

    Raises:
        ValueError: No score, differing names or lengths, or arrays that are wrong.
    """
    share = check_share(kept, "kept")
    _check_names(known, unknown)
    n = len(_part(known, next(iter(known))))
    members = check_groups(known_groups, n, "known_groups")
    units, needed = count_units(n, members), fewest_for(share)
    rules = _candidate_rules(known, mixed)
    wanted = score if score is not None or unknown is not None else default
    if wanted is not None:
        _check_wanted(wanted, rules)
    lows = {rule.name: rule.decide(known) for rule in rules}
    if units < needed:
        return Refusal(
            f"a threshold that keeps {share:.0%} of the known photos needs at least {needed} of "
            f"them, found {units}; add photos",
            Remedy.ADD_PHOTOS,
            needed,
        )
    drawn = [share, *sorted(other for other in set(other_shares) if other != share)]
    drawn = [one for one in drawn if fewest_for(check_share(one, "other_shares")) <= units]
    if unknown is None:
        rule = next(rule for rule in rules if rule.name == wanted)
        low = lows[rule.name]
        line, *others = (_draw_line(low, one, members, seed=seed, level=level) for one in drawn)
        return UnknownChoice(rule, line, tuple(others))
    highs = {rule.name: rule.decide(unknown) for rule in rules}
    groups = {"known_groups": known_groups, "unknown_groups": unknown_groups}
    areas = {name: auroc(lows[name], highs[name], level=level, **groups) for name in lows}
    clear = areas[favourite].value if favourite in areas else -1.0
    knowing = [r for r in rules if r.name not in GUARDS] or rules
    better = [r for r in knowing if areas[r.name].low > clear or r.name == favourite]
    rule = max(  # the first of equals
        [rule for rule in (rules if wanted else better) if wanted in (None, rule.name)],
        key=lambda r: (
            areas[r.name].value,
            -false_accept_at(lows[r.name], highs[r.name], share).value,
        ),
    )
    strangers = _Strangers(highs[rule.name], unknown_groups, unknown_kinds)
    line, *others = (
        _draw_line(lows[rule.name], one, members, strangers, seed=seed, level=level)
        for one in drawn
    )
    return UnknownChoice(rule, line, tuple(others), areas[rule.name], areas)


class _Strangers(NamedTuple):
    """Scores of unknown photos [M], and which of them belong together."""

    scores: Floats
    groups: ArrayLike | None
    kinds: ArrayLike | None


def _candidate_rules(
    known: Mapping[str, ArrayLike], choices: Sequence[Sequence[str]]
) -> list[ScoreRule]:
    """Return a rule for each score, and the mixed one where all its parts are there and vary."""
    rules = [ScoreRule(name, (name,)) for name in known]
    mixed = next((parts for parts in choices if len(parts) > 1 and set(parts) <= set(known)), None)
    if mixed is not None:
        n = len(_part(known, mixed[0]))
        parts = [_stretched(known, name, n) for name in mixed]
        spreads = tuple(float(part.std()) for part in parts)
        if min(spreads) > 1e-9:  # as small as a bundle may keep
            centres = tuple(
                float(part.mean()) + (_GUARD_FROM * spread if name in GUARDS else 0.0)
                for name, part, spread in zip(mixed, parts, spreads, strict=True)
            )
            rules.append(ScoreRule("mixed", tuple(mixed), centres, spreads))
    return rules


def _draw_line(
    known: Floats,
    share: float,
    groups: Ints | None,
    strangers: _Strangers | None = None,
    *,
    seed: int,
    level: float,
) -> Line:
    """Set the threshold that keeps a share of the known, and measure what it does.

    Args:
        known: Scores of known photos, [N].
        share: To be kept.
        groups: Of the known photos, [N].
        strangers: The unknown photos, if there are any.
        seed: Of the folds that measure the share kept.
        level: Of the intervals.
    """
    threshold = _threshold(known, share, groups)
    accepted = None
    if strangers is not None:
        accepted = false_accept_at(
            known,
            strangers.scores,
            share,
            threshold=threshold,
            known_groups=groups,
            unknown_groups=strangers.groups,
            unknown_kinds=strangers.kinds,
            level=level,
        )
    kept = _measure_kept(known, groups, share, seed=seed, level=level)
    return Line(share, threshold, kept, accepted)


def _threshold(scores: Floats, share: float, groups: Ints | None) -> float:
    found = conservative_quantile(scores, share, groups)
    # A part of just enough photos may be too few; then the strangest of them is the line.
    return float(scores.max()) if found is None else found


def _measure_kept(
    scores: Floats, groups: Ints | None, share: float, *, seed: int, level: float
) -> Estimate:
    """Return the share of photos at or below a threshold that was set on the other folds."""
    fold = deal_folds(len(scores), groups, _CROSS_FOLDS, seed)
    inside = np.zeros(len(scores))
    for k in np.unique(fold):
        rest = fold != k
        members = None if groups is None else check_groups(groups[rest], int(rest.sum()))
        inside[~rest] = scores[~rest] <= _threshold(scores[rest], share, members)
    return share_of(inside, groups, level)


def _part(scores: Mapping[str, ArrayLike], name: str, n: int | None = None) -> Floats:
    if name not in scores:
        raise ValueError(
            f"scores: expected {name!r} among them, found {', '.join(scores) or 'none'}; compute it"
        )
    return check_scores(scores[name], name, n)


def _stretched(scores: Mapping[str, ArrayLike], name: str, n: int) -> Floats:
    part = _part(scores, name, n)
    if name != "max_softmax":
        return part
    return np.asarray(np.log(np.maximum(part, _MOST_CERTAIN)) - np.log1p(-part))


def _check_wanted(name: str, rules: Sequence[ScoreRule]) -> None:
    there = [rule.name for rule in rules]
    if name not in there:
        raise ValueError(
            f"score: expected one of {', '.join(there)}, found {name!r}; name a score that is there"
        )


def _check_names(known: Mapping[str, ArrayLike], unknown: Mapping[str, ArrayLike] | None) -> None:
    if not known:
        raise ValueError("known: expected at least one score, found none; pass scores by name")
    if unknown is not None and set(unknown) != set(known):
        raise ValueError(
            f"unknown: expected the scores {', '.join(known)}, found {', '.join(unknown)}; "
            "compute the same for both"
        )
    sizes = {len(_part(known, name)) for name in known}
    if len(sizes) > 1:
        raise ValueError(
            f"known: expected as many numbers for every score, found {sorted(sizes)}; "
            "compute all for the same photos"
        )
