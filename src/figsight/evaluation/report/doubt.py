"""Whether probabilities mean what they say, and what holding back the doubtful gains.

Knows what to write below two plots.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from figsight.evaluation.report.markup import paragraph, section, text
from figsight.evaluation.report.plots import plot_reliability, plot_risk
from figsight.evaluation.tested import list_seen
from figsight.metrics import risk_coverage, say_share

if TYPE_CHECKING:
    from figsight.evaluation.results import Evaluation
    from figsight.metrics import Estimate


def write_doubt(evaluation: Evaluation) -> str:
    """Return the section."""
    error = evaluation.scores["expected_calibration_error"]
    seen = list_seen(evaluation)
    return section(
        "doubt",
        "Do the probabilities hold?",
        '<div class="plots">',
        f'<figure class="plot">{plot_reliability(evaluation)}<figcaption>Of the answers with a '
        "probability of 80 %, 80 % should be right: points on the line are as they should be, below "
        "it the model is too sure. Bars are 95 % intervals. Calibration error "
        f"{text(_say_error(error))}.</figcaption>"
        "</figure>",
        f'<figure class="plot">{plot_risk(evaluation)}<figcaption>If only the surest photos are '
        "answered, how many of the answers are wrong? The left end rests on a handful of photos."
        "</figcaption></figure>",
        "</div>",
        paragraph(_say_coverage(evaluation)),
        lead=f"Of all {evaluation.n} photos, those that the model has seen among them."
        if seen
        else "",
    )


def _say_error(error: Estimate) -> str:
    return f"{say_share(error.value)} ({say_share(error.low)} to {say_share(error.high)})"


def _say_coverage(evaluation: Evaluation) -> str:
    """Say how much could be answered without a mistake among these photos."""
    curve = risk_coverage(evaluation.labels, evaluation.probabilities)
    clean = curve.coverage[curve.risk == 0]
    if not len(clean):
        return "The surest answer of all is wrong, or as sure as a wrong one."
    if len(clean) == len(curve.coverage):
        return "There is no mistake among these photos that could be held back."
    return (
        f"The first mistake comes after the surest {say_share(float(clean[-1]))} of the photos. "
        "That was read off these very photos; on others it will be elsewhere."
    )
