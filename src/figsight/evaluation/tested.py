"""Which of the answers are a test: those to photos that the model had not seen, nor copies of them.

Knows what the evaluation says of that: which files were trained on, byte for byte, and which photos
look like such. Finds no copies.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from figsight.phrases import count

if TYPE_CHECKING:
    from figsight.evaluation.results import Evaluation

WAY_OUT = (
    "Test it on photos that you kept aside, or let figsight evaluate --folds 5 train and test on these "
    "in turn."
)


def list_seen(evaluation: Evaluation) -> set[str]:
    """Return the paths of photos that are no test: trained on, or near-duplicates of such."""
    return {*evaluation.trained_on, *(one.path for one in evaluation.resembles_trained or ())}


def keep_tested(evaluation: Evaluation) -> Evaluation | None:
    """Return the answers to photos that the model had not seen; None where it had seen all of them.

    What was measured of all photos together (sets of names, lines, a threshold) is not in it.
    """
    seen = list_seen(evaluation)
    if not seen:
        return evaluation
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
        resembles_trained=None if evaluation.resembles_trained is None else (),
        grounds={},
    )


def say_seen(evaluation: Evaluation) -> str | None:
    """Say how many of the photos are no test, without an end; None where all of them are one."""
    trained, like = len(evaluation.trained_on), len(evaluation.resembles_trained or ())
    these = f"of these {count(evaluation.n, 'photo')}"
    if not trained and not like:
        return None
    if not trained:
        return (
            f"{like} {these} look{'s' * (like == 1)} much like photos that the model was trained on"
        )
    more = f", and {like} more look{'s' * (like == 1)} much like such photos" if like else ""
    return f"The model was trained on {trained} {these}{more}"


def say_no_test(evaluation: Evaluation) -> str:
    """Say that there is no photo that the model had not seen."""
    n, trained = evaluation.n, len(evaluation.trained_on)
    all_of = f"all {n} of these photos" if n > 1 else "this photo"
    if trained == n:
        return f"No test: the model was trained on {all_of}."
    if trained:
        return f"No test: the model was trained on {all_of}, or on near-copies of them."
    return f"No test: the model was trained on near-copies of {all_of}."


def say_remembered(evaluation: Evaluation) -> str:
    """Say what an evaluation without such a photo shows, without an end."""
    return (
        f"It names {evaluation.correct} of {evaluation.n} right: that shows what it remembers, not how "
        "it does on other photos"
    )
