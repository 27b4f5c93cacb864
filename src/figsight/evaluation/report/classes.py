"""One line a figure, with the interval that so few photos leave.

Knows counts and shares. The worst come first: they are what a reader looks for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from figsight.evaluation.report.markup import name, section, table, text
from figsight.metrics import say_share, say_spread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from figsight.evaluation.results import Evaluation
    from figsight.metrics import ClassScore, Estimate

MOST = 500
FOLDED_FROM = 12  # figures, from which those without a mistake are folded: a phone shows one a row


def write_classes(evaluation: Evaluation) -> str:
    """Return the section."""
    scores = sorted(
        evaluation.per_class,
        key=lambda score: (score.recall is None, score.recall.value if score.recall else 0),
    )
    shown = scores[:MOST]
    perfect = [score for score in shown if _is_perfect(score)]
    absent = [score for score in shown if score.recall is None and not score.predicted]
    folded = {score.index for score in (*perfect, *absent)} if len(shown) > FOLDED_FROM else set()
    lead = (
        "The bar is the 95 % interval of the share found: where a figure has few photos, even all "
        "right leaves it long. Of 20 such intervals one is expected to miss the truth."
    )
    if len(scores) > MOST:
        lead += f" The {MOST} worst of {len(scores)} figures are shown."
    parts = []
    if len(folded) < len(shown):
        parts.append(_write(evaluation, [one for one in shown if one.index not in folded]))
    for some, words in ((perfect, "all right"), (absent, "without a photo here")):
        if folded and some:
            many = f"{len(some)} figure{'s' * (len(some) != 1)} {words}"
            parts.append(
                f"<details><summary>{many}</summary>\n{_write(evaluation, some)}\n</details>"
            )
    return section("classes", "Figure by figure", *parts, lead=lead)


def _is_perfect(score: ClassScore) -> bool:
    """Return whether all photos of a figure got its name, and no others did."""
    return score.n > 0 and score.n == score.correct == score.predicted


def _write(evaluation: Evaluation, scores: Sequence[ClassScore]) -> str:
    heads = (
        "Figure",
        "Right",
        "Found, and its 95\u00a0% interval",
        "Right when this name is given",
    )
    return table(heads, [_row(evaluation, score) for score in scores], "classes")


def _row(evaluation: Evaluation, score: ClassScore) -> tuple[str, ...]:
    figure, repeats = evaluation.figures[score.index], evaluation.repeats
    if score.recall is None:
        return name(figure.display), "0 of 0", "&ndash;", _precision(evaluation, score)
    return (
        name(figure.display),
        f"{_count(score.correct, repeats)} of {score.n // repeats}",
        _bar(score.recall),
        _precision(evaluation, score),
    )


def _bar(found: Estimate) -> str:
    ends = text(say_spread(found.low, found.high))
    left, wide = 100 * found.low, 100 * (found.high - found.low)
    return (
        f'<span class="bar"><i style="left:{left:.1f}%;width:{wide:.1f}%"></i>'
        f'<b style="left:{100 * found.value:.1f}%"></b></span>'
        f"<span>{text(say_share(found.value))}</span> <small>{ends}</small>"
    )


def _precision(evaluation: Evaluation, score: ClassScore) -> str:
    """Return the share of photos named so that show it, and how many were named so."""
    if score.precision is None:
        return "&ndash;"
    times = _count(score.predicted, evaluation.repeats)
    return f"{text(say_share(score.precision.value))} <small>of {times}</small>"


def _count(answers: int, repeats: int) -> str:
    mean = answers / repeats
    return f"{mean:.0f}" if mean == int(mean) else f"{mean:.1f}"
