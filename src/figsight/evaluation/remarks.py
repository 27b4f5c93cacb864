"""What a reader must know of a cross-validation to read its numbers rightly, a sentence each.

Knows photos, groups and seconds. Does not know answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from figsight.dataset.names import few, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from figsight.dataset import Dataset
    from figsight.dataset.groups import Grouped

LATE = 1.1  # times its budget: from there on it is said


def say_untaught(dataset: Dataset) -> tuple[str, ...]:
    """Say which figures no network was taught, as no photo of theirs can be learned from."""
    names = few([figure.display for figure in dataset.untaught])
    return (f"Figures without a photo to learn from, left out: {names}.",) if names else ()


def say_single(found: Grouped) -> tuple[str, ...]:
    """Say of which figures all photos are held out at once, so that nobody who is asked knows them."""
    groups: dict[str | None, set[str]] = {}
    first: dict[str | None, str] = {}
    for photo, group in zip(found.dataset.photos, found.groups, strict=True):
        groups.setdefault(photo.figure_id, set()).add(group)
        first.setdefault(photo.figure_id, photo.path)
    alone = [
        f"{figure.display} ({printable(first[figure.id])})"
        for figure in found.dataset.figures
        if len(groups.get(figure.id, ())) == 1
    ]
    if not alone:
        return ()
    line = (
        "Figures of a single shot, or whose photos all belong together, which the network that is asked "
        f"about them never learned, so that it cannot be right: {few(alone)}."
    )
    return (line,)


def say_of_budget(seconds: Sequence[float], budget: float | None) -> tuple[str, ...]:
    """Say what a model trained in a budget may lack, and whether the budget was kept here."""
    if budget is None:
        return ()
    lacks = (
        "Probabilities, unknown photos and sets of names are judged here by the other folds. A model that "
        f"is trained in {budget:g} s has rules for them only where that leaves time to measure itself."
    )
    if max(seconds) <= LATE * budget:
        return (lacks,)
    late = sum(one > LATE * budget for one in seconds)
    which = f"{late} of {len(seconds)} folds took longer than the {budget:g} s"
    return (lacks, f"{which} that their training was given, {max(seconds):.0f} s at most.")
