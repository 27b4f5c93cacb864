"""Every mistake: the photo, what spoke for the wrong name and for the right one, and its neighbours.

Knows how grounds are laid out. Does not know how they were found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from figsight.evaluation.evidence import DRAWN
from figsight.evaluation.report.markup import name, path, section, text
from figsight.evaluation.report.pictures import show_heat, show_photo, show_thumbnail
from figsight.metrics import say_distance, say_probability

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from figsight.classifier import Neighbour
    from figsight.dataset import Photo
    from figsight.evaluation.results import Evaluation

FIRST = 6  # what comes after them is folded: the tables below must not be pages away
_SMALL = 96  # pixels of a neighbour, as bundles keep them


def write_mistakes(evaluation: Evaluation) -> str:
    """Return the section."""
    wrong = evaluation.wrong.tolist()
    if not wrong:
        return section("mistakes", "Mistakes", "<p>There are none among these photos.</p>")
    known = {photo.path: photo for photo in evaluation.photos}
    cards = [_card(evaluation, place, known) for place in wrong[:DRAWN]]
    lead = (
        "The surest first. The maps show where on the photo something spoke for a name, both to one "
        "scale; they are coarse. Below are the training photos that the network finds most similar: at 0 "
        "they look the same to it (which other photos can, too), at 1 they have nothing in common."
    )
    if len(wrong) > DRAWN:
        lead += f" Shown are {DRAWN} of {len(wrong)}; the JSON lists all."
    parts = [_grid(cards[:FIRST])]
    if cards[FIRST:]:
        more = f"{len(cards) - FIRST} more mistake{'s' * (len(cards) - FIRST != 1)}"
        rest = _grid(cards[FIRST:])
        parts.append(f"<details><summary>{more}</summary>\n{rest}\n</details>")
    return section("mistakes", "Mistakes", *parts, lead=lead)


def _grid(cards: Sequence[str]) -> str:
    joined = "\n".join(cards)
    return f'<div class="cards">\n{joined}\n</div>'


def _card(evaluation: Evaluation, place: int, known: Mapping[str, Photo]) -> str:
    answer, label = int(evaluation.predicted[place]), int(evaluation.labels[place])
    photo, figures = evaluation.photos[place], evaluation.figures
    taken, true = name(figures[answer].display), name(figures[label].display)
    probabilities = evaluation.probabilities[place]
    repeat = f", repeat {place // evaluation.n + 1}" if evaluation.repeats > 1 else ""
    called = evaluation.unknown is not None and evaluation.unknown[place]
    unsure = '<br><span class="unsure">called unknown</span>' if called else ""
    pictures = [f"<figure>{show_photo(photo)}<figcaption>the photo</figcaption></figure>"]
    below = ""
    grounds = evaluation.grounds.get(place)
    if grounds is not None:
        top = max(float(grounds.chosen.heat.max()), float(grounds.true_heat.max()), 1e-6)
        for heat, words in ((grounds.chosen.heat, taken), (grounds.true_heat, true)):
            pictures.append(
                f"<figure>{show_heat(photo, heat, grounds.input, top)}"
                f"<figcaption>for {words}{'' if heat.max() > 0 else ': nothing spoke for it'}"
                "</figcaption></figure>"
            )
        tiles = "".join(_neighbour(one, known) for one in grounds.chosen.neighbours)
        below = f'<p class="soft">Most similar training photos</p><div class="three">{tiles}</div>'
    return (
        f'<article class="card"><h3>{true}, taken for {taken}</h3>'
        f"<p>{text(say_probability(float(probabilities[answer])))} for {taken}, "
        f"{text(say_probability(float(probabilities[label])))} for {true}{repeat}{unsure}<br>"
        f"<small>{path(photo.path)}</small></p>"
        f'<div class="three">{"".join(pictures)}</div>{below}</article>'
    )


def _neighbour(one: Neighbour, known: Mapping[str, Photo]) -> str:
    if one.thumbnail is not None:
        picture = show_thumbnail(one.thumbnail, one.path)
    elif one.path in known:  # of a cross-validation: it is one of the photos
        picture = show_photo(known[one.path], _SMALL)
    else:
        picture = '<div class="gone">the model carries no pictures</div>'
    return (
        f"<figure>{picture}<figcaption>{name(one.name)}, {text(say_distance(one.distance))}<br>"
        f"<small>{path(one.path)}</small></figcaption></figure>"
    )
