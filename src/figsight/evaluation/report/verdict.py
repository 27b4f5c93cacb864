"""What it comes to: a sentence, what it rests on, what it cannot tell; then the scores.

Knows words. The numbers are the evaluation's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from figsight.evaluation.report.markup import name, paragraph, path, section, table, text
from figsight.evaluation.report.plots import plot_roc
from figsight.metrics import SCORE_WORDS, say_share, say_stated

if TYPE_CHECKING:
    from figsight.evaluation.results import Evaluation
    from figsight.metrics import Estimate

LISTED = 50  # paths of photos that were trained on


def say_verdict(evaluation: Evaluation) -> str:
    """Return the one sentence, as words."""
    accuracy, n = evaluation.accuracy, evaluation.n
    many = "" if evaluation.repeats == 1 else f" on average over {evaluation.repeats} repeats"
    return (
        f"{evaluation.correct} of {n} photo{'s' * (n != 1)} named right{many}: "
        f"{say_share(accuracy.value)}, with a {say_stated(accuracy.level)} interval from "
        f"{say_share(accuracy.low)} to {say_share(accuracy.high)}."
    )


def write_verdict(evaluation: Evaluation) -> str:
    """Return the head of the page."""
    about = evaluation.about
    when = f" &middot; {text(say_time(about['time']))}" if "time" in about else ""
    limits = evaluation.limits
    warnings = "".join(f"<li>{text(note, 1000)}</li>" for note in evaluation.notes)
    return (
        f'<header>\n<p class="soft">{text(evaluation.protocol, 400)}{when}</p>\n'
        f"<h1>{say_verdict(evaluation)}</h1>\n"
        + (paragraph(limits) if limits else "")
        + _say_answered(evaluation)
        + (f'<ul class="notes">{warnings}</ul>\n' if warnings else "")
        + _list_seen(evaluation)
        + _list_skipped(evaluation)
        + "</header>\n"
    )


def _say_answered(evaluation: Evaluation) -> str:
    """Say what somebody gets who lets the model call photos unknown."""
    if evaluation.answered is None or not evaluation.answered[2]:
        return ""
    right, wrong, unknown = evaluation.answered
    score = evaluation.unknown_score
    missed = f" {score.missed}" if score is not None and score.missed else ""
    asked = "" if evaluation.repeats == 1 else f" (all {evaluation.repeats} repeats)"
    return paragraph(
        f"With its rule for unknown ones: {right} named right, {wrong} wrong, {unknown} called "
        f"unknown{asked}.{missed}"
    )


def write_scores(evaluation: Evaluation) -> str:
    """Return the table of scores."""
    rows = [
        (
            f"{title}<small>{what}</small>",
            f"<b>{_say(score.value, is_share)}</b>",
            _ends(score, is_share) + f"<small>{text(score.method)}</small>",
        )
        for key, (title, what, is_share) in SCORE_WORDS.items()
        if (score := evaluation.scores.get(key)) is not None
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
        parts.append(paragraph(f"No sets of names: {evaluation.refused['sets']}.", "soft"))
    return section("scores", "Scores", *parts, *_two_figures(evaluation))


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
            f"{text(evaluation.refused['operating_point'], 400)}.</p>"
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
