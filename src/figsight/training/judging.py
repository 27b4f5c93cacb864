"""What networks say of photos that they never saw, turned into scores and a calibration.

The numbers come from ``metrics`` and ``calibration``; this room gives them the bundle's form.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from figsight import bundle, calibration, metrics
from figsight.errors import Remedy
from figsight.training.asked import SENSITIVITY
from figsight.training.strangers import judge_unknown, measured

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from figsight.training.answers import Answers
    from figsight.training.sample import Sample

COVERAGE = 0.95  # how often the names of a set are to hold the right one
CROSS_FOLDS = 10


@dataclass(frozen=True)
class Judgement:
    """What unseen photos say of a model.

    Attributes:
        accuracy: None when nothing was measured.
        scores: As the bundle keeps them.
        calibration: None when nothing was measured.
    """

    accuracy: metrics.Estimate | None = None
    scores: list[bundle.Score] = field(default_factory=list)
    calibration: bundle.Calibration | None = None


def judge(
    answers: Sequence[Answers],
    sample: Sample,
    positive: int = 1,
    sensitivity: float | None = None,
) -> Judgement:
    """Score out-of-sample answers, and fit everything to them that turns outputs into answers.

    The temperature is one number fitted on all N answers, so the scores of probabilities (log loss,
    Brier, calibration error) are measured with one that was fitted on them too: with N above a
    hundred this flatters them by less than their interval. Accuracy does not depend on it.

    Args:
        answers: What each measuring network said.
        sample: The photos.
        positive: Of two figures: the one that is looked for, 0 or 1.
        sensitivity: Likewise: the share of its photos that a threshold is to find, 0..1; by default 0.95.
    """
    whole = [one for one in answers if not len(one.part.strangers)]
    if not whole:
        return Judgement()
    photos = np.concatenate([one.part.held for one in whole])
    logits = np.concatenate([one.held.logits for one in whole])  # [N, K]
    labels = sample.labels[photos]
    groups = [sample.groups[i] for i in photos]
    weights = calibration.weigh_groups(groups)
    temperature = calibration.fit_temperature(logits, labels, weights)
    probabilities = calibration.softmax(logits, temperature)
    of_two = logits.shape[1] == 2
    estimates = metrics.summarise(labels, probabilities, groups=groups, positive=positive)
    right = int((probabilities.argmax(1) == labels).sum())
    protocol = f"{len(whole)}-fold cross-validation"
    if len(whole) == 1:
        protocol = f"{len(labels)} of {len(sample.labels)} photos, held out"
    scores = [
        bundle.Score(
            protocol=f"{protocol}, copies kept together, by networks trained like this one",
            photos=len(labels),
            metric=name,
            value=estimate.value,
            low=estimate.low,
            high=estimate.high,
            interval=estimate.method,
            correct=right if name == "accuracy" else None,
        )
        for name, estimate in estimates.items()
    ]
    fitted = {
        "unknown": judge_unknown(answers, sample),
        "sets": _judge_sets(probabilities, labels, groups),
        "operating_point": _find_operating_point(
            probabilities, labels, groups, sample, positive, sensitivity or SENSITIVITY
        )
        if of_two
        else None,
    }
    refused = _tell_refused(fitted, sample, positive, alone=len(whole) == 1)
    rules: dict[str, Any] = {k: v for k, v in fitted.items() if k not in refused}
    found = bundle.Calibration(
        temperature=temperature,
        **rules,
        positive=sample.dataset.figures[positive].id if of_two else None,
        refused=refused,
    )
    return Judgement(estimates["accuracy"], scores, found)


def _tell_refused(
    fitted: Mapping[str, object], sample: Sample, positive: int, *, alone: bool
) -> dict[str, str]:
    """Return why there are no such rules, and how they are had without taking any photos.

    Args:
        fitted: A rule, a refusal or nothing by name.
        sample: The photos.
        positive: Of two figures: the one that is looked for.
        alone: Whether a single network measures, so that more photos would if all were held out in turn.
    """
    refused = {}
    for name, one in fitted.items():
        if not isinstance(one, calibration.Refusal):
            continue
        refused[name] = one.reason
        those = sample.labels == positive if name == "operating_point" else sample.labels >= 0
        shots = len({sample.groups[i] for i in np.flatnonzero(those)})  # copies count once
        if alone and one.remedy is Remedy.ADD_PHOTOS and shots >= (one.needed or 0):
            refused[name] += f", or hold out all {len(sample.labels)} in turn (--folds 5)"
    return refused


def _judge_sets(
    probabilities: NDArray[np.float64], labels: NDArray[np.int64], groups: list[str]
) -> bundle.SetRule | calibration.Refusal:
    """Fit the rule of the prediction sets, and measure it by cross-fitting."""
    rule = calibration.fit_sets(probabilities, labels, COVERAGE, groups)
    score = calibration.measure_sets(probabilities, labels, COVERAGE, groups)
    if isinstance(rule, calibration.Refusal):
        return rule
    if isinstance(score, calibration.Refusal):
        return score
    return bundle.SetRule(
        **rule.to_dict(), measured=measured(score.coverage), mean_size=measured(score.mean_size)
    )


def _find_operating_point(
    probabilities: NDArray[np.float64],
    labels: NDArray[np.int64],
    groups: list[str],
    sample: Sample,
    positive: int,
    sensitivity: float,
) -> bundle.OperatingPoint | calibration.Refusal:
    """Choose the probability from which on one of two figures is said to be there."""
    figure = sample.dataset.figures[positive]
    scores, shows = probabilities[:, positive], labels == positive
    if shows.all():
        return calibration.Refusal(
            f"a threshold for {figure.display} needs photos of the other figure to be tested on, found "
            "none; add photos",
            Remedy.ADD_PHOTOS,
        )

    def fit(chosen: NDArray[np.bool_]) -> float | calibration.Refusal:
        which = np.flatnonzero(chosen & shows)
        return calibration.fit_threshold(scores[which], sensitivity, [groups[i] for i in which])

    # What it does to other photos: thresholds set without a part of the photos, applied to that.
    of_group = {key: i % CROSS_FOLDS for i, key in enumerate(sorted(set(groups)))}
    fold = np.array([of_group[key] for key in groups])
    folds = [fold == number for number in np.unique(fold)]
    fitted = [fit(np.ones(len(labels), np.bool_)), *(fit(~here) for here in folds)]
    thresholds = [one for one in fitted if not isinstance(one, calibration.Refusal)]
    if len(thresholds) < len(fitted):
        tested = [len({groups[i] for i in np.flatnonzero(shows & here)}) for here in folds]
        needed = calibration.fewest_for(sensitivity) + max(tested)
        return calibration.Refusal(
            f"a threshold that finds {100 * sensitivity:.4g}% of {figure.display} needs at least "
            f"{needed} photos of it, copies counted once, to be set and tested on, found "
            f"{sum(tested)}; add photos",
            Remedy.ADD_PHOTOS,
            needed,
        )
    threshold, *others = thresholds
    called = np.zeros(len(labels))
    for at, here in zip(others, folds, strict=True):
        called[here] = scores[here] >= at
    shown = metrics.sensitivity_specificity(shows.astype(np.int64), called, 0.5, groups=groups)
    return bundle.OperatingPoint(
        positive=figure.id,
        stated_sensitivity=sensitivity,
        threshold=min(1.0, threshold),
        sensitivity=measured(shown.sensitivity),
        specificity=measured(shown.specificity),
    )
