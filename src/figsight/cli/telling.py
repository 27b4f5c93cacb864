"""What was found, in lines for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from figsight.cli.base import safe
from figsight.cli.rules import GIVEN, REFUSED, WHAT, say_area, say_span
from figsight.metrics.words import (
    SCORE_WORDS,
    UNMEASURED,
    glue_signs,
    say_probability,
    say_score,
    say_share,
    say_stated,
)
from figsight.phrases import count

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from figsight.errors import PhotoError
    from figsight.evaluation import Evaluation
    from figsight.metrics import Estimate


LISTED = 50  # mistakes
SEEN = 10  # photos that are no test
SKIPPED = 10


def tell(evaluation: Evaluation) -> str:
    """Write an evaluation for people."""
    return "\n".join(safe(line) for line in _lines(evaluation))


def _lines(evaluation: Evaluation) -> Iterator[str]:
    from figsight.evaluation.tested import WAY_OUT, say_no_test, say_remembered  # brings numpy

    tested = evaluation.tested
    yield evaluation.protocol
    # That a test is none comes before its number.
    if tested is None:
        yield say_no_test(evaluation)
        yield f"{say_remembered(evaluation)}. {WAY_OUT}"
    else:
        yield from evaluation.caveats
        yield _headline(evaluation, tested)
        yield from filter(None, (tested.together, tested.limits))
    yield from _seen(evaluation)
    yield from _skipped(evaluation.skipped)
    if tested is not None:
        yield from _table(tested)
        yield from _answered(tested)
    yield from evaluation.remarks
    yield from _refusals(evaluation)
    rest = [*_other_answers(evaluation), *_mistakes(evaluation)]
    if rest and tested is None:
        yield "of what it remembers:"
    elif rest and tested is not None and tested.n < evaluation.n:
        yield f"of all {evaluation.n} photos:"
    yield from rest


def _headline(evaluation: Evaluation, tested: Evaluation) -> str:
    accuracy = tested.accuracy
    what = f"{tested.tally}{f' to {tested.n} photos' if tested.repeats > 1 else ''} right"
    if tested.n < evaluation.n:
        what = f"{tested.correct} right of the {_photos(tested.n)} that it had not seen"
    return (
        f"accuracy {say_share(accuracy.value)}: {what} ({accuracy.method}: {say_share(accuracy.low)} "
        f"to {say_share(accuracy.high)})"
    )


def _seen(evaluation: Evaluation) -> Iterator[str]:
    """Name photos that are no test; where all were trained on, there is nothing to name."""
    found = [
        f"  {one.path}: looks much like {one.trained}, a training photo"
        for one in evaluation.resembles_trained or ()
    ]
    if len(evaluation.trained_on) < evaluation.n:
        found += [f"  {path}: was trained on" for path in evaluation.trained_on]
    if found:
        yield "photos that are no test of the model:"
    yield from found[:SEEN]
    if len(found) > SEEN:
        yield f"  and {len(found) - SEEN} more: --json has all"


def _skipped(skipped: Sequence[PhotoError]) -> Iterator[str]:
    """Name photos that were left out, some of them."""
    if skipped:
        yield f"{_photos(len(skipped))} left out, which cannot be decoded:"
    for one in skipped[:SKIPPED]:
        yield f"  {one}"
    if len(skipped) > SKIPPED:
        yield f"  and {len(skipped) - SKIPPED} more: --json has all"


def _table(tested: Evaluation) -> Iterator[str]:
    """Tell every score with its interval, one a line, in columns."""
    rows = []
    for key, (title, _, is_share) in SCORE_WORDS.items():
        if (score := tested.scores.get(key)) is not None:
            numbers = (score.value, score.low, score.high)
            rows.append(
                (title, *(say_score(x, is_share=is_share) for x in numbers)),
            )
    wide = [max(map(len, column)) for column in zip(*rows, strict=True)]
    of = ""
    if "sensitivity" in tested.scores:
        of = f"; the figure that is looked for is {tested.figures[tested.positive].display}"
    yield f"scores, with {say_stated(tested.accuracy.level)} intervals{of}:"
    for title, value, low, high in rows:
        yield f"  {title:<{wide[0]}}  {value:>{wide[1]}}   {low:>{wide[2]}} to {high:>{wide[3]}}"


def _answered(tested: Evaluation) -> Iterator[str]:
    if tested.answered is not None and tested.answered[2]:
        right, wrong, unknown = tested.answered
        from figsight.evaluation.tested import say_repeats

        yield (
            f"If the model may say 'unknown': {right} named right, {wrong} wrongly, {unknown} called "
            f"unknown{say_repeats(tested.repeats)}"
        )


def _other_answers(evaluation: Evaluation) -> Iterator[str]:
    """Tell what else was measured: a threshold, sets of names, unknown photos."""
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
            f"{say_area(unknown.auroc)}"
        )
    if unknown is not None and unknown.missed:
        yield unknown.missed


def _refusals(evaluation: Evaluation) -> Iterator[str]:
    """Tell why something was not measured."""
    unknown = evaluation.unknown_score
    measured = {
        "operating_point": evaluation.operating,
        "sets": evaluation.sets,
        "unknown": unknown,
    }
    for what, score in measured.items():
        if score is None and what in evaluation.refused:
            yield f"{WHAT[what]}{glue_signs(evaluation.refused[what])}"
    never = not evaluation.about.get("model", {}).get("calibration", True)
    if unknown is None and "unknown" not in evaluation.refused and never:
        yield f"{WHAT['unknown']}{UNMEASURED}"


def _mistakes(evaluation: Evaluation) -> Iterator[str]:
    """Tell on which figures it fails, and its surest mistakes."""
    names, repeats = [figure.display for figure in evaluation.figures], evaluation.repeats
    places, answers = evaluation.wrong.tolist(), evaluation.predicted
    if places:
        yield "figures with mistakes, and how many photos are right:"
    for score in evaluation.per_class:
        if score.correct < score.n:
            right = score.correct / repeats  # of one repeat, on average
            yield f"  {names[score.index]}: {right:.{int(repeats > 1)}f} of {score.n // repeats}"
    if places:
        yield "mistakes, the surest first:"
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
    return count(n, "photo")


def _range(estimate: Estimate) -> str:
    return say_span(estimate.value, estimate.low, estimate.high)
