"""The photos with the names that they were given, the wrong ones first.

Knows tiles. Does not know why a name was given: that is ``mistakes``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from figsight.evaluation.report.markup import name, path, section, text
from figsight.evaluation.report.pictures import show_photo
from figsight.metrics import say_probability

if TYPE_CHECKING:
    from figsight.evaluation.results import Evaluation

MOST = 300  # photos on the page: 2 MB of them
MOST_WRONG = 200


def choose_photos(evaluation: Evaluation) -> list[int]:
    """Return the answers to show, one a photo: the wrong ones, surest first, then others.

    Where there are more than fit, the right ones are taken evenly from the whole set.
    """
    n = evaluation.n
    shown: dict[int, int] = {}  # by the photo
    for place in evaluation.wrong.tolist():
        if len(shown) < MOST_WRONG:
            shown.setdefault(place % n, place)
    wrong = {place % n for place in evaluation.wrong.tolist()}
    right = [photo for photo in range(n) if photo not in wrong]
    room = min(len(right), MOST - len(shown))
    chosen = np.unique(np.linspace(0, max(0, len(right) - 1), room).round().astype(int))
    return [*shown.values(), *(right[i] for i in chosen)]


def write_photos(evaluation: Evaluation) -> str:
    """Return the section."""
    places = choose_photos(evaluation)
    wrong = len({place % evaluation.n for place in evaluation.wrong.tolist()})
    lead = "The name that each photo was given stands above it, with its probability."
    if wrong:
        lead += " The wrong ones come first, the surest of them at the top, with the true name."
    if len(places) < evaluation.n:
        lead += f" Shown are {len(places)} of {evaluation.n} photos."
    first = min(wrong, MOST_WRONG)
    right = evaluation.n - wrong
    parts = []
    if first:
        parts.append(_grid("tiles", evaluation, places[:first]))
    shown = len(places) - first
    if shown:
        some = f", {shown} of them here" if shown < right else ""
        parts.append(
            f"<details><summary>{right} photo{'s' * (right != 1)} named right{some}</summary>\n"
            f"{_grid('tiles small', evaluation, places[first:])}\n</details>"
        )
    return section("photos", "The photos and their names", *parts, lead=lead)


def _grid(kind: str, evaluation: Evaluation, places: list[int]) -> str:
    tiles = "\n".join(_tile(evaluation, place) for place in places)
    return f'<div class="{kind}">\n{tiles}\n</div>'


def _tile(evaluation: Evaluation, place: int) -> str:
    answer, label = int(evaluation.predicted[place]), int(evaluation.labels[place])
    photo, figures = evaluation.photos[place], evaluation.figures
    kind = "right" if answer == label else "wrong"
    sure = text(say_probability(float(evaluation.probabilities[place, answer])))
    lines = [f"<b>{name(figures[answer].display)}, {sure}</b>"]  # many names end in a number
    if answer != label:
        lines.append(f'<span class="true">true: {name(figures[label].display)}</span>')
    if evaluation.repeats > 1:
        every = range(place % evaluation.n, len(evaluation.labels), evaluation.n)
        right = sum(int(evaluation.predicted[i] == label) for i in every)
        lines.append(f"<span>right in {right} of {evaluation.repeats}</span>")
    if evaluation.unknown is not None and evaluation.unknown[place]:
        kind += " unsure"
        lines.append('<span class="unsure">called unknown</span>')
    return (
        f'<figure class="tile {kind}"><figcaption>{"".join(lines)}</figcaption>'
        f"{show_photo(photo)}<small>{path(photo.path)}</small></figure>"
    )
