"""What an evaluation has found: the answers photo by photo, and the numbers made from them.

Knows labels and probabilities. Does not know where the answers come from, nor how pages look.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from figsight import metrics

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from figsight.dataset import Figure, Photo
    from figsight.errors import PhotoError
    from figsight.metrics import Estimate


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The answers to N labelled photos that the networks asked had not been trained on.

    Attributes:
        protocol: What was measured on what, in words.
        figures: The classes, in the order of the columns.
        photos: The photos, [N]; in a repeated cross-validation each occurs once a repeat.
        labels: Class index of each photo, int64 [N].
        probabilities: float64 [N, K]; rows sum to one.
        groups: Key of each photo's group: copies share one; None when nobody looked for copies.
        skipped: Photos that cannot be decoded and were left out.
        notes: What a reader must know to read the numbers rightly, a sentence each.
        seconds: How long the measuring took.
    """

    protocol: str
    figures: tuple[Figure, ...]
    photos: tuple[Photo, ...]
    labels: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    groups: tuple[str, ...] | None = None
    skipped: tuple[PhotoError, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def predicted(self) -> NDArray[np.int64]:
        """The class index of each answer, [N]; of equally probable ones the first."""
        answers: NDArray[np.int64] = self.probabilities.argmax(axis=1)
        return answers

    @property
    def correct(self) -> int:
        """How many answers are right."""
        return int((self.predicted == self.labels).sum())

    @cached_property
    def scores(self) -> dict[str, Estimate]:
        """Every score that applies, each with its interval: see ``metrics.summarise``."""
        return metrics.summarise(self.labels, self.probabilities, groups=self.groups)

    @property
    def accuracy(self) -> Estimate:
        """The share of right answers."""
        return self.scores["accuracy"]

    @cached_property
    def confusion(self) -> NDArray[np.int64]:
        """How many photos of each figure (row) were given each name (column), [K, K]."""
        return metrics.confusion_matrix(self.labels, self.predicted, len(self.figures))

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values for JSON."""
        accuracy = self.accuracy
        return {
            "protocol": self.protocol,
            "n": len(self.labels),
            "correct": self.correct,
            "accuracy": accuracy.value,
            "interval": [accuracy.low, accuracy.high],
            "interval_method": accuracy.method,
            "scores": {name: score.to_dict() for name, score in self.scores.items()},
            "per_class": self._per_class(),
            "confusion": {
                "class_ids": [figure.id for figure in self.figures],
                "matrix": self.confusion.tolist(),
            },
            "mistakes": self._mistakes(),
            "skipped": [{"path": e.path, "reason": e.reason} for e in self.skipped],
            "notes": list(self.notes),
            "seconds": round(self.seconds, 3),
        }

    def _per_class(self) -> list[dict[str, Any]]:
        lines = []
        for score in metrics.per_class(self.labels, self.probabilities, len(self.figures)):
            figure = self.figures[score.index]
            lines.append(
                {
                    "class_id": figure.id,
                    "name": figure.display,
                    "n": score.n,
                    "correct": score.correct,
                    "recall": score.recall.value if score.recall else None,
                    "interval": [score.recall.low, score.recall.high] if score.recall else None,
                    "precision": score.precision.value if score.precision else None,
                    "f1": score.f1,
                }
            )
        return lines

    def _mistakes(self) -> list[dict[str, Any]]:
        """The wrong answers, the surest first."""
        answers = self.predicted
        sure = self.probabilities.max(axis=1)
        wrong = np.flatnonzero(answers != self.labels)
        return [
            {
                "path": self.photos[i].path,
                "class_id": self.figures[self.labels[i]].id,
                "name": self.figures[self.labels[i]].display,
                "predicted_class_id": self.figures[answers[i]].id,
                "predicted_name": self.figures[answers[i]].display,
                "probability": float(sure[i]),
            }
            for i in wrong[np.argsort(-sure[wrong], kind="stable")]
        ]
