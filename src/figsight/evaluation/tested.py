"""Which of the answers are a test: those to photos that the model had not seen, nor copies of them.

Knows what the evaluation says of that: which files were trained on, byte for byte, and which photos
look like such. Finds no copies.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from figsight.dataset.names import printable
from figsight.metrics import say_share, say_stated
from figsight.phrases import count

if TYPE_CHECKING:
    from figsight.evaluation.results import Evaluation

WAY_OUT = (
    "Test it on photos that you kept aside, or let figsight evaluate --folds 5 train and test on these "
    "in turn."
)


NAMED = 3  # figures without a photo, up to which they are named


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
    if trained == evaluation.n:
        return f"The model was trained on {_all_of(trained)}"
    more = f", and {like} more look{'s' * (like == 1)} much like such photos" if like else ""
    return f"The model was trained on {trained} {these}{more}"


def _all_of(n: int) -> str:
    return f"all {n} of these photos" if n > 1 else "this photo"


def other_caveats(evaluation: Evaluation) -> list[str]:
    """Return the caveats but the one that says what ``say_seen`` says."""
    seen = say_seen(evaluation)
    return [note for note in evaluation.caveats if seen is None or not note.startswith(seen)]


def say_verdict(evaluation: Evaluation) -> str:
    """Say in one sentence how many are right, of the photos that are a test."""
    tested = evaluation.tested
    if tested is None:
        return say_no_test(evaluation)
    accuracy, n = tested.accuracy, tested.n
    what = f"{tested.tally} photo{'s' * (n != 1)}"
    if tested.repeats > 1:
        what = f"{tested.tally} to {n} photos"
    if n < evaluation.n:
        what = f"{tested.correct} of the {n} photo{'s' * (n != 1)} that it had not seen"
    return (
        f"{what} {'named ' * (tested.repeats == 1)}right: "
        f"{say_share(accuracy.value)}, with a {say_stated(accuracy.level)} interval from "
        f"{say_share(accuracy.low)} to {say_share(accuracy.high)}."
    )


def say_untested(evaluation: Evaluation) -> str | None:
    """Say how many figures no photo of the test shows; None where each is shown, or none is a test."""
    tested = evaluation.tested
    if tested is None:
        return None
    all_of = len(evaluation.figures)
    shown = set(tested.labels.tolist())
    missing = [one.display for i, one in enumerate(evaluation.figures) if i not in shown]
    if not missing:
        return None
    which = f" ({', '.join(map(printable, missing))})" if len(missing) <= NAMED else ""
    unseen = " that the model had not seen" if tested.n < evaluation.n else ""
    rest = f"the {len(shown)} that have" if len(shown) > 1 else "the one that has"
    return (
        f"{len(missing)} of {all_of} figures{which} {'has' if len(missing) == 1 else 'have'} no photo here"
        f"{unseen}; the scores are over {rest}."
    )


def say_repeats(repeats: int) -> str:
    """Say in brackets that a count is of all repeats; nothing of one."""
    if repeats == 1:
        return ""
    return " (both repeats)" if repeats == 2 else f" (all {repeats} repeats)"


def say_no_test(evaluation: Evaluation) -> str:
    """Say that there is no photo that the model had not seen."""
    n, trained = evaluation.n, len(evaluation.trained_on)
    all_of = _all_of(n)
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
