"""What it comes to: a sentence, what it rests on, what it cannot tell; then the scores.

Knows words. The numbers are the evaluation's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from figsight.evaluation.report.markup import name, paragraph, path, section, table, text
from figsight.evaluation.report.plots import plot_roc
from figsight.evaluation.tested import WAY_OUT, list_seen, say_no_test, say_remembered, say_seen
from figsight.metrics import SCORE_WORDS, glue_signs, say_share, say_stated

if TYPE_CHECKING:
    from figsight.evaluation.results import Evaluation
    from figsight.metrics import Estimate

LISTED = 50  # paths of photos that were trained on
TIED = 3  # figures on which it fails alike, up to which they are named


def say_verdict(evaluation: Evaluation) -> str:
    """Return the one sentence, as words: of the photos that are a test."""
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


def write_verdict(evaluation: Evaluation) -> str:
    """Return the head of the page."""
    about = evaluation.about
    when = f" &middot; {text(say_time(about['time']))}" if "time" in about else ""
    tested = evaluation.tested
    said = (
        [] if tested is None else [_say_limits(tested), _say_worst(tested), _say_answered(tested)]
    )
    # Said in the words of a page: the sentence that a terminal has below its headline.
    notes = [*(_say_seen(evaluation, tested) or evaluation.caveats), *evaluation.remarks]
    warnings = "".join(f"<li>{text(note, 1000)}</li>" for note in notes)
    return (
        f'<header>\n<p class="soft">{text(evaluation.protocol, 400)}{when}</p>\n'
        f"<h1>{text(say_verdict(evaluation), 400)}</h1>\n"
        + "\n".join(one for one in said if one)
        + (f'<ul class="notes">{warnings}</ul>\n' if warnings else "")
        + _list_seen(evaluation)
        + _list_skipped(evaluation)
        + "</header>\n"
    )


def _say_seen(evaluation: Evaluation, tested: Evaluation | None) -> list[str]:
    """Say what photos that were trained on, or look like such, do to this page."""
    seen = say_seen(evaluation)
    if seen is None:
        return []
    if tested is None:
        return [f"{say_remembered(evaluation)}, and so does everything below. {WAY_OUT}"]
    words = (
        f"{seen}. What it has seen is neither in the numbers above nor in the table of scores, but in all "
        "else that follows, which it flatters."
    )
    return [words]


def _say_limits(tested: Evaluation) -> str:
    limits = tested.limits
    return paragraph(limits) if limits else ""


def _say_worst(tested: Evaluation) -> str:
    """Say on which figure it fails most; nothing where it does not fail."""
    matrix = tested.confusion
    off = matrix - np.diag(np.diag(matrix))
    wrong, total = off.sum(axis=1), matrix.sum(axis=1)
    most = int(wrong.max())
    worst = [int(i) for i in np.flatnonzero(wrong == most)]
    if not most:
        return ""

    def called(i: int) -> str:
        return name(tested.figures[i].display)

    if most == 1 and len(worst) > 1:
        words = f"Its {len(worst)} mistakes are spread: no figure has more than one."
    elif most == 1:
        words = (
            f"Its only mistake: {called(worst[0])} taken for {called(int(off[worst[0]].argmax()))}."
        )
    elif len(worst) > TIED:
        words = f"It fails most on {len(worst)} figures, {most} times on each."
    elif len(worst) > 1:
        each = [f"{called(i)} ({most} of {total[i]} wrong)" for i in worst]
        words = f"It fails most on {', '.join(each[:-1])} and {each[-1]}."
    else:
        one, answers = worst[0], "" if tested.repeats == 1 else " answers"
        taken, times = int(off[one].argmax()), int(off[one].max())
        fate = f"taken for {called(taken)}"
        if times < most:
            alike = int((off[one] == times).sum()) > 1  # no name stands out
            fate = "named wrong" + ("" if alike else f", {times} of them {called(taken)}")
        words = f"It fails most on {called(one)}: {most} of {total[one]}{answers} {fate}."
    return f"<p>{words}</p>"


def _say_answered(tested: Evaluation) -> str:
    """Say what somebody gets who lets the model call photos unknown."""
    if tested.answered is None or not tested.answered[2]:
        return ""
    right, wrong, unknown = tested.answered
    score = tested.unknown_score
    missed = f" {score.missed}" if score is not None and score.missed else ""
    asked = "" if tested.repeats == 1 else f" (all {tested.repeats} repeats)"
    return paragraph(
        f"If the model may say \u201cunknown\u201d: {right} named right, {wrong} wrongly, {unknown} "
        f"called unknown{asked}.{missed}"
    )


def write_scores(evaluation: Evaluation) -> str:
    """Return the table of scores, of the photos that are a test where some are, and what else there is."""
    tested = evaluation.tested or evaluation
    rows = [
        (
            f"{title}<small>{what}</small>",
            f"<b>{_say(score.value, is_share)}</b>",
            _ends(score, is_share) + f"<small>{text(score.method)}</small>",
        )
        for key, (title, what, is_share) in SCORE_WORDS.items()
        if (score := tested.scores.get(key)) is not None
    ]
    parts = [table(("Score", "Value", "95\u00a0% interval"), rows, "scores")]
    if evaluation.sets is not None:
        sets = evaluation.sets
        parts.append(
            paragraph(
                f"Sets of names that should hold the right one {say_stated(sets.stated)} of the time held "
                f"it {_range(sets.coverage)} of the time, with {sets.mean_size.value:.2f} names on "
                f"average; {say_share(sets.single)} of them are a single name."
            )
        )
    elif "sets" in evaluation.refused:
        parts.append(
            paragraph(f"No sets of names: {glue_signs(evaluation.refused['sets'])}.", "soft")
        )
    lead = ""
    if tested.n < evaluation.n:
        lead = f"The table is of the {tested.n} photos that the model had not seen."
        if evaluation.sets is not None or "roc_auc" in evaluation.scores:
            lead += f" What stands below it is of all {evaluation.n}."
    elif list_seen(evaluation):
        lead = "Of photos that the model has seen in training."
    return section("scores", "Scores", *parts, *_two_figures(evaluation), lead=lead)


def _two_figures(evaluation: Evaluation) -> list[str]:
    if "roc_auc" not in evaluation.scores:
        return []
    figure = evaluation.figures[evaluation.positive]
    words = (
        f"<p>The figure that is looked for is {name(figure.display)}. Sensitivity and specificity "
        "in the table are those of naming the more probable figure.</p>"
    )
    parts = [words]
    at = evaluation.operating
    if at is not None:
        where = (
            f"From a probability of {at.thresholds[0]:.3f} on"
            if len(at.thresholds) == 1
            else "By thresholds chosen on the other folds"
        )
        parts.append(
            paragraph(
                f"{where}, chosen to find {say_stated(at.stated_sensitivity)} of its photos, it finds "
                f"{_range(at.sensitivity)}, and leaves {_range(at.specificity)} of the other "
                "figure's photos alone."
            )
        )
    elif "operating_point" in evaluation.refused:
        parts.append(
            f'<p class="soft">No threshold for it: '
            f"{text(glue_signs(evaluation.refused['operating_point']), 400)}.</p>"
        )
    return [*parts, f'<figure class="plot">{plot_roc(evaluation)}</figure>']


def say_time(time: str) -> str:
    """Write ``2025-01-31T12:00:00Z`` as people do: ``2025-01-31 12:00 UTC``."""
    return f"{time[:10]} {time[11:16]} UTC"


def _list_seen(evaluation: Evaluation) -> str:
    parts = []
    for title, paths in (
        ("Photos that the model was trained on", evaluation.trained_on),
        (
            "Photos that look much like training photos",
            [f"{one.path} (like {one.trained})" for one in evaluation.resembles_trained or ()],
        ),
    ):
        if paths:
            lines = "".join(f"<li>{path(one)}</li>" for one in paths[:LISTED])
            more = f"<li>and {len(paths) - LISTED} more</li>" if len(paths) > LISTED else ""
            parts.append(f"<details><summary>{title}</summary><ul>{lines}{more}</ul></details>\n")
    return "".join(parts)


def _list_skipped(evaluation: Evaluation) -> str:
    if not evaluation.skipped:
        return ""
    lines = "".join(f"<li>{name(error, 400)}</li>" for error in evaluation.skipped[:LISTED])
    more = len(evaluation.skipped) - LISTED
    return (
        f"<details><summary>{len(evaluation.skipped)} left out: they cannot be decoded</summary>"
        f"<ul>{lines}{f'<li>and {more} more</li>' if more > 0 else ''}</ul></details>\n"
    )


def _range(estimate: Estimate) -> str:
    return f"{say_share(estimate.value)} ({say_share(estimate.low)} to {say_share(estimate.high)})"


def _ends(score: Estimate, is_share: bool) -> str:
    return f"{_say(score.low, is_share)} to {_say(score.high, is_share)}"


def _say(value: float, is_share: bool) -> str:
    return say_share(value) if is_share else f"{value:.3f}"
