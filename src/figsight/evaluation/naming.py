"""Labels that are the names a model shows, instead of the ids that it was taught.

Knows labels and figures. Does not ask a model.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from figsight.dataset.names import composed, few

if TYPE_CHECKING:
    from collections.abc import Sequence

    from figsight.dataset import Dataset, Figure


def take_names(part: Dataset, figures: Sequence[Figure]) -> tuple[Dataset, tuple[str, ...]]:
    """Return the photos with the ids of a model's figures where their labels are its names, and a note.

    Args:
        part: Labelled photos.
        figures: The model's. A name that several of them have means none.
    """
    ids = {composed(figure.id) for figure in figures}
    shown = [(one.id, {composed(one.name), composed(one.display)}) for one in figures]
    having = Counter(name for _, names in shown for name in names)
    meant = {
        name: composed(figure_id)
        for figure_id, names in shown
        for name in names
        if having[name] == 1 and name not in ids
    }
    photos = tuple(
        replace(photo, figure_id=meant.get(photo.figure_id or "", photo.figure_id))
        for photo in part.photos
    )
    taken = dict.fromkeys(photo.figure_id for photo in part.photos if photo.figure_id in meant)
    if not taken:
        return part, ()
    n = sum(photo.figure_id in taken for photo in part.photos)
    said = few([f"'{name}' is '{meant[name or '']}'" for name in taken])
    count = "1 photo is" if n == 1 else f"{n} photos are"
    note = (
        f"{count} labelled by the names that the model shows instead of its figures' ids ({said})."
    )
    return part.only(photos), (note,)


def call_figure(figure: Figure) -> str:
    """Return the id of a figure, and what it is called where that is something else."""
    return f"'{figure.id}'" + (
        f", shown as {figure.display}" if figure.display != figure.id else ""
    )
