"""How unknown figures are told: chosen and measured on figures that networks were never taught.

Knows what networks said. The scores and the choice between them come from ``calibration``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

import msgspec
import numpy as np

from figsight import bundle, calibration
from figsight.metrics import wilson

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from figsight.calibration import UnknownDetector, UnknownScorer
    from figsight.metrics import Estimate
    from figsight.training.answers import Answers, Outputs, Own

Scores: TypeAlias = "dict[str, NDArray[np.float64]]"

KEPT = 0.95  # share of the photos of known figures that the threshold is set to keep
SHARES = (KEPT, 0.9, 0.8)  # the first for which there are known photos enough: 19, 9 or 4
OTHERS = (0.8, 0.9, 0.98, 0.99)  # shares that may be chosen instead, when photos are named

OF_LOGITS = frozenset({"max_logit", "energy"})  # their scale depends on the number of figures
_ROWS = 2_000  # photos of which logits are in memory at once

ENOUGH = 20  # known photos for a spread that is not mostly chance


class Head(NamedTuple):
    """The last layer of a network: weights float32 [K, D], biases float32 [K]."""

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]


class Labelled(Protocol):
    """Photos as numbers; ``Sample`` is such, too."""

    @property
    def labels(self) -> NDArray[np.int64]:
        """Class index of each photo, [N]."""

    @property
    def groups(self) -> Sequence[str]:
        """Key of each photo's group, N texts: copies share one."""


def judge_unknown(
    answers: Sequence[Answers], sample: Labelled
) -> bundle.UnknownRule | calibration.Refusal:
    """Choose the score that tells strangers best, and the threshold that keeps known photos.

    Known are the photos that each network was kept from though it was taught their figures (a figure of
    one session is held out whole, and its photos are no known ones to that network); unknown are those
    of figures that it was never taught. Without any of those (two figures, or a recipe that leaves none
    out) the mixed score decides, unmeasured. With fewer than 19 known photos the threshold is set to
    keep 90 or 80 % of them, and says so: a rule that calls one known photo in five unknown is worth
    more than none.

    Returns:
        A ``Refusal`` when there are fewer than four known photos, or a network's own photos give
        nothing to measure by: one of each figure, or copies of one.
    """
    told: list[_Told] = []
    for one in answers:
        own = sample.labels[one.part.kept]
        scorer = _fit_scorer(one.own, own)
        if isinstance(scorer, calibration.Refusal):
            return scorer
        strange = _score(scorer, one.strangers) if len(one.part.strangers) else None
        taught = np.isin(sample.labels[one.part.held], own)
        known = {name: score[taught] for name, score in _score(scorer, one.held).items()}
        told.append(_Told(one.part.held[taught], known, one.part.strangers, strange))
    told = _align(told)
    apart = [one for one in told if one.strange is not None]
    held = np.concatenate([one.held for one in told])
    strangers = np.concatenate([one.strangers for one in told])
    for share in SHARES:
        choice = calibration.fit_unknown(
            _join([one.known for one in told]),
            _join([one.strange for one in apart if one.strange is not None]) if apart else None,
            kept=share,
            other_shares=OTHERS,
            favourite="mixed",
            default="mixed",
            known_groups=[sample.groups[i] for i in held],
            unknown_groups=[sample.groups[i] for i in strangers] if apart else None,
            unknown_kinds=sample.labels[strangers] if apart else None,
        )
        if not isinstance(choice, calibration.Refusal):
            break
    if isinstance(choice, calibration.Refusal):
        return choice
    known_n, unknown_n = len(np.unique(held)), len(np.unique(strangers))  # some were asked twice
    return bundle.UnknownRule(
        score=choice.rule.name,
        parts=list(choice.rule.parts),
        centres=list(choice.rule.centres),
        spreads=list(choice.rule.spreads),
        threshold=choice.line.threshold,
        kept=choice.line.kept,
        protocol=_describe(len(np.unique(sample.labels[strangers])), len(apart), unknown_n),
        measured_kept=measured(choice.line.measured_kept, known_n),
        auroc=_measured(choice.auroc, known_n + unknown_n),
        accepted=_measured(choice.line.accepted, unknown_n),
        lines=[
            bundle.UnknownLine(
                kept=line.kept,
                threshold=line.threshold,
                measured_kept=measured(line.measured_kept, known_n),
                accepted=_measured(line.accepted, unknown_n),
            )
            for line in choice.others
        ],
        candidates={
            name: measured(area, known_n + unknown_n) for name, area in choice.candidates.items()
        },
    )


class _Told(NamedTuple):
    """What the scores of one network say of known photos, [N] each, and of strangers, [M] each.

    ``held`` and ``strangers`` are their rows in the sample.
    """

    held: NDArray[np.intp]
    known: Scores
    strangers: NDArray[np.intp]
    strange: Scores | None


