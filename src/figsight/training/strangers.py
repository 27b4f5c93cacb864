"""How unknown figures are told: chosen and measured on figures that networks were never taught.

Knows what networks said. The scores and the choice between them come from ``calibration``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec
import numpy as np

from figsight import bundle, calibration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from figsight.calibration import UnknownDetector, UnknownScorer
    from figsight.metrics import Estimate
    from figsight.training.answers import Answers, Outputs

KEPT = 0.95  # share of the photos of known figures that the threshold is set to keep
OTHERS = (0.8, 0.9, 0.98, 0.99)  # shares that may be chosen instead, when photos are named


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

    Known are the photos that each network was kept from though it was taught their figures; unknown
    are those of figures that it was never taught. Without any of those (two figures, or a recipe
    that leaves none out) the mixed score decides, unmeasured.
    """
    known, unknown, known_groups, unknown_groups = [], [], [], []
    for one in answers:
        part = one.part
        refusal = calibration.refuse_single(sample.labels[part.kept])
        if refusal is not None:
            return refusal
        scorer = calibration.fit_scorer(
            one.own.embeddings, sample.labels[part.kept], style=_styles(one.own)
        )
        known.append(_score(scorer, one.held))
        known_groups += [sample.groups[i] for i in part.held]
        if len(part.strangers):
            unknown.append(_score(scorer, one.strangers))
            unknown_groups += [sample.groups[i] for i in part.strangers]
    choice = calibration.fit_unknown(
        _join(known),
        _join(unknown) if unknown else None,
        kept=KEPT,
        other_shares=OTHERS,
        favourite="mixed",
        default="mixed",
        known_groups=known_groups,
        unknown_groups=unknown_groups or None,
    )
    if isinstance(choice, calibration.Refusal):
        return choice
    away = [len(np.unique(sample.labels[one.part.strangers])) for one in answers]
    return bundle.UnknownRule(
        score=choice.rule.name,
        parts=list(choice.rule.parts),
        centres=list(choice.rule.centres),
        spreads=list(choice.rule.spreads),
        threshold=choice.line.threshold,
        kept=choice.line.kept,
        protocol=_describe(sum(away), len(unknown), len(unknown_groups)),
        measured_kept=measured(choice.line.measured_kept),
        auroc=_measured(choice.auroc),
        accepted=_measured(choice.line.accepted),
        lines=[
            bundle.UnknownLine(
                kept=line.kept,
                threshold=line.threshold,
                measured_kept=measured(line.measured_kept),
                accepted=_measured(line.accepted),
            )
            for line in choice.others
        ],
        candidates={name: measured(area) for name, area in choice.candidates.items()},
    )


def equip(
    rule: bundle.UnknownRule, own: Outputs, labels: NDArray[np.int64]
) -> tuple[bundle.UnknownRule, dict[str, NDArray[np.float32]]]:
    """Give the rule what it measures against: the delivered network's own training photos.

    Args:
        rule: As ``judge_unknown`` made it.
        own: What the delivered network says of its N training photos.
        labels: Class index of each, [N].

    Returns:
        The rule with the numbers that go with its arrays, and the arrays.
    """
    scorer: UnknownScorer = calibration.fit_scorer(
        own.embeddings, labels, rule.parts, style=_styles(own), k=rule.k
    )
    choice = calibration.ScoreRule(
        rule.score, tuple(rule.parts), tuple(rule.centres), tuple(rule.spreads)
    )
    detector: UnknownDetector = calibration.UnknownDetector(scorer, choice, rule.threshold)
    arrays = {name: array for name, array in detector.arrays().items() if name != "gallery"}
    fields = detector.to_dict()
    numbers = {key: fields[key] for key in ("floors", "power", "style_floor") if key in fields}
    return msgspec.structs.replace(rule, **numbers), arrays


def _styles(outputs: Outputs) -> NDArray[np.float32] | None:
    """Return styles [N, S] where the network gives any."""
    return outputs.styles if outputs.styles.shape[1] else None


def _score(scorer: UnknownScorer, outputs: Outputs) -> dict[str, NDArray[np.float64]]:
    return scorer.scores(outputs.logits, outputs.embeddings, _styles(outputs))


def _join(
    scores: Sequence[dict[str, NDArray[np.float64]]],
) -> dict[str, NDArray[np.float64]]:
    return {name: np.concatenate([one[name] for one in scores]) for name in scores[0]}


def _describe(figures: int, networks: int, photos: int) -> str:
    if not networks:
        return "no figure was left out: how well unknown ones are told was not measured"
    what = "a figure" if figures == 1 else f"{figures} figures"
    by = "a network" if networks == 1 else f"{networks} networks"
    return (
        f"{photos} photos of {what} that {by} trained like this one were never taught, "
        "against photos of taught figures that were not trained on"
    )


def _measured(estimate: Estimate | None) -> bundle.Measured | None:
    return None if estimate is None else measured(estimate)


def measured(estimate: Estimate) -> bundle.Measured:
    """Give an estimate the bundle's form."""
    return bundle.Measured(
        value=estimate.value,
        low=estimate.low,
        high=estimate.high,
        n=estimate.n,
        method=estimate.method,
    )
