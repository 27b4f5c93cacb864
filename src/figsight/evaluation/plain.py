"""An evaluation as plain values, ready for JSON: its form is a promise to whoever reads it.

Knows names of fields. Makes no numbers of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from figsight.evaluation.curves import (
    describe_history,
    describe_reliability,
    describe_risk,
    describe_roc,
)
from figsight.evaluation.tested import say_no_test

if TYPE_CHECKING:
    from figsight.evaluation.results import Evaluation
    from figsight.evaluation.unknowns import Strangers
    from figsight.metrics import Estimate

# Scores of two classes that stand at the top as plain numbers, besides ``scores``.
_OF_TWO = ("roc_auc", "average_precision", "sensitivity", "specificity")


def describe(evaluation: Evaluation) -> dict[str, Any]:
    """Return an evaluation as plain values.

    ``n`` counts photos, however often each was asked about; ``correct`` is the mean over the
    repeats, rounded down, and ``correct_each`` has them one by one. ``tested`` counts what the headline
    counts, photos that were not trained on and are no near-duplicates of such, and is null without
    any, as ``what_it_cannot_tell`` then says; all else is of all photos. ``confusion`` and ``predictions``
    have an entry for each answer, so ``repeats`` for each photo. Of photos of none of the figures,
    ``n_unknown`` counts photos; ``photos`` and ``called_unknown`` are of answers, ``networks`` for
    each photo.
    """
    accuracy, tested = evaluation.accuracy, evaluation.tested
    found: dict[str, Any] = {
        "protocol": evaluation.protocol,
        "n": evaluation.n,
        "repeats": evaluation.repeats,
        "correct": evaluation.correct,
        "correct_each": evaluation.correct_each,
        "accuracy": accuracy.value,
        "interval": [accuracy.low, accuracy.high],
        "interval_method": accuracy.method,
        "tested": _tested(evaluation),
        "what_it_cannot_tell": say_no_test(evaluation) if tested is None else tested.limits,
        "scores": {name: score.to_dict() for name, score in evaluation.scores.items()},
        "per_class": _per_class(evaluation),
        "confusion": {
            "class_ids": [figure.id for figure in evaluation.figures],
            "matrix": evaluation.confusion.tolist(),
        },
        "mistakes": _mistakes(evaluation),
        "sets": _sets(evaluation),
        "unknown": _unknown(evaluation),
        "trained_on": list(evaluation.trained_on),
        "resembles_trained": _resembling(evaluation),
        "tested_before": list(evaluation.tested_before),
        "retested": _retested(evaluation),
        "skipped": [{"path": e.path, "reason": e.reason} for e in evaluation.skipped],
        "notes": [str(note) for note in evaluation.notes],
        "reliability": describe_reliability(evaluation),
        "risk_coverage": describe_risk(evaluation),
        "history": describe_history(evaluation),
        "predictions": _predictions(evaluation),
        "about": dict(evaluation.about),
        "seconds": round(evaluation.seconds, 3),
    }
    if len(evaluation.figures) == 2:
        scores = evaluation.scores
        found["positive_class_id"] = evaluation.figures[evaluation.positive].id
        found |= {name: scores[name].value if name in scores else None for name in _OF_TWO}
        found["operating_point"] = _operating(evaluation)
        found["roc"] = describe_roc(evaluation)
    return found


def _tested(evaluation: Evaluation) -> dict[str, Any] | None:
    tested = evaluation.tested
    if tested is None:
        return None
    accuracy = tested.accuracy
    return {
        "n": tested.n,
        "correct": tested.correct,
        "accuracy": accuracy.value,
        "interval": _ends(accuracy),
        "interval_method": accuracy.method,
        "scores": {name: score.to_dict() for name, score in tested.scores.items()},
    }


def _ends(estimate: Estimate | None) -> list[float] | None:
    return None if estimate is None else [estimate.low, estimate.high]


def _mean(count: int, repeats: int) -> int | float:
    """Return how many of one repeat, on average: whole where it is."""
    return count // repeats if count % repeats == 0 else count / repeats


def _value(estimate: Estimate | None) -> float | None:
    return None if estimate is None else estimate.value


def _per_class(evaluation: Evaluation) -> list[dict[str, Any]]:
    lines = []
    for score in evaluation.per_class:
        figure = evaluation.figures[score.index]
        lines.append(
            {
                "class_id": figure.id,
                "name": figure.display,
                "n": score.n // evaluation.repeats,
                "correct": _mean(score.correct, evaluation.repeats),
                "recall": _value(score.recall),
                "interval": _ends(score.recall),
                "precision": _value(score.precision),
                "precision_interval": _ends(score.precision),
                "f1": score.f1,
            }
        )
    return lines


def _mistakes(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Return the wrong answers, the surest first, with the training photos most like each."""
    answers, sure = evaluation.predicted, evaluation.probabilities.max(axis=1)
    found = []
    for i in evaluation.wrong.tolist():
        figure, taken_for = (evaluation.figures[k] for k in (evaluation.labels[i], answers[i]))
        line: dict[str, Any] = {
            "path": evaluation.photos[i].path,
            "class_id": figure.id,
            "name": figure.display,
            "predicted_class_id": taken_for.id,
            "predicted_name": taken_for.display,
            "probability": float(sure[i]),
        }
        if evaluation.repeats > 1:
            line["repeat"] = i // evaluation.n + 1
        if i in evaluation.grounds:
            line["neighbours"] = [
                {"path": one.path, "class_id": one.class_id, "distance": one.distance}
                for one in evaluation.grounds[i].chosen.neighbours
            ]
        found.append(line)
    return found


