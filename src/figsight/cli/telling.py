"""What was found, in lines for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from figsight.cli.base import safe
from figsight.cli.rules import GIVEN, REFUSED, UNMEASURED, WHAT, glue_signs, say_span
from figsight.metrics.words import say_probability, say_share, say_stated

if TYPE_CHECKING:
    from collections.abc import Iterator

    from figsight.evaluation import Evaluation
    from figsight.metrics import Estimate


LISTED = 50  # mistakes


def tell(evaluation: Evaluation) -> str:
    """Write an evaluation for people."""
    return "\n".join(safe(line) for line in _lines(evaluation))


def _lines(evaluation: Evaluation) -> Iterator[str]:
    accuracy = evaluation.accuracy
    photos = f" to {evaluation.n} photos" if evaluation.repeats > 1 else ""
    yield evaluation.protocol
    # That a test is none comes before its number.
    yield from evaluation.caveats
    yield (
        f"accuracy {say_share(accuracy.value)}: {evaluation.tally}{photos} right "
        f"({accuracy.method}: {say_share(accuracy.low)} to {say_share(accuracy.high)})"
    )
    if evaluation.limits and len(evaluation.trained_on) < evaluation.n:
        yield evaluation.limits
    if evaluation.answered is not None and evaluation.answered[2]:
        right, wrong, unknown = evaluation.answered
        asked = "" if evaluation.repeats == 1 else f" (all {evaluation.repeats} repeats)"
        yield (
            f"If the model may say 'unknown': {right} named right, {wrong} wrongly, {unknown} called "
            f"unknown{asked}"
        )
    yield from evaluation.remarks
    yield from _other_answers(evaluation)
    yield from _mistakes(evaluation)


def _other_answers(evaluation: Evaluation) -> Iterator[str]:
    """Tell what else was measured: two figures, sets of names, unknown photos."""
    scores = evaluation.scores
    if "roc_auc" in scores:
        figure = evaluation.figures[evaluation.positive].display
        yield (
            f"{figure}: ROC AUC {scores['roc_auc'].value:.3f}, sensitivity "
            f"{_range(scores['sensitivity'])}, specificity {_range(scores['specificity'])}"
        )
    if evaluation.operating is not None:
        at = evaluation.operating
        yield (
            f"threshold for a sensitivity of {say_stated(at.stated_sensitivity)}: sensitivity "
            f"{_range(at.sensitivity)}, specificity {_range(at.specificity)}"
        )
    if evaluation.sets is not None:
        sets = evaluation.sets
        yield (
            f"sets for {say_stated(sets.stated)}: hold the right name {_range(sets.coverage)}, "
            f"{sets.mean_size.value:.2f} names on average"
        )
    unknown = evaluation.unknown_score
    if unknown is not None and unknown.auroc is not None and unknown.accepted is not None:
        networks = evaluation.strangers.networks if evaluation.strangers else 1
        by = f", shown to each of {networks} networks" if networks > 1 else ""
        refused = 1 - unknown.kept.value, 1 - unknown.kept.high, 1 - unknown.kept.low
        yield (
            f"unknown: {_photos(unknown.n_unknown)} of none of the figures{by}: {GIVEN} "
            f"{_range(unknown.accepted)}, {REFUSED} {say_span(*refused)}; AUROC "
            f"{unknown.auroc.value:.3f} ({unknown.auroc.low:.3f} to {unknown.auroc.high:.3f})"
        )
    if unknown is not None and unknown.missed:
        yield unknown.missed
    if unknown is None and "unknown" in evaluation.refused:
        yield f"{WHAT['unknown']}{glue_signs(evaluation.refused['unknown'])}"
    elif unknown is None and not evaluation.about.get("model", {}).get("calibration", True):
        yield f"{WHAT['unknown']}{UNMEASURED}"


def _mistakes(evaluation: Evaluation) -> Iterator[str]:
    """Tell on which figures it fails, and its surest mistakes."""
    names, repeats = [figure.display for figure in evaluation.figures], evaluation.repeats
    for score in evaluation.per_class:
        if score.correct < score.n:
            right = score.correct / repeats  # of one repeat, on average
            yield f"  {names[score.index]}: {right:.{int(repeats > 1)}f} of {score.n // repeats}"
    places, answers = evaluation.wrong.tolist(), evaluation.predicted
    for i in places[:LISTED]:
        repeat = f", repeat {i // evaluation.n + 1}" if repeats > 1 else ""
        unknown = evaluation.unknown is not None and evaluation.unknown[i]
        yield (
            f"  {evaluation.photos[i].path}: {names[evaluation.labels[i]]}, taken for "
            f"{names[answers[i]]} ({say_probability(float(evaluation.probabilities[i, answers[i]]))}"
            f"{repeat}{', called unknown' if unknown else ''})"
        )
    if len(places) > LISTED:
        yield f"  and {len(places) - LISTED} more mistakes: --report and --json have all"


def _photos(n: int) -> str:
    return "1 photo" if n == 1 else f"{n} photos"


def _range(estimate: Estimate) -> str:
    return say_span(estimate.value, estimate.low, estimate.high)