def _align(told: Sequence[_Told]) -> list[_Told]:
    """Bring the logits of networks that were taught fewer figures to the scale of the others.

    They are smaller: against fewer rivals a smaller logit gives the same probability. Known photos of
    networks of four figures and of six were told apart by the largest logit with an area of 0.94
    under the ROC curve (24 figures and 37: 0.74; 18 and 27: 0.59), and a line that was drawn through
    both kept neither's 95 %. So known photos of the former are given
    the mean of those of the latter, like which the delivered network is taught, and where there are
    enough of them their spread; their strangers are moved with them. Angles, distances and styles
    do not depend on the number of figures and stay.
    """
    whole = [one.known for one in told if one.strange is None]
    fewer = [one.known for one in told if one.strange is not None]
    if not whole or not fewer:
        return list(told)
    ours, theirs = _join(whole), _join(fewer)
    if not all(len(one) for scores in (ours, theirs) for one in scores.values()):
        return list(told)

    def move(scores: Scores) -> Scores:
        moved = dict(scores)
        for name in OF_LOGITS & scores.keys():
            here, there = theirs[name], ours[name]
            spread = there.std() / here.std() if len(here) >= ENOUGH and here.std() > 0 else 1.0
            moved[name] = (scores[name] - here.mean()) * spread + there.mean()
        return moved

    return [
        one
        if one.strange is None
        else one._replace(known=move(one.known), strange=move(one.strange))
        for one in told
    ]


def equip(
    rule: bundle.UnknownRule, own: Own, labels: NDArray[np.int64], head: Head
) -> tuple[bundle.UnknownRule, dict[str, NDArray[np.float32]]] | calibration.Refusal:
    """Give the rule what it measures against: the delivered network's own training photos.

    Args:
        rule: As ``judge_unknown`` made it.
        own: What the delivered network says of its N training photos.
        labels: Class index of each, [N].
        head: The network's own.

    Returns:
        The rule with the numbers that go with its arrays, and the arrays. A ``Refusal`` when the
        photos give nothing to measure by, or when many of these very photos would be called unknown:
        then the line of the measuring networks does not hold for this one.
    """
    scorer = _fit_scorer(own, labels, rule.parts, rule.k)
    if isinstance(scorer, calibration.Refusal):
        return scorer
    choice = calibration.ScoreRule(
        rule.score, tuple(rule.parts), tuple(rule.centres), tuple(rule.spreads)
    )
    detector: UnknownDetector = calibration.UnknownDetector(scorer, choice, rule.threshold)
    strange = _call_own(detector, own, head)
    if wilson(int(strange.sum()), len(strange)).low > 2 * (1 - rule.kept):
        return calibration.Refusal(
            f"the line between known and unknown was drawn by networks that learned too differently: the "
            f"model would call {int(strange.sum())} of the {len(labels)} photos unknown that it learned "
            f"from; train longer, or give more photos"
        )
    arrays = {name: array for name, array in detector.arrays().items() if name != "gallery"}
    fields = detector.to_dict()
    numbers = {key: fields[key] for key in ("floors", "power", "style_floor") if key in fields}
    return msgspec.structs.replace(rule, **numbers), arrays


def _call_own(detector: UnknownDetector, own: Own, head: Head) -> NDArray[np.bool_]:
    """Return which of the photos that the network learned from it would call unknown, [N]."""
    styles = _styles(own)
    found = np.empty(len(own.embeddings), np.bool_)
    for start in range(0, len(found), _ROWS):
        rows = slice(start, start + _ROWS)
        logits = own.embeddings[rows] @ head.weight.T + head.bias
        scores = detector.score(
            logits, own.embeddings[rows], None if styles is None else styles[rows]
        )
        found[rows] = detector.is_unknown(scores)
    return found


def _fit_scorer(
    own: Own, labels: NDArray[np.int64], names: Sequence[str] = calibration.SCORES, k: int = 1
) -> UnknownScorer | calibration.Refusal:
    shifts = list(own.shifts) if own.shifts.size else []
    return calibration.fit_scorer(
        own.embeddings, labels, names, style=_styles(own), shifts=shifts, k=k
    )


def _styles(outputs: Outputs | Own) -> NDArray[np.float32] | None:
    """Return styles [N, S] where the network gives any."""
    return outputs.styles if outputs.styles.shape[1] else None


def _score(scorer: UnknownScorer, outputs: Outputs) -> Scores:
    return scorer.scores(outputs.logits, outputs.embeddings, _styles(outputs))


def _join(scores: Sequence[Scores]) -> Scores:
    return {name: np.concatenate([one[name] for one in scores]) for name in scores[0]}


def _describe(figures: int, networks: int, photos: int) -> str:
    if not networks:
        return "no figure was left out: how well unknown ones are recognised was not measured"
    what = "a figure" if figures == 1 else f"{figures} figures"
    by = "a network" if networks == 1 else f"{networks} networks"
    return (
        f"{photos} photos of {what} that {by} trained like this one were never taught, "
        "against photos of taught figures that were not trained on"
    )


def _measured(estimate: Estimate | None, n: int) -> bundle.Measured | None:
    return None if estimate is None else measured(estimate, n)


def measured(estimate: Estimate, n: int | None = None) -> bundle.Measured:
    """Give an estimate the bundle's form.

    Args:
        estimate: What was measured.
        n: How many different photos it rests on, where some answered several times.
    """
    return bundle.Measured(
        value=estimate.value,
        low=estimate.low,
        high=estimate.high,
        n=estimate.n if n is None else n,
        method=estimate.method,
    )
