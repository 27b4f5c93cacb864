"""Which of the answers are a test: those to photos that the model was not trained on.

Knows what the evaluation says of that: which files the model has seen, byte for byte. Finds no copies.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from figsight.evaluation.results import Evaluation


def keep_tested(evaluation: Evaluation) -> Evaluation | None:
    """Return the answers to photos that the model had not seen; None where it had seen all of them.

    What was measured of all photos together (sets of names, lines, a threshold) is not in it.
    """
    if not evaluation.trained_on:
        return evaluation
    seen = set(evaluation.trained_on)
    unseen = [i for i, photo in enumerate(evaluation.photos) if photo.path not in seen]
    if not unseen:
        return None
    keep = np.array(unseen)
    groups, strangeness, unknown = evaluation.groups, evaluation.strangeness, evaluation.unknown
    return replace(
        evaluation,
        photos=tuple(evaluation.photos[i] for i in unseen),
        labels=evaluation.labels[keep],
        probabilities=evaluation.probabilities[keep],
        groups=None if groups is None else tuple(groups[i] for i in unseen),
        strangeness=None if strangeness is None else strangeness[keep],
        unknown=None if unknown is None else unknown[keep],
        operating=None,
        lines=(),
        sets=None,
        trained_on=(),
        grounds={},
    )
