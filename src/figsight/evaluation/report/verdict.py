"""What it comes to: a sentence, what it rests on, what it cannot tell; then the scores.

Knows words. The numbers are the evaluation's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from figsight.evaluation.report.markup import name, paragraph, path, section, table, text
from figsight.evaluation.report.plots import plot_roc
from figsight.evaluation.tested import (
    WAY_OUT,
    list_seen,
    other_caveats,
    say_remembered,
    say_repeats,
    say_seen,
    say_verdict,
)
from figsight.metrics import SCORE_WORDS, glue_signs, say_score, say_share, say_stated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from figsight.evaluation.results import Evaluation
    from figsight.metrics import Estimate

LISTED = 50  # paths of photos that were trained on
TIED = 3  # figures on which it fails alike, up to which they are named


def write_verdict(evaluation: Evaluation) -> str:
    """Return the head of the page."""
    about = evaluation.about
    when = f" &middot; {text(say_time(about['time']))}" if "time" in about else ""
    tested = evaluation.tested
    said = (
        [] if tested is None else [_say_limits(tested), _say_worst(tested), _say_answered(tested)]
    )
    # Said in the words of a page: the sentence that a terminal has below its headline.
    notes = [*_say_seen(evaluation, tested), *other_caveats(evaluation), *evaluation.remarks]
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
    said = [words for words in (tested.together, tested.limits) if words]
    return paragraph(" ".join(said)) if said else ""


def _say_worst(tested: Evaluation) -> str:
    """Say on which figure it fails most, by the share of its photos; nothing where it does not fail.

    A figure with a single mistake is not worth the word, be it its only photo.
    """
    matrix = tested.confusion
    off = matrix - np.diag(np.diag(matrix))
    wrong, total = off.sum(axis=1), matrix.sum(axis=1)
    if not wrong.any():
        return ""
    share = np.where(wrong > 1, wrong / np.maximum(total, 1), 0.0)
    worst = [int(i) for i in np.flatnonzero(np.isclose(share, share.max()))]
    most = int(wrong.argmax())

    def called(i: int) -> str:
        return name(tested.figures[i].display)

    if wrong.max() == 1 and wrong.sum() > 1:
        return f"<p>Its {wrong.sum()} mistakes are spread: no figure has more than one.</p>"
    if wrong.max() == 1:
        return (
            f"<p>Its only mistake: {called(most)} taken for {called(int(off[most].argmax()))}.</p>"
        )
    if len(worst) > TIED:
        each = text(say_share(float(share.max())))
        words = (
            f"It fails most on {len(worst)} figures: {each} of the photos of each are named wrong."
        )
    elif len(worst) > 1:
        some = [f"{called(i)} ({wrong[i]} of {total[i]} wrong)" for i in worst]
        words = f"It fails most on {', '.join(some[:-1])} and {some[-1]}."
    else:
        answers = "" if tested.repeats == 1 else " answers"
        words = f"It fails most on {called(worst[0])}: {_say_fate(tested, off, worst[0], answers)}."
    if most not in worst and 2 * wrong[most] > wrong.sum():
        words += f" Most of its mistakes are of {called(most)}: {wrong[most]} of {wrong.sum()}."
    return f"<p>{words}</p>"


def _say_fate(tested: Evaluation, off: NDArray[np.int64], one: int, answers: str) -> str:
    """Say how many photos of a figure are named wrong, and what most of them are taken for."""
    wrong, taken, times = int(off[one].sum()), int(off[one].argmax()), int(off[one].max())
    fate = f"taken for {name(tested.figures[taken].display)}"
    if times < wrong:
        alike = int((off[one] == times).sum()) > 1  # no name stands out
        some = "" if alike else f", {times} of them {name(tested.figures[taken].display)}"
        fate = f"named wrong{some}"
    return f"{wrong} of {int((tested.labels == one).sum())}{answers} {fate}"


def _say_answered(tested: Evaluation) -> str:
    """Say what somebody gets who lets the model call photos unknown."""
    if tested.answered is None or not tested.answered[2]:
        return ""
    right, wrong, unknown = tested.answered
    score = tested.unknown_score
    missed = f" {score.missed}" if score is not None and score.missed else ""
    return paragraph(
        f"If the model may say \u201cunknown\u201d: {right} named right, {wrong} wrongly, {unknown} "
        f"called unknown{say_repeats(tested.repeats)}.{missed}"
    )


def write_scores(evaluation: Evaluation) -> str:
    """Return the table of scores, of the photos that are a test where some are, and what else there is."""
    tested = evaluation.tested or evaluation
    found = {key: tested.scores[key] for key in SCORE_WORDS if key in tested.scores}
    rows = [
        (
            f"{SCORE_WORDS[key].title}<small>{SCORE_WORDS[key].meaning}</small>",
            f"<b>{text(say_score(score.value, is_share=SCORE_WORDS[key].is_share))}</b>",
            _ends(score, SCORE_WORDS[key].is_share),
        )
        for key, score in found.items()
    ]
    parts = [table(("Score", "Value", "95\u00a0% interval"), rows, "scores"), _list_methods(found)]
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


def _list_methods(scores: Mapping[str, Estimate]) -> str:
    """Return how each interval was made, folded: the names of methods are for those who know them."""
    alike: dict[str, list[str]] = {}
    for key, score in scores.items():
        alike.setdefault(score.method, []).append(SCORE_WORDS[key].title)
    lines = "".join(f"<li>{text(', '.join(of))}: {text(how)}</li>" for how, of in alike.items())
    return f"<details><summary>How the intervals were made</summary><ul>{lines}</ul></details>"


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
    ends = (text(say_score(end, is_share=is_share)) for end in (score.low, score.high))
    return " to ".join(ends)