def _sets(evaluation: Evaluation) -> dict[str, Any] | None:
    score = evaluation.sets
    if score is None:
        return _refusal(evaluation, "sets")
    return {
        "stated": score.stated,
        "coverage": score.coverage.value,
        "interval": _ends(score.coverage),
        "interval_method": score.coverage.method,
        "mean_size": score.mean_size.value,
        "mean_size_interval": _ends(score.mean_size),
        "single": score.single,
    }


def _unknown(evaluation: Evaluation) -> dict[str, Any] | None:
    score = evaluation.unknown_score
    if score is None:
        return _refusal(evaluation, "unknown")
    others = evaluation.strangers
    right, wrong, called = evaluation.answered or (0, 0, 0)
    return {
        "answered": {"right": right, "wrong": wrong, "unknown": called},
        "missed": score.missed,
        "n_unknown": score.n_unknown,
        "networks": 1 if others is None else others.networks,
        "source": None if others is None else others.source,
        "auroc": _value(score.auroc),
        "auroc_interval": _ends(score.auroc),
        "accepted": _value(score.accepted),
        "accepted_interval": _ends(score.accepted),
        "accepted_interval_method": None if score.accepted is None else score.accepted.method,
        "kept": score.kept.value,
        "kept_interval": _ends(score.kept),
        "lines": [
            {
                "stated": line.stated,
                "kept": line.kept.value,
                "kept_interval": _ends(line.kept),
                "accepted": _value(line.accepted),
                "accepted_interval": _ends(line.accepted),
            }
            for line in evaluation.lines
        ],
        "called_unknown": 0 if others is None else int(others.unknown.sum()),
        "photos": [] if others is None else _strangers(evaluation, others),
    }


def _strangers(evaluation: Evaluation, others: Strangers) -> list[dict[str, Any]]:
    """Return every answer to a photo of none of the figures."""
    lines: list[dict[str, Any]] = []
    for i, photo in enumerate(others.photos):
        line: dict[str, Any] = {
            "path": photo.path,
            "predicted_class_id": evaluation.figures[others.predicted[i]].id,
            "probability": float(others.probability[i]),
            "unknown": bool(others.unknown[i]),
            "unknown_score": float(others.scores[i]),
        }
        if others.networks > 1:
            line["network"] = i // others.n + 1
        lines.append(line)
    return lines


def _operating(evaluation: Evaluation) -> dict[str, Any] | None:
    score = evaluation.operating
    if score is None:
        return _refusal(evaluation, "operating_point")
    return {
        "positive_class_id": score.positive,
        "stated_sensitivity": score.stated_sensitivity,
        "threshold": score.thresholds[0] if len(score.thresholds) == 1 else None,
        "thresholds": list(score.thresholds),
        "sensitivity": score.sensitivity.to_dict(),
        "specificity": score.specificity.to_dict(),
    }


def _refusal(evaluation: Evaluation, what: str) -> dict[str, Any] | None:
    reason = evaluation.refused.get(what)
    return None if reason is None else {"refused": reason}


def _resembling(evaluation: Evaluation) -> list[dict[str, Any]] | None:
    if evaluation.resembles_trained is None:
        return None
    return [
        {"path": one.path, "trained": one.trained, "score": one.score}
        for one in evaluation.resembles_trained
    ]


def _retested(evaluation: Evaluation) -> dict[str, Any] | None:
    again = evaluation.retested
    if again is None:
        return None
    return {"n": again.n, "first": again.first, "earlier_model": again.earlier_model}


def _predictions(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Return every answer, with all that the scores are made of."""
    answers = evaluation.predicted
    lines: list[dict[str, Any]] = []
    for i, photo in enumerate(evaluation.photos):
        line: dict[str, Any] = {
            "path": photo.path,
            "class_id": evaluation.figures[evaluation.labels[i]].id,
            "predicted_class_id": evaluation.figures[answers[i]].id,
            "probability": float(evaluation.probabilities[i, answers[i]]),
            "unknown": None if evaluation.unknown is None else bool(evaluation.unknown[i]),
            "unknown_score": None
            if evaluation.strangeness is None
            else float(evaluation.strangeness[i]),
            "probabilities": np.asarray(evaluation.probabilities[i]).tolist(),
        }
        if evaluation.repeats > 1:
            line["repeat"] = i // evaluation.n + 1
        lines.append(line)
    return lines
