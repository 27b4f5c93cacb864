"""What networks say of photos that they never saw, turned into scores and a calibration.

The numbers come from ``metrics`` and ``calibration``; this room gives them the bundle's form.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from figsight import bundle, calibration, metrics

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from figsight.training.sample import Sample


@dataclass(frozen=True, eq=False)
class Unseen:
    """Answers of networks to photos that they never saw, nor copies of them.

    Attributes:
        photos: Which photos of the sample, [N].
        logits: float32 [N, K].
        embeddings: float32 [N, D]; those of different networks lie in different spaces.
        network: Which network was asked, [N].
        protocol: How this came about, in words.
    """

    photos: NDArray[np.intp]
    logits: NDArray[np.float32]
    embeddings: NDArray[np.float32]
    network: NDArray[np.intp]
    protocol: str


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


def judge(unseen: Unseen | None, sample: Sample) -> Judgement:
    """Score out-of-sample answers, and fit the temperature to them.

    The temperature is one number fitted on all N answers, so the scores of probabilities (log loss,
    Brier, calibration error) are measured with one that was fitted on them too: with N above a
    hundred this flatters them by less than their interval. Accuracy does not depend on it.
    """
    if unseen is None:
        return Judgement()
    labels = sample.labels[unseen.photos]
    temperature = calibration.fit_temperature(unseen.logits, labels)
    probabilities = calibration.softmax(unseen.logits, temperature)
    groups = [sample.groups[i] for i in unseen.photos]
    estimates = metrics.summarise(labels, probabilities, groups=groups)
    right = int((probabilities.argmax(1) == labels).sum())
    scores = [
        bundle.Score(
            protocol=unseen.protocol,
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
    return Judgement(estimates["accuracy"], scores, bundle.Calibration(temperature=temperature))
